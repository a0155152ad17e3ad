"""Checks over Kafka: one record asks all, each answers with one. Straight, at most once and from now on: an answer that
is lost is a non-corroboration, and one that is late has nobody who waits for it (docs/decisions/0024)."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any
from uuid import UUID

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.middlewares import AckPolicy
from pydantic import ValidationError

from services.validation.clients.answering import Answerer
from shared.events.base import Event
from shared.events.validation import CheckDone, CheckWanted
from shared.outbox import headers_of
from shared.service.kafka import consumer_settings, make_broker
from shared.service.reaching import knock
from shared.settings import BaseSettings
from shared.waiting import Outage, in_words

log = logging.getLogger(__name__)

IN_FLIGHT = 500


async def raw(message: Any, original: Any = None) -> Any:
    return message.body


async def say(broker: KafkaBroker, event: Event) -> None:
    """Not later than it is worth anything: whoever is asked has 15 seconds."""
    headers = headers_of(event, {})
    body = event.model_dump_json().encode()
    try:
        await broker.publish(body, event.topic, key=event.key.encode(), headers=headers)
    except KafkaError as error:
        raise OSError(f"Kafka took no record: {type(error).__name__}") from error


async def connect(broker: KafkaBroker, settings: BaseSettings) -> None:
    """Knocks first: what could not start is never closed by FastStream."""
    await knock(settings)
    try:
        await broker.start()
    except (KafkaError, OSError) as error:
        await broker.stop()
        raise Outage(f"waits for Kafka at {settings.kafka}: {in_words(error)}") from error


class KafkaChannel:
    """The primary's end. Every process of the service hears every answer and takes those it waits for."""

    def __init__(self, settings: BaseSettings, names: Sequence[str]) -> None:
        self.settings, self.names, self._is_open = settings, names, False
        self.broker = make_broker(settings, "validation-checks")
        self._waiting: dict[UUID, dict[str, asyncio.Future[CheckDone]]] = {}
        subscriber = self.broker.subscriber(
            CheckDone.topic,
            auto_offset_reset="latest",
            ack_policy=AckPolicy.ACK_FIRST,
            decoder=raw,
            fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,
        )
        subscriber(self.hear)

    async def open(self) -> None:
        if not self._is_open:
            await connect(self.broker, self.settings)
            self._is_open = True

    async def close(self) -> None:
        if self._is_open:
            await self.broker.stop()

    async def ask(self, check: CheckWanted) -> Mapping[str, Awaitable[CheckDone]]:
        if not self._is_open:
            raise OSError("Kafka is not reached yet")
        loop = asyncio.get_running_loop()
        waiting = {name: loop.create_future() for name in self.names}
        self._waiting[check.check_id] = waiting
        left = (check.deadline - check.occurred_at).total_seconds()
        loop.call_later(left, self._waiting.pop, check.check_id, None)
        await say(self.broker, check)
        return waiting

    async def hear(self, body: bytes) -> None:
        """Late, twice, of nobody configured: nothing changes."""
        try:
            done = CheckDone.model_validate_json(body)
        except ValidationError:
            log.error("an answer of a perspective cannot be read")
            return
        waiting = self._waiting.get(done.check_id)
        if waiting is None:
            return
        answer = waiting.get(done.perspective)
        if answer is None:
            log.error("a perspective that is not configured answers", extra={"perspective": done.perspective[:100]})
        elif not answer.done():
            answer.set_result(done)


class KafkaListener:
    """A perspective's end: many checks side by side, for a slow name server delays its own only."""

    def __init__(self, settings: BaseSettings, answerer: Answerer) -> None:
        self.settings, self.answerer = settings, answerer
        self.broker = make_broker(settings, f"perspective-{answerer.name}")
        self._free = asyncio.Semaphore(IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()
        subscriber = self.broker.subscriber(
            CheckWanted.topic,
            group_id=f"perspective-{answerer.name}",
            auto_offset_reset="latest",
            ack_policy=AckPolicy.ACK_FIRST,
            decoder=raw,
            **consumer_settings(settings),
        )
        subscriber(self.hear)

    async def open(self) -> None:
        await connect(self.broker, self.settings)

    async def close(self) -> None:
        await self.broker.stop()

    async def hear(self, body: bytes) -> None:
        try:
            wanted = CheckWanted.model_validate_json(body)
        except ValidationError:
            log.error("a check cannot be read: this perspective is of another version")
            return
        await self._free.acquire()
        task = asyncio.create_task(self._answer(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()):
            log.error("an answer could not be said", exc_info=error)

    async def _answer(self, wanted: CheckWanted) -> None:
        if done := await self.answerer.answer(wanted):
            await say(self.broker, done)
