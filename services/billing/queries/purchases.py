"""What was bought: charged to the funds, or on account."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Division, InvoiceCount, Line, Usage, UsageCount
from services.billing.queries.balance import visible_division
from services.billing.queries.finance import may_read_finance
from services.billing.queries.ledger_filters import (
    BOUGHT,
    CONTAINER,
    PURCHASE_SORT,
    container_of,
    order_of,
    purchase_conditions,
)
from shared.access import Caller
from shared.listing import Listing


async def purchase_history(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[int, Sequence[dict[str, Any]]]:
    may_read_finance(caller)
    division = await visible_division(tx, caller, container_of(listing))
    where = and_(BOUGHT.c.division_id == division.id, *purchase_conditions(listing))
    counted = select(func.count()).select_from(BOUGHT).where(where)
    total = await tx.scalar(counted if set(listing.filters) - set(CONTAINER) else _all_of(division.id)) or 0
    order = order_of(listing, PURCHASE_SORT, BOUGHT.c.id) if listing.sort else NEWEST
    found = select(BOUGHT).where(where).order_by(*order).limit(listing.limit).offset(listing.offset)
    rows = (await tx.execute(found)).all()
    return total, await _described(tx, division, rows)


def _all_of(division_id: int) -> Any:
    """By the counts that are kept: each charge has its invoice, and few orders on account are released."""
    charged = select(InvoiceCount.n).where(InvoiceCount.division_id == division_id, InvoiceCount.kind == "order")
    used = select(UsageCount.n).where(UsageCount.division_id == division_id)
    released = select(func.count()).where(
        Usage.division_id == division_id, Usage.order_id.is_not(None), Usage.released_at.is_not(None)
    )
    return select(_or_0(charged) + _or_0(used) - released.scalar_subquery())


def _or_0(count: Any) -> Any:
    return func.coalesce(count.scalar_subquery(), 0)


async def _described(tx: AsyncSession, division: Division, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """With what was bought: the first line of the order's own invoice, or what was noted when it went on account."""
    charged = [row.invoice_id for row in rows if row.paid_by == "balance"]
    used = [row.id for row in rows if row.paid_by != "balance"]
    first = select(Line.invoice_id, Line.description).where(Line.invoice_id.in_(charged), Line.position == 1)
    noted = select(Usage.id, Usage.quote["lines"][0][0].astext).where(Usage.id.in_(used))
    texts = {("balance", key): text for key, text in await tx.execute(first)} if charged else {}
    texts |= {("on_account", key): text for key, text in await tx.execute(noted)} if used else {}
    return [
        {**row._mapping, "division": division.name, "text": texts.get((row.paid_by, _key(row)), "")} for row in rows
    ]


def _key(row: Any) -> int:
    return int(row.invoice_id if row.paid_by == "balance" else row.id)


NEWEST = [BOUGHT.c.at.desc(), BOUGHT.c.id.desc()]
