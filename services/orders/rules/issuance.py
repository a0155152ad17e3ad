"""What a CA is asked for and what it answers."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.orders.rules.reading import read_pem

Level = Literal["dv", "ov", "ev", "private"]


@dataclass(frozen=True)
class Subject:
    """Who stands in the certificate: from the verified record of the organization, never from the CSR or the order."""

    organization: str
    country: str
    region: str = ""
    city: str = ""
    jurisdiction_country: str = ""  # this and the following stand in EV certificates (EVG 7.1.4.2)
    jurisdiction_region: str = ""
    jurisdiction_city: str = ""
    registration_number: str = ""
    business_category: str = ""


@dataclass(frozen=True)
class Wanted:
    csr: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    signature_hash: str = "sha256"
    level: Level = "dv"
    subject: Subject | None = None


@dataclass(frozen=True)
class Issued:
    pem: str
    intermediate: str
    root: str
    serial_number: str
    thumbprint: str
    not_before: datetime
    not_after: datetime
    issuer_key: str  # the identifier of the key that signed it, in hex
    key_sha256: str
    signature_hash: str

    @property
    def valid_from(self) -> date:
        return self.not_before.date()

    @property
    def valid_till(self) -> date:
        return self.not_after.date()


def issued(pem: str, intermediate: str, root: str) -> Issued:
    read = read_pem(pem)
    return Issued(
        read.pem, intermediate, root, read.serial_number, read.thumbprint, read.not_before, read.not_after,
        read.issuer_key, read.key_sha256, read.signature_hash,
    )  # fmt: skip
