"""Carries the outbox to Kafka: one leader per database, all pending rows by id, sent in order, moved once acknowledged.
Order comes from ids, liveness from the lock; there is no clock, no lease and no retry of a part."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from shared.db import Database
from shared.relay.leader import Leader, NotLeader, lead_or_wait
from shared.relay.sending import Producer, Row, send_in_order
from shared.tally import Tally
from shared.waiting import Outage, Waiting, in_words

__all__ = [
    "Floor",
    "Leader",
    "NotLeader",
    "Producer",
    "Relay",
    "Row",
    "lead_or_wait",
    "oldest_pending",
    "send_in_order",
]

BATCH = 1000
PENDING = "SELECT id, event_id, topic, key, headers, payload FROM outbox WHERE id > $1 ORDER BY id LIMIT $2"
OPEN = """
SELECT pg_snapshot_xmin(now)::text::bigint AS oldest, pg_snapshot_xmax(now)::text::bigint AS next
FROM pg_current_snapshot() AS now
"""
MOVE = """
WITH gone AS (DELETE FROM outbox WHERE id = ANY ($1::bigint[])
              RETURNING id, event_id, topic, key, headers, payload, created_at)
INSERT INTO published (id, event_id, topic, key, headers, payload, created_at) SELECT * FROM gone
RETURNING extract(epoch FROM clock_timestamp() - created_at)::float8 AS waited
"""
LOGGED = """
SELECT id, event_id, topic, key, headers, payload FROM published
WHERE published_at >= $1 AND id > $2 ORDER BY id LIMIT $3
"""


@dataclass
class RelayStats:
    """`waited`: from the beginning of the transaction that said an event to the broker's acknowledgement."""

    leader: bool = False
    failures: int = 0
    sent: int = 0
    pending: int = 0
    waited: Tally = field(default_factory=Tally)


@dataclass
class Floor:
    """The id above which the outbox is read, so that dead rows are not walked. What was removed last is not enough: a
    transaction still open may own a lower id, and its aggregate's next row must not be sent before it. So an id becomes
    the floor when all transactions that ran when it was removed have ended and nothing below is left."""

    at: int = 0
    removed: int = 0
    _coming: int = 0
    _before: int = 0

    def rise(self, oldest: int, following: int, first_pending: int | None) -> None:
        """`oldest` open and `following` transaction id by a snapshot; `first_pending` by a later one."""
        if oldest < self._before or (first_pending is not None and first_pending <= self._coming):
            return
        self.at, self._coming, self._before = self._coming, self.removed, following


class NotTaken(ConnectionError):
    """Numbers differ from attempt to attempt, and the reason was said by whoever sent."""


def _why(error: Exception) -> str:
    return "the broker does not take every record" if isinstance(error, NotTaken) else in_words(error)


