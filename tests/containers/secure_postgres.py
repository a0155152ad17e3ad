"""PostgreSQL that speaks TLS, with a certificate for `localhost` and no other name."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from testcontainers.core.container import DockerContainer

from shared.devstack.engine import LABEL, RUN, free_host_port, start_reaper
from shared.settings import BaseSettings
from shared.wire import database_ssl
from tests.containers.certificates import Authority

PASSWORD = "password-of-postgres"
INSTALL = """
cp /docker-entrypoint-initdb.d/server.pem /docker-entrypoint-initdb.d/server.key "$PGDATA"
chmod 600 "$PGDATA/server.key"
printf "ssl = on\\nssl_cert_file = 'server.pem'\\nssl_key_file = 'server.key'\\n" >>"$PGDATA/postgresql.conf"
"""


@dataclass
class SecurePostgres:
    authority: Authority
    container: DockerContainer
    port: int

    def url(self, database: str = "postgres", host: str = "localhost", password: str = PASSWORD) -> str:
        return f"postgresql+asyncpg://postgres:{password}@{host}:{self.port}/{database}"

    def settings(self, **changed: Any) -> BaseSettings:
        return BaseSettings(**{"database_url": self.url(), "database_ca": self.authority.pem} | changed)

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(host="localhost", port=self.port, user="postgres", password=PASSWORD, ssl="prefer")

    async def execute(self, *statements: str) -> None:
        connection = await self.connect()
        for statement in statements:
            await connection.execute(statement)
        await connection.close()


def start_postgres(folder: Path) -> SecurePostgres:
    authority, port = Authority(), free_host_port()
    start_reaper()
    certificate, key = authority.issue("postgres", "localhost")
    for name, text in {"server.pem": certificate, "server.key": key, "tls.sh": INSTALL}.items():
        (folder / name).write_text(text)
        os.chmod(folder / name, 0o644)  # the server is another user
    os.chmod(folder, 0o755)  # noqa: S103
    container = DockerContainer("postgres:15").with_name(f"wire-postgres-{port}")
    container = (
        container.with_env("POSTGRES_PASSWORD", PASSWORD).with_bind_ports(5432, port).with_kwargs(labels={LABEL: RUN})
    )
    container.with_volume_mapping(str(folder), "/docker-entrypoint-initdb.d", "ro").start()
    return SecurePostgres(authority, container, port)


async def wait_until_open(postgres: SecurePostgres) -> None:
    """With TLS: before its first real start the public image runs a server that only its own scripts reach."""
    async with asyncio.timeout(150):
        while True:
            try:
                settings = postgres.settings()
                await (
                    await asyncpg.connect(postgres.url().replace("+asyncpg", ""), ssl=database_ssl(settings))
                ).close()
                return
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.2)
