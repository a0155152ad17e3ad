"""What balance history and purchase history may be asked for, as in CertCentral's pages of the same names."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all

from services.billing.models import Charge, Journal, Posting, Usage
from services.billing.queries.history import RECEIPT
from services.billing.rules import is_number
from shared.errors import Rejected
from shared.events.orders import SOURCE as OURS
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
    if not (is_number(value, 19) and int(value) <= LARGEST_ID):
        raise Rejected(f"{name} takes a number, not {value[:40]!r}.")
    return int(value)


def within(column: Any, name: str, value: str) -> ColumnElement[bool]:
    span: Between = period(name, value)
    ends = ([column >= span.start] if span.start else []) + ([column < span.end] if span.end else [])
    return and_(*ends)


HISTORY_FILTERS = (*CONTAINER, "adjust_type", "transaction_date", "expiration_date")
HISTORY_SORT: Mapping[str, Any] = {
    "id": Posting.seq,  # it rises with the place, and so does the time
    "credit": func.greatest(Posting.amount, 0),
    "debit": func.greatest(-Posting.amount, 0),
    "transaction_type": Posting.type,
    "receipt_id": func.coalesce(RECEIPT, 0),
    "transaction_date": Posting.seq,
    "balance_after": Posting.balance_after,
    "order_id": Journal.order_id,
    "expiration_date": None,  # no deposit expires here, so all rows are alike
}


# What was charged to the funds, and what was bought on account; their numbers are of one series.
BOUGHT = union_all(
    select(
        Charge.id, Charge.source, Charge.order_id, Charge.division_id, Charge.currency, Charge.total,
        Charge.charged_at.label("at"), literal("balance").label("paid_by"), Charge.invoice_id,
    ),
    select(
        Usage.id, Usage.source, Usage.order_id, Usage.division_id, Usage.currency, Usage.total,
        Usage.recorded_at.label("at"), literal("on_account"), Usage.invoice_id,
    ).where(Usage.order_id.is_not(None), Usage.released_at.is_(None)),
).subquery("bought")  # fmt: skip
PURCHASE_FILTERS = (*CONTAINER, "transaction_date", "order_id", "receipt_id")
PURCHASE_SORT: Mapping[str, Any] = {
    "id": BOUGHT.c.id,
    "receipt_id": BOUGHT.c.id,
    "order_id": BOUGHT.c.order_id,
    "amount": BOUGHT.c.total,
    "transaction_date": BOUGHT.c.at,
}


def purchase_conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        if name not in CONTAINER:
            yield or_(*(_purchase_condition(name, value) for value in values))


def _purchase_condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "order_id":
        return and_(BOUGHT.c.source == OURS, BOUGHT.c.order_id == number(name, value))
    if name == "receipt_id":
        return and_(BOUGHT.c.paid_by == "balance", BOUGHT.c.id == number(name, value))
    return within(BOUGHT.c.at, name, value)


def order_of(listing: Listing, columns: Mapping[str, Any], last: Any) -> list[Any]:
    """The newest first unless told otherwise; `last` makes it total, so that no row is lost between pages."""
    chosen = [(columns[name], down) for name, down in listing.sort if columns[name] is not None]
    return [*((column.desc() if down else column.asc()) for column, down in chosen), last.desc()]
