"""How far the consumer groups have come."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

LOOK_WITHIN = 30.0

HEARD = {
    "billing": ("orders.events.v1",),
    "validation": ("orders.events.v1",),
    "orders": ("billing.events.v1", "validation.events.v1"),
    "notifications": ("billing.events.v1",),
}


class Groups:
    """Clients are kept, and made anew after an error: a broker that is away must not end the watch."""

    def __init__(self, address: str, services: Mapping[str, int], partitions: int) -> None:
        self._address = address
        self._places = {
            service: [TopicPartition(topic, n) for topic in HEARD[service] for n in range(partitions)]
            for service in services
        }
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def look(self) -> tuple[int, int]:
        """Records dealt with, and records waiting, of all groups together."""
        try:
            async with asyncio.timeout(LOOK_WITHIN):
                return await self._look()
        except BaseException:
            await self.close()
            raise

    async def _look(self) -> tuple[int, int]:
        if self._admin is None or self._consumer is None:
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self._address, request_timeout_ms=5000)
            self._consumer = AIOKafkaConsumer(bootstrap_servers=self._address, request_timeout_ms=5000)
            await self._admin.start()
            await self._consumer.start()
        noted = []
        for group, places in self._places.items():
            found = await self._admin.list_consumer_group_offsets(group, partitions=places)
            noted.append({place: found[place].offset if place in found else -1 for place in places})
        # Asked last: whoever asks for the ends first finds groups that are further.
        ends = await self._consumer.end_offsets(sorted({place for places in self._places.values() for place in places}))
        return counted(ends, noted)

    async def close(self) -> None:
        clients = [one for one in (self._admin, self._consumer) if one is not None]
        self._admin = self._consumer = None
        for client in clients:
            with suppress(Exception):
                await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def counted(ends: Mapping[TopicPartition, int], groups: Iterable[Mapping[TopicPartition, int]]) -> tuple[int, int]:
    """An offset below zero: none was noted yet. A partition's new leader may not know its end yet."""
    places = [(max(offset, 0), ends[place]) for noted in groups for place, offset in noted.items()]
    return sum(offset for offset, _ in places), sum(max(end - offset, 0) for offset, end in places)


async def members_of(address: str, group: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
    try:
        await admin.start()
        [answer] = await admin.describe_consumer_groups([group])
        described: list[Any] = answer.to_object()["groups"]
        return len(described[0]["members"])
    finally:
        await admin.close()
