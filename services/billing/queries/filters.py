"""What lists of invoices may be asked for: contract 2.7 and 11."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, or_
from sqlalchemy.orm import aliased

from services.billing.models import CreditNote, Invoice, Receivable
from shared.errors import Rejected
from shared.listing import Listing, period

CREDITED = exists().where(CreditNote.invoice_id == Invoice.id)
_owed = aliased(Receivable)  # lists join the table themselves
DUE = exists().where(_owed.invoice_id == Invoice.id, _owed.paid + _owed.credited < _owed.total)
PARTLY = exists().where(_owed.invoice_id == Invoice.id, _owed.paid > 0, _owed.paid + _owed.credited < _owed.total)
STATUSES: dict[str, ColumnElement[bool]] = {
    "credited": CREDITED,
    "paid": and_(~DUE, ~CREDITED),
    "open": DUE,
    "partially_paid": PARTLY,
    "overdue": and_(DUE, Invoice.due_on < func.current_date()),
}
KINDS = ("order", "purchase_order", "usage", "amount_owed", "other")
NUMBERS: dict[str, Any] = {"container_id": Invoice.division_id, "account_id": Invoice.account_id}
TEXTS: dict[str, Any] = {"invoice_number": Invoice.number, "po_number": Invoice.purchase_order_number}
FILTERS = ("status", "kind", "search", "order_id", "date_issued", "date_due", *NUMBERS, *TEXTS)
SORT_COLUMNS: dict[str, Any] = {
    "id": Invoice.id,
    "invoice_number": Invoice.number,
    "date_issued": Invoice.issued_at,
    "date_due": Invoice.due_on,
    "total_amount": Invoice.total,
}


def conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        yield or_(*(_condition(name, value) for value in values))


def order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise; total in any case, so that no row is lost between pages."""
    for name, down in listing.sort:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield Invoice.id.desc()


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return STATUSES[one_of(name, value.lower(), tuple(STATUSES))]
    if name == "kind":
        return Invoice.kind == one_of(name, value.lower(), KINDS)
    if name == "search":
        return _search(value.strip("%"))
    if name in TEXTS:
        like: ColumnElement[bool] = TEXTS[name].ilike(value.replace("\\", "\\\\").replace("_", "\\_"))
        return like
    if name.startswith("date_"):
        return _within(name, value)
    if name == "order_id":
        return and_(Invoice.order_source == "issuary/orders", Invoice.order_id == number_of(name, value))
    found: ColumnElement[bool] = NUMBERS[name] == number_of(name, value)
    return found


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise Rejected(f'There is no {name} "{value[:40]}"; use {", ".join(known)}.')
    return value


def number_of(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise Rejected(f"filters[{name}] takes a number, not {value[:40]!r}.")
    return int(value)


def _within(name: str, value: str) -> ColumnElement[bool]:
    span = period(name, value)
    start, end = (span.start, span.end) if name == "date_issued" else (_day(span.start), _day(span.end))
    column: Any = Invoice.issued_at if name == "date_issued" else Invoice.due_on
    ends = ([column >= start] if start else []) + ([column < end] if end else [])
    return and_(*ends)


def _day(moment: Any) -> Any:
    return moment and moment.date()


def _search(text: str) -> ColumnElement[bool]:
    """The beginning of an invoice number, a PO number, or one of our order numbers."""
    by_number = Invoice.number.startswith(text.upper(), autoescape=True)
    is_order = text.isascii() and text.isdigit() and len(text) < 10
    order = and_(Invoice.order_source == "issuary/orders", Invoice.order_id == int(text)) if is_order else false()
    return or_(by_number, Invoice.purchase_order_number == text, order)
