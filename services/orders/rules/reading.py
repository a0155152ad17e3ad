"""What stands in a certificate, read once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from services.orders.rules.csr import key_sha256


@dataclass(frozen=True)
class Read:
    pem: str
    common_name: str
    organization: str
    names: tuple[str, ...]
    serial_number: str
    thumbprint: str
    not_before: datetime
    not_after: datetime
    signature_hash: str
    key_size: int
    key_sha256: str
    issuer_key: str  # the key that signed it, by its identifier in hex; empty where the certificate does not say


def read_pem(pem: str) -> Read:
    return read(x509.load_pem_x509_certificate(pem.encode("ascii")))


def read(certificate: x509.Certificate) -> Read:
    """Raises ValueError where it is no certificate that could be used for TLS."""
    names, key = _names(certificate), certificate.public_key()
    return Read(
        pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
        common_name=_subject(certificate, x509.NameOID.COMMON_NAME) or next(iter(names), ""),
        organization=_subject(certificate, x509.NameOID.ORGANIZATION_NAME) or "",
        names=names,
        serial_number=f"{certificate.serial_number:032X}",
        thumbprint=sha1(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        signature_hash=_hash_of(certificate),
        key_size=key.key_size if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else 0,
        key_sha256=key_sha256(key),
        issuer_key=_issuer_key(certificate),
    )


def sha1(certificate: x509.Certificate) -> str:
    """The thumbprint that people compare."""
    return hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest().upper()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.value if isinstance(name, x509.DNSName) else str(name) for name in found)


def _subject(certificate: x509.Certificate, part: x509.ObjectIdentifier) -> str | None:
    found = certificate.subject.get_attributes_for_oid(part)
    return str(found[0].value) if found else None


def _hash_of(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return algorithm.name if algorithm else "none"


def _issuer_key(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return ""
    return (found.key_identifier or b"").hex()
