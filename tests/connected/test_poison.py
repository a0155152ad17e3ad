"""What aiokafka and FastStream do to a strange record before the door sees it."""

import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from shared.outbox import MAX_BYTES
from tests.connected.kit import Rig
from tests.connected.plan import Plan
from tests.toy import TOPIC

pytestmark = pytest.mark.connected
STRANGE: list[tuple[bytes | None, list[tuple[str, bytes | None]]]] = [
    (b"{}", [("ce_id", b"\xff\xfe")]),
    (b"{}", [("ce_type", None)]),
    (b"\xff", []),
    (None, []),
    (b"", []),
    (b"[" * 100_000, []),
    (b'"' + b"x" * MAX_BYTES + b'"', []),
    (json.dumps({"id": "a\0b"}).encode(), [("na\0me", b"1")]),
]


async def test_strange_records_on_every_partition_stop_nobody_and_lose_nothing(rig: Rig) -> None:
    plan = Plan.make(200, range(1, 21))
    async with rig.relay():
        await rig.say(plan.events[:100])
        async with AIOKafkaProducer(bootstrap_servers=rig.broker.address) as producer:
            for partition in range(4):
                for value, headers in STRANGE:
                    given: Any = headers
                    await producer.send_and_wait(TOPIC, value, key=b"7", partition=partition, headers=given)
        await rig.join()
        await rig.say(plan.events[100:])
        await rig.until_done(200 + 4 * len(STRANGE))

    assert await rig.toy.versions() == plan.versions
    parked = await rig.toy.parked()
    assert sorted((row.partition, bytes(row.payload)) for row in parked) == sorted(
        (partition, value or b"") for partition in range(4) for value, _ in STRANGE
    )
    assert all(row.scope is None and row.error.endswith(".") for row in parked)
