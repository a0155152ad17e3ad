"""Apache Kafka is reached over TLS and signed in as told, and each service may do what it needs, no more."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from pydantic import SecretStr

from shared.ctl import topics
from shared.devstack.child import free_port
from shared.service.reaching import knock
from shared.settings import BaseSettings
from shared.waiting import Outage
from shared.wire import kafka_client
from tests.containers.certificates import Authority
from tests.containers.secrecy import given_away, overheard
from tests.containers.secure_kafka import (
    ADMIN,
    PLAIN_USERS,
    SecureKafka,
    answers,
    start_kafka,
    wait_until_ready,
)
from tests.containers.secure_postgres import start_postgres, wait_until_open
from tests.makers import an_order
from tests.processes import command, running

pytestmark = pytest.mark.containers
LOGINS = ["issuary-orders", "issuary-billing"]
READS = {
    "orders": {"billing.events.v1", "validation.events.v1", "orders.commands.v1"},
    "billing": {"orders.events.v1", "orders.credentials.v1", "billing.commands.v1"},
    "validation": {
        "orders.events.v1",
        "orders.credentials.v1",
        "validation.commands.v1",
        "validation.check-results.v1",
    },
    "notifications": {"billing.events.v1", "orders.credentials.v1", "orders.events.v1", "validation.events.v1"},
    "shop": {"orders.events.v1", "billing.events.v1", "validation.events.v1", "notifications.events.v1"},
}
WRITES = {
    "orders": {"orders.events.v1", "orders.credentials.v1", "validation.commands.v1"},
    "billing": {"billing.events.v1"},
    "validation": {"validation.events.v1", "validation.checks.v1"},
    "notifications": {"notifications.events.v1"},
    "shop": {"orders.commands.v1", "billing.commands.v1", "validation.commands.v1"},
}


@pytest_asyncio.fixture(scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureKafka]:
    """As an operator sets it up: logins, rights, and then topics by who may make them."""
    started = await asyncio.to_thread(start_kafka, tmp_path_factory.mktemp("kafka"), LOGINS)
    try:
        await wait_until_ready(started)
        await started.run("/issuary/users.sh", *LOGINS)
        await told(started.admin, "ctl", "acls", "--apply", "--system", "shop")
        await told(as_user(started, "setup"), "ctl", "topics")
        yield started
    finally:
        await asyncio.to_thread(started.container.stop)


async def told(settings: BaseSettings, *arguments: str) -> str:
    code, said = await command(environment_of(settings), *arguments)
    assert code == 0, said
    return said


def environment_of(settings: BaseSettings, prefix: str = "ISSUARY_") -> dict[str, str]:
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    values = {n: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for n, v in given.items()}
    return {f"{prefix}{name.upper()}": value for name, value in values.items()}


def as_user(kafka: SecureKafka, name: str) -> BaseSettings:
    user = name if name == "shop" else f"issuary-{name}"
    return kafka.settings(user, kafka_mechanism="PLAIN" if user in PLAIN_USERS else "SCRAM-SHA-512")


# ── who is let in ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_login_over_tls_is_let_in(kafka: SecureKafka) -> None:
    assert await answers(kafka.settings("issuary-billing"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kafka_password": "old"},
        {"kafka_user": "nobody"},
        {"kafka_mechanism": "SCRAM-SHA-256"},
        {"kafka_ca": Authority("Somebody else").pem},
        {"kafka_ca": ""},
        {"kafka_user": "", "kafka_password": ""},
        {"kafka_tls": False, "kafka_ca": ""},
    ],
    ids=["password", "user", "mechanism", "authority", "no authority", "no login", "no TLS"],
)
async def test_whoever_is_wrong_in_one_thing_is_not(kafka: SecureKafka, wrong: dict[str, Any]) -> None:
    assert not await answers(kafka.settings("issuary-billing", **wrong))


async def test_a_broker_by_another_name_is_refused(kafka: SecureKafka) -> None:
    assert not await answers(kafka.settings("issuary-billing", kafka=f"127.0.0.1:{kafka.port}"))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kafka_password": "old"}, "refuses the login issuary-billing .* ISSUARY_KAFKA_PASSWORD"),
        ({"kafka_mechanism": "SCRAM-SHA-256"}, "refuses the login issuary-billing .* ISSUARY_KAFKA_MECHANISM"),
        ({"kafka_ca": Authority("Somebody else").pem}, "its certificate is refused: .*; check ISSUARY_KAFKA_CA"),
    ],
    ids=["password", "mechanism", "authority"],
)
async def test_what_is_wrong_is_said(kafka: SecureKafka, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Outage, match=sentence) as raised:
        await knock(kafka.settings("issuary-billing", **wrong))

    assert raised.value.by_hand


async def test_a_certificate_of_ones_own_is_let_in_where_the_broker_asks_for_one(kafka: SecureKafka) -> None:
    certificate, key = kafka.authority.issue("issuary-billing")
    strange, strange_key = Authority().issue("issuary-billing")
    given = {"kafka": f"localhost:{kafka.certified}", "kafka_tls": True, "kafka_ca": kafka.authority.pem}

    assert await answers(BaseSettings(**given, kafka_certificate=certificate, kafka_key=key))
    assert not await answers(BaseSettings(**given, kafka_certificate=strange, kafka_key=strange_key))
    assert not await answers(BaseSettings(**given))


# ── a service with nothing but its rights ────────────────────────────────────────────────────────────────────────────


async def test_billing_runs_whole_with_its_own_rights_only(
    kafka: SecureKafka, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    postgres = await asyncio.to_thread(start_postgres, tmp_path_factory.mktemp("postgres"))
    try:
        await wait_until_open(postgres)
        await postgres.execute("CREATE DATABASE billing TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        settings = as_user(kafka, "billing").model_dump(exclude_unset=True)
        settings |= {"database_url": postgres.url("billing"), "database_ca": postgres.authority.pem}
        environment = environment_of(BaseSettings(**settings), "ISSUARY_BILLING_")
        assert (await command(environment, "ctl", "migrate", "billing"))[0] == 0

        async with running(environment, free_port(), tmp_path / "billing.log", "billing") as billing:
            await billing.ready()
            heard = await answered(kafka)
            assert heard == "order_waiting", f"{await told_by(environment)}\n{billing.said()}"
    finally:
        await asyncio.to_thread(postgres.container.stop)


async def answered(kafka: SecureKafka) -> str:
    """An order is placed, and the shop hears what billing says of it: nobody has told it any price."""
    known_by = {"group_id": "shop.books", "auto_offset_reset": "earliest"}
    reader = AIOKafkaConsumer("billing.events.v1", **known_by, **kafka_client(as_user(kafka, "shop")))
    await reader.start()
    try:
        order = an_order(source="shop")
        await say(as_user(kafka, "orders"), order.topic, order.model_dump_json())
        record = await asyncio.wait_for(reader.getone(), 90)
    except TimeoutError:
        return "nothing"
    finally:
        await reader.stop()
    return str(json.loads(record.value)["type"])


async def told_by(environment: dict[str, str]) -> str:
    return (await command(environment, "ctl", "parked", "list", "billing"))[1]


async def say(settings: BaseSettings, topic: str, value: str) -> None:
    producer = AIOKafkaProducer(enable_idempotence=True, **kafka_client(settings))
    await producer.start()
    try:
        await producer.send_and_wait(topic, value.encode(), key=b"9001")
    finally:
        await producer.stop()


async def test_a_refused_login_is_said_once_and_without_the_password(
    kafka: SecureKafka, databases: dict[str, str], tmp_path: Path
) -> None:
    wrong = kafka.settings("issuary-billing", "s3cr3t-of-yesterday")
    environment = {**environment_of(wrong), "ISSUARY_DATABASE_URL": databases["billing"]}

    seen = await overheard(environment, tmp_path / "billing.log", "billing")

    assert seen.count("refuses the login issuary-billing") >= 1
    assert (tmp_path / "billing.log").read_text().count("refuses the login") == 1
    assert given_away(seen) == []


# ── rights ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", WRITES)
async def test_each_writes_what_it_says_and_nothing_else(kafka: SecureKafka, name: str) -> None:
    settings = as_user(kafka, name)

    assert {topic for topic in topics() if await may(say(settings, topic, "{}"))} == WRITES[name]


@pytest.mark.parametrize("name", READS)
async def test_each_reads_what_it_hears_and_nothing_else(filled: SecureKafka, name: str) -> None:
    settings, group = as_user(filled, name), "shop.books" if name == "shop" else name

    assert {topic for topic in topics() if await may(hear(settings, topic, group))} == READS[name]


async def test_a_group_is_its_own_services(kafka: SecureKafka) -> None:
    """Whoever could join another's group could take its partitions, or note offsets that it has not reached."""
    for group in ("orders", "validation", "shop", "other"):
        with pytest.raises(GroupAuthorizationFailedError):
            await hear(as_user(kafka, "billing"), "orders.events.v1", group)


