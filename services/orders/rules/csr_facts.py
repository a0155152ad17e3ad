"""What a CSR says, for the person who is about to send it."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from services.orders.rules.csr import CheckedCsr, check_csr, names_in

SUBJECT = {
    NameOID.ORGANIZATION_NAME: "Organization",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "Unit",
    NameOID.LOCALITY_NAME: "City",
    NameOID.STATE_OR_PROVINCE_NAME: "State",
    NameOID.COUNTRY_NAME: "Country",
}


@dataclass(frozen=True)
class CsrFacts:
    checked: CheckedCsr
    signature: str
    names: tuple[str, ...]  # that it offers; what is certified are the names of the order
    subject: tuple[tuple[str, str], ...]

    @property
    def fingerprint(self) -> str:
        """Of the key, in groups that can be compared by eye."""
        digits = self.checked.key_sha256
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def read_csr(text: str) -> CsrFacts:
    checked = check_csr(text)
    request = x509.load_pem_x509_csr(checked.pem.encode("ascii"))
    algorithm = request.signature_hash_algorithm
    return CsrFacts(
        checked=checked,
        signature=algorithm.name.upper().replace("SHA", "SHA-") if algorithm else "",
        names=_names(request, checked.pem),
        subject=tuple((label, value) for oid, label in SUBJECT.items() for value in _values(request, oid)),
    )


def _names(request: x509.CertificateSigningRequest, pem: str) -> tuple[str, ...]:
    """The common name first, as far as it is a DNS name by its looks."""
    common = [value for value in _values(request, NameOID.COMMON_NAME) if "." in value and " " not in value]
    return tuple(dict.fromkeys(name.strip().lower() for name in (*common, *names_in(pem))))


def _values(request: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(each.value) for each in request.subject.get_attributes_for_oid(oid)]
