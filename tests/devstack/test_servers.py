import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.devstack.broker import PARTITIONS, Broker
from shared.devstack.child import ChildEnded, start_child
from shared.devstack.postgres import Postgres


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    async with Postgres(tmp_path / "postgres", durable=False) as postgres:
        await postgres.make_databases(["one", "two"])
        yield postgres


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with Broker(tmp_path / "broker.log") as broker:
        yield broker


async def run(postgres: Postgres, sql: str, database: str = "one") -> list[asyncpg.Record]:
    connection = await asyncpg.connect(postgres.url(database).replace("+asyncpg", ""))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(sql)
        return rows
    finally:
        await connection.close()


async def test_each_database_is_made_once_and_is_its_own(postgres: Postgres) -> None:
    await postgres.make_databases(["one", "two", "three"])
    await run(postgres, "CREATE TABLE mine ()", "one")

    assert [await run(postgres, "SELECT to_regclass('mine') AS t", name) for name in ("two", "three")] == [
        [(None,)],
        [(None,)],
    ]


async def test_the_server_is_version_18_sorts_the_same_everywhere_and_is_on_loopback_only(postgres: Postgres) -> None:
    rows = await run(postgres, "SELECT current_setting('server_version_num')::int / 10000, 'a' < 'B', 'ä' ~ '\\w'")

    assert [tuple(row) for row in rows] == [(18, False, True)]
    assert (await run(postgres, "SHOW listen_addresses"))[0][0] == "127.0.0.1"


async def test_without_the_password_nobody_gets_in(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=postgres.port, user="postgres", password="guessed")


async def test_what_was_committed_survives_a_power_cut(tmp_path: Path) -> None:
    async with Postgres(tmp_path / "postgres") as postgres:
        await postgres.make_databases(["one"])
        await run(postgres, "CREATE TABLE kept AS SELECT 1 AS n")
        await postgres.kill()

        await postgres.start()

        assert [tuple(row) for row in await run(postgres, "SELECT n FROM kept")] == [(1,)]


async def test_a_lock_file_of_a_process_that_is_something_else_by_now_is_no_obstacle(postgres: Postgres) -> None:
    await postgres.stop()
    lock = postgres.directory / "data" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n")

    await postgres.start()

    assert await run(postgres, "SELECT 1")


async def test_topics_are_made_once_with_the_fixed_number_of_partitions(broker: Broker) -> None:
    await broker.make_topics(["a.v1"])
    await broker.make_topics(["a.v1", "b.v1"])

    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        counts = [len(await producer.partitions_for(topic)) for topic in ("a.v1", "b.v1")]
    assert counts == [PARTITIONS, PARTITIONS] == [4, 4]


async def test_a_record_comes_out_as_it_went_in(broker: Broker) -> None:
    await broker.make_topics(["a.v1"])
    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        await producer.send_and_wait("a.v1", b"value", key=b"key", headers=[("ce_id", b"1")])

    consumer = AIOKafkaConsumer("a.v1", bootstrap_servers=broker.address, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(10):
        record = await consumer.getone()
    assert (record.key, record.value, list(record.headers)) == (b"key", b"value", [("ce_id", b"1")])


async def test_a_restarted_broker_has_forgotten_everything_at_the_same_address(broker: Broker) -> None:
    await broker.make_topics(["a.v1"])
    before = broker.address

    await broker.stop()
    await broker.start()

    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        topics = (await producer.client.fetch_all_metadata()).topics()
    assert (broker.address, "a.v1" in topics) == (before, False)


async def test_a_server_that_ends_says_why_with_its_last_words(tmp_path: Path) -> None:
    child = await start_child("the server", ["/bin/sh", "-c", "echo no room left; exit 3"], log=tmp_path / "log")
    await child.ended()

    with pytest.raises(ChildEnded, match=r"the server ended with status 3; its last lines in .*\n  no room left"):
        await child.check()