async def may(attempt: Any) -> bool:
    try:
        await attempt
    except TopicAuthorizationFailedError:
        return False
    return True


@pytest_asyncio.fixture(scope="module")
async def filled(kafka: SecureKafka) -> SecureKafka:
    for topic in topics():
        await say(kafka.admin, topic, "{}")
    return kafka


async def hear(settings: BaseSettings, topic: str, group: str) -> None:
    """Raises, or has read a record."""
    habits = {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    reader = AIOKafkaConsumer(topic, **habits, **kafka_client(settings))
    try:
        await reader.start()
        assert await reader.getmany(timeout_ms=10_000)
    finally:
        await reader.stop()


async def test_no_service_makes_topics(kafka: SecureKafka) -> None:
    program = '/opt/kafka/bin/kafka-topics.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN"'
    await kafka.run("sh", "-c", f"{program} --delete --topic notifications.events.v1")

    code, said = await command(environment_of(as_user(kafka, "billing")), "ctl", "topics")

    assert code == 1
    assert "cannot be made: Authorization failed" in said


async def test_the_script_grants_the_same_as_the_command_and_repeating_it_changes_nothing(kafka: SecureKafka) -> None:
    listed = ["sh", "-c", '/opt/kafka/bin/kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --list']
    before = await kafka.run(*listed)

    await kafka.run("/issuary/acls.sh")

    assert "User:issuary-billing" in before
    assert sorted((await kafka.run(*listed)).splitlines()) == sorted(before.splitlines())


async def test_who_may_not_grant_is_told_so(kafka: SecureKafka) -> None:
    code, said = await command(environment_of(as_user(kafka, "setup")), "ctl", "acls", "--apply")

    assert code == 1
    assert "Kafka grants nothing" in said
    assert ADMIN not in said
