"""A key and a CSR as a customer makes them, and what a customer checks of the certificate that comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from demo.failure import must


@dataclass(frozen=True)
class KeyPair:
    key: ec.EllipticCurvePrivateKey

    def csr(self, names: Sequence[str]) -> str:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = x509.CertificateSigningRequestBuilder(subject).add_extension(alternatives, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def new_key_pair() -> KeyPair:
    return KeyPair(ec.generate_private_key(ec.SECP256R1()))


def check(pem_all: bytes, pair: KeyPair, names: Sequence[str]) -> x509.Certificate:
    """Chain, names and key; the leaf comes first."""
    chain = x509.load_pem_x509_certificates(pem_all)
    must(len(chain) >= 2, f"The download holds {len(chain)} certificates; a leaf and its issuers were expected.")
    for certificate, issuer in pairwise(chain):
        certificate.verify_directly_issued_by(issuer)
    chain[-1].verify_directly_issued_by(chain[-1])
    leaf = chain[0]
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    told = sorted(found.get_values_for_type(x509.DNSName))
    must(told == sorted(names), f"The certificate names {told}, ordered were {sorted(names)}.")
    must(leaf.public_key() == pair.key.public_key(), "The certificate is for another key.")
    return leaf
