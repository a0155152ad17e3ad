"""What a CA is asked for and what it answers."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Wanted:
    csr: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    signature_hash: str = "sha256"


@dataclass(frozen=True)
class Issued:
    pem: str
    intermediate: str
    root: str
    serial_number: str
    thumbprint: str
    valid_from: date
    valid_till: date
