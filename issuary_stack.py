"""Issuary for the integration tests of other projects. Copy this file; it needs testcontainers and nothing else.

    with IssuaryStack() as stack:
        stack.bootstrap_servers, stack.api, stack.account_id, stack.api_key

It takes the image `issuary:dev`, or the one that ISSUARY_IMAGE names, and builds nothing.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import secrets
import socket
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any

import docker.errors
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

IMAGE = "issuary:dev"
POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.1.0"
MAIL_IMAGE = "axllent/mailpit:v1.27"
SERVICES = ("orders", "billing", "validation", "notifications")
PORTS = range(20_000, 32_000)  # below those that the kernel gives to connections
LOCALE = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
ABSENT = """There is no image {0} on this machine. In a checkout of Issuary, `make image` makes issuary:dev
(so does `docker build -t issuary:dev .`); or name another image in ISSUARY_IMAGE and pull it first."""


class StackError(RuntimeError):
    """Why Issuary did not start, with the last lines of the container that failed."""


@dataclass(frozen=True)
class Account:
    account_id: int
    division_id: int
    administrator: str  # signs in at /account/signin with the password
    password: str
    api_key: str  # goes into the header X-DC-DEVKEY


class IssuaryStack:
    """PostgreSQL, Apache Kafka, a mail sink and the four services, for as long as the block lasts.

    `settings` are Issuary's own (its docs/settings.md), over those chosen here; `timeout` is for each container.
    """

    def __init__(
        self, image: str | None = None, *, settings: Mapping[str, str] | None = None, timeout: float = 180
    ) -> None:
        self.image = image or os.environ.get("ISSUARY_IMAGE") or IMAGE
        self._settings = dict(settings or {})
        self._password = secrets.token_urlsafe(16)
        self._containers = _Containers(timeout)
        self.bootstrap_servers = ""  # of Kafka, as this process reaches it
        self.api = ""  # origin of API and pages: {api}/services/v2/finance/balance
        self.account = Account(0, 0, "", "", "")
        self.account_id, self.api_key = 0, ""

    def __enter__(self) -> IssuaryStack:
        return self.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def start(self) -> IssuaryStack:
        """Returns when every service is ready. Whatever goes wrong, no container is left."""
        _check_image(self.image)
        atexit.register(self.stop)
        try:
            self._containers.open()
            self._start(self._containers)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        atexit.unregister(self.stop)
        self._containers.remove()

    def get(self, path: str) -> Any:
        """What the API answers to the account's key: `get("/services/v2/finance/invoice")`."""
        return json.loads(_fetch(self.api + path, self.api_key))

    def mails(self) -> list[EmailMessage]:
        """Everything sent so far, oldest first, with its attachments."""
        sink = f"http://{_host()}:{self._containers.named['mail'].get_exposed_port(8025)}/api/v1"
        page = json.loads(_fetch(f"{sink}/messages"))
        rows = page["messages"]  # newest first
        while len(rows) < page["total"]:
            rows += json.loads(_fetch(f"{sink}/messages?start={len(rows)}"))["messages"]
        raw = [_fetch(f"{sink}/message/{row['ID']}/raw") for row in reversed(rows)]
        return [message_from_bytes(one, policy=policy.default) for one in raw]

    def logs(self, name: str = "issuary") -> str:
        """Of `issuary`, `kafka`, `postgres` or `mail`."""
        return self._containers.logs(name)

    def open_account(self, name: str, currency: str = "EUR") -> Account:
        """Another customer, with an administrator and an API key."""
        made = self._containers.named["issuary"].exec(_opening(name, currency))
        if made.exit_code:
            raise StackError(f"No account was opened: {made.output.decode(errors='replace')}")
        account = _told(made.output.decode())
        self._containers.until("issuary", lambda: self._knows(account))
        return account

    def _start(self, containers: _Containers) -> None:
        kafka_port, api_port = [port for port in random.sample(PORTS, 50) if _is_free(port)][:2]
        self.bootstrap_servers, self.api = f"{_host()}:{kafka_port}", f"http://{_host()}:{api_port}"
        self._start_servers(containers, kafka_port)
        databases = [part for name in SERVICES for part in _database(name, self._password)]
        containers.until("postgres", lambda: containers.runs("postgres", ["pg_isready", "-q", "-h", "127.0.0.1"]))
        if not containers.runs("postgres", ["psql", "-U", "postgres", *databases]):
            raise containers.failed("postgres", "did not make the databases")
        containers.until("kafka", lambda: containers.runs("kafka", ["bash", "-c", "</dev/tcp/127.0.0.1/9092"]))
        containers.run("issuary", self._issuary().with_command(_jobs_and_services()).with_bind_ports(8080, api_port))
        containers.until("issuary", lambda: _answers(f"{self.api}/health/ready"))
        self.account = _told(containers.logs("issuary"))
        self.account_id, self.api_key = self.account.account_id, self.account.api_key
        containers.until("issuary", lambda: self._knows(self.account))

    def _knows(self, account: Account) -> bool:
        """Billing hears of accounts and keys as of everything, by events."""
        return _answers(f"{self.api}/services/v2/finance/balance", account.api_key)

    def _start_servers(self, containers: _Containers, kafka_port: int) -> None:
        postgres = DockerContainer(POSTGRES_IMAGE).with_env("POSTGRES_PASSWORD", self._password)
        containers.run("postgres", postgres.with_command(["postgres", "-c", "max_connections=200", "-c", "fsync=off"]))
        kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9094, kafka_port)
        containers.run("kafka", kafka.with_envs(**_kafka(self.bootstrap_servers)))
        containers.run("mail", DockerContainer(MAIL_IMAGE).with_exposed_ports(8025))

    def _issuary(self) -> DockerContainer:
        address = f"{self._password}@postgres"
        chosen = {
            **{f"ISSUARY_{n.upper()}_DATABASE_URL": f"postgresql+asyncpg://{n}:{address}/{n}" for n in SERVICES},
            "ISSUARY_ENV": "dev",
            "ISSUARY_BASE_URL": self.api,
            "ISSUARY_SESSION_SECRET": self._password,
            "ISSUARY_SERVICE_KEY": self._password,
            "ISSUARY_KAFKA": "kafka:9092",
            "ISSUARY_KAFKA_PARTITIONS": "4",
            "ISSUARY_KAFKA_REPLICATION": "1",
            "ISSUARY_BILLING_DEFAULT_LIMITS": "EUR:100000000,USD:100000000",  # a million: no deposit needed
            "ISSUARY_VALIDATION_TEST_MODE": "true",
            "ISSUARY_NOTIFICATIONS_BILLING_URL": "http://127.0.0.1:8080",
            "ISSUARY_NOTIFICATIONS_SMTP_HOST": "mail",
            "ISSUARY_NOTIFICATIONS_SMTP_PORT": "1025",
        }
        return DockerContainer(self.image).with_envs(**{**chosen, **self._settings})


