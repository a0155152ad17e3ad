from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.billing.models import Account, Invoice, PurchaseOrder
from services.billing.queries.filters import like, number_of, one_of
from services.billing.queries.finance import finance_scope
from services.billing.rules import in_each_exponent
from shared.access import Caller
from shared.db import plan_for_values
from shared.errors import NotFound
from shared.listing import Listing, period

NOT_APPROVED = PurchaseOrder.approved_at.is_(None)  # said of each, so that the index of the few is used
DECISIONS = (PurchaseOrder.approved_at, PurchaseOrder.rejected_at, PurchaseOrder.canceled_at)
STATUSES: dict[str, ColumnElement[bool]] = {
    "pending": and_(NOT_APPROVED, func.num_nonnulls(*DECISIONS) == 0),
    "approved": PurchaseOrder.approved_at.is_not(None),
    "rejected": and_(NOT_APPROVED, PurchaseOrder.rejected_at.is_not(None)),
    "canceled": and_(NOT_APPROVED, PurchaseOrder.canceled_at.is_not(None)),
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
    if listing.filters:
        await plan_for_values(tx)
    where = and_(finance_scope(caller, PurchaseOrder), *conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(PurchaseOrder).where(where)) or 0
    query = _rows().where(where, PurchaseOrder.id < before if before else true()).order_by(*_order_of(listing))
    return total, (await tx.execute(query.limit(listing.limit).offset(listing.offset))).all()


def _rows() -> Any:
    earlier = aliased(PurchaseOrder)
    same = (earlier.account_id == PurchaseOrder.account_id, earlier.number == PurchaseOrder.number)
    latest = select(func.max(earlier.id)).where(*same, earlier.id < PurchaseOrder.id).scalar_subquery()
    return (
        select(PurchaseOrder, Account.name, Invoice.id, Invoice.number, latest)
        .join(Account, Account.id == PurchaseOrder.account_id)
        .join(Invoice, Invoice.purchase_order_id == PurchaseOrder.id, isouter=True)
    )


async def purchase_order(tx: AsyncSession, caller: Caller, order_id: int) -> Any:
    query = _rows().where(PurchaseOrder.id == order_id, finance_scope(caller, PurchaseOrder))
    found = (await tx.execute(query)).first()
    if found is None:
        raise NotFound(f"There is no purchase order {order_id} that you may see.", "not_found|purchase_order")
    return found


async def with_number(tx: AsyncSession, account_id: int, number: str) -> int | None:
    """The latest purchase order of the account with this number; none has one that cannot be printed."""
    if not number.strip().isprintable():
        return None
    query = select(func.max(PurchaseOrder.id)).where(PurchaseOrder.account_id == account_id)
    found: int | None = await tx.scalar(query.where(PurchaseOrder.number == number.strip()))
    return found


def conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
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
    return like(func.lower(PurchaseOrder.number), func.lower, value)


def _costs(amount: int, currencies: Sequence[str]) -> ColumnElement[bool]:
    return and_(PurchaseOrder.amount == amount, PurchaseOrder.currency.in_(currencies))


def _order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise; total in any case, so that no row is lost between pages."""
    for name, down in listing.sort:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield PurchaseOrder.id.desc()
