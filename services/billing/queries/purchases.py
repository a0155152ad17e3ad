"""Lists of the finance API that go by offset."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Charge, Division, Funds, Journal, Line, Posting
from services.billing.queries import history
from services.billing.queries.balance import funds_behind, visible_division
from services.billing.queries.finance import may_read_finance
from services.billing.queries.history import ENTRIES, Entry, as_seen
from services.billing.queries.ledger_filters import (
    CONTAINER,
    HISTORY_SORT,
    PURCHASE_SORT,
    container_of,
    history_conditions,
    order_of,
    purchase_conditions,
)
from shared.access import Caller
from shared.listing import Listing


async def balance_history(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[int, Sequence[Entry]]:
    """How many fit, and one page of them, the newest first unless told otherwise."""
    may_read_finance(caller)
    funds = await funds_behind(tx, await visible_division(tx, caller, container_of(listing)))
    if not listing.sort and not set(listing.filters) - set(CONTAINER):
        return funds.seq, await _whole_history(tx, caller, funds, listing)
    account = (Posting.division_id == funds.division_id, Journal.account_id == funds.account_id)
    where = and_(*account, *history_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(ENTRIES.where(where).subquery())) or 0
    query = ENTRIES.where(where).order_by(*order_of(listing, HISTORY_SORT, Posting.seq))
    rows = await tx.execute(query.limit(listing.limit).offset(listing.offset))
    return total, [as_seen(row, caller) for row in rows]


async def _whole_history(tx: AsyncSession, caller: Caller, funds: Funds, listing: Listing) -> list[Entry]:
    """Places are 1..n: an offset is one, and nothing is counted."""
    until = funds.seq - listing.offset
    return await history.run(tx, caller, funds.division_id, 0, until, listing.limit, newest_first=True)


async def purchase_history(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[int, Sequence[Any]]:
    may_read_finance(caller)
    division = await visible_division(tx, caller, container_of(listing))
    where = and_(Charge.division_id == division.id, *purchase_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(Charge).where(where)) or 0
    query = (
        select(Charge, Line.description, Division.name.label("division"))
        .join(Line, and_(Line.invoice_id == Charge.invoice_id, Line.position == 1))
        .join(Division, Division.id == Charge.division_id)
        .where(where)
    )
    order = order_of(listing, PURCHASE_SORT, Charge.id) if listing.sort else NEWEST
    return total, (await tx.execute(query.order_by(*order).limit(listing.limit).offset(listing.offset))).all()


NEWEST = [Charge.charged_at.desc(), Charge.id.desc()]
