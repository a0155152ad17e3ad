"""The servers of a test run, and what else can befall them: to be frozen, or to be asked by an administrator."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.devstack import containers
from shared.devstack.broker import PARTITIONS


class Kafka(containers.Broker):
    """A kill keeps what was written; `forget` does not."""

    def __init__(self, **changed: str) -> None:
        super().__init__()
        self.container.environment = {**self.container.environment, **changed}

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Its sockets stay open and nobody answers."""
        await asyncio.to_thread(self.container._wrapped().pause)
        try:
            yield
        finally:
            await asyncio.to_thread(self.container._wrapped().unpause)

    async def make_topics(self, names: Iterable[str], partitions: int = PARTITIONS, **configuration: str) -> None:
        """`segment_ms` stands for `segment.ms`."""
        settings = {name.replace("_", "."): value for name, value in configuration.items()}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        try:
            present = set(await admin.list_topics())
            missing = [NewTopic(name, partitions, 1, topic_configs=settings) for name in names if name not in present]
            await admin.create_topics(missing)
        finally:
            await admin.close()


class Pg(containers.Postgres):
    async def ask(self, statement: str) -> list[Any]:
        connection: asyncpg.Connection[asyncpg.Record] = await self.connect()
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def until(self, statement: str, within: float = 30) -> None:
        """Answers a row, or none."""
        async with asyncio.timeout(within):
            while not await self.ask(statement):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def run(self, script: str) -> None:
        wrapped = self.container._wrapped()
        status, said = await asyncio.to_thread(wrapped.exec_run, ["bash", "-c", script])
        if status:
            raise RuntimeError(said.decode())

    @property
    def inner_address(self) -> str:
        """For other containers."""
        wrapped = self.container._wrapped()
        wrapped.reload()
        return str(wrapped.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"])
