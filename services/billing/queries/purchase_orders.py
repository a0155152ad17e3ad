from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.billing.models import Account, Invoice, PurchaseOrder
from services.billing.queries.filters import number_of, one_of
from services.billing.queries.finance import finance_scope
from services.billing.rules import in_each_exponent
from shared.access import Caller
from shared.errors import NotFound
from shared.listing import Listing, period

STATUSES: dict[str, ColumnElement[bool]] = {
    "pending": func.num_nonnulls(PurchaseOrder.approved_at, PurchaseOrder.rejected_at, PurchaseOrder.canceled_at) == 0,
    "approved": PurchaseOrder.approved_at.is_not(None),
    "rejected": PurchaseOrder.rejected_at.is_not(None),
    "canceled": PurchaseOrder.canceled_at.is_not(None),
}
NUMBERS: dict[str, Any] = {"container_id": PurchaseOrder.division_id, "account_id": PurchaseOrder.account_id}
FILTERS = ("status", "po_number", "date_created", "amount", "search", *NUMBERS)
SORT_COLUMNS: dict[str, Any] = {
    "id": PurchaseOrder.id,
    "po_number": PurchaseOrder.number,
    "date_created": PurchaseOrder.submitted_at,
    "amount": PurchaseOrder.amount,
}


async def purchase_orders(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None = None
) -> tuple[int, Sequence[Any]]:
    """How many fit, and one page of them with account and invoice: by offset for the API, by `before` (an id) for
    pages."""
    where = and_(finance_scope(caller, PurchaseOrder), *_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(PurchaseOrder).where(where)) or 0
    query = _rows().where(where, PurchaseOrder.id < before if before else true()).order_by(*_order_of(listing))
    return total, (await tx.execute(query.limit(listing.limit).offset(listing.offset))).all()


def _rows() -> Any:
    earlier = aliased(PurchaseOrder)
    used_before = exists().where(
        earlier.account_id == PurchaseOrder.account_id,
        earlier.number == PurchaseOrder.number,
        earlier.id < PurchaseOrder.id,
    )
    return (
        select(PurchaseOrder, Account.name, Invoice.id, Invoice.number, used_before)
        .join(Account, Account.id == PurchaseOrder.account_id)
        .join(Invoice, Invoice.purchase_order_id == PurchaseOrder.id, isouter=True)
    )


async def purchase_order(tx: AsyncSession, caller: Caller, order_id: int) -> Any:
    query = _rows().where(PurchaseOrder.id == order_id, finance_scope(caller, PurchaseOrder))
    found = (await tx.execute(query)).first()
    if found is None:
        raise NotFound(f"There is no purchase order {order_id} that you may see.", "not_found|purchase_order")
    return found


def _conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        yield or_(*(_condition(name, value) for value in values))


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return or_(*(STATUSES[one_of(name, one.strip().lower(), tuple(STATUSES))] for one in value.split(",")))
    if name == "date_created":
        span = period(name, value)
        return and_(
            PurchaseOrder.submitted_at >= span.start if span.start else true(),
            PurchaseOrder.submitted_at < span.end if span.end else true(),
        )
    if name == "amount":
        return or_(*(_costs(*one) for one in in_each_exponent(value)))
    if name in NUMBERS:
        found: ColumnElement[bool] = NUMBERS[name] == number_of(name, value)
        return found
    return _number_like(value)


def _number_like(value: str) -> ColumnElement[bool]:
    return PurchaseOrder.number.ilike(f"{value.strip('%')}%") if "%" in value else PurchaseOrder.number == value


def _costs(amount: int, currencies: Sequence[str]) -> ColumnElement[bool]:
    return and_(PurchaseOrder.amount == amount, PurchaseOrder.currency.in_(currencies))


def _order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise; total in any case, so that no row is lost between pages."""
    for name, down in listing.sort:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield PurchaseOrder.id.desc()
