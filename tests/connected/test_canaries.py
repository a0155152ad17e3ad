"""What we rely on, and guard against, in FastStream and aiokafka, seen on a real broker. A change of version turns
these red on purpose: read the changelog, then move the pin and what it protects together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.protocol.commit import OffsetFetchRequest, OffsetFetchResponse_v1, OffsetFetchResponse_v3
from faststream.kafka import KafkaBroker, KafkaPublishMessage
from faststream.middlewares import AckPolicy

from shared.devstack.chosen import Broker
from shared.door import _decode, _parse
from shared.service.kafka import consumer_settings, make_broker
from tests.connected.kit import settings_of
from tests.toy import COMMANDS, TOPIC
from tests.waiting import until

pytestmark = pytest.mark.connected
groups = count(1)
PLACE = TopicPartition(TOPIC, 0)


def test_the_versions_are_those_whose_behaviour_is_pinned_here() -> None:
    assert (version("faststream"), version("aiokafka")) == ("0.7.8", "0.14.0")


async def produce(broker: Broker, *values: bytes, headers: Any = (), topic: str = TOPIC, partition: int = 0) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition, headers=list(headers))


async def committed(broker: Broker, group: str) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.address, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(PLACE)
        return offset
    finally:
        await consumer.stop()


@asynccontextmanager
async def subscribed(
    broker: Broker, handle: Callable[[Any], Any], policy: AckPolicy = AckPolicy.NACK_ON_ERROR, **settings: Any
) -> AsyncIterator[tuple[KafkaBroker, str]]:
    kafka, group = make_broker(settings_of(broker), f"canary{next(groups)}"), f"canary{next(groups)}"
    settings = {**consumer_settings(settings_of(broker)), "batch": True, "max_records": 10, **settings}
    subscriber = kafka.subscriber(TOPIC, group_id=group, auto_offset_reset="earliest", ack_policy=policy, **settings)
    subscriber(handle)
    await kafka.start()
    try:
        yield kafka, group
    finally:
        await kafka.stop()


POLICIES = {
    AckPolicy.NACK_ON_ERROR: (True, False),
    AckPolicy.ACK: (False, True),
    AckPolicy.MANUAL: (False, False),
}


async def test_only_nack_on_error_keeps_a_failed_batch(broker: Broker) -> None:
    """Whether it comes again, and whether its offset is committed."""
    await produce(broker, b"1", b"2")
    seen = await asyncio.gather(*(what_becomes_of_a_failure(broker, policy) for policy in POLICIES))
    assert dict(zip(POLICIES, seen, strict=True)) == POLICIES


async def what_becomes_of_a_failure(broker: Broker, policy: AckPolicy) -> tuple[bool, bool]:
    calls: list[Any] = []

    async def fail(records: list[bytes]) -> None:
        calls.append(records)
        await asyncio.sleep(0.05)
        raise ValueError("cannot be handled")

    async with subscribed(broker, fail, policy) as (_, group):
        await until(lambda: bool(calls), 15, "a call")
        await asyncio.sleep(0.6)
    return len(calls) > 1, await committed(broker, group) is not None


async def test_a_failed_batch_comes_again_for_all_its_partitions(broker: Broker) -> None:
    seen: list[set[int]] = []

    async def fail_first(records: Any) -> None:
        seen.append({record.partition for record in records})
        if len(seen) == 1:
            raise ValueError("cannot be handled")

    for partition in range(3):
        await produce(broker, b"1", partition=partition)
    async with subscribed(broker, fail_first, parser=_parse, decoder=_decode):
        await until(lambda: len(set().union(*seen[1:])) == 3, 15, "all three, later")

    assert seen[0] <= set().union(*seen[1:])


@pytest.mark.parametrize("own", [False, True], ids=["the default parser loses the batch", "ours hands it over"])
async def test_a_header_that_is_not_text(broker: Broker, own: bool) -> None:
    seen: list[bytes] = []

    async def take(records: Any) -> None:
        seen.extend(record.value if own else record for record in records)

    await produce(broker, b"one", b"two", headers=[("x", b"\xff")])
    settings: dict[str, Any] = {"parser": _parse, "decoder": _decode} if own else {}
    async with subscribed(broker, take, **settings) as (_, group):
        await asyncio.sleep(1.5)
        await produce(broker, b"three")
        await until(lambda: b"three" in seen, 15, "the third")
        await asyncio.sleep(0.2)

    assert seen == ([b"one", b"two", b"three"] if own else [b"three"])
    assert await committed(broker, group) == 3


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (OffsetFetchResponse_v3(0, [], GroupLoadInProgressError.errno), "nothing is committed"),
        (OffsetFetchResponse_v1([(TOPIC, [(0, -1, "", GroupLoadInProgressError.errno)])]), "ask again"),
    ],
    ids=["overlooked from version 2 on", "seen in version 1"],
)
async def test_the_error_of_a_coordinator_that_is_still_loading(answer: Any, seen: str) -> None:
    async def send(request: Any) -> Any:
        return answer

    asking = GroupCoordinator._do_fetch_commit_offsets(SimpleNamespace(group_id="g", _send_req=send), [PLACE])
    try:
        assert await asking == {}
        outcome = "nothing is committed"
    except GroupLoadInProgressError:
        outcome = "ask again"

    assert outcome == seen


def test_offsets_are_asked_for_in_the_version_whose_errors_are_seen() -> None:
    request = OffsetFetchRequest("g", [(TOPIC, [0])]).prepare({OffsetFetchRequest.API_KEY: (1, 10)})

    assert request.API_VERSION == 1


async def test_a_batch_published_at_once_goes_to_one_partition_whatever_its_keys(broker: Broker) -> None:
    kafka = make_broker(settings_of(broker), "canary-batch")
    await kafka.start()
    same = KafkaPublishMessage("1", key=b"same")
    places = [await kafka.publish_batch(same, same, topic=COMMANDS) for _ in range(40)]
    await kafka.stop()

    assert len({place.partition for place in places}) > 1  # one key on several partitions: no order


async def test_a_publish_without_confirmation_is_in_order_on_the_partition_of_its_key(broker: Broker) -> None:
    kafka = make_broker(settings_of(broker), "canary-order")
    await kafka.start()
    answers = [await kafka.publish(str(n), topic=COMMANDS, key=b"same", no_confirm=True) for n in range(200)]
    places = [(answer.partition, answer.offset) for answer in await asyncio.gather(*answers)]
    await kafka.stop()

    assert len({partition for partition, _ in places}) == 1
    assert [offset for _, offset in places] == list(range(200))


async def test_a_stop_waits_for_the_running_handler_and_lets_it_commit(broker: Broker) -> None:
    entered, finished = asyncio.Event(), []

    async def slow(records: Any) -> None:
        entered.set()
        await asyncio.sleep(1)
        finished.append(records)

    await produce(broker, b"1")
    async with subscribed(broker, slow) as (_, group):
        await asyncio.wait_for(entered.wait(), 15)

    assert len(finished) == 1
    assert await committed(broker, group) == 1
