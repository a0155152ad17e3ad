"""What a payer writes on a transfer, so that the money is known when it comes."""

import re
from collections.abc import Iterator

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that is read for something else
FOUND = re.compile(r"ISS[-\s]*(\d{1,18})[-\s]*([0-9A-Z]{2})(?![0-9A-Z])", re.IGNORECASE)

NUMBER = re.compile(r"(?<![A-Z0-9])([A-Z0-9]{1,10})[-\s/._]*(20\d\d)[-\s/._]*(\d{6,9})(?!\d)")


def reference_of(payment_id: int) -> str:
    """Two letters at the end catch every mistyped and nearly every exchanged digit."""
    return f"ISS-{payment_id}-{_check(payment_id)}"


def _check(payment_id: int) -> str:
    """ISO 7064 mod 97-10 of the digits, as an IBAN has it."""
    high, low = divmod(98 - payment_id * 100 % 97, len(LETTERS))
    return LETTERS[high] + LETTERS[low]


def references_in(text: str) -> Iterator[int]:
    """The payments named in what came from a bank, which may have changed signs and case; a mistyped one is none."""
    for number, check in FOUND.findall(text):
        if check.upper() == _check(int(number)):
            yield int(number)


def invoice_numbers_in(text: str) -> list[str]:
    """What may be the number of an invoice, as we write it, whatever signs a payer or bank put between its parts."""
    found = NUMBER.findall(text.upper())
    return list(dict.fromkeys(f"{prefix}-{year}-{number}" for prefix, year, number in found))
