"""The process that sends is killed, or frozen and wakes again; another of the service takes over."""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.connected.kit import Rig
from tests.connected.plan import Plan
from tests.containers.figures import told
from tests.containers.kit import a_process, a_rig, in_order, until
from tests.containers.servers import Kafka, Pg
from tests.toy import THINGS, TOPIC

SILENT_FOR = 3.0


@asynccontextmanager
async def a_relay(rig: Rig) -> AsyncIterator[Process]:
    arguments = (rig.broker.address, rig.speaker.url, str(SILENT_FOR))
    async with a_process("tests.containers.relay_process", *arguments) as process:
        yield process


async def says(process: Process, word: str, within: float) -> float:
    """When it was said."""
    assert process.stdout is not None
    async with asyncio.timeout(within):
        while (await process.stdout.readline()).decode().strip() != word:
            pass
    return time.monotonic()


@asynccontextmanager
async def two_relays(rig: Rig) -> AsyncIterator[tuple[Process, Process]]:
    """Who leads, and who follows."""
    async with AsyncExitStack() as stack:
        leading = await stack.enter_async_context(a_relay(rig))
        await says(leading, "leads", 20)
        following = await stack.enter_async_context(a_relay(rig))
        await says(following, "follows", 20)
        yield leading, following


async def until_sent(rig: Rig, number: int) -> None:
    async def sent() -> bool:
        return bool(await rig.speaker.value("SELECT count(*) FROM published") >= number)

    await until(sent, 60, f"{number} events are sent")


async def the_relay_is_killed_or_frozen_and_another_takes_over() -> None:
    plan = Plan.make(4000, THINGS)
    async with Kafka() as kafka, Pg() as postgres, a_rig(kafka, postgres, "relays") as rig:
        async with two_relays(rig) as (first, second):
            joining = asyncio.create_task(rig.join())
            saying = asyncio.create_task(rig.say_slowly(plan.events, pause=0.2))
            await until_sent(rig, 1000)
            first.kill()
            killed = time.monotonic()
            after_kill = await says(second, "leads", 10) - killed
            async with a_relay(rig) as third:
                await says(third, "follows", 20)
                await until_sent(rig, 2000)
                second.send_signal(signal.SIGSTOP)
                frozen = time.monotonic()
                after_freeze = await says(third, "leads", SILENT_FOR + 5) - frozen
                await until_sent(rig, 3000)
                second.send_signal(signal.SIGCONT)
                await says(second, "follows", 10)
                await asyncio.gather(saying, joining)
                await rig.until_done(len(plan.events))
        await rig.check(plan)
        records = await rig.records(TOPIC)
        assert in_order(records)
        told(
            "relay fail-over", taken_over_after_kill_s=after_kill, taken_over_after_freeze_s=after_freeze,
            silent_for_s=SILENT_FOR, events=len(plan.events), on_the_wire=len(records),
        )  # fmt: skip