class Relay:
    def __init__(
        self, db: Database, producer: Producer, leader: Leader | None, keep: Callable[[], Awaitable[None]]
    ) -> None:
        """`leader` is None only where one process is known to be the only one; `keep` makes the day partitions, without
        which a sent row could not be noted and would be sent again and again."""
        self.db, self.producer, self.leader, self.keep = db, producer, leader, keep
        self.stats, self.waiting = RelayStats(), Waiting("relay")
        self._committed = db.waker()
        self._floor = Floor()
        self._looked_at = self._kept_at = 0.0

    async def run(self, stopped: asyncio.Event, replay_since: datetime | None = None, poll: float = 0.03) -> None:
        """`poll`: seconds, for commits of other processes; own ones wake it."""
        while not stopped.is_set():
            self._committed.clear()
            try:
                if replay_since and await self._lead():
                    await self.replay(replay_since)
                    replay_since = None
                await self.step()
                self.stats.failures = 0
                self.waiting.over("the relay")
                if self.stats.pending == BATCH:  # else whatever was committed meanwhile has woken us
                    continue
            except Exception as error:
                self.stats.failures += 1
                self.waiting.because("the relay", f"the relay rests: {_why(error)}")
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), min(0.05 * 2 ** min(self.stats.failures, 10), 5.0))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._committed.wait(), poll if self.stats.leader else 0.5)
        await self._stop()

    async def _stop(self) -> None:
        with suppress(Exception):
            while await self.step():
                pass
        if self.leader:
            await self.leader.release()
        self.stats.leader = False

    async def step(self) -> bool:
        """Send and move what is pending; False when nothing was, or another process leads."""
        self.stats.pending = 0
        if not await self._lead():
            return False
        rows = await self._pending()
        self.stats.pending = len(rows)
        if not rows:
            return False
        if self.leader and not self.leader.held:
            raise NotLeader
        sent = await self._send(rows)
        await self._move(sent)
        if len(sent) < len(rows):
            raise NotTaken(f"the broker took {len(sent)} of {len(rows)} records")
        return True

    async def _send(self, rows: Sequence[Row], extra: dict[str, str] | None = None) -> list[int]:
        if self.leader is None:
            return await send_in_order(self.producer, rows, extra)
        async with self.leader.awake():  # while the broker is away the lock is kept
            return await send_in_order(self.producer, rows, extra)

    async def _lead(self) -> bool:
        led = self.leader is None or self.leader.held
        self.stats.leader = self.leader is None or await self.leader.take()
        if self.stats.leader and not led:
            self._floor = Floor()  # this may be another server, which has lost rows or handed out an id again
        now = time.monotonic()
        if self.stats.leader and now - self._kept_at > 3600:
            await self.keep()
            self._kept_at = now
        return self.stats.leader

    async def _pending(self) -> Sequence[Row]:
        now = time.monotonic()
        if now - self._looked_at < 1.0:
            return await self._read(raise_floor=False)
        self._looked_at = now
        return await self._read(raise_floor=True)

    async def _read(self, raise_floor: bool) -> Sequence[Row]:
        opened = await self._ask(OPEN) if raise_floor else []
        rows = [Row(*row) for row in await self._ask(PENDING, self._floor.at, BATCH)]
        for oldest, following in opened:
            self._floor.rise(oldest, following, rows[0].id if rows else None)
        return rows

    async def _ask(self, statement: str, *given: Any) -> Sequence[Any]:
        if self.leader:
            return await self.leader.ask(statement, *given)
        async with self.db.transaction() as tx:
            return (await (await tx.connection()).exec_driver_sql(statement, given)).all()

    async def _move(self, ids: list[int]) -> None:
        if not ids:
            return
        for row in await self._ask(MOVE, ids):
            self.stats.waited.note(row[0])
        self._floor.removed = ids[-1]
        self.stats.sent += len(ids)

    async def replay(self, since: datetime, after: int = 0, topic: str | None = None) -> int:
        """Say again what was published since then, with the same ids, keys, headers and bytes and a header `replay`;
        answers the last id, from which a broken replay goes on. The caller leads: live events wait."""
        while True:
            rows = [Row(*row) for row in await self._ask(LOGGED, since, after, BATCH)]
            if not rows:
                return after
            wanted = [row for row in rows if topic is None or row.topic == topic]
            sent = await self._send(wanted, {"replay": "1"})
            if len(sent) < len(wanted):
                raise Outage(f"the broker took {len(sent)} of {len(wanted)} records; go on from id {after}")
            after = rows[-1].id


async def oldest_pending(db: Database) -> tuple[int, float]:
    """How many rows wait (an estimate above 10,000) and the age of the oldest in seconds."""
    async with db.transaction() as tx:
        row = (
            await tx.execute(
                text(
                    "SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 10000) AS o),"
                    " coalesce(extract(epoch FROM now() - (SELECT created_at FROM outbox ORDER BY id LIMIT 1)), 0)"
                )
            )
        ).one()
    return int(row[0]), float(row[1])
