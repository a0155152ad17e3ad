"""The cluster is gone with all topics and offsets, while the services run. To do: docs/operations/replay.md."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from benchmarks.ground import publish
from tests.containers.failover.deploy import CHARGED, HOLES, rows
from tests.containers.figures import told
from tests.containers.staged import Running, Stage, a_stage, foreign_orders
from tests.waiting import until

SERVICES = ("orders", "billing", "validation")
ORDERS = 60
SAID = """
SELECT event_id, topic, headers->>'ce_type' AS type FROM published
UNION ALL SELECT event_id, topic, headers->>'ce_type' FROM outbox
"""


def heard_by(service: str, url: str) -> set[tuple[str, str]]:
    settings = import_module(f"services.{service}.settings").Settings(database_url=url)
    door = import_module(f"services.{service}.app").build(settings).door.door
    return {(fact.topic, fact.model_fields["type"].default) for fact in door.listeners}


async def said(stage: Stage) -> dict[UUID, tuple[str, str]]:
    """Every event of every service: id → topic, type."""
    found = [row for name in stage.services for row in await rows(stage.postgres.url(name), SAID)]
    return {row["event_id"]: (row["topic"], row["type"]) for row in found}


async def unheard(stage: Stage) -> Counter[tuple[str, str, str]]:
    """What somebody listens to and has not taken, by service, topic and type."""
    everything, missing = await said(stage), Counter[tuple[str, str, str]]()
    for name in stage.services:
        url = stage.postgres.url(name)
        heard, known = heard_by(name, url), {row["event_id"] for row in await rows(url, "SELECT event_id FROM inbox")}
        missing.update((name, *kind) for at, kind in everything.items() if kind in heard and at not in known)
    return missing


async def until_all_heard(stage: Stage, within: float = 150) -> None:
    clock = time.monotonic() + within
    while missing := await unheard(stage):
        assert time.monotonic() < clock, missing
        await asyncio.sleep(0.5)


async def state(stage: Stage) -> list[Any]:
    billing = stage.postgres.url("billing")
    return [
        await rows(billing, "SELECT order_source, order_id, number, total FROM invoice ORDER BY number"),
        await rows(billing, "SELECT count(*), sum(amount) FROM posting"),
        await rows(stage.postgres.url("validation"), "SELECT count(*) FROM attempt"),
        *[await rows(stage.postgres.url(n), "SELECT count(*) FROM parked_event") for n in stage.services],
    ]


async def started(stage: Stage) -> list[Running]:
    running = [await stage.start(name) for name in stage.services]
    return [await one.until_ready() for one in running]


async def stopped(running: Sequence[Running]) -> float:
    return max(await asyncio.gather(*(one.terminate(within=30) for one in running)))


async def all_topics_are_gone_and_the_event_logs_bring_them_back() -> None:
    since = datetime.now(UTC) - timedelta(seconds=5)
    with TemporaryDirectory() as directory:
        async with a_stage(Path(directory), SERVICES) as stage:
            running = await started(stage)
            await publish(stage.kafka.address, foreign_orders(ORDERS // 2))
            await until_charged_and_quiet(stage, ORDERS // 2)
            await until_all_heard(stage)
            await running.pop(
                0
            ).terminate()  # orders: what billing and validation say now is unread when the broker dies
            await publish(stage.kafka.address, foreign_orders(ORDERS // 2, first=ORDERS))
            await until_charged_and_quiet(stage, ORDERS)
            lost = await unheard(stage)
            await stage.kafka.kill()
            seconds_to_end = await stopped(running)

            began = time.monotonic()
            await stage.kafka.forget()
            await stage.ctl("topics")
            for name in stage.services:
                assert "replayed_to" in await stage.ctl("replay", name, "--since", since.isoformat())
            replayed, before = time.monotonic() - began, await state(stage)
            running = await started(stage)
            await until_all_heard(stage)

            after = await state(stage)
            duplicates = sum([await one.came_again() for one in running])
            await stopped(running)
            told(
                "broker loss", events=len(await said(stage)), unread_before=lost.total(), duplicates=duplicates,
                seconds_to_end_without_broker=seconds_to_end, broker_topics_and_replay_s=replayed,
            )  # fmt: skip
            assert lost
            assert duplicates
            assert after == before
            assert await rows(stage.postgres.url("billing"), HOLES) == []


async def until_charged_and_quiet(stage: Stage, number: int) -> None:
    """Billing has charged everything and all have got rid of their events."""

    async def charged() -> bool:
        return bool((await rows(stage.postgres.url("billing"), CHARGED))[0][0] == number)

    await until(charged, 120, "all orders are charged")
    await until(partial(nothing_pending, stage), 120, "nothing waits in an outbox")


async def nothing_pending(stage: Stage) -> bool:
    return not any([await rows(stage.postgres.url(name), "SELECT FROM outbox LIMIT 1") for name in stage.services])
