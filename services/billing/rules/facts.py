"""Rows that never change, as values: on the hot path a mapped object costs more than what is done with it."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it was told."""

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

    @property
    def key(self) -> tuple[str, int]:
        return self.source, self.id


@dataclass(frozen=True, slots=True)
class Charged:
    """An order paid from funds; `id` is the receipt number."""

    id: int
    source: str
    order_id: int
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


def values_of(fact: Placed | Charged) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in NAMES[type(fact)]}


def placed_from(row: Any) -> Placed:
    given = {name: getattr(row, name) for name in NAMES[Placed]}
    return Placed(**given | {"names": tuple(row.names)})


def charged_from(row: Any) -> Charged:
    return Charged(**{name: getattr(row, name) for name in NAMES[Charged]})


NAMES: dict[type, tuple[str, ...]] = {kind: tuple(f.name for f in fields(kind)) for kind in (Placed, Charged)}
