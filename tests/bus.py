"""Kafka in a list: keeps what relays send, per topic, and hands it to doors as the raw records a consumer would see."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from aiokafka import ConsumerRecord

from shared.events.base import Event
from shared.service import Service

Record: TypeAlias = ConsumerRecord[Any, Any]


class Bus:
    def __init__(self) -> None:
        self.topics: dict[str, list[Record]] = {}
        self.read: dict[tuple[str, str], int] = {}

    async def send(self, topic: str, key: str, headers: dict[str, str], payload: bytes) -> None:
        self.put(topic, key.encode(), payload, [(name, value.encode()) for name, value in headers.items()])

    async def restart(self) -> None:
        raise AssertionError("nothing fails on this bus")

    def put(
        self, topic: str, key: bytes | None, payload: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> None:
        log = self.topics.setdefault(topic, [])
        log.append(record(topic, key, payload, headers, len(log)))

    async def pump(self, service: Service) -> int:
        """Give a service everything on its topics that it has not had; how many records that was."""
        moved = 0
        for topic in service.door.door.topics:
            at = self.read.get((service.name, topic), 0)
            fresh = self.topics.get(topic, [])[at:]
            if fresh:
                await service.door.handle(fresh)
                self.read[service.name, topic] = at + len(fresh)
                moved += len(fresh)
        return moved


def record(
    topic: str,
    key: bytes | None,
    payload: bytes | None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    offset: int = 0,
) -> Record:
    return ConsumerRecord(
        topic=topic, partition=0, offset=offset, timestamp=1_790_000_000_000, timestamp_type=0, key=key, value=payload,
        checksum=None, serialized_key_size=len(key or b""), serialized_value_size=len(payload or b""),
        headers=tuple(headers),
    )  # fmt: skip


def as_record(event: Event, offset: int = 0, **header: str) -> Record:
    """An event as its speaker's relay would send it; a foreign one (another source) travels as a plain body."""
    payload = event.model_dump_json().encode()
    ours = event.source.startswith("issuary/")
    headers = {"ce_id": str(event.id), "ce_type": event.type, "ce_source": event.source} if ours else {}
    return record(
        event.topic, event.key.encode(), payload, [(k, v.encode()) for k, v in (headers | header).items()], offset
    )


def as_foreign(body: dict[str, Any], topic: str, key: str | None = None) -> Record:
    return record(topic, (key or str(body.get("account_id", ""))).encode() or None, json.dumps(body).encode())
