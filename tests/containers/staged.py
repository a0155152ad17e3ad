"""Real processes of the services, as `python -m services billing` starts them, on databases of accounts that pay."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import httpx

from benchmarks.ground import open_accounts, orders
from shared.devstack.child import free_port
from shared.devstack.chosen import KAFKA_HABITS
from shared.events.orders import OrderPlaced
from shared.migrate import ROOT, upgrade
from tests.containers.servers import Kafka, Pg
from tests.processes import command

OFFSET_FAILED = "an offset was not committed"
FOREIGN = "shop"
SERVICES = ("orders", "billing", "validation", "notifications")


def foreign_orders(count: int, first: int = 1) -> list[OrderPlaced]:
    """Of another system: orders has no part in them."""
    return [order.model_copy(update={"source": FOREIGN}) for order in orders(count, first)]


class Stage:
    """Migrated databases and what the processes are told."""

    def __init__(self, kafka: Kafka, postgres: Pg, directory: Path, services: Sequence[str] = SERVICES) -> None:
        self.kafka, self.postgres, self.directory, self.services = kafka, postgres, directory, services
        self.running: list[Running] = []

    async def __aenter__(self) -> Self:
        await self.postgres.make_databases(self.services)
        for name in self.services:
            await asyncio.to_thread(upgrade, name, self.postgres.url(name))
        await open_accounts(self.postgres.url("billing"))
        await self.ctl("topics")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(one.kill() for one in self.running))

    def environment(self, **changed: str) -> dict[str, str]:
        urls = {f"ISSUARY_{name.upper()}_DATABASE_URL": self.postgres.url(name) for name in self.services}
        return {
            **os.environ, **KAFKA_HABITS, **urls, "ISSUARY_ENV": "dev", "ISSUARY_KAFKA": self.kafka.address,
            "ISSUARY_SESSION_SECRET": "of the tests", "ISSUARY_SERVICE_KEY": "of the tests",
            "ISSUARY_VALIDATION_TEST_MODE": "1", "ISSUARY_VALIDATION_RESOLVERS": "127.0.0.1:1",
            "ISSUARY_BILLING_DEFAULT_LIMITS": "EUR:1000000000000", **changed,
        }  # fmt: skip

    async def ctl(self, *arguments: str) -> str:
        status, said = await command(self.environment(), "ctl", *arguments)
        assert status == 0, said
        return said

    async def start(self, *names: str, **changed: str) -> "Running":
        one = Running(names, self.directory / f"{'-'.join(names)}-{len(self.running)}.log")
        self.running.append(one)
        await one.start(self.environment(**changed))
        return one


class Running:
    process: Process

    def __init__(self, names: Sequence[str], log: Path) -> None:
        self.names, self.log, self.port = names, log, free_port()

    async def start(self, environment: dict[str, str]) -> None:
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services", *self.names,
                cwd=ROOT, env={**environment, "PORT": str(self.port)}, stdout=log, stderr=log,
            )  # fmt: skip

    async def until_ready(self, within: float = 120) -> Self:
        async with asyncio.timeout(within):
            while not await self._is_ready():
                assert self.process.returncode is None, self.log.read_text()[-2000:]
                await asyncio.sleep(0.1)
        return self

    async def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return (await self._get("/health/ready")).status_code == 200
        return False

    async def _get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=5) as client:
            return await client.get(path)

    async def came_again(self) -> int:
        """Events that were delivered a second time."""
        text = (await self._get(f"/{self.names[0]}/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return sum(int(float(value)) for name, value in lines if 'outcome="duplicate"' in name)

    def failed_commits(self) -> int:
        """Offsets that were not noted, those of its end included: nobody can ask for its figures then."""
        return self.log.read_text().count(OFFSET_FAILED)

    async def terminate(self, within: float = 30) -> float:
        """How long it took to end in order."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.wait(), within)
        assert self.process.returncode == 0, self.log.read_text()[-2000:]
        return time.monotonic() - began

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def a_stage(directory: Path, services: Sequence[str] = SERVICES) -> AsyncIterator[Stage]:
    async with Kafka() as kafka, Pg() as postgres, Stage(kafka, postgres, directory, services) as stage:
        yield stage
