from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from services.orders.rules.keys import check_key
from services.orders.rules.products import SIGNATURE_HASHES
from shared.errors import Rejected

MAX_LENGTH = 32_768


@dataclass(frozen=True)
class CheckedCsr:
    pem: str
    key: str


def check_csr(text: str) -> CheckedCsr:
    """Names inside it are not read: what is certified are the names of the order."""
    request = _parsed(text)
    key = check_key(_public_key(request))
    _check_signature(request)
    return CheckedCsr(request.public_bytes(Encoding.PEM).decode("ascii"), key)


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
