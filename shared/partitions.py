"""Day partitions of inbox and published: made ahead, so that a day never begins without its own; dropped when old."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database, utcnow
from shared.inbox import day_bounds

log = logging.getLogger(__name__)
DAYS_AHEAD = 7


def day_partitions(now: datetime, back: int = 0, ahead: int = DAYS_AHEAD) -> Iterable[str]:
    """The inbox's reach back to the horizon, so that a new service can read its topics from the beginning."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for n in range(-back, ahead + 1):
        day = today + timedelta(days=n)
        low, high = day_bounds(day)
        yield _make("inbox", day, f"'{low}'", f"'{high}'")
        if n >= 0:
            end = day + timedelta(days=1)
            yield _make("published", day, f"'{day:%Y-%m-%d}+00'", f"'{end:%Y-%m-%d}+00'")


def _make(table: str, day: datetime, low: str, high: str) -> str:
    return f"CREATE TABLE IF NOT EXISTS {table}_{day:%Y%m%d} PARTITION OF {table} FOR VALUES FROM ({low}) TO ({high})"


async def keep_partitions(db: Database, inbox_days: int, published_days: int) -> None:
    """The relay's leader does this before it sends: a sent row that could not be noted would be sent for ever. Each
    statement waits a moment only, for while it waits for a table everybody waits behind it; a backup that reads the
    tables for hours must not stop the service. What could not be done today is done in one of seven days."""
    now = utcnow()
    for n in range(DAYS_AHEAD + 1):
        await _keep(db, partial(_make_day, now + timedelta(days=n)), needed=n == 0)
    await _keep(db, partial(_drop_old, inbox_days, published_days))


async def _keep(db: Database, step: Callable[[AsyncSession], Awaitable[None]], needed: bool = False) -> None:
    try:
        async with db.transaction() as tx:
            await tx.execute(text("SET LOCAL lock_timeout = '500ms'"))
            await step(tx)
    except DBAPIError as error:
        if needed:
            raise
        log.warning("partitions could not be kept, trying again later", extra={"error": str(error.orig)[:200]})


async def _make_day(day: datetime, tx: AsyncSession) -> None:
    made = "SELECT to_regclass(:inbox) IS NOT NULL AND to_regclass(:published) IS NOT NULL"
    if await tx.scalar(text(made), {"inbox": f"inbox_{day:%Y%m%d}", "published": f"published_{day:%Y%m%d}"}):
        return
    await _make_room(tx, day)
    for statement in day_partitions(day, ahead=0):
        await tx.execute(text(statement))


async def _drop_old(inbox_days: int, published_days: int, tx: AsyncSession) -> None:
    for table, days in (("inbox", inbox_days), ("published", published_days)):
        await tx.execute(text(DROP_OLD.format(table=table, days=days + 1)))
    await tx.execute(OLD_FOREIGN, {"days": inbox_days})
    await tx.execute(text("DELETE FROM idempotency_key WHERE created_at < now() - interval '7 days'"))
    await tx.execute(text("DELETE FROM request_count WHERE last_at < extract(epoch FROM now()) - 86400"))


async def _make_room(tx: AsyncSession, day: datetime) -> None:
    """A row of a day without partition lies in the default one and would forbid making that day's: it moves over."""
    name = f"inbox_{day:%Y%m%d}"
    low, high = day_bounds(day)
    if await tx.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": name}):
        return
    here = {"low": low, "high": high}
    stray = (await tx.execute(TAKE_STRAY, here)).all()
    if stray:
        await tx.execute(text(_make("inbox", day, f"'{low}'", f"'{high}'")))
        await tx.execute(PUT_BACK, [dict(row._mapping) for row in stray])


TAKE_STRAY = text(
    "DELETE FROM inbox_other WHERE event_id >= :low AND event_id < :high RETURNING event_id, topic, received_at"
)
PUT_BACK = text("INSERT INTO inbox (event_id, topic, received_at) VALUES (:event_id, :topic, :received_at)")
OLD_FOREIGN = text("DELETE FROM inbox_other WHERE received_at < now() - make_interval(days => :days)")
DROP_OLD = """
DO $$ DECLARE old text; BEGIN
  FOR old IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{table}'::regclass
             AND inhrelid::regclass::text ~ '^{table}_\\d{{8}}$'
             AND inhrelid::regclass::text < '{table}_' || to_char(now() - interval '{days} days', 'YYYYMMDD')
  LOOP EXECUTE 'DROP TABLE ' || old; END LOOP;
END $$
"""
