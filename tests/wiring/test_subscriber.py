"""The way from FastStream's subscriber to a consumer function and back to the offset, without a broker."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from faststream.kafka import TestKafkaBroker

from shared.events.orders import TOPIC
from tests.bus import as_record
from tests.conftest import World
from tests.events.contracts import golden
from tests.makers import an_opened_account

TestKafkaBroker.__test__ = False


@pytest.fixture
def offsets(world: World) -> Iterator[list[dict[TopicPartition, int]]]:
    committed: list[dict[TopicPartition, int]] = []

    async def commit(places: dict[TopicPartition, int]) -> None:
        committed.append(places)

    world.billing.door.commit_offset = commit
    yield committed
    world.billing.door.commit_offset = None


async def publish(world: World, *records: Any) -> None:
    async with TestKafkaBroker(world.billing.broker) as kafka:
        for one in records:
            headers = {name: value.decode() for name, value in one.headers}
            await kafka.publish(one.value, topic=one.topic, key=one.key, headers=headers, correlation_id="c-1")


async def test_a_published_record_reaches_its_function_and_then_its_offset_is_committed(
    world: World, offsets: list[dict[TopicPartition, int]]
) -> None:
    opened = an_opened_account()

    await publish(world, as_record(opened))

    assert await world.rows("billing", "SELECT id, name FROM account") == [(9001, "Acme")]
    assert offsets == [{TopicPartition(TOPIC, 0): 1}]


async def test_a_foreign_record_and_one_that_is_no_json_come_through_as_they_are(
    world: World, offsets: list[dict[TopicPartition, int]]
) -> None:
    foreign = golden()["shop.order_placed"]
    placed, broken = as_record(an_opened_account()), as_record(an_opened_account())
    object.__setattr__(placed, "value", json.dumps(foreign).encode())
    object.__setattr__(placed, "headers", ())
    object.__setattr__(broken, "value", b"\xff{")
    object.__setattr__(broken, "headers", ())

    await publish(world, broken, placed)

    [waiting] = await world.said("billing", "order_waiting")
    assert waiting["order"] == {"source": "shop", "id": 1201}
    assert waiting["causation_id"] == foreign["id"]
    [parked] = await world.parked("billing")
    assert "not JSON" in parked.error
    assert len(offsets) == 2
