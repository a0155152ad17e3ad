"""Every record of a topic, from the beginning to the end."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from chaos.found import Wire, lane
from chaos.plan import Deed
from chaos.stage import PARTITIONS

TELLS = {
    "order_charged": "charge", "credit_note_issued": "credit", "order_waiting": "wait", "order_released": "release",
}  # fmt: skip


async def read_wire(address: str, topic: str) -> Wire:
    wire = Wire()
    async for record in records_of(address, topic):
        headers = dict(record.headers)
        own, kind, key = UUID(headers["ce_id"].decode()), headers["ce_type"].decode(), record.key.decode()
        wire.ids[lane(key, kind, headers["ce_subject"].decode())].append(own)
        if kind in TELLS:
            wire.told[int(key)].setdefault(own, Deed(json.loads(record.value)["order"]["id"], TELLS[kind]))
        if topic.startswith("billing") and kind.endswith("_document_ready"):
            wire.ready[UUID(json.loads(record.value)["document_id"])].add(own)
    return wire


async def count_records(address: str, topic: str) -> int:
    return sum([1 async for _ in records_of(address, topic)])


async def records_of(address: str, topic: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, n) for n in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        left = {place for place in places if ends[place]}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=500)).values():
                for record in records:
                    yield record
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()
