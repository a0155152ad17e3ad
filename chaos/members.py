"""The service processes: started as in production, killed, frozen, and started again as a supervisor would."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from shared.devstack.child import Child, start_child
from shared.devstack.engine import free_host_port

READY_WITHIN = 90.0
# validation trusts no resolver here, so it is never ready; that it lives is all that can be asked
HEALTH = {"validation": "live"}


class Member:
    """One process after another under one name and port; each life has a log of its own."""

    def __init__(self, service: str, number: int, logs: Path, module: str = "services") -> None:
        self.service, self.name, self.port = service, f"{service}-{number}", free_host_port()
        self._logs, self._module, self._lives = logs, module, 0
        self.wanted = False
        self.child: Child

    async def start(self, environment: Mapping[str, str]) -> None:
        self._lives += 1
        given = {**environment, "PORT": str(self.port)}
        command = [sys.executable, "-m", self._module, self.service]
        log = self._logs / f"{self.name}.{self._lives}.log"
        self.child = await start_child(self.name, command, log=log, env=given)
        self.wanted = True

    async def kill(self) -> None:
        self.wanted = False
        await self.child.stop(signal.SIGKILL)

    async def stop(self) -> None:
        self.wanted = False
        await self.child.stop(signal.SIGTERM, within=30)

    def freeze(self) -> None:
        os.kill(self.child.pid, signal.SIGSTOP)

    async def hold_still(self) -> None:
        """Frozen, once it runs no more: a signal takes its time."""
        self.freeze()
        async with asyncio.timeout(5):
            while psutil.Process(self.child.pid).status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - of the kernel
                await asyncio.sleep(0)

    def thaw(self) -> None:
        os.kill(self.child.pid, signal.SIGCONT)

    def owns(self, port: int) -> bool:
        """Whether it has a connection from that port."""
        return any(one.laddr.port == port for one in psutil.Process(self.child.pid).net_connections("tcp"))

    async def until_ready(self) -> None:
        async with asyncio.timeout(READY_WITHIN):
            while not await self._is_ready():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.3)

    async def _is_ready(self) -> bool:
        await self.child.check()
        path = f"/{self.service}/health/{HEALTH.get(self.service, 'ready')}"
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                line = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 200 " in line


class Members:
    def __init__(self, services: Mapping[str, int], logs: Path, modules: Mapping[str, str]) -> None:
        """`services`: how many processes of each; `modules`: what is started in place of the service itself."""
        self.all = [
            Member(service, number, logs, modules.get(service, "services"))
            for service, count in services.items()
            for number in range(1, count + 1)
        ]
        self.environment: Mapping[str, str] = {}

    def of(self, service: str) -> Sequence[Member]:
        return [member for member in self.all if member.service == service]

    async def start(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        for member in self.all:
            await member.start(environment)
        await self.until_ready()

    async def again(self, member: Member) -> None:
        await member.start(self.environment)
        await member.until_ready()

    async def until_ready(self) -> None:
        await asyncio.gather(*(member.until_ready() for member in self.all if member.wanted))

    async def check(self) -> None:
        """Raises ChildEnded where a process ended though nobody killed it."""
        for member in self.all:
            if member.wanted:
                await member.child.check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await asyncio.gather(*(member.stop() for member in self.all if member.wanted))
