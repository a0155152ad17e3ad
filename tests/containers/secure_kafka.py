"""Apache Kafka as it should be run: nothing but TLS, everybody signed in, nothing allowed that was not granted."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from testcontainers.core.container import DockerContainer

from shared.devstack.engine import LABEL, RUN, free_host_port, start_reaper
from shared.settings import BaseSettings
from shared.wire import kafka_client
from tests.containers.certificates import Authority

ROOT = Path(__file__).parents[2]
ADMIN = "admin-of-kafka"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="{ADMIN}"'
PLAIN_USERS = (
    "issuary-validation",
    "issuary-notifications",
    "issuary-setup",
    "shop",
)  # making a SCRAM login takes seconds
ADMIN_PROPERTIES = f"""
security.protocol=SASL_SSL
sasl.mechanism=PLAIN
sasl.jaas.config={PLAIN};
ssl.truststore.type=PEM
ssl.truststore.location=/etc/kafka/secrets/ca.pem
"""


@dataclass
class SecureKafka:
    """`port`: TLS and a login. `certified`: TLS and a certificate of one's own."""

    authority: Authority
    container: DockerContainer
    port: int
    certified: int

    def settings(self, user: str, password: str = "", **changed: Any) -> BaseSettings:
        given: dict[str, Any] = {
            "kafka": f"localhost:{self.port}",
            "kafka_tls": True,
            "kafka_ca": self.authority.pem,
            "kafka_user": user,
            "kafka_password": password or f"password-of-{user}",
            "kafka_replication": 1,
            "kafka_partitions": 2,
        }
        return BaseSettings(**given | changed)

    @property
    def admin(self) -> BaseSettings:
        return self.settings("admin", ADMIN, kafka_mechanism="PLAIN")

    async def run(self, *command: str) -> str:
        """Inside of the container, as an operator does."""
        return await asyncio.to_thread(self._run, command)

    def _run(self, command: tuple[str, ...]) -> str:
        told = {"KAFKA": f"localhost:{self.port}", "ADMIN": "/etc/kafka/secrets/admin.properties"}
        code, output = self.container.get_wrapped_container().exec_run(
            list(command), environment={**told, "PASSWORDS": "/etc/kafka/secrets/passwords"}
        )
        assert code == 0, output.decode()
        return str(output.decode())


def start_kafka(folder: Path, users: list[str]) -> SecureKafka:
    authority, port, certified = Authority(), free_host_port(), free_host_port()
    start_reaper()
    _write_secrets(folder, authority, users)
    container = DockerContainer("apache/kafka:4.1.0").with_name(f"wire-kafka-{port}")
    for name, value in environment(port, certified).items():
        container = container.with_env(name, value)
    container = container.with_volume_mapping(str(folder), "/etc/kafka/secrets", "ro")
    container = container.with_volume_mapping(str(ROOT / "deploy" / "kafka"), "/issuary", "ro")
    container = container.with_bind_ports(port, port).with_bind_ports(certified, certified)
    container.with_kwargs(labels={LABEL: RUN}).start()
    return SecureKafka(authority, container, port, certified)


def _write_secrets(folder: Path, authority: Authority, users: list[str]) -> None:
    certificate, key = authority.issue("kafka", "localhost")
    files = {"ca.pem": authority.pem, "kafka.pem": key + certificate, "admin.properties": ADMIN_PROPERTIES}
    files |= {f"passwords/{user}": f"password-of-{user}" for user in users}
    (folder / "passwords").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    for path in (folder, *folder.rglob("*")):
        os.chmod(path, 0o755)  # the broker is another user  # noqa: S103


def environment(port: int, certified: int) -> dict[str, str]:
    logins = {"admin": ADMIN, **{user: f"password-of-{user}" for user in PLAIN_USERS}}
    users = " ".join([PLAIN, *(f'user_{user}="{password}"' for user, password in logins.items())]) + ";"
    return {
        "CLUSTER_ID": "5L6g3nShT-eMCtK--X86sw",
        "KAFKA_HEAP_OPTS": "-Xmx512m",
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"LOGIN://:{port},CERTIFIED://:{certified},CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"LOGIN://localhost:{port},CERTIFIED://localhost:{certified}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "LOGIN:SASL_SSL,CERTIFIED:SSL,CONTROLLER:SASL_SSL",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "LOGIN",
        "KAFKA_LISTENER_NAME_LOGIN_SASL_ENABLED_MECHANISMS": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        "KAFKA_LISTENER_NAME_CONTROLLER_SASL_ENABLED_MECHANISMS": "PLAIN",
        "KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL": "PLAIN",
        "KAFKA_SASL_MECHANISM_CONTROLLER_PROTOCOL": "PLAIN",
        "KAFKA_LISTENER_NAME_LOGIN_PLAIN_SASL_JAAS_CONFIG": users,
        "KAFKA_LISTENER_NAME_LOGIN_SCRAM___SHA___512_SASL_JAAS_CONFIG": SCRAM,
        "KAFKA_LISTENER_NAME_LOGIN_SCRAM___SHA___256_SASL_JAAS_CONFIG": SCRAM,
        "KAFKA_LISTENER_NAME_CONTROLLER_PLAIN_SASL_JAAS_CONFIG": users,
        "KAFKA_LISTENER_NAME_CERTIFIED_SSL_CLIENT_AUTH": "required",
        "KAFKA_SSL_KEYSTORE_TYPE": "PEM",
        "KAFKA_SSL_KEYSTORE_LOCATION": "/etc/kafka/secrets/kafka.pem",
        "KAFKA_SSL_TRUSTSTORE_TYPE": "PEM",
        "KAFKA_SSL_TRUSTSTORE_LOCATION": "/etc/kafka/secrets/ca.pem",
        "KAFKA_AUTHORIZER_CLASS_NAME": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "KAFKA_SUPER_USERS": "User:admin",
        "KAFKA_LOG_DIRS": "/tmp/kafka-logs",  # noqa: S108
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }


async def wait_until_ready(kafka: SecureKafka) -> None:
    async with asyncio.timeout(150):
        while not await answers(kafka.admin):  # noqa: ASYNC110
            await asyncio.sleep(0.3)


async def answers(settings: BaseSettings) -> bool:
    admin = AIOKafkaAdminClient(**kafka_client(settings))
    try:
        await admin.start()
        await admin.list_topics()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return True
