"""What `ctl topics` does to topics: make, mend, make again. Each answers what it did in sentences."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.errors import Conflict, NotFound, Rejected
from shared.service.topics import CTL, Found, Wanted, faults, look, too_few, wanted
from shared.settings import BaseSettings
from shared.wire import kafka_client


async def make_missing(admin: AIOKafkaAdminClient, names: Sequence[str], settings: BaseSettings) -> list[str]:
    missing = [name for name in names if name not in (await look(admin, names)).found]
    if missing:
        await _make(admin, [wanted(name, settings) for name in missing], settings)
    return missing


async def _make(admin: AIOKafkaAdminClient, topics: Sequence[Wanted], settings: BaseSettings) -> None:
    replication = settings.kafka_replication
    new = [NewTopic(want.name, want.partitions, replication, topic_configs=dict(want.settings)) for want in topics]
    answer = await admin.create_topics(new)
    for name, code, message in answer.topic_errors:
        if code == TopicAlreadyExistsError.errno:  # another process was quicker
            continue
        if code:
            raise Rejected(f"{name} cannot be made: {message or for_code(code).__name__}")


async def faults_of(admin: AIOKafkaAdminClient, names: Sequence[str], settings: BaseSettings) -> list[str]:
    seen = await look(admin, names)
    untold = [f"the topics' settings could not be compared: {seen.untold}"] if seen.untold else []
    wrong = [fault for name in seen.found for fault in faults(seen.found[name], wanted(name, settings), settings)]
    return [*wrong, *untold]


async def mend(admin: AIOKafkaAdminClient, names: Sequence[str], settings: BaseSettings) -> list[str]:
    """The topics whose settings were wrong. What else is set on them stays: Kafka replaces all of them at once."""
    seen = await look(admin, names)
    if seen.untold:
        raise Rejected(f"the topics' settings cannot be read: {seen.untold}")
    if short := [text for found in seen.found.values() if (text := too_few(found, wanted(found.name, settings)))]:
        raise Rejected("\n".join(short))
    wrong = [found for found in seen.found.values() if faults(found, _alike(found, settings), settings)]
    for found in wrong:
        await _set(admin, found, wanted(found.name, settings))
    return [found.name for found in wrong]


def _alike(found: Found, settings: BaseSettings) -> Wanted:
    """A wrong number of partitions is nothing that settings mend."""
    want = wanted(found.name, settings)
    return Wanted(want.name, found.partitions, want.settings)


async def _set(admin: AIOKafkaAdminClient, found: Found, want: Wanted) -> None:
    told = {**found.kept, **want.settings}
    for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, found.name, told)]):
        for code, message, *_ in answer.resources:
            if code:
                raise Rejected(f"{found.name} cannot be mended: {message or for_code(code).__name__}")


async def remake(admin: AIOKafkaAdminClient, name: str, settings: BaseSettings) -> None:
    """Only while it holds no record: a key would move to another partition, and overtake itself."""
    if name not in (await look(admin, [name])).found:
        raise NotFound(f"There is no topic {name}; to make what is missing: {CTL}")
    if held := await _records(name, settings):
        raise Conflict(
            f"{name} holds {held} records and keeps its number of partitions. Set ISSUARY_KAFKA_PARTITIONS to it, or"
            " stop all services, delete the topics, make them anew and replay (docs/operations/replay.md)."
        )
    answer = await admin.delete_topics([name])
    for _, code, *message in answer.topic_error_codes:
        if code:
            raise Rejected(f"{name} cannot be deleted: {(message and message[0]) or for_code(code).__name__}")
    async with asyncio.timeout(30):
        while name in (await look(admin, [name])).found:  # noqa: ASYNC110 - another machine's state
            await asyncio.sleep(0.1)
        await _make(admin, [wanted(name, settings)], settings)


async def _records(name: str, settings: BaseSettings) -> int:
    consumer = AIOKafkaConsumer(**kafka_client(settings))
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(name)
        places = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
        first, last = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return sum(last[place] - first[place] for place in places)
