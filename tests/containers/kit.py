"""The toy service on Apache Kafka: what its scenarios have in common."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import ConsumerRecord

from shared.db import Database, make_engine
from shared.migrate import ROOT
from shared.relay import Leader, Relay
from shared.service.kafka import BrokerProducer, make_broker
from shared.settings import BaseSettings
from tests.connected.kit import Rig, settings_of
from tests.containers.servers import Kafka
from tests.toy import COMMANDS, OUT, TOPIC, Counted, Toy

TOPICS = (TOPIC, COMMANDS, OUT)


def habits(kafka: Kafka, **changed: Any) -> BaseSettings:
    """As in production, with shorter time-outs where a test would wait for them."""
    given = {"session_timeout_ms": 3000, "heartbeat_interval_ms": 500, "rebalance_timeout_ms": 10_000}
    return settings_of(kafka, **{f"kafka_{name}": value for name, value in given.items()} | changed)


@asynccontextmanager
async def a_rig(kafka: Kafka, postgres: Any, name: str, **changed: Any) -> AsyncIterator[Rig]:
    await kafka.make_topics(TOPICS)
    async with Rig(kafka, postgres, name) as rig:
        rig.settings = habits(kafka, **changed)
        yield rig


class Sender:
    """A relay as another process of the speaker would have it: its own leader's connection, pool and producer."""

    def __init__(self, settings: BaseSettings, url: str, name: str) -> None:
        self.broker, self.engine = make_broker(settings, name), make_engine(url, name, pool_size=2)
        self.relay = Relay(Database(self.engine), BrokerProducer(self.broker), Leader(url), _nothing)
        self._stopped = asyncio.Event()

    @property
    def leads(self) -> bool:
        return self.relay.stats.leader and self.relay.leader is not None and self.relay.leader.held

    async def __aenter__(self) -> "Sender":
        await self.broker.start()
        self._running = asyncio.create_task(self.relay.run(self._stopped))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        await self._running
        await self.broker.stop()
        await self.engine.dispose()


async def _nothing() -> None:
    return None


async def say_surely(rig: Rig, events: Sequence[Counted], pause: float = 0.05, at_once: int = 50) -> None:
    """Whoever speaks must find out what became of a commit whose answer never came."""
    for start in range(0, len(events), at_once):
        some = events[start : start + at_once]
        while True:
            try:
                if not await was_said(rig.speaker, some[0]):
                    await rig.say(some)
                break
            except Exception:
                await asyncio.sleep(0.2)
        await asyncio.sleep(pause)


async def was_said(speaker: Toy, event: Counted) -> bool:
    known = "SELECT event_id FROM outbox UNION ALL SELECT event_id FROM published"
    return bool(await speaker.value(f"SELECT count(*) FROM ({known}) AS s WHERE event_id = :id", id=event.id))


def firsts(records: Iterable[ConsumerRecord[Any, Any]]) -> dict[int, list[int]]:
    """The versions of each thing as they came first."""
    seen: dict[int, list[int]] = {}
    for record in records:
        body = json.loads(record.value)
        versions = seen.setdefault(body["account_id"], [])
        if body["version"] not in versions:
            versions.append(body["version"])
    return seen


def in_order(records: Iterable[ConsumerRecord[Any, Any]]) -> bool:
    return all(versions == list(range(1, len(versions) + 1)) for versions in firsts(records).values())


@asynccontextmanager
async def a_process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Of this Python, which prints a word when something has happened."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
