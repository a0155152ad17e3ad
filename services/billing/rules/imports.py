"""What an older system hands over, and what of it cannot be taken (`docs/migration.md`)."""

import re
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from services.billing.rules.hidden import refuse_unseen
from services.billing.rules.money import LARGEST, decimals, printed, refuse_unbookable
from shared.errors import Conflict, Rejected
from shared.events.base import Money

LONGEST, LONGEST_NOTE = 64, 500
UNPRINTED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")  # a note may have lines
CALLED = {
    "division_id": "division", "issued_on": "date of issue", "due_on": "due date", "po_number": "PO number",
    "paid": "amount paid before", "as_of": "date",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OldInvoice:
    """Over an approved purchase order, as (source, number) of the older system. `paid`: what came there."""

    division_id: int
    source: str
    number: str
    issued_on: date
    due_on: date
    po_number: str
    amount: Money
    paid: Money
    note: str | None = None
    notify: bool = field(default=False, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.number


@dataclass(frozen=True, slots=True)
class OldBalance:
    """What a division had, or with a negative amount owed."""

    division_id: int
    source: str
    amount: Money
    as_of: date
    note: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.source, self.division_id


def refuse_invoice(old: OldInvoice, book: str, today: date) -> None:
    """Raises Rejected for what cannot be an invoice of an account that keeps its book in that currency."""
    for what, text in (("source", old.source), ("old number", old.number), ("PO number", old.po_number)):
        _refuse_line(what, text)
    _refuse_note(old.note)
    refuse_unbookable(old.amount.amount, old.amount.currency, book)
    _refuse_later("An invoice", "issued", old.issued_on, today)
    if old.due_on < old.issued_on:
        raise Rejected(f"It is due on {old.due_on}, before it was issued on {old.issued_on}; check both days.")
    if old.paid.currency != book:
        raise Rejected(f"What was paid is in {old.paid.currency}, the invoice in {book}; send both in {book}.")
    if not 0 <= old.paid.amount <= old.amount.amount:
        paid, total = printed(old.paid.amount, book), printed(old.amount.amount, book)
        raise Rejected(f"{paid} {book} cannot have been paid of {total} {book}; send from 0 up to the amount.")


def refuse_balance(old: OldBalance, book: str, today: date) -> None:
    _refuse_line("source", old.source)
    _refuse_note(old.note)
    if old.amount.currency != book:
        raise Rejected(f"The account keeps its book in {book}, not in {old.amount.currency}; send it in {book}.")
    if not old.amount.amount:
        raise Rejected("A balance of 0 needs no import; leave it out.")
    if abs(old.amount.amount) > LARGEST * 10 ** decimals(book):
        raise Rejected(f"{printed(old.amount.amount, book)} {book} is more than can be booked at once; check it.")
    _refuse_later("A balance", "counted", old.as_of, today)


def _refuse_line(what: str, text: str) -> None:
    if not text.strip():
        raise Rejected(f"The {what} is missing; send the one of the older system.")
    if len(text) > LONGEST:
        raise Rejected(f"The {what} has 1 to {LONGEST} characters; {text[:40]!r} has more.")
    refuse_unseen(f"The {what}", text)
    if text != text.strip():
        raise Rejected(f"The {what} begins and ends with no space; {text!r} does.")


def _refuse_note(note: str | None) -> None:
    if note is not None and (not note.strip() or len(note) > LONGEST_NOTE or UNPRINTED.search(note)):
        raise Rejected(f"A note has 1 to {LONGEST_NOTE} characters that can be printed; shorten it or leave it out.")


def _refuse_later(what: str, done: str, day: date, today: date) -> None:
    if day > today:
        raise Rejected(f"{what} of an older system was {done} by today; {day} is to come.")


def refuse_other(there: Any, given: Any, known_as: str) -> None:
    """Raises Conflict where the same thing was imported before with other content."""
    names = [one.name for one in fields(given) if one.compare and getattr(there, one.name) != getattr(given, one.name)]
    if names:
        said = " and another ".join(CALLED.get(name, name) for name in names)
        raise Conflict(
            f"{known_as} was imported before with another {said}. What is booked stays; if the old data were wrong, "
            "correct it with a credit note or a payment.",
            "imported_otherwise",
        )
