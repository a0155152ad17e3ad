"""A small CA in one process, for tests and private use: no audit, no HSM, no revocation service, trusted by nobody.

Root and intermediate are computed from the one configured key, always the same bytes, so that a restart or a second
process issues under the same chain and nothing but the key must be kept.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.orders.rules.issuance import Issued, Wanted

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

MARK = "for tests and private use"
DOMAIN_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.1")
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ROOT_LIFE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)
_INTERMEDIATE_LIFE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class TestCa:
    __test__ = False  # a name, not a test class

    def __init__(self, key_pem: str) -> None:
        key = serialization.load_pem_private_key(key_pem.encode("ascii"), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError("The test CA's key is neither EC nor RSA; give one of these as PEM.")
        self._key = key
        self._intermediate_key = ec.derive_private_key(self._derived(b"intermediate key"), ec.SECP256R1())

    @cached_property
    def root(self) -> x509.Certificate:
        return (
            _authority("Issuary Test Root CA", _ROOT_LIFE, self._derived(b"root serial"), self._key.public_key())
            .issuer_name(_name("Issuary Test Root CA"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=_deterministic(self._key))
        )

    @cached_property
    def intermediate(self) -> x509.Certificate:
        public, serial = self._intermediate_key.public_key(), self._derived(b"intermediate serial")
        return (
            _authority("Issuary Test DV CA 1", _INTERMEDIATE_LIFE, serial, public)
            .issuer_name(self.root.subject)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_authority_key(self._key.public_key()), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_policy(), critical=False)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=_deterministic(self._key))
        )

    def issue(self, wanted: Wanted) -> Issued:
        public_key = x509.load_pem_x509_csr(wanted.csr.encode("ascii")).public_key()
        certificate = self._leaf(wanted, public_key).sign(self._intermediate_key, _HASHES[wanted.signature_hash])
        return Issued(
            pem=_pem(certificate),
            intermediate=_pem(self.intermediate),
            root=_pem(self.root),
            serial_number=f"{certificate.serial_number:032X}",
            thumbprint=hashlib.sha1(
                certificate.public_bytes(serialization.Encoding.DER), usedforsecurity=False
            ).hexdigest().upper(),
            valid_from=certificate.not_valid_before_utc.date(),
            valid_till=certificate.not_valid_after_utc.date(),
        )  # fmt: skip

    def _leaf(self, wanted: Wanted, public_key: CertificatePublicKeyTypes) -> x509.CertificateBuilder:
        """The subscriber profile of BR 7.1.2.7, without AIA and CRL addresses: this CA runs no such service."""
        subject = _subject(wanted.names)
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted.names])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.intermediate.subject)
            .public_key(public_key)
            .serial_number(secrets.randbits(127) | 1 << 127)  # at least 64 random bits (BR 7.1)
            .not_valid_before(wanted.not_before)
            .not_valid_after(wanted.not_after)
            .add_extension(names, critical=not subject.rdns)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_leaf_usage(isinstance(public_key, rsa.RSAPublicKey)), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_policy(), critical=False)
            .add_extension(_authority_key(self._intermediate_key.public_key()), critical=False)
        )

    def _derived(self, what: bytes) -> int:
        """A secret number below the order of P-256, fit as a key and, cut to 127 bits, as a serial."""
        numbers = self._key.private_numbers()
        secret = numbers.private_value if isinstance(numbers, ec.EllipticCurvePrivateNumbers) else numbers.d
        digest = hmac.digest(str(secret).encode("ascii"), b"issuary test ca " + what, hashlib.sha256)
        return int.from_bytes(digest, "big") % (_P256_ORDER - 1) + 1


def _authority(
    common_name: str, life: tuple[datetime, datetime], secret: int, key: CertificatePublicKeyTypes
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .public_key(key)
        .serial_number(secret % 2**127)
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )


def _name(common_name: str) -> x509.Name:
    parts = {
        NameOID.COUNTRY_NAME: "XX",
        NameOID.ORGANIZATION_NAME: f"Issuary, {MARK}",
        NameOID.COMMON_NAME: common_name,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _subject(names: tuple[str, ...]) -> x509.Name:
    """A common name has at most 64 characters (RFC 5280); without one that fits the subject is empty."""
    fitting = [name for name in names if len(name) <= 64]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fitting[0])] if fitting else [])


def _policy() -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(DOMAIN_VALIDATED, None)])


def _authority_key(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _leaf_usage(rsa_key: bool) -> x509.KeyUsage:
    return _usage(digital_signature=True, key_encipherment=rsa_key)


def _usage(**wanted: bool) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{usage: wanted.get(usage, False) for usage in every})


def _deterministic(key: PrivateKey) -> bool | None:
    return True if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
