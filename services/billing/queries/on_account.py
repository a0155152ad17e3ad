"""What a division has on account and is not invoiced yet."""

from collections.abc import Sequence

from sqlalchemy import func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.billing.models import Division, Usage
from services.billing.queries.finance import finance_scope
from shared.access import Caller
from shared.errors import NotFound
from shared.events.orders import SOURCE as OURS

UNBILLED = (Usage.invoice_id.is_(None), Usage.released_at.is_(None))


async def unbilled(tx: AsyncSession, division: Division, limit: int, before: int | None = None) -> Sequence[Usage]:
    """One page, the newest first; `before`: the last one of the page before."""
    last = aliased(Usage)
    there = select(last.recorded_at, last.id).where(last.id == before).scalar_subquery()
    earlier = tuple_(Usage.recorded_at, Usage.id) < there if before else true()
    query = select(Usage).where(Usage.division_id == division.id, *UNBILLED, earlier)
    return (await tx.scalars(query.order_by(Usage.recorded_at.desc(), Usage.id.desc()).limit(limit))).all()


async def sum_of(tx: AsyncSession, division: Division) -> tuple[int, int]:
    """How many, and what they come to with VAT."""
    query = select(func.count(), func.coalesce(func.sum(Usage.total), 0))
    row = (await tx.execute(query.where(Usage.division_id == division.id, *UNBILLED))).one()
    return int(row[0]), int(row[1])


async def usage_of_order(tx: AsyncSession, caller: Caller, order_id: int) -> Usage:
    query = select(Usage).where(Usage.source == OURS, Usage.order_id == order_id)
    found = (await tx.scalars(query.where(finance_scope(caller, Usage)).order_by(Usage.request_id).limit(1))).first()
    if found is None:
        raise NotFound(f"Order {order_id} is not on account, or you may not see it.", "not_found|order")
    return found
