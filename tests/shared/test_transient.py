"""What passes by itself is waited for in place; nothing is parked for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from shared.db import Database, is_transient
from shared.devstack.child import free_port
from shared.door import Door, OpenDoor
from shared.door.work import Interrupted
from tests.bus import as_record
from tests.toy import Counted, Toy, counted, make_door


class Failing:
    """A consumer that fails in a given way the first times."""

    def __init__(self, *failures: Any) -> None:
        self.failures, self.calls = list(failures), 0

    def door(self) -> Door:
        door = make_door()
        good = door.listeners[Counted]

        async def apply(event: Counted, tx: AsyncSession) -> None:
            self.calls += 1
            if self.failures:
                await self.failures.pop(0)(tx)
            await good.apply(event, tx)

        door.on(Counted, good.prefetch)(apply)
        return door


def sql(statement: str) -> Any:
    async def fail(tx: AsyncSession) -> None:
        await tx.execute(text(statement))

    return fail


def raised(error: BaseException) -> Any:
    async def fail(tx: AsyncSession) -> None:
        raise error

    return fail


RAISE = "DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{}'; END $$"
PASSING = ("40001", "40P01", "57P01", "57P03", "08006", "55P03", "57014", "53300", "25006")


@pytest.mark.parametrize("state", PASSING)
async def test_an_error_that_passes_is_tried_again_in_place_and_parks_nothing(toy: Toy, state: str) -> None:
    failing = Failing(sql(RAISE.format(state)), sql(RAISE.format(state)))
    door = OpenDoor(failing.door(), toy.db)

    await door.handle([as_record(counted(1, 1))])

    assert await toy.versions() == {1: 1}
    assert (failing.calls, door.stats.transient) == (3, 2)
    assert not door.retrying


async def test_a_lock_that_is_not_to_be_had_in_time_passes(toy: Toy) -> None:
    async with toy.engine.connect() as holder:
        await holder.execute(text("LOCK TABLE unrelated IN ACCESS EXCLUSIVE MODE"))
        failing = Failing(in_turn("SET LOCAL lock_timeout = '50ms'", "SELECT * FROM unrelated"))
        await OpenDoor(failing.door(), toy.db).handle([as_record(counted(1, 1))])

    assert await toy.versions() == {1: 1}


def in_turn(*statements: str) -> Any:
    async def run(tx: AsyncSession) -> None:
        for statement in statements:
            await tx.execute(text(statement))

    return run


@pytest.mark.parametrize("state", ["23505", "22P02", "42P01", "P0001"])
async def test_an_error_that_stays_is_parked_at_once(toy: Toy, state: str) -> None:
    failing = Failing(sql(RAISE.format(state)))
    door = OpenDoor(failing.door(), toy.db)

    await door.handle([as_record(counted(1, 1))])

    [parked] = await toy.parked()
    assert parked.error.endswith(": made up")
    assert (failing.calls, door.stats.transient) == (1, 0)


async def test_a_session_that_is_cut_in_the_middle_is_tried_again(toy: Toy) -> None:
    failing = Failing(sql("SELECT pg_terminate_backend(pg_backend_pid())"))

    await OpenDoor(failing.door(), toy.db).handle([as_record(counted(1, 1)), as_record(counted(1, 2))])

    assert await toy.versions() == {1: 2}
    assert await toy.parked() == []


async def test_a_pool_without_a_free_connection_passes(toy: Toy) -> None:
    engine = create_async_engine(toy.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    door = toy.open_door()
    door.db = door._worker.db = Database(engine)
    async with engine.connect():
        handling = asyncio.create_task(door.handle([as_record(counted(1, 1))]))
        await asyncio.sleep(0.5)
        assert door.retrying
    await handling
    await engine.dispose()

    assert await toy.versions() == {1: 1}
    assert await toy.parked() == []


@asynccontextmanager
async def proxy(toy: Toy) -> AsyncIterator["Proxy"]:
    one = Proxy(toy)
    await one.open()
    yield one
    await one.shut()
    await one.engine.dispose()


class Proxy:
    """A way to PostgreSQL that can be shut, or answer with something that is no PostgreSQL."""

    def __init__(self, toy: Toy) -> None:
        self.port = free_port()
        url = toy.engine.url.set(port=self.port)
        self._target = toy.engine.url.port
        self.engine = create_async_engine(url)
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pipe, "127.0.0.1", self.port)

    async def shut(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, on = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, on]
        await asyncio.gather(self._copy(reader, on), self._copy(there, writer))

    @staticmethod
    async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except OSError:
            return
        finally:
            sink.close()


async def test_a_network_that_breaks_at_any_moment_loses_and_parks_nothing(toy: Toy) -> None:
    async with proxy(toy) as way:
        door = toy.open_door()
        door.db = door._worker.db = Database(way.engine)
        events = [counted(thing, version) for version in range(1, 41) for thing in range(1, 11)]
        handling = asyncio.create_task(door.handle([as_record(event, n) for n, event in enumerate(events)]))
        for _ in range(12):
            await asyncio.sleep(0.03)
            await way.shut()
            await asyncio.sleep(0.03)
            await way.open()
        await handling

    assert await toy.parked() == []
    assert await toy.versions() == dict.fromkeys(range(1, 11), 40)
    assert door.stats.transient > 0


async def test_a_stay_that_gets_too_long_ends_and_the_records_come_again(toy: Toy) -> None:
    failing = Failing(*[raised(ConnectionRefusedError())] * 100)
    door = OpenDoor(failing.door(), toy.db, stay=0.3)

    with pytest.raises(Interrupted):
        await door.handle([as_record(counted(1, 1))])
    assert not door.retrying  # it does not try any more, and is not to be called unready for ever
    failing.failures.clear()
    await door.handle([as_record(counted(1, 1))])

    assert await toy.versions() == {1: 1}


async def test_a_revocation_ends_the_retries_at_once(toy: Toy) -> None:
    door = OpenDoor(Failing(*[raised(ConnectionRefusedError())] * 100).door(), toy.db)
    handling = asyncio.create_task(door.handle([as_record(counted(1, 1))]))
    await asyncio.sleep(0.2)

    await asyncio.wait_for(door.on_partitions_revoked([]), 3)

    with pytest.raises(Interrupted):
        await handling
    assert door.idle


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (PoolTimeout("QueuePool limit"), True),
        (asyncpg.CannotConnectNowError("starting up"), True),
        (asyncpg.TooManyConnectionsError("too many"), True),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle"), True),
        (asyncpg.InvalidPasswordError("changed a moment ago"), True),
        (asyncpg.InvalidCatalogNameError("is being restored"), True),
        (asyncpg.InsufficientPrivilegeError("permission denied for database"), True),
        (DBAPIError("SELECT", None, asyncpg.InsufficientPrivilegeError("permission denied for table")), False),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"), True),
        (DBAPIError("SELECT 1", None, asyncpg.InterfaceError("cannot perform operation: connection is closed")), True),
        (IntegrityError("INSERT", None, asyncpg.UniqueViolationError("twice")), False),
        (asyncpg.UndefinedTableError("no such table"), False),
        (ValueError("a bug"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_passes_is_told_from_what_stays(error: Exception, passes: bool) -> None:
    assert is_transient(error) is passes
