import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import psutil

from shared.devstack.binaries import binaries
from shared.devstack.child import Child, free_port, start_child

OWNER = "postgres"
START_WITHIN = 30.0


class Postgres:
    """Embedded PostgreSQL in a directory of its own. Root may start it: the server itself then runs as `nobody`."""

    def __init__(self, directory: Path, *, durable: bool = True, log: Path | None = None) -> None:
        self._data, self._password_file = directory / "data", directory / "password"
        self.directory, self._log, self._durable = directory, log or directory / "postgres.log", durable
        self._user = "nobody" if os.geteuid() == 0 else None
        self.port = 0
        self.child: Child

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            await self._make_cluster()
        await self._wait_for_predecessor()
        self.port = self.port or free_port()
        command: list[str | Path] = [binaries() / "postgres", "-D", self._data, "-p", str(self.port), *self._options()]
        # SIGINT is PostgreSQL's fast stop: also after our own violent end the data are left clean.
        self.child = await start_child(
            "PostgreSQL", command, log=self._log, death_signal=signal.SIGINT, user=self._user
        )
        await self._wait_until_ready()

    async def stop(self) -> None:
        await self.child.stop(signal.SIGINT)

    async def kill(self) -> None:
        """As a power cut would: no checkpoint, sessions cut; the next start recovers."""
        await self.child.stop(signal.SIGQUIT)

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://{OWNER}:{self._password()}@127.0.0.1:{self.port}/{database}"

    async def make_databases(self, names: Iterable[str]) -> None:
        await create_missing(await self.connect(), names)

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=self._password(), database="postgres", timeout=5
        )

    def _options(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "200"}
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        return [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]

    async def _make_cluster(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # a first start that was cut short
        self._data.mkdir(parents=True)
        self._data.chmod(0o700)
        self._password_file.write_text(secrets.token_urlsafe(24), encoding="ascii")
        self._hand_over(self._data, self._password_file)
        initdb = await start_child("initdb", self._initdb(), log=self.directory / "initdb.log", user=self._user)
        said = await initdb.ended()
        if not (self._data / "PG_VERSION").exists():
            raise RuntimeError(said)
        shutil.chown(self._password_file, os.geteuid())

    def _initdb(self) -> list[str | Path]:
        same_everywhere = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--auth=scram-sha-256", f"--pwfile={self._password_file}", f"--username={OWNER}"]
        sync = [] if self._durable else ["--no-sync"]
        return [binaries() / "initdb", "-D", self._data, *same_everywhere, *access, *sync]

    def _hand_over(self, *paths: Path) -> None:
        self._password_file.chmod(0o600)
        if self._user:
            for path in paths:
                shutil.chown(path, self._user)

    def _password(self) -> str:
        return self._password_file.read_text(encoding="ascii")

    async def _wait_until_ready(self) -> None:
        async with asyncio.timeout(START_WITHIN):
            while True:
                await self.child.check()
                try:
                    await (await self.connect()).close()
                    return
                except (OSError, asyncpg.CannotConnectNowError):
                    await asyncio.sleep(0.03)

    async def _wait_for_predecessor(self, within: float = 10) -> None:
        """The server of a parent that was killed is still stopping; a lock file may also be left by a power cut."""
        lock, deadline = self._data / "postmaster.pid", time.monotonic() + within
        while lock.exists() and self._is_server(int(lock.read_text(encoding="utf-8").split()[0])):
            if time.monotonic() > deadline:
                raise RuntimeError(f"another PostgreSQL still runs in {self._data}")
            await asyncio.sleep(0.05)
        lock.unlink(missing_ok=True)

    def _is_server(self, pid: int) -> bool:
        try:
            return str(self._data) in psutil.Process(pid).cmdline()
        except psutil.Error:
            return False


async def create_missing(connection: "asyncpg.Connection[asyncpg.Record]", names: Iterable[str], how: str = "") -> None:
    try:
        present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for name in names:
            if name not in present:
                await connection.execute(f'CREATE DATABASE "{name}" {how}')
    finally:
        await connection.close()
