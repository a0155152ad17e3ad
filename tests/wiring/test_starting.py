"""A service whose servers are not there yet, are gone for a while, or are not as they have to be."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from services.__main__ import build, main
from shared.asyncapi import all_events
from shared.devstack.child import free_port
from shared.devstack.chosen import BROKER_HABITS, Broker, Postgres, new_broker, new_postgres
from shared.host import Host
from shared.migrate import upgrade
from shared.service import Service
from tests.processes import Running, command, running
from tests.waiting import refusal_of

TOPICS = sorted({event.topic for event in all_events()})
BALANCE = "/services/v2/finance/balance"


@dataclass
class Servers:
    """PostgreSQL with billing's database, migrated, and a broker; both stopped, with their addresses known."""

    postgres: Postgres
    broker: Broker

    @property
    def environment(self) -> dict[str, str]:
        return {
            **BROKER_HABITS,
            "ISSUARY_KAFKA": self.broker.address,
            "ISSUARY_BILLING_DATABASE_URL": self.postgres.url("billing"),
        }


@pytest_asyncio.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    directory = tmp_path_factory.mktemp("servers")
    async with new_postgres(directory / "postgres", durable=False) as postgres, new_broker(directory / "log") as broker:
        await postgres.make_databases(["billing", "empty"])
        await asyncio.to_thread(upgrade, "billing", postgres.url("billing"))
        yield Servers(postgres, broker)


async def reasons(service: Running) -> list[str]:
    answer = await service.get("/health/ready")
    return list(answer.json().get("reasons", [])) if answer is not None else ["does not listen"]


async def until(service: Running, true: Callable[[list[str]], bool], within: float = 40) -> list[str]:
    """Until what it says of its readiness is so."""
    end = time.monotonic() + within
    while not true(said := await reasons(service)):
        assert service.process.returncode is None, service.said()
        assert time.monotonic() < end, f"{said}\n{service.said()}"
        await asyncio.sleep(0.05)
    return said


def waits_for_both(said: list[str]) -> bool:
    return sum("connection refused" in reason for reason in said) == 2


async def ended(service: Running) -> tuple[int, float]:
    began = time.monotonic()
    service.process.terminate()
    return await asyncio.wait_for(service.process.wait(), 20), time.monotonic() - began


async def test_a_service_waits_for_its_servers_says_so_and_carries_on_by_itself(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    await servers.postgres.stop()
    await servers.broker.stop()
    host = Host([build("billing", servers.environment)])
    async with host.running(), client_of(host) as http:
        await says(http, "waits for the database")
        await says(http, "waits for Kafka")
        assert (await http.get("/health/live")).status_code == 200

        await servers.broker.start()
        await says(http, "waits for topics that are not there")
        await servers.broker.make_topics(TOPICS)
        await servers.postgres.start()
        await host.wait_until_ready(40)
        waited = [line.getMessage() for line in caplog.records if line.name == "shared.waiting"]
        for words in ("waits for the database", "waits for Kafka"):  # a broker on its way up gives several reasons
            lines = [line for line in waited if words in line]
            assert lines
            assert len(lines) == len(set(lines)) < 4

        await both_go(servers, http)
        await servers.postgres.start()
        await servers.broker.start()
        await servers.broker.make_topics(TOPICS)
        await host.wait_until_ready(40)
    assert [line.getMessage() for line in caplog.records if line.exc_info] == []


async def both_go(servers: Servers, http: httpx.AsyncClient) -> None:
    await servers.broker.kill()
    await says(http, "waits for Kafka")
    await servers.postgres.kill()
    await says(http, "waits for the database")
    refused = await http.get(BALANCE, headers={"X-DC-DEVKEY": "a-key"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.json()["errors"][0]["code"] == "service_unavailable"


def client_of(host: Host) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://issuary.test")


async def says(http: httpx.AsyncClient, words: str, within: float = 40) -> None:
    async with asyncio.timeout(within):
        while words not in (await http.get("/health/ready")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_service_that_waits_ends_at_once_when_it_is_told_to(servers: Servers, tmp_path: Path) -> None:
    await servers.postgres.stop()
    await servers.broker.stop()
    async with running(servers.environment, free_port(), tmp_path / "log", "billing") as billing:
        await until(billing, waits_for_both)

        status, seconds = await ended(billing)

    await servers.postgres.start()
    await servers.broker.start()
    assert status == 0
    assert seconds < 3
    assert "Traceback" not in billing.said()


async def said_by(service: Service, words: str, within: float = 20) -> str:
    async with asyncio.timeout(within):
        while not (found := [reason for reason in service.waiting.reasons.values() if words in reason]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert found[0] in await service.ready()
    return found[0]


async def test_a_refused_login_is_said_once_without_the_password(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql+asyncpg://issuary_billing:not-the-password@127.0.0.1:{servers.postgres.port}/billing"
    billing = build("billing", {**servers.environment, "ISSUARY_BILLING_DATABASE_URL": url})
    async with Host([billing]).running():
        reason = await said_by(billing, "refuses")

    assert reason == (
        f"PostgreSQL refuses the login issuary_billing at 127.0.0.1:{servers.postgres.port}:"
        " check ISSUARY_BILLING_DATABASE_URL"
    )
    assert [record.getMessage() for record in caplog.records].count(reason) == 1
    assert "not-the-password" not in caplog.text


async def test_a_database_that_is_not_there_is_named_with_the_command_that_makes_it(servers: Servers) -> None:
    url = servers.postgres.url("nowhere")
    billing = build("billing", {**servers.environment, "ISSUARY_BILLING_DATABASE_URL": url})
    async with Host([billing]).running():
        reason = await said_by(billing, "there is no database")

    assert 'CREATE DATABASE "nowhere" OWNER "postgres"' in reason


async def test_an_older_schema_stops_the_service_with_the_command_that_migrates_it(servers: Servers) -> None:
    environment = {**servers.environment, "ISSUARY_BILLING_DATABASE_URL": servers.postgres.url("empty")}

    status, said = await command({**environment, "PORT": str(free_port())}, "billing")

    assert status == 3
    assert "the database of billing is empty, this program needs 0001" in said
    assert "run: python -m services ctl migrate billing" in said


async def test_topics_with_another_number_of_partitions_are_refused_and_made_again_while_empty(
    servers: Servers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ctl(*arguments: str) -> tuple[int, str]:
        status = await asyncio.to_thread(main, ["ctl", "topics", *arguments])
        return status, capsys.readouterr().out

    for name, value in servers.environment.items():
        monkeypatch.setenv(name, value)
    await servers.broker.forget()
    [first, *others] = TOPICS
    await servers.broker.make_topics(others)
    await servers.broker.make_topics([first], partitions=3)

    refused = await refusal_of(build("billing"))
    shown, told = await ctl()
    made, did = await ctl("--remake", first)

    assert f"{first} has 3 partitions, ISSUARY_KAFKA_PARTITIONS says 4" in refused
    assert f"python -m services ctl topics --remake {first}" in refused
    assert (shown, f"{first} has 3 partitions" in told) == (1, True)
    assert (made, f"made again: {first}" in did) == (0, True)
    assert await ctl() == (0, "made: nothing, all topics are there\n")
