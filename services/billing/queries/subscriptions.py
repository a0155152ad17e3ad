from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Subscription
from services.billing.queries.filters import number_of, one_of
from services.billing.queries.finance import finance_scope
from shared.access import Caller
from shared.errors import NotFound
from shared.listing import Listing

ENDED: ColumnElement[bool] = func.coalesce(Subscription.ends_on < func.current_date(), False)
PLANNED: ColumnElement[bool] = Subscription.starts_on > func.current_date()
STATUSES = {"active": and_(not_(ENDED), not_(PLANNED)), "planned": and_(PLANNED, not_(ENDED)), "ended": ENDED}
NUMBERS: dict[str, Any] = {"container_id": Subscription.division_id, "account_id": Subscription.account_id}
FILTERS = ("status", "name", *NUMBERS)
SORT_COLUMNS: dict[str, Any] = {
    "id": Subscription.id,
    "name": Subscription.name,
    "starts_on": Subscription.starts_on,
    "ends_on": Subscription.ends_on,
}


async def subscriptions(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None = None
) -> tuple[int, Sequence[Any]]:
    """How many fit, and one page of them with division and account: by offset for the API, by `before` (an id) for
    pages."""
    where = and_(finance_scope(caller, Subscription), *_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(Subscription).where(where)) or 0
    query = _rows().where(where, Subscription.id < before if before else true()).order_by(*_order_of(listing))
    return total, (await tx.execute(query.limit(listing.limit).offset(listing.offset))).all()


def _rows() -> Any:
    return (
        select(Subscription, Division.name.label("division"), Account.name.label("account"))
        .join(Division, Division.id == Subscription.division_id)
        .join(Account, Account.id == Subscription.account_id)
    )


async def subscription(tx: AsyncSession, caller: Caller, subscription_id: int) -> Any:
    query = _rows().where(Subscription.id == subscription_id, finance_scope(caller, Subscription))
    found = (await tx.execute(query)).first()
    if found is None:
        raise NotFound(f"There is no subscription {subscription_id} that you may see.", "not_found|subscription")
    return found


def _conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        yield or_(*(_condition(name, value) for value in values))


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return STATUSES[one_of(name, value.lower(), tuple(STATUSES))]
    if name == "name":
        return Subscription.name == value
    found: ColumnElement[bool] = NUMBERS[name] == number_of(name, value)
    return found


def _order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise; total in any case, so that no row is lost between pages."""
    for name, down in listing.sort:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield Subscription.id.desc()
