"""What a list of prices would change, before it changes anything."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.billing.rules.catalogue import Catalogue
from services.billing.rules.compare import compare, is_there
from services.billing.rules.dated import PriceRow
from services.billing.rules.given import PriceIn
from services.billing.rules.price_file import Words
from shared.errors import Rejected


@dataclass(frozen=True)
class ReadRow:
    number: int
    row: PriceRow | None
    fault: str | None = None


@dataclass(frozen=True)
class NewPrice:
    number: int
    row: PriceRow
    outdated_by: date | None  # a row that counts already is newer, so this one never will


@dataclass(frozen=True)
class Refused:
    number: int
    message: str


@dataclass(frozen=True)
class PricePlan:
    new: list[NewPrice] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)


def read_rows(given: Iterable[tuple[int, Words]]) -> list[ReadRow]:
    return [_read(number, words) for number, words in given]


def _read(number: int, words: Words) -> ReadRow:
    try:
        return ReadRow(number, PriceIn.of(words).row())
    except Rejected as error:
        return ReadRow(number, None, error.message)


def accounts_named(rows: Iterable[ReadRow]) -> set[int]:
    return {read.row.account_id for read in rows if read.row and read.row.account_id}


def plan_prices(rows: Sequence[ReadRow], have: Catalogue, currencies: Mapping[int, str], today: date) -> PricePlan:
    """`currencies` of the accounts named, as far as they are known."""
    sound, refused, first = dict[int, PriceRow](), list[Refused](), dict[Hashable, int]()
    for read in rows:
        fault = read.fault or (read.row and (_repeats(read, first) or account_fault(read.row, currencies)))
        if fault or read.row is None:
            refused.append(Refused(read.number, str(fault)))
        else:
            sound[read.number] = read.row
    found = compare(have.prices, list(sound.values()))
    new, differing = set(map(id, found.new)), set(map(id, found.differing))
    refused += [Refused(number, is_there(row)) for number, row in sound.items() if id(row) in differing]
    return PricePlan(
        new=[NewPrice(number, row, _newer(have, row, today)) for number, row in sound.items() if id(row) in new],
        unchanged=len(found.unchanged),
        refused=sorted(refused, key=lambda one: one.number),
    )


def _repeats(read: ReadRow, first: dict[Hashable, int]) -> str | None:
    place = (read.row.key, read.row.valid_from) if read.row else None
    earlier = first.setdefault(place, read.number)
    if earlier == read.number:
        return None
    return f"It repeats row {earlier}, which has the same product, years, currency, account and day; leave one out."


def account_fault(row: PriceRow, currencies: Mapping[int, str]) -> str | None:
    if row.account_id is None:
        return None
    if row.account_id not in currencies:
        return f"There is no account {row.account_id}; check its number."
    if (kept := currencies[row.account_id]) != row.currency:
        return f"Account {row.account_id} keeps its book in {kept} and never pays in {row.currency}; name {kept}."
    return None


def _newer(have: Catalogue, row: PriceRow, today: date) -> date | None:
    counts = have.deciding(row, today)
    return counts.valid_from if counts and counts.valid_from > row.valid_from else None
