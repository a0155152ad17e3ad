"""Containers of a test run. They go with the process that started them, however it ends: `reaper` sees to that."""

import asyncio
import atexit
import random
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import docker.errors
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

from shared.migrate import ROOT

if TYPE_CHECKING:
    from docker.models.containers import Container as Wrapped

LABEL = "issuary.test"
RUN = secrets.token_hex(6)
PORTS = range(20_000, 32_000)  # below those that the kernel gives to connections: still free after a kill
ABSENT = """STACK=containers needs a Docker engine, and none answers: {}
Start one, or point DOCKER_HOST at it; `make test` without STACK takes embedded servers."""


class NoEngine(RuntimeError):
    """Says what to do."""


def check_engine() -> None:
    try:
        DockerClient().client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise NoEngine(ABSENT.format(error)) from None


@cache
def start_reaper() -> None:
    testcontainers_config.ryuk_disabled = True  # one image less to pull; this one removes the same
    command = [sys.executable, "-m", "shared.devstack.reaper", f"{LABEL}={RUN}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)
    atexit.register(process.communicate)  # a run that ends in order has nothing left behind when it has ended


class Container:
    """One server at a fixed port of the host, which stays its own when it is killed and started again."""

    def __init__(
        self,
        name: str,
        image: str,
        port: int,
        *,
        command: Sequence[str] = (),
        environment: Mapping[str, str],
        network: Network | None = None,
    ) -> None:
        """On a `network` the others reach it by its name."""
        self.name, self.image, self.port, self.network = name, image, port, network
        self.command, self.environment = command, environment
        self.host, self.host_port = engine_host(), free_host_port()
        self.name_on_engine = f"issuary-test-{name}-{secrets.token_hex(4)}"
        self._made: DockerContainer | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self._again if self._made else self._start)

    async def stop(self) -> None:
        """As the engine stops it: asked first; the data stay."""
        await asyncio.to_thread(self._wrapped().stop, timeout=10)

    async def kill(self) -> None:
        """SIGKILL; the data stay as they were written."""
        await asyncio.to_thread(self._wrapped().kill)

    async def remove(self) -> None:
        made, self._made = self._made, None
        if made:
            await asyncio.to_thread(made.stop)

    async def accepts(self) -> bool:
        """The engine accepts connections before the server does, and closes them when nobody is behind."""
        try:
            reader, writer = await asyncio.open_connection(self.host, self.host_port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(0.05):
                return await reader.read(1) != b""
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            writer.close()

    async def check(self) -> None:
        state = await asyncio.to_thread(self._state)
        if state != "running":
            raise RuntimeError(await self.told(f"is {state}"))

    async def told(self, how: str, lines: int = 12) -> str:
        said = await asyncio.to_thread(self._wrapped().logs, tail=lines)
        return f"the container of {self.image} {how}; its last lines:\n{said.decode(errors='replace')}"

    def _start(self) -> None:
        start_reaper()
        made = DockerContainer(self.image).with_bind_ports(self.port, self.host_port).with_envs(**self.environment)
        made.with_name(self.name_on_engine).with_kwargs(labels={LABEL: RUN})
        if self.command:
            made.with_command([*self.command])
        if self.network:
            made.with_network(self.network).with_network_aliases(self.name)
        self._made = made.start()

    def _again(self) -> None:
        self._wrapped().start()

    def _state(self) -> str:
        container = self._wrapped()
        container.reload()
        return str(container.status)

    def _wrapped(self) -> "Wrapped":
        if not self._made:
            raise RuntimeError(f"the container of {self.image} is not started")
        return self._made.get_wrapped_container()


def new_network() -> Network:
    start_reaper()
    return Network(docker_network_kw={"labels": {LABEL: RUN}})


def engine_host() -> str:
    named = DockerClient().host()
    return "127.0.0.1" if named == "localhost" else named


def free_host_port() -> int:
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - as the engine will
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port is free among {PORTS}")
