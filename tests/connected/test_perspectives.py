"""Perspectives as processes of their own, asked over a real broker."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import psutil
import pytest_asyncio

from services.validation.clients.checks_kafka import KafkaChannel
from services.validation.clients.panel import Panel
from services.validation.rules import caa
from services.validation.settings import Settings
from shared.devstack.child import free_port
from shared.devstack.chosen import BROKER_HABITS, Broker
from shared.events.validation import CheckDone, CheckWanted
from tests.processes import running
from tests.validation.dns_server import DnsServer, txt

REGIONS = {"fra": "RIPE NCC", "nyc": "ARIN"}
RSS_LIMIT = 150_000_000


@pytest_asyncio.fixture
async def broker(one_broker: Broker) -> Broker:
    await one_broker.clear()
    await one_broker.make_topics([CheckWanted.topic, CheckDone.topic])
    return one_broker


@pytest_asyncio.fixture
async def view() -> AsyncIterator[DnsServer]:
    async with DnsServer() as server:
        yield server


def environment(broker: Broker, view: DnsServer, region: str) -> dict[str, str]:
    host, port = view.address
    return {
        **BROKER_HABITS,
        "ISSUARY_KAFKA": broker.address,
        "ISSUARY_ENV": "dev",
        "ISSUARY_VALIDATION_TEST_MODE": "1",
        "ISSUARY_VALIDATION_RESOLVERS": f"{host}:{port}",
        "ISSUARY_VALIDATION_PERSPECTIVE_REGION": region,
    }


async def test_two_processes_answer_a_primary_over_kafka(broker: Broker, view: DnsServer, tmp_path: Path) -> None:
    view.scripts["acme.example"] = txt("acme.example", "x")
    settings = Settings.from_environment(environment(broker, view, "ARIN"))
    panel = Panel(REGIONS, [KafkaChannel(settings, list(REGIONS))], timedelta(days=1))
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(
                running(
                    environment(broker, view, region), free_port(), tmp_path / name, "validation", "--perspective", name
                )
            )
            for name, region in REGIONS.items()
        ]
        for one in processes:
            await one.ready()
        await panel.step()
        told = []
        for _ in range(20):  # a member of a group that was just joined may not have its partitions yet
            told = await panel.ask(caa.job("acme.example"), 9001, lambda seen: True)
            if not any(one.fault for one in told):
                break
        sizes = {one.origin: psutil.Process(one.process.pid).memory_info().rss for one in processes}
        await panel.close()
        said = "\n".join(one.said() for one in processes)

    assert [(one.perspective, one.fault) for one in told] == [("fra", None), ("nyc", None)], said
    assert [one.observation and one.observation.perspective for one in told] == ["fra", "nyc"]
    assert max(sizes.values()) < RSS_LIMIT
    if os.environ.get("SHOW_RSS"):
        print({origin: f"{size / 1e6:.0f} MB" for origin, size in sizes.items()})  # noqa: T201
