"""Three Apache Kafka nodes (KRaft, each broker and controller) in containers that can be killed and started again."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from shared.devstack.child import free_port

IMAGE = "apache/kafka:4.1.0"
NODES = (1, 2, 3)
CLUSTER = "4L6g3nShT-eMCtK--X86sw"
START_WITHIN = 90.0


class Cluster:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.ports = {node: free_port() for node in NODES}
        self._network = Network()
        self._network.name = prefix
        self._nodes: dict[int, DockerContainer] = {}

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._network.create)
        try:
            await asyncio.gather(*(asyncio.to_thread(self._make, node) for node in NODES))
            await self.until_whole()
        except BaseException:
            await self._remove()
            raise
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._remove()

    @property
    def address(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports.values())

    async def kill(self, node: int) -> None:
        await asyncio.to_thread(self._nodes[node].get_wrapped_container().kill)

    async def start(self, node: int) -> None:
        await asyncio.to_thread(self._nodes[node].get_wrapped_container().start)

    async def until_whole(self) -> None:
        """All nodes answer, and every partition has all its replicas in sync: so much may be lost again."""
        async with asyncio.timeout(START_WITHIN):
            while not await self._is_whole():  # noqa: ASYNC110 - of other processes
                await asyncio.sleep(0.5)

    def _make(self, node: int) -> None:
        container = DockerContainer(IMAGE, name=f"{self.prefix}-kafka-{node}").with_envs(**self._settings(node))
        container = container.with_bind_ports(9092, self.ports[node])
        container = container.with_network(self._network).with_network_aliases(f"kafka-{node}")
        self._nodes[node] = container.start()

    def _settings(self, node: int) -> dict[str, str]:
        plain = "PLAINTEXT"
        return {
            "CLUSTER_ID": CLUSTER,
            "KAFKA_HEAP_OPTS": "-Xmx400m -Xms256m",
            "KAFKA_NODE_ID": str(node),
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(f"{one}@kafka-{one}:9094" for one in NODES),
            "KAFKA_LISTENERS": "HOST://:9092,NODES://:9093,CONTROLLER://:9094",
            "KAFKA_ADVERTISED_LISTENERS": f"HOST://127.0.0.1:{self.ports[node]},NODES://kafka-{node}:9093",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": f"HOST:{plain},NODES:{plain},CONTROLLER:{plain}",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "NODES",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LOG_DIRS": "/tmp/kafka",  # noqa: S108 - inside the container
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "3",
            "KAFKA_MIN_INSYNC_REPLICAS": "2",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        }

    async def _is_whole(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=5000)
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
        await asyncio.gather(*(asyncio.to_thread(node.stop) for node in self._nodes.values()), return_exceptions=True)
        await asyncio.to_thread(self._network.remove)


def _behind(topics: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{topic['topic']}/{partition['partition']}"
        for topic in topics
        for partition in topic["partitions"]
        if len(partition["isr"]) < len(partition["replicas"])
    ]
