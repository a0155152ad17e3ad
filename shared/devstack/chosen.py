"""Where the tests and benchmarks get their servers: embedded ones, or with STACK=containers those of production."""

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import asyncpg

from shared.devstack import broker, containers, embedded, postgres
from shared.devstack.broker import PARTITIONS

STACKS = ("embedded", "containers")
STACK = os.environ.get("STACK") or "embedded"

# Apache Kafka needs none of what the embedded broker does; only that tests do not wait long for killed members.
KAFKA_HABITS = {
    "ISSUARY_KAFKA_PARTITIONS": str(PARTITIONS),
    "ISSUARY_KAFKA_REPLICATION": "1",
    "ISSUARY_KAFKA_SESSION_TIMEOUT_MS": "6000",
    "ISSUARY_KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
    "ISSUARY_KAFKA_REBALANCE_TIMEOUT_MS": "10000",
}
BROKER_HABITS = KAFKA_HABITS if STACK == "containers" else embedded.BROKER_HABITS


class Server(Protocol):
    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def kill(self) -> None: ...


class Postgres(Server, Protocol):
    @property
    def port(self) -> int: ...

    def url(self, database: str) -> str: ...

    async def make_databases(self, names: Iterable[str]) -> None: ...

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]": ...


class Broker(Server, Protocol):
    @property
    def address(self) -> str: ...

    async def make_topics(self, names: Iterable[str], partitions: int = PARTITIONS) -> None: ...

    async def forget(self) -> None:
        """A loss of everything, and a new broker at the same address."""

    async def clear(self) -> None:
        """No topics and no offsets, by the quickest way."""


def new_postgres(directory: Path, *, durable: bool = True) -> Postgres:
    if STACK == "containers":
        return containers.Postgres(durable=durable)
    return postgres.Postgres(directory, durable=durable)


def new_broker(log: Path) -> Broker:
    return containers.Broker() if STACK == "containers" else broker.Broker(log)
