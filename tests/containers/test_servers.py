"""The servers that the whole suite stands on with STACK=containers."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from testcontainers.core.docker_client import DockerClient

import shared.service.kafka  # noqa: F401 - so that offsets are asked for as services do
from shared.devstack.containers import POSTGRES_IMAGE, Broker, Postgres
from shared.devstack.engine import Container
from shared.migrate import ROOT

PLACE = TopicPartition("facts", 0)


@pytest_asyncio.fixture(scope="module")
async def kafka() -> AsyncIterator[Broker]:
    async with Broker() as broker:
        yield broker


async def say(broker: Broker, value: bytes) -> None:
    await broker.make_topics(["facts"])
    async with AIOKafkaProducer(bootstrap_servers=broker.address, enable_idempotence=True) as producer:
        await producer.send_and_wait("facts", value, partition=0)


async def heard(broker: Broker) -> tuple[int, int | None]:
    """How many records there are, and the offset that the group has committed; it commits them all."""
    async with AIOKafkaConsumer(
        bootstrap_servers=broker.address, group_id="group", enable_auto_commit=False
    ) as consumer:
        consumer.assign([PLACE])
        end = (await consumer.end_offsets([PLACE]))[PLACE]
        committed = await consumer.committed(PLACE)
        await consumer.commit({PLACE: end})
    return end, committed


async def test_a_killed_database_comes_back_at_its_address_with_what_was_committed() -> None:
    async with Postgres() as server:
        await server.make_databases(["one"])
        url = server.url("one")
        await server.kill()
        await server.start()

        await server.make_databases(["one", "two"])
        connection = await server.connect()
        names = await connection.fetch("SELECT datname, encoding FROM pg_database WHERE datname IN ('one', 'two')")
        await connection.close()

    assert server.url("one") == url
    assert {(row["datname"], row["encoding"]) for row in names} == {("one", 6), ("two", 6)}  # 6 is UTF-8


async def test_a_killed_broker_comes_back_at_its_address_with_records_and_offsets(kafka: Broker) -> None:
    await kafka.clear()
    await say(kafka, b"one")
    assert await heard(kafka) == (1, None)
    address = kafka.address

    await kafka.kill()
    await kafka.start()

    assert kafka.address == address
    assert await heard(kafka) == (1, 1)


@pytest.mark.parametrize("way", [Broker.clear, Broker.forget], ids=["cleared", "lost"])
async def test_a_broker_that_was_emptied_knows_neither_records_nor_offsets(
    kafka: Broker, way: Callable[[Broker], Awaitable[None]]
) -> None:
    await say(kafka, b"one")
    await heard(kafka)

    await way(kafka)
    await kafka.make_topics(["facts"])

    assert await heard(kafka) == (0, None)


async def test_a_container_that_ends_by_itself_shows_its_last_lines() -> None:
    server = Postgres()
    server.container = Container(
        "postgres",
        POSTGRES_IMAGE,
        5432,
        command=["postgres", "-c", "nonsense=1"],
        environment={"POSTGRES_PASSWORD": "x"},
    )

    with pytest.raises(RuntimeError, match=r"(?s)postgres:18 is exited; its last lines:.*nonsense"):
        async with server:
            pass


ENDLESS = """
import asyncio
import shared.service.kafka  # noqa: F401 - so that offsets are asked for as services do
from shared.devstack.containers import Postgres
async def main():
    async with Postgres() as server:
        print(server.container.name_on_engine, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def test_containers_go_with_the_process_that_started_them_though_it_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    name = process.stdout.readline().strip()
    assert is_there(name)

    process.kill()
    process.communicate()

    until = time.monotonic() + 30
    while is_there(name):
        assert time.monotonic() < until
        time.sleep(0.2)


def is_there(name: str) -> bool:
    return bool(DockerClient().client.containers.list(all=True, filters={"name": name}))
