"""What balance history and purchase history may be asked for: contract 3.2 and 3.3."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_

from services.billing.models import Charge, Journal, Posting
from services.billing.queries.history import RECEIPT, TYPE
from shared.errors import Rejected
from shared.listing import Between, Listing, period

CONTAINER = ("container_id",)  # asked for by itself, and also without brackets
LARGEST_ID = 2**63 - 1


def container_of(listing: Listing) -> int | None:
    """One division at a time, as a balance is of one; 0 means none (contract T6)."""
    values = {value for value in listing.filters.get("container_id", ()) if value != "0"}
    if len(values) > 1:
        raise Rejected("container_id takes one division here; ask for each of them by itself.")
    return number("container_id", values.pop()) if values else None


def number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) <= LARGEST_ID):
        raise Rejected(f"{name} takes a number, not {value[:40]!r}.")
    return int(value)


def within(column: Any, name: str, value: str) -> ColumnElement[bool]:
    span: Between = period(name, value)
    ends = ([column >= span.start] if span.start else []) + ([column < span.end] if span.end else [])
    return and_(*ends)


HISTORY_FILTERS = (*CONTAINER, "adjust_type", "transaction_date", "expiration_date")
HISTORY_SORT: Mapping[str, Any] = {
    "id": Posting.id,
    "credit": func.greatest(Posting.amount, 0),
    "debit": func.greatest(-Posting.amount, 0),
    "transaction_type": TYPE,
    "receipt_id": func.coalesce(RECEIPT, 0),
    "transaction_date": Journal.at,
    "balance_after": Posting.balance_after,
    "order_id": Journal.order_id,
    "expiration_date": None,  # no deposit expires here, so all rows are alike
}


def history_conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        if name not in CONTAINER:
            yield or_(*(_history_condition(name, value) for value in values))


def _history_condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "adjust_type":
        of_type: ColumnElement[bool] = func.lower(TYPE) == value.lower().replace("_", " ")
        return of_type
    if name == "expiration_date":
        period(name, value)
        return false()
    return within(Journal.at, name, value)


PURCHASE_FILTERS = (*CONTAINER, "transaction_date", "order_id", "receipt_id")
PURCHASE_SORT: Mapping[str, Any] = {
    "id": Charge.id,
    "receipt_id": Charge.id,
    "order_id": Charge.order_id,
    "amount": Charge.total,
    "transaction_date": Charge.charged_at,
}


def purchase_conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        if name not in CONTAINER:
            yield or_(*(_purchase_condition(name, value) for value in values))


def _purchase_condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "order_id":
        return and_(Charge.source == "issuary/orders", Charge.order_id == number(name, value))
    if name == "receipt_id":
        same: ColumnElement[bool] = Charge.id == number(name, value)
        return same
    return within(Charge.charged_at, name, value)


def order_of(listing: Listing, columns: Mapping[str, Any], last: Any) -> list[Any]:
    """The newest first unless told otherwise; `last` makes it total, so that no row is lost between pages."""
    chosen = [(columns[name], down) for name, down in listing.sort if columns[name] is not None]
    return [*((column.desc() if down else column.asc()) for column, down in chosen), last.desc()]
