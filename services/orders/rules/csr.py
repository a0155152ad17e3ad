import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.orders.rules.keys import check_key
from services.orders.rules.products import SIGNATURE_HASHES
from shared.errors import Rejected

MAX_LENGTH = 32_768


@dataclass(frozen=True)
class CheckedCsr:
    pem: str
    key: str
    key_sha256: str  # of the SubjectPublicKeyInfo


@lru_cache(maxsize=512)
def check_csr(text: str) -> CheckedCsr:
    """Names inside it are not read: what is certified are the names of the order. Kept for a while, for a chunk of
    commands reads its keys twice."""
    request = _parsed(text)
    public_key = _public_key(request)
    key = check_key(public_key)
    _check_signature(request)
    return CheckedCsr(request.public_bytes(Encoding.PEM).decode("ascii"), key, key_sha256(public_key))


def key_of(text: str) -> str | None:
    """None where it is no CSR to take; who takes it says why."""
    try:
        return check_csr(text).key_sha256
    except Rejected:
        return None


def key_sha256(key: CertificatePublicKeyTypes) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def names_in(pem: str) -> tuple[str, ...]:
    """Those that it asks for, where its CA goes by them."""
    request = x509.load_pem_x509_csr(pem.encode("ascii"))
    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        return ()
    return tuple(found.get_values_for_type(x509.DNSName))


def holds(pem: str, names: Iterable[str]) -> bool:
    """Exactly these, whatever their case."""
    return {name.lower() for name in names_in(pem)} == {name.lower() for name in names}


def _parsed(text: str) -> x509.CertificateSigningRequest:
    if "PRIVATE KEY" in text:
        raise Rejected("That is a private key, not a CSR. Never send it: make a new key and send the CSR made with it.")
    if len(text) > MAX_LENGTH:
        raise Rejected(f"The CSR is longer than {MAX_LENGTH} characters; send one CERTIFICATE REQUEST block.")
    try:
        return x509.load_pem_x509_csr(_armoured(text).encode("ascii"))
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise Rejected(
            "The CSR cannot be read; send PEM from -----BEGIN CERTIFICATE REQUEST----- to the END line, unchanged."
        ) from None


def _armoured(text: str) -> str:
    """Some clients send the base64 without the lines around it, or line ends as two characters."""
    text = text.strip().replace("\\r", "").replace("\\n", "\n")
    if text.startswith("-----"):
        return text
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"


def _public_key(request: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    try:
        return request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Rejected(
            "The CSR's key is of an unknown kind or curve; use RSA 2048 or more, or ECDSA P-256, P-384 or P-521."
        ) from None


def _check_signature(request: x509.CertificateSigningRequest) -> None:
    try:
        algorithm = request.signature_hash_algorithm
        if algorithm is None or algorithm.name not in SIGNATURE_HASHES:
            name = algorithm.name.upper() if algorithm else "an unknown hash"
            raise Rejected(f"The CSR is signed with {name}; sign it with SHA-256, SHA-384 or SHA-512.")
        valid = request.is_signature_valid
    except (UnsupportedAlgorithm, ValueError):
        raise Rejected("The CSR's signature is of an unknown kind; sign it with SHA-256 or better.") from None
    if not valid:
        raise Rejected("The CSR's signature does not match its key; make the CSR again with the right private key.")
