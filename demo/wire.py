"""A plain Kafka client, as any other system has one: nothing of Issuary is imported here."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from demo.failure import until

FACTS = ("orders.events.v1", "billing.events.v1", "validation.events.v1", "notifications.events.v1")
Fact = dict[str, Any]
Fits = Callable[[Fact], bool]


@dataclass
class Wire:
    producer: AIOKafkaProducer
    heard: list[Fact] = field(default_factory=list)

    async def publish(self, topic: str, type: str, account_id: int, **fields: Any) -> str:
        """The id of the record. The key is the account id, always."""
        told_id = str(uuid4())
        body = {"id": told_id, "type": type, "occurred_at": datetime.now(UTC).isoformat(), "account_id": account_id}
        value = json.dumps(body | fields).encode()
        await self.producer.send_and_wait(topic, value, key=str(account_id).encode())
        return told_id

    async def hear(self, type: str, fits: Fits, what: str) -> Fact:
        """The first fact of that type, since the demo began, that fits."""

        async def look() -> Fact | None:
            return next((fact for fact in self.heard if fact["type"] == type and fits(fact)), None)

        return await until(look, f"{what} ({type})")

    def said(self, type: str, fits: Fits) -> list[Fact]:
        return [fact for fact in self.heard if fact["type"] == type and fits(fact)]

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            with suppress(ValueError):  # what others publish need not be JSON
                self.heard.append(json.loads(record.value))


@asynccontextmanager
async def connected(kafka: str) -> AsyncIterator[Wire]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    consumer = AIOKafkaConsumer(*FACTS, bootstrap_servers=kafka, fetch_max_wait_ms=20)
    await producer.start()
    await consumer.start()
    try:
        await _go_to_end(consumer)
        wire = Wire(producer)
        listening = asyncio.create_task(wire.listen(consumer))
        try:
            yield wire
        finally:
            listening.cancel()
    finally:
        await consumer.stop()
        await producer.stop()


async def _go_to_end(consumer: AIOKafkaConsumer) -> None:
    """Without a group: everything said from now on, whatever others have read."""
    places = consumer.assignment()
    await consumer.seek_to_end(*places)
    for place in places:
        await consumer.position(place)


def of_order(source: str, order_id: int) -> Fits:
    """Facts of billing and validation about an order, which is (source, id) everywhere."""
    wanted = {"source": source, "id": order_id}
    return lambda fact: fact.get("order") == wanted


def answers(command_id: str) -> Fits:
    return lambda fact: bool(fact.get("causation_id") == command_id)
