"""Says the planned records in their order, at a steady rate, by one plain idempotent producer."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer

from chaos.traffic import Record

PATIENCE_MS = 180_000  # longer than any broker is away: a record that was given up would be a gap of our own making


class Publisher:
    def __init__(self, address: str, rate: float) -> None:
        self._address, self._rate = address, rate
        self._producer: AIOKafkaProducer
        self.said = 0

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._address, enable_idempotence=True, linger_ms=5, request_timeout_ms=PATIENCE_MS
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._producer.stop()

    async def say(self, records: Sequence[Record]) -> None:
        clock = asyncio.get_running_loop().time
        started, waiting = clock(), []
        for n, record in enumerate(records):
            if (ahead := started + n / self._rate - clock()) > 0.02:
                await asyncio.sleep(ahead)
            waiting.append(await self._send(record))
        await asyncio.gather(*waiting)
        self.said += len(records)

    async def _send(self, record: Record) -> "asyncio.Future[object]":
        future: asyncio.Future[object] = await self._producer.send(
            record.topic, value=record.value, key=record.key, headers=list(record.headers)
        )
        return future
