"""What an older system hands over as a file: CSV with a header, a JSON list, or a JSON object on each line. It is read
row by row, however long it is."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from services.billing.rules.given import Amount, Code, Day, Given, Line, as_digits, as_number
from services.billing.rules.header import columns_of
from services.billing.rules.imports import LONGEST_NOTE, OldBalance, OldInvoice
from services.billing.rules.money import from_text
from services.billing.rules.price_file import shown
from shared.errors import Rejected
from shared.events.base import Money

LONGEST_ROW = 100_000  # characters
CUT_OFF = "file_cut_off"

Division = Annotated[
    int, BeforeValidator(as_number), Field(ge=1, lt=2**31, strict=True, description="the number of a division")
]
Signed = Annotated[
    str,
    BeforeValidator(as_digits),
    StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?$"),
    Field(description="an amount with a decimal point and no other sign, like 250.00 or -600.00"),
]
Note = Annotated[str | None, Field(max_length=LONGEST_NOTE, description=f"up to {LONGEST_NOTE} characters")]


class InvoiceRow(Given):
    division_id: Division
    legacy_number: Annotated[Line, BeforeValidator(as_digits)]
    issued_on: Day
    due_on: Day
    po_number: Annotated[Line, BeforeValidator(as_digits)]
    amount: Amount
    paid: Amount = "0"
    currency: Code
    note: Note = None

    def old(self, source: str, notify: bool) -> OldInvoice:
        amount, paid = _money(self.amount, self.currency), _money(self.paid, self.currency)
        return OldInvoice(
            self.division_id, source, self.legacy_number, self.issued_on, self.due_on, self.po_number, amount, paid,
            self.note, notify,
        )  # fmt: skip


class BalanceRow(Given):
    division_id: Division
    amount: Signed
    currency: Code
    as_of: Day
    note: Note = None

    def old(self, source: str, notify: bool) -> OldBalance:
        return OldBalance(self.division_id, source, _money(self.amount, self.currency), self.as_of, self.note)


def _money(text: str, currency: str) -> Money:
    return Money(amount=from_text(text, currency), currency=currency)


KINDS: Mapping[str, type[InvoiceRow] | type[BalanceRow]] = {"invoice": InvoiceRow, "balance": BalanceRow}
COLUMNS = ("type", *dict.fromkeys((*InvoiceRow.model_fields, *BalanceRow.model_fields)))
NEEDED = ("type", "division_id", "amount", "currency")


@dataclass(frozen=True)
class Row:
    """`number`: as a spreadsheet counts, whose header is row 1; of JSON the first is 1. `fault`: why it is not read."""

    number: int
    words: Mapping[str, Any]
    fault: Rejected | None = None

    def old(self, source: str, notify: bool) -> OldInvoice | OldBalance:
        """Raises Rejected with a sentence for what it is not."""
        if self.fault:
            raise self.fault
        words = dict(self.words)
        kind = str(words.pop("type", None) or "").strip().lower()
        if kind not in KINDS:
            raise Rejected(f"The type is {' or '.join(KINDS)}, not {kind[:40]!r}.")
        return KINDS[kind].of(words).old(source, notify)


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Of what begins with [ or { as JSON, else as CSV. A fault in the file itself is the last row."""
    number = 0
    try:
        for row in _rows(iter(lines)):
            number = row.number
            yield row
    except UnicodeDecodeError:
        said = "From here on the file is not UTF-8; save it as «CSV UTF-8». No more was read."
        yield Row(number + 1, {}, Rejected(said))


def _rows(lines: Iterator[str]) -> Iterator[Row]:
    first = next((line for line in lines if line.strip()), "")
    if not first:
        yield Row(1, {}, Rejected("The file is empty; it has a header and a row for each thing to import.", CUT_OFF))
    elif first.lstrip()[0] in "[{":
        yield from _json_rows(first.lstrip(), lines)
    else:
        yield from _csv_rows(first, lines)


def _csv_rows(first: str, rest: Iterator[str]) -> Iterator[Row]:
    separator = ";" if first.count(";") > first.count(",") else ","
    reader, number = csv.reader(chain([first], rest), delimiter=separator, strict=True), 1
    try:
        header = columns_of(next(reader), COLUMNS, NEEDED)
        for number, cells in enumerate(reader, 2):
            if any(map(str.strip, cells)):
                yield _of_cells(number, header, cells)
    except Rejected as fault:
        yield Row(1, {}, fault)
        return
    except csv.Error as error:
        said = f"From here on it is no CSV ({error}): a quote is not closed, or the file is cut off. No more was read."
        yield Row(number + 1, {}, Rejected(said, CUT_OFF))
        return
    if number == 1:
        yield Row(2, {}, Rejected("There is no row below the header; is the file cut off?", CUT_OFF))


def _of_cells(number: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    words = dict(zip(header, map(shown, cells), strict=False))
    fault = None
    if len(cells) < len(header):
        said = f"The row has {len(cells)} of {len(header)} cells; is the file cut off? Empty ones count too."
        fault = Rejected(said, CUT_OFF)
    elif any(map(str.strip, cells[len(header) :])):
        fault = Rejected("The row has more cells than the header; put a cell that has the separator in it in quotes.")
    return Row(number, words, fault)


_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)  # money is text from end to end
BETWEEN = re.compile(r"[\s,]*")


def _json_rows(text: str, rest: Iterator[str]) -> Iterator[Row]:
    """Entry by entry: a list needs not be in memory as a whole."""
    is_list, number = text[0] == "[", 0
    at = 1 if is_list else 0
    while True:
        at = _after(text, at)
        if is_list and text.startswith("]", at):
            return
        if found := _entry(text, at):
            words, at = found
            number += 1
            yield Row(number, words)
        elif len(text) - at > LONGEST_ROW or not (more := next(rest, "")):
            break
        else:
            text, at = text[at:] + more, 0
    if is_list or at < len(text):
        said = "Here the file is cut off, or is no JSON objects any more. Nothing after it was read."
        yield Row(number + 1, {}, Rejected(said, CUT_OFF))


def _after(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at


def _entry(text: str, at: int) -> tuple[dict[str, Any], int] | None:
    """An object that begins here, and where it ends; None while it has no end."""
    try:
        return _decoder.raw_decode(text, at) if text.startswith("{", at) else None
    except (ValueError, RecursionError):
        return None
