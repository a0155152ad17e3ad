"""Three Apache Kafka nodes (KRaft, each broker and controller) in containers that can be killed and started again."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient

from shared.devstack.containers import KAFKA_IMAGE
from shared.devstack.engine import Container, new_network

NODES = (1, 2, 3)
START_WITHIN = 120.0


class Cluster:
    def __init__(self) -> None:
        self._network = new_network()
        self.nodes = {node: self._new(node) for node in NODES}

    def _new(self, node: int) -> Container:
        container = Container(f"kafka-{node}", KAFKA_IMAGE, 9092, environment={}, network=self._network)
        container.environment = _settings(node, _address(container))
        return container

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._network.create)
        try:
            for node in self.nodes.values():
                await node.start()
            await self.until_whole()
        except BaseException:
            await self._remove()
            raise
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._remove()

    @property
    def address(self) -> str:
        return ",".join(map(_address, self.nodes.values()))

    async def start(self, node: int) -> None:
        """Until that very node answers, which it does when the controllers have taken it back, and lacks nothing."""
        await self.nodes[node].start()
        await self.until_whole(node)

    async def until_whole(self, *nodes: int) -> None:
        """They answer, and every partition has all its replicas in sync: so much may be lost again."""
        async with asyncio.timeout(START_WITHIN):
            for node in nodes or NODES:
                while not await self._sees_all(node):  # noqa: ASYNC110 - of other processes
                    await asyncio.sleep(0.5)

    async def _sees_all(self, node: int) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=_address(self.nodes[node]), request_timeout_ms=5000)
        try:
            await admin.start()
            brokers = await admin.describe_cluster()
            topics = await admin.describe_topics()
        except Exception:
            return False
        finally:
            await admin.close()
        return len(brokers["brokers"]) == len(NODES) and not _behind(topics)

    async def _remove(self) -> None:
        await asyncio.gather(*(node.remove() for node in self.nodes.values()))
        await asyncio.to_thread(self._network.remove)


def _address(node: Container) -> str:
    return f"{node.host}:{node.host_port}"


def _settings(node: int, address: str) -> dict[str, str]:
    """What production has; clients come by the port of the host, the nodes to each other by their names."""
    return {
        "KAFKA_HEAP_OPTS": "-Xmx400m -Xms256m",
        "KAFKA_NODE_ID": str(node),
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(f"{one}@kafka-{one}:9094" for one in NODES),
        "KAFKA_LISTENERS": "CLIENT://:9092,NODE://:9093,CONTROLLER://:9094",
        "KAFKA_ADVERTISED_LISTENERS": f"CLIENT://{address},NODE://kafka-{node}:9093",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CLIENT:PLAINTEXT,NODE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "NODE",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LOG_DIRS": "/tmp/kafka",  # noqa: S108 - inside the container
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "3",
        "KAFKA_MIN_INSYNC_REPLICAS": "2",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


def _behind(topics: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{topic['topic']}/{partition['partition']}"
        for topic in topics
        for partition in topic["partitions"]
        if len(partition["isr"]) < len(partition["replicas"])
    ]
