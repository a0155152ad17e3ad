"""PostgreSQL in a container, durable: a kill loses nothing that was committed, and the same volume is started again."""

import asyncio
import secrets
from types import TracebackType
from typing import Any, Self

import asyncpg
from testcontainers.core.container import DockerContainer

from shared.devstack.child import free_port

IMAGE = "postgres:18"
START_WITHIN = 60.0
COMMAND = ["postgres", "-c", "max_connections=300", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"]


class Database:
    def __init__(self, prefix: str) -> None:
        self._password, self.port = secrets.token_urlsafe(24), free_port()
        self._volume = f"{prefix}-postgres"
        container = DockerContainer(IMAGE, name=self._volume, command=COMMAND)  # type: ignore[arg-type]
        container = container.with_env("POSTGRES_PASSWORD", self._password)
        container = container.with_bind_ports(5432, self.port)
        self._container = container.with_volume_mapping(self._volume, "/var/lib/postgresql", "rw")

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._container.start)
        await self.until_ready()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await asyncio.to_thread(self._container.stop)
        await asyncio.to_thread(self._remove_volume)

    async def kill(self) -> None:
        await asyncio.to_thread(self._container.get_wrapped_container().kill)

    async def start(self) -> None:
        await asyncio.to_thread(self._container.get_wrapped_container().start)
        await self.until_ready()

    async def until_ready(self) -> None:
        async with asyncio.timeout(START_WITHIN):
            while True:
                try:
                    return await (await self.connect("postgres")).close()  # type: ignore[no-any-return]
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.sleep(0.2)

    async def connect(self, database: str) -> Any:
        where = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "password": self._password}
        return await asyncpg.connect(**where, database=database, timeout=5, command_timeout=120)

    async def ask(self, database: str, statement: str, *given: Any) -> list[Any]:
        connection = await self.connect(database)
        try:
            return list(await connection.fetch(statement, *given))
        finally:
            await connection.close()

    async def make(self, *names: str) -> None:
        for name in names:
            await self.ask("postgres", f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres:{self._password}@127.0.0.1:{self.port}/{database}"

    def _remove_volume(self) -> None:
        self._container.get_docker_client().client.volumes.get(self._volume).remove()
