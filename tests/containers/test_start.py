"""A service before Apache Kafka, PostgreSQL and a mail server that are not there, gone, or not as they have to be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from sqlalchemy import text

from services.__main__ import build, main
from shared.asyncapi import all_events
from shared.devstack.chosen import KAFKA_HABITS
from shared.devstack.containers import Broker, Postgres
from shared.devstack.engine import Container
from shared.events.base import Event
from shared.host import Host
from shared.migrate import upgrade
from shared.outbox import announce
from shared.service import Service
from tests.containers.secure_kafka import start_kafka, wait_until_ready
from tests.makers import a_deposit, an_opened_account
from tests.waiting import refusal_of, until

pytestmark = pytest.mark.containers
TOPICS = sorted({event.topic for event in all_events()})
WITHIN = 120.0
EVENTS, CREDENTIALS = "orders.events.v1", "orders.credentials.v1"


@pytest_asyncio.fixture(scope="module")
async def kafka() -> AsyncIterator[Broker]:
    async with Broker() as broker:
        await broker.make_topics(TOPICS)
        yield broker


@pytest_asyncio.fixture(scope="module")
async def database() -> AsyncIterator[Postgres]:
    async with Postgres(durable=False) as postgres:
        await postgres.make_databases(["billing", "notifications"])
        for name in ("billing", "notifications"):
            await asyncio.to_thread(upgrade, name, postgres.url(name))
        yield postgres


@pytest_asyncio.fixture(scope="module")
async def mail() -> AsyncIterator[Container]:
    server = Container("mail", "axllent/mailpit:v1.27", 1025, environment={})
    await server.start()
    yield server
    await server.remove()


@pytest.fixture
def environment(kafka: Broker, database: Postgres, mail: Container) -> dict[str, str]:
    return {
        **KAFKA_HABITS,
        "ISSUARY_KAFKA": kafka.address,
        "ISSUARY_BILLING_DATABASE_URL": database.url("billing"),
        "ISSUARY_NOTIFICATIONS_DATABASE_URL": database.url("notifications"),
        "ISSUARY_NOTIFICATIONS_SMTP_HOST": mail.host,
        "ISSUARY_NOTIFICATIONS_SMTP_PORT": str(mail.host_port),
    }


async def says(service: Service, words: str) -> None:
    async def said() -> bool:
        return any(words in reason for reason in await service.ready())

    await until(said, WITHIN, f"it says {words!r}")


async def rows(service: Service, sql: str, **given: Any) -> list[Any]:
    async with service.db.transaction() as tx:
        return list(await tx.execute(text(sql), given))


async def is_ready(service: Service) -> bool:
    return await service.ready() == []


ORDERS = list(permutations(("kafka", "database", "mail")))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_whatever_comes_first_a_service_carries_on_by_itself(
    request: pytest.FixtureRequest, environment: dict[str, str], order: tuple[str, ...]
) -> None:
    servers = {name: request.getfixturevalue(name) for name in order}
    for server in servers.values():
        await server.kill()
    service = build("notifications", environment)
    async with Host([service]).running():
        waited = {"kafka": "waits for Kafka", "database": "waits for the database", "mail": "waits for the mail server"}
        for name in ("kafka", "database"):
            await says(service, waited[name])
        for name in order:
            await servers[name].start()

        await until(lambda: is_ready(service), WITHIN, "ready")


async def test_the_database_may_go_for_a_while(database: Postgres, environment: dict[str, str]) -> None:
    service = build("notifications", environment)
    async with Host([service]).running():
        await until(lambda: is_ready(service), WITHIN, "ready")
        await database.kill()
        await says(service, "waits for the database")
        await database.start()
        await until(lambda: is_ready(service), WITHIN, "ready")


async def test_what_is_said_while_kafka_is_away_is_kept_and_arrives_and_what_comes_is_heard(
    kafka: Broker, environment: dict[str, str]
) -> None:
    billing = build("billing", environment)
    async with Host([billing]).running():
        await until(lambda: is_ready(billing), WITHIN, "ready")
        await kafka.kill()
        await says(billing, "waits for Kafka")
        fact = an_opened_account()
        async with billing.db.transaction() as tx:
            announce(tx, fact)
        assert len(await rows(billing, "SELECT 1 FROM outbox")) == 1
        await kafka.start()

        async def sent() -> bool:
            return bool(await rows(billing, "SELECT 1 FROM published WHERE event_id = :id", id=fact.id))

        await until(sent, WITHIN, "it is sent")
        await until(lambda: is_ready(billing), WITHIN, "ready")
        command = a_deposit(100)
        await publish(kafka, command)

        async def heard() -> bool:
            return bool(await rows(billing, "SELECT 1 FROM inbox WHERE topic = :topic", topic=command.topic))

        await until(heard, WITHIN, "it is heard")


async def publish(kafka: Broker, event: Event) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.address) as producer:
        await producer.send_and_wait(event.topic, event.model_dump_json().encode(), event.key.encode())


# ── topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Ctl = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def ctl(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ctl:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def ctl(*arguments: str) -> tuple[int, str]:
        status = await asyncio.to_thread(main, ["ctl", "topics", *arguments])
        return status, capsys.readouterr().out

    return ctl


async def configure(kafka: Broker, topic: str, **settings: str) -> None:
    """All of them: the old ones are gone."""
    told = {name.replace("_", "."): value for name, value in settings.items()}
    await with_admin(kafka, lambda admin: admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, told)]))


async def configured(kafka: Broker, topic: str) -> dict[str, str]:
    [answer] = await with_admin(
        kafka, lambda admin: admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    )
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def with_admin(kafka: Broker, ask: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        return await ask(admin)
    finally:
        await admin.close()


async def test_wrong_settings_of_topics_are_refused_and_mended_and_others_are_left_alone(
    kafka: Broker, environment: dict[str, str], ctl: Ctl
) -> None:
    await configure(kafka, EVENTS, retention_ms="86400000", segment_ms="3600000")
    await configure(kafka, CREDENTIALS, cleanup_policy="compact")

    refused = await refusal_of(build("billing", environment))
    shown, told = await ctl()
    status, mended = await ctl("--mend")

    mend = "python -m services ctl topics --mend"
    retention = (
        f"{EVENTS} keeps records for 1 days, it has to be at least 14 (ISSUARY_KAFKA_RETENTION_DAYS) and less than 35"
        f" (ISSUARY_INBOX_DAYS): {mend}"
    )
    for sentence in (retention, f"{CREDENTIALS} has cleanup.policy=compact, it has to be delete: {mend}"):
        assert sentence in refused
        assert sentence in told
    assert (shown, status) == (1, 0)
    assert "mended: " in mended
    assert await ctl() == (0, "made: nothing, all topics are there\n")
    settings = await configured(kafka, EVENTS)
    assert (settings["retention.ms"], settings["segment.ms"]) == (str(14 * 86_400_000), "3600000")
    assert (await configured(kafka, CREDENTIALS))["cleanup.policy"] == "delete"


async def test_a_topic_is_made_again_only_while_it_holds_no_record(kafka: Broker, ctl: Ctl) -> None:
    topic = "validation.commands.v1"
    await with_admin(kafka, lambda admin: admin.delete_topics([topic]))
    await until(lambda: is_gone(kafka, topic), WITHIN, "the topic is gone")
    await kafka.make_topics([topic], partitions=3)
    async with AIOKafkaProducer(bootstrap_servers=kafka.address) as producer:
        await producer.send_and_wait(topic, b"{}", b"1")

    status, told = await ctl("--remake", topic)
    await with_admin(kafka, lambda admin: admin.delete_topics([topic]))
    await until(lambda: is_gone(kafka, topic), WITHIN, "the topic is gone")
    await kafka.make_topics([topic], partitions=3)
    remade, did = await ctl("--remake", topic)

    assert status == 1
    assert f"{topic} holds 1 records and keeps its number of partitions" in told
    assert (remade, f"made again: {topic}" in did) == (0, True)
    assert await ctl() == (0, "made: nothing, all topics are there\n")


async def is_gone(kafka: Broker, topic: str) -> bool:
    return topic not in await with_admin(kafka, lambda admin: admin.list_topics())


async def test_topics_that_are_missing_are_waited_for_with_the_command_that_makes_them(
    kafka: Broker, environment: dict[str, str], ctl: Ctl
) -> None:
    await with_admin(kafka, lambda admin: admin.delete_topics(TOPICS))
    await until(lambda: is_gone(kafka, EVENTS), WITHIN, "the topic is gone")
    billing = build("billing", environment)
    async with Host([billing]).running():
        await says(billing, "to make them: python -m services ctl topics")
        status, made = await ctl()
        await until(lambda: is_ready(billing), WITHIN, "ready")

    assert (status, EVENTS in made) == (0, True)


# ── logins ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_login_that_kafka_refuses_is_said_once_without_the_password(
    database: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secure = await asyncio.to_thread(start_kafka, tmp_path, [])
    try:
        await wait_until_ready(secure)
        wrong = secure.settings("issuary-validation", "not-the-password", kafka_mechanism="PLAIN")
        billing = build("billing", {"ISSUARY_BILLING_DATABASE_URL": database.url("billing")} | {
            "ISSUARY_KAFKA": wrong.kafka, "ISSUARY_KAFKA_TLS": "true", "ISSUARY_KAFKA_CA": wrong.kafka_ca,
            "ISSUARY_KAFKA_USER": wrong.kafka_user, "ISSUARY_KAFKA_PASSWORD": "not-the-password",
            "ISSUARY_KAFKA_MECHANISM": "PLAIN",
        })  # fmt: skip
        async with Host([billing]).running():
            await says(billing, "Kafka refuses the login issuary-validation at localhost")
    finally:
        await asyncio.to_thread(secure.container.stop)

    said = [line.getMessage() for line in caplog.records if "refuses the login" in line.getMessage()]
    assert len(said) == 1
    assert "check ISSUARY_KAFKA_USER, ISSUARY_KAFKA_PASSWORD and ISSUARY_KAFKA_MECHANISM" in said[0]
    assert "not-the-password" not in caplog.text
