"""The relay, step by step, with producers that fail where they are told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from shared.db import utcnow
from shared.outbox import announce
from shared.relay import Floor, Leader, NotLeader, Relay, lead_or_wait, oldest_pending, send_in_order
from shared.waiting import Outage
from tests.toy import Toy, counted

EPOCH = utcnow().replace(year=2000)


class Told:
    """Takes what it is sent; refuses to enqueue, or does not acknowledge, the versions it is told."""

    def __init__(self, refuses: set[int] | None = None, fails: set[int] | None = None) -> None:
        self.refuses, self.fails = refuses or set(), fails or set()
        self.sent: list[tuple[str, int, dict[str, str]]] = []
        self.restarts = 0

    async def send(self, topic: str, key: str, headers: dict[str, str], payload: bytes) -> Awaitable[Any]:
        version = int(payload.split(b'"version":')[1].split(b",")[0])
        if version in self.refuses:
            raise ConnectionError("the broker is not to be had")
        self.sent.append((key, version, headers))
        return self._answer(version)

    async def _answer(self, version: int) -> None:
        await asyncio.sleep(0)
        if version in self.fails:
            raise ConnectionError("not acknowledged")

    async def restart(self) -> None:
        self.restarts += 1

    @property
    def versions(self) -> list[int]:
        return [version for _, version, _ in self.sent]


async def say(toy: Toy, *versions: int, thing: int = 1) -> None:
    async with toy.db.transaction() as tx:
        for version in versions:
            announce(tx, counted(thing, version))


def a_relay(toy: Toy, producer: Told, leader: Leader | None = None) -> Relay:
    async def keep() -> None:
        return None

    return Relay(toy.db, producer, leader, keep)


@asynccontextmanager
async def leader_of(toy: Toy) -> AsyncIterator[Leader]:
    leader = Leader(toy.url)
    try:
        yield leader
    finally:
        await leader.release()


async def test_what_was_acknowledged_moves_into_the_log_with_its_bytes(toy: Toy) -> None:
    await say(toy, 1, 2, 3)
    columns = "id, event_id, topic, key, headers, payload, created_at"
    before = await toy.rows(f"SELECT {columns} FROM outbox ORDER BY id")

    producer = Told()
    assert await a_relay(toy, producer).step() is True
    assert await a_relay(toy, producer).step() is False

    assert producer.versions == [1, 2, 3]
    assert await toy.value("SELECT count(*) FROM outbox") == 0
    assert await toy.rows(f"SELECT {columns} FROM published ORDER BY id") == before


@pytest.mark.parametrize("how", ["refuses", "fails"])
async def test_nothing_behind_a_failure_counts_and_all_of_it_goes_again_in_order(toy: Toy, how: str) -> None:
    await say(toy, 1, 2, 3, 4)
    producer = Told(**{how: {3}})
    relay = a_relay(toy, producer)

    with pytest.raises(ConnectionError, match="took 2 of 4"):
        await relay.step()
    producer.refuses, producer.fails = set(), set()
    await relay.step()

    assert producer.restarts == 1
    assert producer.versions == ([1, 2] if how == "refuses" else [1, 2, 3, 4]) + [3, 4]
    assert await toy.value("SELECT array_agg(id ORDER BY id) = array_agg(id ORDER BY published_at, id) FROM published")


async def test_a_relay_that_failed_ten_thousand_times_still_tries(toy: Toy) -> None:
    """The pause is bounded before it is computed: 2 to the 1,100th is no float, and the relay's task would end."""
    await say(toy, 1)
    producer, stop = Told(refuses={1}), asyncio.Event()
    relay = a_relay(toy, producer)
    relay.stats.failures = 10_000

    running = asyncio.create_task(relay.run(stop))
    await asyncio.sleep(0.3)
    assert not running.done(), running.exception()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_only_one_process_sends_and_another_takes_over_when_it_ends(toy: Toy) -> None:
    await say(toy, 1)
    first, second = Told(), Told()
    async with leader_of(toy) as one, leader_of(toy) as two:
        assert await a_relay(toy, first, one).step() is True
        await say(toy, 2)
        other = a_relay(toy, second, two)
        assert await other.step() is False
        assert other.stats.leader is False

        await one.release()
        assert await other.step() is True

    assert (first.versions, second.versions) == ([1], [2])


async def test_a_leader_whose_connection_was_cut_sends_nothing_until_it_leads_again(toy: Toy) -> None:
    await say(toy, 1)
    producer = Told()
    async with leader_of(toy) as leader:
        relay = a_relay(toy, producer, leader)
        await leader.take()
        connection = await asyncpg.connect(toy.url.replace("+asyncpg", ""))
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay'"
            " AND datname = current_database()"
        )
        await connection.close()

        with pytest.raises(NotLeader):
            await leader.ask("SELECT 1")
        assert not leader.held
        assert await relay.step() is True  # took the lock anew

    assert producer.versions == [1]


