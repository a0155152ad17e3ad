"""What lists of invoices may be asked for: contract 2.7 and 11."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true, union_all
from sqlalchemy.orm import aliased

from services.billing.models import CreditNote, Invoice, Receivable, Usage
from services.billing.rules import is_number
from shared.errors import Rejected
from shared.events.orders import SOURCE as OURS
from shared.listing import Listing, period

_owed = aliased(Receivable)  # lists join the table themselves
# The account stands in both, so that its own rows are looked at alone.
OF_INVOICE = and_(_owed.invoice_id == Invoice.id, _owed.account_id == Invoice.account_id)
CREDITED = exists().where(
    CreditNote.invoice_id == Invoice.id, CreditNote.account_id == Invoice.account_id, CreditNote.exhausts
)
DUE = exists().where(OF_INVOICE, _owed.is_open)
LATE = exists().where(OF_INVOICE, _owed.due_on < func.current_date(), _owed.is_open)
PARTLY = exists().where(OF_INVOICE, _owed.paid > 0, _owed.is_open)
STATUSES: dict[str, ColumnElement[bool]] = {
    "credited": CREDITED,
    "paid": and_(~DUE, ~CREDITED),
    "open": DUE,
    "partially_paid": PARTLY,
    "overdue": LATE,
}
MOST_TEXTS = 10  # each is looked for in four ways
KINDS = ("order", "purchase_order", "usage", "amount_owed", "other")
NUMBERS: dict[str, Any] = {"container_id": Invoice.division_id, "account_id": Invoice.account_id}
FILTERS = ("status", "kind", "search", "invoice_number", "po_number", "legacy_number", "order_id", "date_issued",
           "date_due", *NUMBERS)  # fmt: skip
SORT_COLUMNS: dict[str, Any] = {
    "id": Invoice.id,
    "invoice_number": Invoice.number,
    "date_issued": Invoice.issued_at,
    "date_due": Invoice.due_on,
    "total_amount": Invoice.total,
}


def conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    """All but `search`: see `found_by`."""
    for name, values in listing.filters.items():
        if name != "search":
            yield or_(*(_condition(name, value) for value in values))


def found_by(listing: Listing) -> list[ColumnElement[bool]]:
    """The ways in which a row may fit what is searched for: each by its own index, which an OR would not use. Without a
    search any row fits."""
    texts = listing.filters.get("search", ())
    if len(texts) > MOST_TEXTS:
        raise Rejected(f"Search for at most {MOST_TEXTS} texts at once.")
    return [way for text in texts for way in _ways(text)] if texts else [true()]


def order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise, by the date that is asked for; total in any case, so that no row is lost
    between pages."""
    asked = [(name, True) for name in ("date_issued", "date_due") if name in listing.filters]
    for name, down in listing.sort or asked:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield Invoice.id.desc()


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return STATUSES[one_of(name, value.lower(), tuple(STATUSES))]
    if name == "kind":
        return Invoice.kind == one_of(name, value.lower(), KINDS)
    if name == "legacy_number":
        return _legacy(value)
    if name == "po_number":
        return like(func.lower(Invoice.purchase_order_number), func.lower, value)
    if name == "invoice_number":
        return like(Invoice.number, func.upper, value)
    if name.startswith("date_"):
        return _within(name, value)
    if name == "order_id":
        return _of_order(number_of(name, value))
    found: ColumnElement[bool] = NUMBERS[name] == number_of(name, value)
    return found


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise Rejected(f'There is no {name} "{value[:40]}"; use {", ".join(known)}.')
    return value


def number_of(name: str, value: str) -> int:
    if not is_number(value):
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


def like(column: Any, cased: Callable[[str], Any], value: str) -> ColumnElement[bool]:
    """`%` marks a part that may be anything (contract 2.7); `cased` brings the value into the letters of the column."""
    if "%" not in value:
        same: ColumnElement[bool] = column == cased(value)
        return same
    pattern = value.replace("\\", "\\\\").replace("_", "\\_")
    found: ColumnElement[bool] = column.like(cased(pattern))
    return found


def _legacy(value: str) -> ColumnElement[bool]:
    found = like(func.lower(Invoice.legacy_number), func.lower, value)
    return and_(found, Invoice.legacy_number.is_not(None))


def _ways(written: str) -> Iterable[ColumnElement[bool]]:
    """The beginning of an invoice number, of one in an older system, a PO number, or one of our order numbers, on a
    month's invoice too."""
    beginning, text = f"{written.replace('%', '')}%", written.strip("%")
    yield like(Invoice.number, func.upper, beginning)
    yield _legacy(beginning)
    yield Invoice.id.in_(_with_po_number({text, written}))
    if is_number(text):
        yield _of_order(int(text))


def _with_po_number(texts: Iterable[str]) -> Any:
    """All of them before any order or limit, as OFFSET says: else they are looked for from the newest invoice on."""
    own = aliased(Invoice)
    numbers = [func.lower(text) for text in sorted(texts)]
    return select(own.id).where(func.lower(own.purchase_order_number).in_(numbers)).offset(0)


def _of_order(order_id: int) -> ColumnElement[bool]:
    own = aliased(Invoice)
    ids = select(own.id).where(*own_of_order(own, order_id))
    return Invoice.id.in_(union_all(ids, _month_invoices_of(order_id)))


def own_of_order(invoice: Any, order_id: int) -> tuple[Any, ...]:
    """The invoices of our order alone; the only kind that names one, by whose index they are found."""
    return invoice.kind == "order", invoice.order_source == OURS, invoice.order_id == order_id


def month_invoice_of(order_id: int) -> ColumnElement[bool]:
    """The invoice of the month in which our order was on account."""
    return Invoice.id.in_(_month_invoices_of(order_id))


def _month_invoices_of(order_id: int) -> Any:
    usage = select(Usage.invoice_id).where(Usage.source == OURS, Usage.order_id == order_id)
    return usage.where(Usage.invoice_id.is_not(None))
