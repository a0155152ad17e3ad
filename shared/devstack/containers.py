"""PostgreSQL and Apache Kafka in containers; `chosen` says what they have in common with the embedded ones."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.devstack.broker import PARTITIONS
from shared.devstack.engine import Container
from shared.devstack.postgres import create_missing
from shared.service.topics import wanted
from shared.settings import BaseSettings

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.1.0"
OWNER = "postgres"
OFFSETS = "__consumer_offsets"
START_WITHIN = 120.0  # 2 s and 5 s on a machine that does nothing else
SAME_EVERYWHERE = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"


class Contained:
    """A server in a container of its own, which goes with the block that entered it."""

    def __init__(self, container: Container, answers: Callable[[], Awaitable[bool]]) -> None:
        self.container, self._answers = container, answers

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.container.remove()
            raise
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.container.remove()

    async def start(self) -> None:
        await self.container.start()
        try:
            await asyncio.wait_for(self._until_it_answers(), START_WITHIN)
        except TimeoutError:
            raise RuntimeError(await self.container.told(f"does not answer after {START_WITHIN:.0f} s")) from None

    async def stop(self) -> None:
        await self.container.stop()

    async def kill(self) -> None:
        await self.container.kill()

    async def _until_it_answers(self) -> None:
        while not (await self.container.accepts() and await self._answers()):
            await self.container.check()
            await asyncio.sleep(0.05)


class Postgres(Contained):
    def __init__(self, *, durable: bool = True, image: str = POSTGRES_IMAGE) -> None:
        self._password = secrets.token_urlsafe(24)
        environment = {"POSTGRES_PASSWORD": self._password, "POSTGRES_USER": OWNER}
        container = Container("postgres", image, 5432, command=_options(durable), environment=environment)
        super().__init__(container, self._lets_in)

    @property
    def port(self) -> int:
        return self.container.host_port

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://{OWNER}:{self._password}@{self.container.host}:{self.port}/{database}"

    async def make_databases(self, names: Iterable[str]) -> None:
        await create_missing(await self.connect(), names, SAME_EVERYWHERE)

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host=self.container.host,
            port=self.port,
            user=OWNER,
            password=self._password,
            database="postgres",
            timeout=5,
        )

    async def _lets_in(self) -> bool:
        try:
            await (await self.connect()).close()
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        return True


def _options(durable: bool) -> list[str]:
    settings = {"max_connections": "200"}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    return ["postgres", *(part for key, value in settings.items() for part in ("-c", f"{key}={value}"))]


class Broker(Contained):
    """One node of Apache Kafka, controller and broker in one."""

    def __init__(self, *, image: str = KAFKA_IMAGE) -> None:
        super().__init__(Container("kafka", image, 9092, environment={}), self._lists_topics)
        self.container.environment = _node(self.address)

    @property
    def address(self) -> str:
        return f"{self.container.host}:{self.container.host_port}"

    async def forget(self) -> None:
        """Another one at the same address, which knows nothing."""
        await self.container.remove()
        await self.start()

    async def clear(self) -> None:
        """Kafka forgets the offsets of a topic with the topic."""
        async with self._admin() as admin:
            mine = set(await admin.list_topics()) - {OFFSETS}
            if mine:
                await admin.delete_topics([*mine])
            while mine & set(await admin.list_topics()):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)

    async def make_topics(self, names: Iterable[str], partitions: int = PARTITIONS) -> None:
        async with self._admin() as admin:
            present = set(await admin.list_topics())
            missing = [_topic(name, partitions) for name in names if name not in present]
            if missing:
                await admin.create_topics(missing)

    async def _lists_topics(self) -> bool:
        try:
            async with self._admin() as admin:
                await admin.list_topics()
        except (OSError, KafkaError):
            return False
        return True

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


def _topic(name: str, partitions: int) -> NewTopic:
    """As a service wants it, or it would not start."""
    want = wanted(name, BaseSettings(kafka_partitions=partitions, kafka_replication=1))
    return NewTopic(name, partitions, 1, topic_configs=dict(want.settings))


def _node(address: str) -> dict[str, str]:
    """Clients come by the port of the host, the node to itself by another."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "CLIENT://:9092,NODE://:9093,CONTROLLER://:9094",
        "KAFKA_ADVERTISED_LISTENERS": f"CLIENT://{address},NODE://localhost:9093",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CLIENT:PLAINTEXT,NODE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "NODE",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
        "KAFKA_LOG_DIRS": "/tmp/kraft-combined-logs",  # noqa: S108 - inside the container
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_BROKER_SESSION_TIMEOUT_MS": "2000",  # a killed node is not registered again before it has run out
        "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "500",  # so that a killed member is missed soon
        "KAFKA_HEAP_OPTS": "-Xms128m -Xmx512m",
        "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",  # it starts sooner
    }