async def test_a_leader_that_is_silent_loses_the_lock_and_one_that_waits_for_the_broker_keeps_it(toy: Toy) -> None:
    frozen, awake, other = (Leader(toy.url, silent_for=0.6) for _ in range(3))
    assert await frozen.take()
    assert not await awake.take()
    assert await lead_or_wait(awake, seconds=3)
    with pytest.raises(NotLeader):
        await frozen.ask("SELECT 1")

    async with awake.awake():
        await asyncio.sleep(1.5)
        assert not await other.take()
    assert await awake.ask("SELECT 1")
    await awake.release()


async def test_whoever_leads_anew_reads_from_the_beginning_for_this_may_be_another_server(toy: Toy) -> None:
    async with leader_of(toy) as leader:
        relay = a_relay(toy, told := Told(), leader)
        for n in range(4):
            await say(toy, 10 + n)
            await relay.step()
            relay._looked_at = 0.0
        assert relay._floor.at > 0
        await leader.release()
        async with toy.engine.begin() as connection:
            columns = "id, event_id, topic, key, headers, payload"
            first = f"SELECT {columns} FROM published ORDER BY id LIMIT 1"
            await connection.execute(text(f"INSERT INTO outbox ({columns}) OVERRIDING SYSTEM VALUE {first}"))
        assert await relay.step() is True

    assert len(told.versions) == 5


async def test_a_row_with_a_lower_id_that_commits_late_goes_before_its_aggregates_next_row(toy: Toy) -> None:
    relay, producer = a_relay(toy, told := Told()), told
    late = await asyncpg.connect(toy.url.replace("+asyncpg", ""))
    row = "INSERT INTO outbox (event_id, topic, key, headers, payload) VALUES (gen_random_uuid(), 't', $1, '{}', $2)"
    await late.execute("BEGIN")
    await late.execute(row, "9", b'{"version":1,')
    for n in range(3):  # others overtake it, and the scan's floor would like to rise
        await say(toy, 100 + n, thing=2)
        await relay.step()
        relay._looked_at = 0.0

    await late.execute("COMMIT")
    await late.execute(row, "9", b'{"version":2,')
    await late.close()
    await relay.step()

    assert [version for key, version, _ in producer.sent if key == "9"] == [1, 2]


def test_the_floor_waits_for_every_transaction_that_ran_and_for_every_row_below() -> None:
    floor = Floor()
    floor.removed = 50
    floor.rise(oldest=10, following=20, first_pending=None)  # 50 may become the floor when all before 20 have ended
    assert floor.at == 0

    floor.removed = 90
    floor.rise(oldest=19, following=30, first_pending=None)
    assert floor.at == 0
    floor.rise(oldest=20, following=30, first_pending=45)  # one of them left a row below
    assert floor.at == 0

    floor.rise(oldest=20, following=30, first_pending=95)
    assert floor.at == 50
    floor.rise(oldest=30, following=40, first_pending=None)
    assert floor.at == 90


async def test_a_replay_can_be_taken_up_again_and_narrowed_to_a_topic(toy: Toy) -> None:
    await say(toy, *range(1, 8))
    await a_relay(toy, Told()).step()
    third = await toy.value("SELECT id FROM published ORDER BY id OFFSET 2 LIMIT 1")
    broken, producer = Told(fails={4}), Told()

    with pytest.raises(Outage, match="go on from id"):
        await a_relay(toy, broken).replay(EPOCH)
    last = await a_relay(toy, producer).replay(EPOCH, after=third)
    await a_relay(toy, other := Told()).replay(EPOCH, topic="another.topic")

    assert producer.versions == [4, 5, 6, 7]
    assert last == await toy.value("SELECT max(id) FROM published")
    assert other.sent == []
    assert all(headers["replay"] == "1" for _, _, headers in producer.sent)
    assert await toy.value("SELECT count(*) FROM published") == 7


async def test_an_answer_that_cannot_be_awaited_is_an_acknowledgement() -> None:
    class Taker(Told):
        async def send(self, topic: str, key: str, headers: dict[str, str], payload: bytes) -> Any:
            return None

    assert await send_in_order(Taker(), []) == []


async def test_the_age_of_the_oldest_waiting_row_is_known(toy: Toy) -> None:
    assert await oldest_pending(toy.db) == (0, 0.0)
    await say(toy, 1, 2)
    count, age = await oldest_pending(toy.db)
    assert count == 2
    assert 0 <= age < 5
