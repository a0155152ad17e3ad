"""A small CA in one process, for tests and private use: no audit, no HSM, trusted by nobody.

Root and intermediates are computed from the one configured key, always the same bytes, so that a restart or a second
process issues under the same chain and nothing but the key must be kept.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from services.orders.clients import profile
from services.orders.rules.issuance import Issued, Wanted, issued
from services.orders.rules.revocation import REASONS, Entry, WantedList

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

MARK = profile.MARK
DOMAIN_VALIDATED = profile.DOMAIN_VALIDATED
ADDRESS = "http://127.0.0.1:8080/pki"
_ROOT_LIFE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)
_INTERMEDIATE_LIFE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
_SIGNED_WITH: Mapping[int, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    521: hashes.SHA512(),
}
# A key signs with the hash of its size and no other (BR 7.1.3.2.2), so each hash that may be asked for has its issuer.
_CURVES: Mapping[str, ec.EllipticCurve] = {"sha256": ec.SECP256R1(), "sha384": ec.SECP384R1(), "sha512": ec.SECP521R1()}
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Authority:
    key: PrivateKey
    certificate: x509.Certificate
    is_root: bool = False

    @property
    def key_id(self) -> str:
        return profile.key_id(self.key.public_key())

    @property
    def name(self) -> str:
        return str(self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def hash(self) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
        return _hash_for(self.key)


class TestCa:
    """`address`: where the lists and the authorities' certificates are published, over plain HTTP."""

    __test__ = False  # a name, not a test class

    def __init__(self, key_pem: str, address: str = ADDRESS) -> None:
        key = serialization.load_pem_private_key(key_pem.encode("ascii"), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError("The test CA's key is neither EC nor RSA; give one of these as PEM.")
        self._key, self._address = key, address

    @property
    def root(self) -> x509.Certificate:
        return self.top.certificate

    @property
    def intermediate(self) -> x509.Certificate:
        return self.issuers["sha256"].certificate

    @cached_property
    def top(self) -> Authority:
        name = "Issuary Test Root CA"
        certificate = (
            profile.authority(name, _ROOT_LIFE, self._serial("root"), self._key.public_key())
            .issuer_name(profile.authority_name(name))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(profile.authority_key(self._key.public_key()), critical=False)
            .sign(self._key, _hash_for(self._key), ecdsa_deterministic=profile.is_deterministic(self._key))
        )
        return Authority(self._key, certificate, is_root=True)

    @cached_property
    def issuers(self) -> Mapping[str, Authority]:
        return {hash: self._issuer(number, curve) for number, (hash, curve) in enumerate(_CURVES.items(), start=1)}

    @property
    def authorities(self) -> tuple[Authority, ...]:
        return self.top, *self.issuers.values()

    def _issuer(self, number: int, curve: ec.EllipticCurve) -> Authority:
        """Its serial depends on the address, which stands in it: two certificates never share one."""
        key = ec.derive_private_key(self._derived(f"intermediate key {number}"), curve)
        serial = self._serial(f"intermediate {number} {self._address}")
        certificate = (
            profile.authority(f"Issuary Test TLS CA {number}", _INTERMEDIATE_LIFE, serial, key.public_key())
            .issuer_name(self.root.subject)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(profile.authority_key(self._key.public_key()), critical=False)
            .add_extension(profile.for_servers(), critical=False)
            .add_extension(profile.any_policy(), critical=False)
            .add_extension(profile.list_at(f"{self._address}/{self.top.key_id}.crl"), critical=False)
            .add_extension(profile.issuer_at(f"{self._address}/{self.top.key_id}.cer"), critical=False)
            .sign(self._key, self.top.hash, ecdsa_deterministic=profile.is_deterministic(self._key))
        )
        return Authority(key, certificate)

    def issue(self, wanted: Wanted) -> Issued:
        issuer = self.issuers[wanted.signature_hash]
        public_key = x509.load_pem_x509_csr(wanted.csr.encode("ascii")).public_key()
        certificate = self._leaf(wanted, public_key, issuer).sign(issuer.key, issuer.hash)
        pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
        return issued(pem, issuer.pem, self.top.pem)

    def _leaf(
        self, wanted: Wanted, public_key: CertificatePublicKeyTypes, issuer: Authority
    ) -> x509.CertificateBuilder:
        """The subscriber profile of BR 7.1.2.7."""
        subject = profile.subject_of(wanted.names, wanted.subject, wanted.level)
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted.names])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject)
            .public_key(public_key)
            .serial_number(secrets.randbits(126) | 1 << 126)  # at least 64 random bits (BR 7.1), and positive
            .not_valid_before(wanted.not_before)
            .not_valid_after(wanted.not_after)
            .add_extension(names, critical=not subject.rdns)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(profile.leaf_usage(), critical=True)
            .add_extension(profile.for_servers(), critical=False)
            .add_extension(profile.authority_key(issuer.certificate.public_key()), critical=False)  # type: ignore[arg-type]
            .add_extension(profile.list_at(f"{self._address}/{issuer.key_id}.crl"), critical=False)
            .add_extension(profile.issuer_at(f"{self._address}/{issuer.key_id}.cer"), critical=False)
        )
        if wanted.level == "private":
            return builder  # no policy of the CA/Browser Forum is followed, so none is claimed
        return builder.add_extension(profile.policy(wanted.level), critical=False)

    def sign_list(self, wanted: WantedList) -> bytes:
        """The profile of BR 7.2, in DER."""
        issuer = next(each for each in self.authorities if each.key_id == wanted.authority)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(wanted.this_update)
            .next_update(wanted.next_update)
            .add_extension(profile.authority_key(issuer.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(wanted.number), critical=False)
        )
        for entry in wanted.entries:
            builder = builder.add_revoked_certificate(_revoked(entry))
        return builder.sign(issuer.key, issuer.hash).public_bytes(Encoding.DER)

    def _serial(self, what: str) -> int:
        return self._derived(f"serial {what}") % 2**126 | 1 << 126

    def _derived(self, what: str) -> int:
        """A secret number below the order of P-256, fit as a key of every curve."""
        numbers = self._key.private_numbers()
        secret = numbers.private_value if isinstance(numbers, ec.EllipticCurvePrivateNumbers) else numbers.d
        digest = hmac.digest(str(secret).encode("ascii"), f"issuary test ca {what}".encode(), hashlib.sha256)
        return int.from_bytes(digest, "big") % (_P256_ORDER - 1) + 1


def _revoked(entry: Entry) -> x509.RevokedCertificate:
    """Without a reason where there is none: BR 7.2.2 forbids to say "unspecified"."""
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(entry.serial_number, 16))
        .revocation_date(entry.revoked_at)
    )  # fmt: skip
    if REASONS[entry.reason]:
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags(entry.reason)), critical=False)
    return builder.build()


def _hash_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    return _SIGNED_WITH.get(key.key_size, hashes.SHA256())
