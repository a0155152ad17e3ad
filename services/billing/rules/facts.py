"""Rows that never change, as values: on the hot path a mapped object costs more than what is done with it."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Added:
    """Names that a reissue added to an order, for the rest of its term: both days included."""

    request_id: int
    names: tuple[str, ...]
    names_before: int  # bought by then, with the order and by earlier reissues
    starts_on: date
    term_ends_on: date
    added_at: datetime
    priced_on: date | None  # the day on which the order was first priced


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it was told; with `added` it stands for those names alone, which are charged by themselves."""

    source: str
    id: int
    account_id: int
    division_id: int
    division_name: str
    currency: str
    product_name_id: str
    years: int | None
    days: int | None
    names: tuple[str, ...]
    payment_method: str
    purchase_order_number: str | None
    placed_by: str
    placed_by_user: int | None
    placed_at: datetime
    added: Added | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.source, self.id

    @property
    def request_id(self) -> int:
        return self.added.request_id if self.added else 0

    @property
    def part(self) -> tuple[str, int, int]:
        return self.source, self.id, self.request_id

    @property
    def asked_at(self) -> datetime:
        return self.added.added_at if self.added else self.placed_at

    @property
    def called(self) -> str:
        return f"Order {self.id}, names added by request {self.request_id}" if self.added else f"Order {self.id}"


@dataclass(frozen=True, slots=True)
class Charged:
    """An order paid from funds, or the names that a request added to it; `id` is the receipt number."""

    id: int
    source: str
    order_id: int
    request_id: int
    account_id: int
    division_id: int
    currency: str
    net: int
    tax: int
    total: int
    entity_id: int
    category: str
    rate: Decimal
    invoice_id: int
    invoice_number: str
    charged_at: datetime
    priced_on: date

    @property
    def part(self) -> tuple[str, int, int]:
        return self.source, self.order_id, self.request_id


def values_of(fact: Placed | Charged) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in NAMES[type(fact)]}


def placed_from(row: Any) -> Placed:
    given = {name: getattr(row, name) for name in NAMES[Placed]}
    return Placed(**given | {"names": tuple(row.names)})


def charged_from(row: Any) -> Charged:
    return Charged(**{name: getattr(row, name) for name in NAMES[Charged]})


NAMES: dict[type, tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if f.name != "added") for kind in (Placed, Charged)
}
