"""The month: one invoice per division over its usage, and one over what an account owes. Started once, worked off in
chunks by whoever comes, resumed after a kill; closed again it works off what was parked."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.division_month import Chunk, close_division
from services.billing.models import Closing, PeriodClose
from services.billing.queries import closing, prefetch
from services.billing.queries.catalogue import catalogue
from services.billing.rules import Period, month_after, month_of
from shared.audit import note
from shared.db import at_last, locked, locked_or_none
from shared.errors import Conflict, Rejected

LISTED_AT_ONCE = 20_000
LINES_AT_ONCE = 20_000


class TooMuch(Exception):
    """More usage than one transaction should hold."""


async def close_period(tx: AsyncSession, first_day: date, who: str, now: datetime) -> PeriodClose:
    """Starts it, or works off what was parked of it. Raises Rejected for a month that is not over, Conflict for one
    whose predecessor is open."""
    period = month_of(first_day)
    there = await locked_or_none(tx, PeriodClose, period.first)
    if there is None:
        return await _start(tx, period, who, now)
    parked = update(Closing).where(Closing.first_day == there.first_day, Closing.failure.is_not(None))
    if (await tx.execute(parked.values(failure=None))).rowcount:  # type: ignore[attr-defined]
        there.finished_at = None
        note(tx, who, "parked divisions closed again", _subject(period), None, None, now)
    return there


async def _start(tx: AsyncSession, period: Period, who: str, now: datetime) -> PeriodClose:
    """Of two who start it at once the second waits for the first here, and finds it started."""
    started = insert(PeriodClose).values(
        first_day=period.first, started_at=now, started_by=who, listed_to=0, listed=0, done=0
    )
    if (await tx.execute(started.on_conflict_do_nothing().returning(PeriodClose.first_day))).first():
        await _refuse(tx, period, now)
        note(tx, who, "period closed", _subject(period), None, None, now)
    return (await tx.scalars(select(PeriodClose).where(PeriodClose.first_day == period.first))).one()


def _subject(period: Period) -> str:
    return f"period/{period.first:%Y-%m}"


async def _refuse(tx: AsyncSession, period: Period, now: datetime) -> None:
    if not period.is_over(now):
        raise Rejected(
            f"{period} is not over; close it from {period.last + timedelta(days=1)} on (UTC).", "period_not_over"
        )
    last = await closing.last_closed(tx, period.first)
    due = await closing.next_month(tx, last) or period
    if period.first > due.first:
        raise Conflict(f"{due} is still open; close it first.", "predecessor_open")
    if period.first < due.first:
        begins = await closing.first_month(tx) or period
        raise Conflict(f"The book begins with {begins}; there is nothing to close before it.", "before_book")
    if last and not last.is_finished:
        raise Conflict(
            f"{month_of(last.first_day)} is still being closed; close {period} when that is done.", "predecessor_open"
        )


async def list_divisions(tx: AsyncSession, now: datetime) -> PeriodClose | None:
    """The month that is being closed. While not all are listed (`listed_at`), one page more of the divisions that have
    something to do."""
    found = await closing.running(tx)
    if found is None or found.listed_at:
        return found
    there = await locked(tx, PeriodClose, found.first_day)
    if there.listed_at is None:
        period, until = month_of(there.first_day), month_after(there.first_day).last
        page = await closing.list_divisions(tx, period, until, there.listed_to, LISTED_AT_ONCE)
        there.listed_to, there.listed = page.last or there.listed_to, there.listed + page.found
        there.listed_at = now if page.looked < LISTED_AT_ONCE else None
    return there


async def open_divisions(tx: AsyncSession, first_day: date, most: int) -> list[int]:
    return [row.division_id for row in await closing.claim_open(tx, first_day, most)]


async def close_divisions(
    tx: AsyncSession, first_day: date, payment_days: int, now: datetime, most: int, only: int | None = None
) -> int:
    """The next divisions of a month that are listed and nobody works on, or just one: how many. Raises TooMuch where
    they have more usage than one transaction should hold; a single one is parked then."""
    rows = await closing.claim_open(tx, first_day, most, only)
    if not rows:
        await _finish(tx, first_day, now)
        return 0
    chunk = await _chunk(tx, month_of(first_day), rows, payment_days, now)
    results = {row.division_id: await close_division(chunk, row.account_id, row.division_id) for row in rows}
    await closing.mark(tx, first_day, results, now)
    at_last(tx, _counting(chunk, sum(1 for failure in results.values() if failure is None)))
    return len(rows)


async def _finish(tx: AsyncSession, first_day: date, now: datetime) -> None:
    there = await locked(tx, PeriodClose, first_day)
    if there.listed_at and there.finished_at is None and not await closing.has_open(tx, first_day):
        there.finished_at = now


def _counting(chunk: Chunk, done: int) -> Any:
    """As late as may be, for every worker writes the same rows; before the outbox, whose ids follow every lock."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for kind, currency, total in chunk.issued:
        number, so_far = sums.get((kind, currency), (0, 0))
        sums[kind, currency] = number + 1, so_far + total

    async def count(tx: AsyncSession) -> None:
        await closing.count(tx, chunk.period.first, done, [(*key, *value) for key, value in sums.items()])

    return count


async def _chunk(tx: AsyncSession, period: Period, rows: Sequence[Any], payment_days: int, now: datetime) -> Chunk:
    divisions = [row.division_id for row in rows]
    await prefetch.lock_funds(tx, {row.account_id for row in rows}, divisions)
    usage = await closing.unbilled(tx, divisions, period.end, LINES_AT_ONCE)
    if len(usage) > LINES_AT_ONCE and len(rows) > 1:
        raise TooMuch
    return Chunk(
        tx, period, await catalogue(tx), payment_days, now, LINES_AT_ONCE, _by_division(usage),
        _by_division(await closing.to_charge(tx, divisions, month_after(period.first).last)),
        await closing.asked_already(tx, divisions),
    )  # fmt: skip


def _by_division(rows: Sequence[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.division_id, []).append(row)
    return found


async def park_division(tx: AsyncSession, first_day: date, division_id: int, failure: str) -> None:
    row = await locked(tx, Closing, (first_day, division_id))
    if row.done_at is None:
        row.failure = failure
