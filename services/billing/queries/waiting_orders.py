"""Orders of which nothing was charged yet, the longest waiting first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, WaitingOrder
from services.billing.queries.finance import may_read_finance
from shared.access import Caller

REASONS = ("funds", "billing_details", "price", "tax")
OLDEST_FIRST = (WaitingOrder.since, WaitingOrder.id, WaitingOrder.source, WaitingOrder.request_id)


class Place(NamedTuple):
    """The last row that was seen."""

    since: datetime
    id: int
    source: str
    request_id: int = 0


@dataclass(frozen=True)
class Wanted:
    reason: str = ""
    account_id: int | None = None  # staff's filter
    after: Place | None = None


async def waiting_orders(tx: AsyncSession, caller: Caller, wanted: Wanted, limit: int) -> Sequence[Any]:
    """With the names of account and division."""
    query = _rows().where(*_conditions(caller, wanted))
    if wanted.after:
        query = query.where(tuple_(*OLDEST_FIRST) > wanted.after)
    rows: Sequence[Any] = (await tx.execute(query.order_by(*OLDEST_FIRST).limit(limit))).all()
    return rows


async def how_many(tx: AsyncSession, caller: Caller, wanted: Wanted) -> int:
    query = select(func.count()).select_from(WaitingOrder)
    return await tx.scalar(query.where(*_conditions(caller, wanted))) or 0


def _rows() -> Any:
    query = select(WaitingOrder, Account.name, Account.currency, Division.name)
    query = query.join(Account, Account.id == WaitingOrder.account_id)
    return query.join(Division, Division.id == WaitingOrder.division_id, isouter=True)


def _conditions(caller: Caller, wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    may_read_finance(caller)
    account_id = wanted.account_id if caller.is_operator else caller.account_id
    if account_id is not None:
        yield WaitingOrder.account_id == account_id
    if caller.divisions and not caller.is_operator:
        yield WaitingOrder.division_id.in_(caller.divisions)
    if wanted.reason:
        yield WaitingOrder.reason == wanted.reason
