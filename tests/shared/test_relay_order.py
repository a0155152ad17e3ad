"""Why the relay reads all pending rows by id: every other way loses or swaps rows, and is seen to."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest_asyncio

from shared.ids import new_id
from shared.relay import Leader, Relay
from tests.toy import Toy

Connection = Any
WRITERS, AGGREGATES, SECONDS, ROUNDS = 16, 8, 3.5, 4
COPIES = ("by_cursor", "by_watermark", "by_xmin", "by_workers")
ANNOUNCE = (
    """
WITH o AS (INSERT INTO outbox (event_id, topic, key, headers, payload) VALUES ($1, 'order', $2, '{}', $3) RETURNING id),
"""
    + ", ".join(
        f"c{n} AS (INSERT INTO {copy} SELECT id, pg_current_xact_id(), $2, convert_from($3, 'UTF8')::int FROM o)"
        for n, copy in enumerate(COPIES)
    )
    + " SELECT id FROM o"
)


@dataclass
class Seen:
    """What one reader saw, in its order."""

    rows: list[tuple[str, int]] = field(default_factory=list)

    def lost(self, written: set[tuple[str, int]]) -> int:
        return len(written - set(self.rows))

    @property
    def swapped(self) -> int:
        newest: dict[str, int] = {}
        swaps = 0
        for key, version in self.rows:
            swaps += version < newest.get(key, 0)
            newest[key] = max(version, newest.get(key, 0))
        return swaps


class Recorder:
    """A producer whose broker takes everything, a little later."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def send(self, topic: str, key: str, headers: dict[str, str], payload: bytes) -> Awaitable[Any]:
        self._seen.rows.append((key, int(payload)))
        return asyncio.sleep(random.random() / 500)

    async def restart(self) -> None:
        raise AssertionError("nothing fails here")


@pytest_asyncio.fixture
async def copied(toy: Toy) -> AsyncIterator[Toy]:
    async with connected(toy) as connection:
        for copy in COPIES:
            await connection.execute(f"CREATE TABLE {copy} (id bigint, xid xid8, key text, version int)")
            await connection.execute(f"CREATE INDEX ON {copy} (id)")
        yield toy
        for copy in COPIES:
            await connection.execute(f"DROP TABLE {copy}")


@asynccontextmanager
async def connected(toy: Toy) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(toy.url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def write(toy: Toy, n: int, until: float, written: set[tuple[str, int]]) -> None:
    """Half of the writers own a transaction id early, a third of the transactions stay open a while at the end."""
    clock = asyncio.get_running_loop().time
    async with connected(toy) as connection:
        while clock() < until:
            key = str(random.randint(1, AGGREGATES))
            async with connection.transaction():
                if n % 2:
                    await connection.execute("INSERT INTO unrelated VALUES ($1)", n)
                    await asyncio.sleep(random.random() / 100)
                version = await connection.fetchval(
                    "UPDATE thing SET version = version + 1 WHERE id = $1 RETURNING version", int(key)
                )
                await connection.execute(ANNOUNCE, new_id(), key, str(version).encode())
                if random.random() < 1 / 3:
                    await asyncio.sleep(random.random() / 50)
            written.add((key, version))


Read = Callable[[Connection, Seen], Awaitable[int]]


def by_cursor() -> Read:
    last = 0

    async def read(connection: Connection, seen: Seen) -> int:
        nonlocal last
        rows = await connection.fetch("SELECT id, key, version FROM by_cursor WHERE id > $1 ORDER BY id", last)
        last = rows[-1]["id"] if rows else last
        seen.rows += [(row["key"], row["version"]) for row in rows]
        return len(rows)

    return read


def by_watermark() -> Read:
    last = ("0", 0)

    async def read(connection: Connection, seen: Seen) -> int:
        nonlocal last
        rows = await connection.fetch(
            "SELECT id, xid::text AS xid, key, version FROM by_watermark WHERE (xid, id) > ($1::text::xid8, $2)"
            " AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY by_watermark.xid, id",
            *last,
        )
        last = (rows[-1]["xid"], rows[-1]["id"]) if rows else last
        seen.rows += [(row["key"], row["version"]) for row in rows]
        return len(rows)

    return read


async def by_xmin(connection: Connection, seen: Seen) -> int:
    rows = await connection.fetch(
        "SELECT id, key, version FROM by_xmin WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY id LIMIT 100"
    )
    seen.rows += [(row["key"], row["version"]) for row in rows]
    await connection.execute("DELETE FROM by_xmin WHERE id = ANY ($1)", [row["id"] for row in rows])
    return len(rows)


async def by_workers(connection: Connection, seen: Seen) -> int:
    async with connection.transaction():
        rows = await connection.fetch(
            "DELETE FROM by_workers WHERE id IN (SELECT id FROM by_workers ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED)"
            " RETURNING id, key, version"
        )
        for row in sorted(rows, key=lambda row: row["id"]):
            await asyncio.sleep(random.random() / 1000)  # the way to the broker
            seen.rows.append((row["key"], row["version"]))
    return len(rows)


async def read_on(toy: Toy, read: Read, seen: Seen, stop: asyncio.Event) -> None:
    async with connected(toy) as connection:
        while not stop.is_set():
            await read(connection, seen)
            await asyncio.sleep(0.001)
        while await read(connection, seen):
            pass


async def relay_on(toy: Toy, seen: Seen, stop: asyncio.Event) -> None:
    await Relay(toy.db, Recorder(seen), Leader(toy.url), _nothing).run(stop, poll=0.001)


async def _nothing() -> None:
    return None


@dataclass
class Round:
    written: set[tuple[str, int]] = field(default_factory=set)
    ours: Seen = field(default_factory=Seen)
    cursor: Seen = field(default_factory=Seen)
    watermark: Seen = field(default_factory=Seen)
    xmin: Seen = field(default_factory=Seen)
    workers: Seen = field(default_factory=Seen)


async def play(toy: Toy) -> Round:
    played, stop = Round(), asyncio.Event()
    readers = [
        relay_on(toy, played.ours, stop),
        read_on(toy, by_cursor(), played.cursor, stop),
        read_on(toy, by_watermark(), played.watermark, stop),
        read_on(toy, by_xmin, played.xmin, stop),
        read_on(toy, by_workers, played.workers, stop),
        read_on(toy, by_workers, played.workers, stop),
    ]
    running = [asyncio.create_task(reader) for reader in readers]
    until = asyncio.get_running_loop().time() + SECONDS
    await asyncio.gather(*(write(toy, n, until, played.written) for n in range(WRITERS)))
    stop.set()
    await asyncio.gather(*running)
    return played


async def test_pending_rows_by_id_lose_and_swap_nothing_where_every_other_way_does(copied: Toy) -> None:
    unseen = {
        "the cursor loses rows",
        "the watermark swaps rows",
        "pending below xmin swaps rows",
        "two workers swap rows",
    }

    for _ in range(ROUNDS):
        played = await play(copied)

        assert len(played.written) > 100
        assert (played.ours.lost(played.written), played.ours.swapped) == (0, 0)
        assert len(played.ours.rows) == len(played.written)
        failed = {
            "the cursor loses rows": played.cursor.lost(played.written),
            "the watermark swaps rows": played.watermark.swapped,
            "pending below xmin swaps rows": played.xmin.swapped,
            "two workers swap rows": played.workers.swapped,
        }
        unseen -= {name for name, times in failed.items() if times}
        if not unseen:
            return
    raise AssertionError(f"not seen in {ROUNDS} rounds, so this test could not fail: {', '.join(sorted(unseen))}")
