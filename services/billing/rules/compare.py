"""What of rows given is new beside those that are there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, TypeVar

from services.billing.rules.dated import Dated, SellerRow

D = TypeVar("D", bound=Dated)


@dataclass(frozen=True)
class Compared(Generic[D]):
    new: list[D] = field(default_factory=list)
    unchanged: list[D] = field(default_factory=list)
    differing: list[D] = field(default_factory=list)  # from a row of the same key and day


def compare(there: Iterable[D], given: Sequence[D]) -> Compared[D]:
    known, found = {(row.key, row.valid_from): row for row in there}, Compared[D]()
    for row in given:
        same = known.setdefault((row.key, row.valid_from), row)
        (found.new if same is row else found.unchanged if same == row else found.differing).append(row)
    return found


def is_there(row: Dated) -> str:
    return (
        f"{row.called} from {row.valid_from} is there already with other values; documents may stand on it. Give the "
        "new values a later first day (valid_from)."
    )


def shared_prefix(sellers: Iterable[SellerRow]) -> str | None:
    """Each series counts from 1, so two with one prefix would print the same numbers."""
    series: dict[str, set[tuple[int, str]]] = {}
    for row in sellers:
        for kind, prefix in row.prefixes.items():
            series.setdefault(prefix, set()).add((row.number, kind))
    return next((prefix for prefix, whose in series.items() if len(whose) > 1), None)


def today_and_later(rows: Iterable[D], day: date) -> tuple[list[D], list[D]]:
    """Of each key the row that counts on the day, and all that begin after it."""
    kept = list(rows)
    latest: dict[object, D] = {}
    for row in sorted((row for row in kept if row.valid_from <= day), key=lambda row: row.valid_from):
        latest[row.key] = row
    return list(latest.values()), sorted((row for row in kept if row.valid_from > day), key=lambda row: row.valid_from)
