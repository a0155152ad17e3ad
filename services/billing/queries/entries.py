"""The history of funds as a list of the API, which goes by offset. Places in it are 1..n and times rise with them, so a
date is a run of places, and only kinds of entries within a period are ever counted."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import EntryCount, Funds, Posting
from services.billing.queries import history
from services.billing.queries.balance import history_funds, visible_division
from services.billing.queries.finance import may_read_finance
from services.billing.queries.history import ENTRIES, Entry, as_seen
from services.billing.queries.ledger_filters import HISTORY_SORT, container_of, order_of
from services.billing.queries.periods import OF_FUNDS, places
from services.billing.rules import type_named
from shared.access import Caller
from shared.listing import Listing, period

Run = tuple[int, int]  # places after the first, up to the second


async def entries(tx: AsyncSession, caller: Caller, listing: Listing, own: bool = False) -> tuple[int, Sequence[Entry]]:
    """How many fit, and one page of them, the newest first unless told otherwise."""
    may_read_finance(caller)
    division = await visible_division(tx, caller, container_of(listing))
    funds = await history_funds(tx, division, own)
    runs, types = await _runs(tx, funds, listing), _types(listing)
    if len(runs) == 1 and types is None and not listing.sort:
        return _length(runs), await _by_place(tx, caller, funds, runs[0], listing)
    where = _where(funds, runs, types)
    rows = await tx.execute(_page(where, listing))
    return await _count(tx, funds, runs, types, where), [as_seen(row, caller) for row in rows]


async def _by_place(tx: AsyncSession, caller: Caller, funds: Funds, run: Run, listing: Listing) -> list[Entry]:
    """An offset is a place too: nothing is skipped row by row."""
    until = run[1] - listing.offset
    return await history.run(tx, caller, funds.division_id, run[0], until, listing.limit, newest_first=True)


def _page(where: ColumnElement[bool], listing: Listing) -> Any:
    if listing.sort:
        query = ENTRIES.where(where).order_by(*order_of(listing, HISTORY_SORT, Posting.seq))
        return query.limit(listing.limit).offset(listing.offset)
    found = select(Posting.id).where(where).order_by(Posting.seq.desc()).limit(listing.limit).offset(listing.offset)
    return ENTRIES.where(Posting.id.in_(found), Posting.division_id.is_not(None)).order_by(Posting.seq.desc())


async def _runs(tx: AsyncSession, funds: Funds, listing: Listing) -> list[Run]:
    """Apart from each other, in their order."""
    for value in listing.filters.get("expiration_date", ()):
        period("expiration_date", value)
        return []  # no deposit expires here
    dates = [period("transaction_date", value) for value in listing.filters.get("transaction_date", ())]
    if not dates:
        return [(0, funds.seq)]
    moments = sorted({moment for span in dates for moment in (span.start, span.end) if moment})
    at = dict(zip(moments, await places(tx, OF_FUNDS, funds.division_id, funds.seq, moments), strict=True))
    return _apart((at[s.start] if s.start else 0, at[s.end] if s.end else funds.seq) for s in dates)


def _apart(runs: Iterable[Run]) -> list[Run]:
    apart: list[Run] = []
    for after, last in sorted(run for run in runs if run[0] < run[1]):
        if apart and after <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(last, apart[-1][1]))
        else:
            apart.append((after, last))
    return apart


def _types(listing: Listing) -> list[str] | None:
    """None: of every type."""
    asked = listing.filters.get("adjust_type")
    return [name for value in asked if (name := type_named(value))] if asked else None


def _where(funds: Funds, runs: Sequence[Run], types: Sequence[str] | None) -> ColumnElement[bool]:
    within = or_(false(), *(and_(Posting.seq > after, Posting.seq <= last) for after, last in runs))
    of_type = [] if types is None else [Posting.type.in_(types)]
    return and_(Posting.division_id == funds.division_id, within, *of_type)


async def _count(
    tx: AsyncSession, funds: Funds, runs: Sequence[Run], types: Sequence[str] | None, where: ColumnElement[bool]
) -> int:
    if types is None:
        return _length(runs)
    query = select(func.count()).select_from(Posting).where(where)
    if list(runs) == [(0, funds.seq)]:
        query = select(func.sum(EntryCount.n)).where(EntryCount.division_id == funds.division_id)
        query = query.where(EntryCount.type.in_(types))
    return int(await tx.scalar(query) or 0)


def _length(runs: Iterable[Run]) -> int:
    return sum(last - after for after, last in runs)
