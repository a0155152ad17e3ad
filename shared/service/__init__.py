"""One service: its HTTP application, its door, its relay and its steps, started and stopped in the right order."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI
from faststream.kafka import KafkaBroker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.asyncapi import said_by
from shared.db import Database, is_own, is_transient, make_engine
from shared.db.outage import outage
from shared.door import Door, OpenDoor
from shared.events.orders import CredentialChanged
from shared.partitions import keep_partitions
from shared.relay import Leader, Relay, oldest_pending
from shared.service.credentials import on_credential_changed
from shared.service.health import health
from shared.service.kafka import BrokerProducer, consumer_settings, limits, make_broker
from shared.service.reaching import knock, see_brokers
from shared.service.starting import see_schema, see_topics
from shared.settings import BaseSettings
from shared.waiting import LONGEST_PAUSE, Outage, Waiting, in_words
from shared.watch import Lag, Metrics
from shared.web import make_app
from shared.web.operations import operations
from shared.wire import database_ssl

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[bool]]


@dataclass
class Service:
    name: str
    settings: BaseSettings
    db: Database
    app: FastAPI
    door: OpenDoor
    relay: Relay
    broker: KafkaBroker
    sender: KafkaBroker
    steps: Sequence[Step]
    subscriber: Any
    metrics: Metrics
    faults: Callable[[], Sequence[str]]
    at_stop: Callable[[], Awaitable[None]]
    warnings: Callable[[], Sequence[str]] = list
    lag: Lag = field(default_factory=Lag)
    waiting: Waiting = field(init=False)
    _resting: Waiting = field(init=False)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.waiting, self._resting = Waiting(self.name), Waiting(self.name)
        self.relay.waiting = Waiting(self.name)

    async def start(self, replay_since: datetime | None = None) -> None:
        """Waits for whatever is not there; raises StartRefused where that would not help. `replay_since`: for a broker
        that has forgotten; what was published since then is said again first."""
        waits = [asyncio.create_task(wait) for wait in (self._see_database(), self._see_kafka())]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
        await self.waiting.until("Kafka", self._connect)
        self._run(self.relay.run(self._stopped, replay_since), self._watch())
        await self.waiting.until("the consumer group", self._join)

    async def _see_database(self) -> None:
        await self.waiting.until("the database", partial(see_schema, self.name, self.db, self.settings))
        self._run(*(self._repeat(step) for step in self.steps))

    async def _see_kafka(self) -> None:
        topics = sorted({*self.door.door.topics, *(fact.topic for fact in said_by(self.name))})
        untold = await self.waiting.until("Kafka", partial(see_topics, topics, self.settings))
        if untold:
            log.warning(f"the topics' retention could not be compared: {untold}", extra={"service": self.name})

    async def _connect(self) -> None:
        await knock(self.settings)
        try:
            await self.sender.start()
            await self.broker.connect()
        except (KafkaError, OSError) as error:
            raise Outage(f"waits for Kafka at {self.settings.kafka}: {in_words(error)}") from error

    async def _join(self) -> None:
        """A consumer that could not start is closed, so that the next attempt begins anew."""
        try:
            await self.broker.start()
        except (KafkaError, OSError) as error:
            with suppress(Exception):
                await self.subscriber.stop()
            raise Outage(f"waits for Kafka at {self.settings.kafka}: {in_words(error)}") from error

    def _run(self, *work: Coroutine[Any, Any, None]) -> None:
        self._tasks += [asyncio.create_task(part) for part in work]

    async def stop(self) -> None:
        """The chunk commits, the group is left, the steps end, the relay says what is left, the pools close."""
        self.door.stopping = True
        await self.broker.stop()
        self._stopped.set()
        self.db.wake_all()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=5)
            for task in late:
                task.cancel()
        with suppress(TimeoutError):  # where the broker is gone it would wait for what is in the outbox anyway
            await asyncio.wait_for(self.sender.stop(), 5)
        await self.at_stop()
        if isinstance(self.db.bind, AsyncEngine):
            await self.db.bind.dispose()

    async def _repeat(self, step: Step) -> None:
        """A step that did something runs again at once; else it rests until an announcement, or half a second. Never
        more than twenty times a second: under load every commit announces something."""
        wake, failures = self.db.waker(), 0
        while not self._stopped.is_set():
            wake.clear()
            try:
                did = await step()
                failures = 0
                self._resting.over("the database")
                if did:
                    continue
            except Exception as error:
                failures += 1
                await self._rest(error, failures)
            await asyncio.sleep(0.05)
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), 0.45)

    async def _rest(self, error: Exception, failures: int) -> None:
        """An absent database is said once, and asked again soon; a fault of ours is said each time."""
        absent = is_transient(error) and not is_own(error)
        if absent:
            self._resting.because("the database", self._outage(error).reason)
        else:
            self.metrics.step_failures += 1
            log.error("a step failed", exc_info=error, extra={"service": self.name})
        with suppress(TimeoutError):
            longest = LONGEST_PAUSE if absent else 30.0
            await asyncio.wait_for(self._stopped.wait(), min(0.2 * 2 ** min(failures, 10), longest))

    async def _watch(self) -> None:
        while not self._stopped.is_set():
            self.look()
            await self._see_brokers()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 2)

    def look(self) -> None:
        with suppress(Exception):  # between two assignments there may be nothing to ask
            self.lag.look(self._positions(), time.monotonic())

    async def _see_brokers(self) -> None:
        try:
            await see_brokers(self.broker, self.settings)
        except Outage as outage:
            self.waiting.because("Kafka", outage.reason)
        else:
            self.waiting.over("Kafka")

    def poll_age(self) -> float | None:
        consumer = self.subscriber.consumer
        return consumer and float(consumer._subscription.fetcher_idle_time)

    @property
    def _is_member(self) -> bool:
        """Of the consumer group, as far as the client knows: a coordinator that answers, and a generation."""
        coordinator = getattr(self.subscriber.consumer, "_coordinator", None)
        return bool(coordinator and coordinator.coordinator_id is not None and coordinator.generation >= 0)

    def _positions(self) -> dict[Any, tuple[int, int]]:
        consumer = self.subscriber.consumer
        if consumer is None:
            return {}
        places = {}
        for place in consumer.assignment():
            state = consumer._subscription.subscription.assignment.state_value(place)
            if state is not None and state.has_valid_position:
                places[place] = (state.position, consumer.highwater(place) or state.position)
        return places

    async def is_quiet(self) -> bool:
        """Nothing waits in the outbox, and the door has read to the end of every partition."""
        pending, _ = await oldest_pending(self.db)
        return not pending and self.door.idle and all(at >= high for at, high in self._positions().values())

    # ── health ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def live(self) -> list[str]:
        """What is wrong, in sentences; empty when alive."""
        return [f"{place} is not moving although records wait" for place in self.lag.stuck(time.monotonic())]

    async def ready(self) -> list[str]:
        asked = "the database" not in self.waiting.reasons
        return [*(await self._database_faults() if asked else []), *self.unready()]

    def unready(self) -> list[str]:
        """What can be said without asking the database."""
        faults = list(self.waiting.reasons.values())
        if "Kafka" not in self.waiting.reasons and not (self.door.joined and self._is_member):
            faults.append("the consumer group is not joined yet")
        if self.door.retrying:
            faults.append("events wait for the database")
        if self.relay.stats.failures > 1:
            faults += self.relay.waiting.reasons.values()
        return [*faults, *self.faults()]

    async def _database_faults(self) -> list[str]:
        try:
            async with asyncio.timeout(3), self.db.transaction() as tx:
                await tx.execute(text("SELECT 1"))
        except Exception as error:
            return [self._outage(error).reason]
        return []

    def _outage(self, error: Exception) -> Outage:
        return outage(error, self.settings.database_url, self.name)


async def nothing_more() -> None:
    return None


def make_service(
    name: str,
    settings: BaseSettings,
    *,
    door: Door,
    routers: Sequence[APIRouter] = (),
    steps: Callable[[Database], Sequence[Step]] = lambda db: (),
    templates: Path | None = None,
    faults: Callable[[], Sequence[str]] = list,
    at_stop: Callable[[], Awaitable[None]] = nothing_more,
    larger: Mapping[str, int] | None = None,
    warnings: Callable[[], Sequence[str]] = list,
) -> Service:
    """`faults`: why the service is not ready, beyond what each one checks; `warnings`: what it cannot do although it is
    ready, which it says with its readiness; `at_stop` closes its clients; `larger`:
    paths that take larger bodies, and of how many bytes."""
    encryption = database_ssl(settings)
    engine = make_engine(settings.database_url, f"issuary-{name}", settings.pool_size, encryption)
    db = Database(engine, {"settings": settings, "kept": {}})
    if CredentialChanged not in door.states and name != "orders":
        door.on_state(CredentialChanged)(on_credential_changed)
    opened = OpenDoor(door, db, inbox_days=settings.inbox_days, **limits(settings))
    broker, sender = make_broker(settings, name), make_broker(settings, f"{name}-relay")
    subscriber = opened.subscribe(broker, **consumer_settings(settings))
    keep = partial(keep_partitions, db, settings.inbox_days, settings.published_days)
    producer = BrokerProducer(sender, partial(knock, settings))
    relay = Relay(db, producer, Leader(settings.database_url, encryption), keep)
    metrics = Metrics()
    routes = [health(name), operations(name), *routers]
    app = make_app(name, db, settings, routes, templates, metrics.answered, larger)
    app.state.again = opened.again
    service = Service(
        name, settings, db, app, opened, relay, broker, sender, steps(db), subscriber, metrics, faults, at_stop,
        warnings,
    )  # fmt: skip
    app.state.service = service
    return service