class _Containers:
    """In a network of their own, known in it by their names."""

    def __init__(self, timeout: float) -> None:
        self.named: dict[str, DockerContainer] = {}
        self._timeout, self._open = timeout, ExitStack()

    def open(self) -> None:
        self._network = self._open.enter_context(Network())

    def run(self, name: str, container: DockerContainer) -> None:
        container.with_network(self._network).with_network_aliases(name)
        self.named[name] = container.with_name(f"issuary-stack-{name}-{secrets.token_hex(4)}")
        self._open.enter_context(container)

    def runs(self, name: str, command: list[str]) -> bool:
        return bool(self.named[name].exec(command).exit_code == 0)

    def until(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._timeout
        container = self.named[name].get_wrapped_container()
        while not ready():
            container.reload()
            if container.status != "running":
                raise self.failed(name, "ended by itself")
            if time.monotonic() > deadline:
                raise self.failed(name, f"was not ready after {self._timeout:.0f} s")
            time.sleep(0.2)

    def logs(self, name: str) -> str:
        return b"".join(self.named[name].get_logs()).decode(errors="replace")

    def failed(self, name: str, how: str) -> StackError:
        lines = self.logs(name).splitlines()[-40:]
        return StackError("\n  ".join([f"The container {name} {how}. Its last lines:", *lines]))

    def remove(self) -> None:
        with suppress(docker.errors.APIError):  # somebody else's cleaner was quicker
            self._open.close()


def _check_image(image: str) -> None:
    try:
        DockerClient().client.images.get(image)
        _do_without_ryuk_where_it_cannot_be_had()
    except docker.errors.ImageNotFound:
        raise StackError(ABSENT.format(image)) from None
    except (docker.errors.DockerException, OSError) as error:
        raise StackError(f"No container engine answers ({error}). Start one, or set DOCKER_HOST.") from None


def _do_without_ryuk_where_it_cannot_be_had() -> None:
    """It removes containers of a process that was killed; all others are removed here."""
    images = DockerClient().client.images
    if testcontainers_config.ryuk_disabled or images.list(testcontainers_config.ryuk_image):
        return
    try:
        images.pull(testcontainers_config.ryuk_image)
    except docker.errors.APIError:
        testcontainers_config.ryuk_disabled = True


def _database(name: str, password: str) -> list[str]:
    """Each service has a login of its own, as in production."""
    role = f"CREATE ROLE {name} LOGIN PASSWORD '{password}'"
    return ["-c", role, "-c", f"CREATE DATABASE {name} OWNER {name} {LOCALE}"]


def _kafka(outside: str) -> dict[str, str]:
    """One node with two doors: the services come by its name in the network, tests by a port of the host."""
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": "INSIDE://:9092,OUTSIDE://:9094,CONTROLLER://:9093",
        "advertised.listeners": f"INSIDE://kafka:9092,OUTSIDE://{outside}",
        "listener.security.protocol.map": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INSIDE",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": "1@localhost:9093",
        "log.dirs": "/tmp/kraft-combined-logs",  # noqa: S108 - inside the container
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
    }
    named = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}
    return {**named, "KAFKA_HEAP_OPTS": "-Xms128m -Xmx512m"}


def _jobs_and_services() -> list[str]:
    """One after the other in one container; a job that fails ends it."""
    ctl = "python -m services ctl"
    jobs = f'{ctl} migrate && {ctl} topics && {ctl} billing load docs/catalogue.toml && "$@"'
    return ["sh", "-c", f"{jobs} && exec python -m services", "jobs", *_opening("Test Customer", "EUR")]


def _opening(name: str, currency: str) -> list[str]:
    email = f"administrator-{secrets.token_hex(4)}@customer.example"
    about = ["--administrator", email, "--currency", currency, "--billing-email", "ap@customer.example"]
    address = ["--line1", "1 Main Street", "--postcode", "10115", "--city", "Berlin", "--country", "DE"]
    return ["python", "-m", "services", "ctl", "orders", "open-account", name, *about, *address, "--json"]


def _told(output: str) -> Account:
    return Account(**json.loads(next(line for line in output.splitlines() if line.startswith('{"account_id"'))))


def _host() -> str:
    named = DockerClient().host()
    return "127.0.0.1" if named == "localhost" else named


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _answers(url: str, key: str = "") -> bool:
    with suppress(OSError):
        return bool(_fetch(url, key))
    return False


def _fetch(url: str, key: str = "") -> bytes:
    request = urllib.request.Request(url, headers={"X-DC-DEVKEY": key} if key else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())
