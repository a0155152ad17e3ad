"""The topic of credentials: what a service that is new reads there after years."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord

from shared.db import Database
from shared.devstack.broker import PARTITIONS
from shared.door import Door, OpenDoor
from shared.events.orders import CREDENTIALS, CredentialChanged
from shared.service.credentials import on_credential_changed
from shared.service.kafka import consumer_settings, make_broker
from tests.connected.kit import Rig
from tests.containers.figures import told
from tests.containers.kit import a_rig
from tests.containers.servers import Kafka, Pg
from tests.waiting import until

KEYS, VERSIONS = 40, 50
NOW = datetime(2026, 11, 26, tzinfo=UTC)
SOON = {"segment_ms": "500", "min_cleanable_dirty_ratio": "0.01", "delete_retention_ms": "100"}


def changed(key: int, version: int) -> CredentialChanged:
    """The last version of every fourth one is revoked."""
    gone = NOW if version == VERSIONS and key % 4 == 0 else None
    return CredentialChanged(
        occurred_at=NOW + timedelta(seconds=version), account_id=1, credential_id=f"key-{key}", version=version,
        kind="api_key", user_id=key + 1, user_name="A", email="a@example.com", role="limited_user",
        key_hash=f"hash of {key}", revoked_at=gone,
    )  # fmt: skip


async def publish(kafka: Kafka, events: Iterable[CredentialChanged], gone: Iterable[str] = ()) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.address, enable_idempotence=True)
    await producer.start()
    for event in events:
        headers = [("ce_id", str(event.id).encode()), ("ce_type", event.type.encode())]
        headers += [("ce_source", event.source.encode())]
        await producer.send(CREDENTIALS, event.model_dump_json().encode(), key=event.key.encode(), headers=headers)
    for key in gone:
        await producer.send(CREDENTIALS, None, key=key.encode())
    await producer.stop()


async def until_compacted(rig: Rig, kafka: Kafka, below: int, within: float = 60) -> list[ConsumerRecord[Any, Any]]:
    """A segment is cleaned once it is closed, and closed when something comes after it."""
    async with asyncio.timeout(within):
        while True:
            records = [one for one in await rig.records(CREDENTIALS) if one.key.startswith(b"key-")]
            if len(records) < below:
                return records
            await publish(
                kafka, [changed(1, 1).model_copy(update={"credential_id": f"other-{time.time()}", "key_hash": None})]
            )
            await asyncio.sleep(1)


async def read_by_a_new_service(rig: Rig, kafka: Kafka) -> dict[str, tuple[int, bool]]:
    """Credential → version, revoked."""
    async with rig.toy.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM credential")
    door = Door(f"new-{time.time()}")
    door.on_state(CredentialChanged)(on_credential_changed)
    opened, broker = OpenDoor(door, Database(rig.toy.engine)), make_broker(rig.settings, "new")
    opened.subscribe(broker, **consumer_settings(rig.settings))
    await broker.start()
    try:
        await until(partial(_all_read, rig, opened), 60, "the topic is read")
    finally:
        opened.stopping = True
        await broker.stop()
    found = await rig.toy.rows("SELECT id, version, revoked_at FROM credential WHERE id LIKE 'key-%'")
    return {row.id: (row.version, row.revoked_at is not None) for row in found}


async def _all_read(rig: Rig, opened: OpenDoor) -> bool:
    return opened.stats.applied >= len([one for one in await rig.records(CREDENTIALS) if one.value])


HISTORY = [changed(key, version) for version in range(1, VERSIONS + 1) for key in range(KEYS)]
STATE = {f"key-{key}": (VERSIONS, key % 4 == 0) for key in range(KEYS)}


async def a_new_service_finds_every_credential_as_it_is_now_on_a_compacted_topic() -> None:
    async with _topic("compaction", "compact") as (rig, kafka):
        await publish(kafka, HISTORY)
        kept = await until_compacted(rig, kafka, below=2 * KEYS)
        assert await read_by_a_new_service(rig, kafka) == STATE

        await publish(kafka, [], gone=["key-1"])  # a tombstone of somebody's hand: nobody of ours sends any
        assert (await read_by_a_new_service(rig, kafka)).items() <= STATE.items()
        told("compaction", published=len(HISTORY), kept=len(kept), credentials=KEYS)


async def a_late_repeat_revives_a_revoked_key_where_compaction_keeps_it() -> None:
    """A relay that was frozen and wakes, or a replay that broke off, says an old version after a newer one. Compaction
    keeps what came last; what is right is the highest version, which a topic that keeps everything still has."""
    late = [changed(4, 1)]
    async with _topic("late_compacted", "compact") as (rig, kafka):
        await publish(kafka, [*HISTORY, *late])
        await until_compacted(rig, kafka, below=2 * KEYS)
        assert (await read_by_a_new_service(rig, kafka))["key-4"] == (1, False)
    async with _topic("late_kept", "delete") as (rig, kafka):
        await publish(kafka, [*HISTORY, *late])
        assert await read_by_a_new_service(rig, kafka) == STATE


@asynccontextmanager
async def _topic(name: str, policy: str) -> AsyncIterator[tuple[Rig, Kafka]]:
    async with (
        Kafka(KAFKA_LOG_CLEANER_BACKOFF_MS="200") as kafka, Pg() as postgres, a_rig(kafka, postgres, name) as rig,
    ):  # fmt: skip
        await kafka.make_topics([CREDENTIALS], PARTITIONS, cleanup_policy=policy, retention_ms="-1", **SOON)
        yield rig, kafka
