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
from tests.containers.kit import a_process, a_rig, in_order
from tests.containers.servers import Kafka, Pg
from tests.toy import THINGS, TOPIC
from tests.waiting import until

SILENT_FOR = 3.0
STARTED_WITHIN = 60.0  # a Python process, on a machine where others are busy
PART = 2000  # said within 4 s


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
        await says(leading, "leads", STARTED_WITHIN)
        following = await stack.enter_async_context(a_relay(rig))
        await says(following, "follows", STARTED_WITHIN)
        yield leading, following


async def sent(rig: Rig) -> int:
    return int(await rig.speaker.value("SELECT count(*) FROM published"))


async def until_sent(rig: Rig, number: int) -> None:
    async def is_sent() -> bool:
        return await sent(rig) >= number

    await until(is_sent, 60, f"{number} events are sent")


async def a_kill(rig: Rig, first: Process, second: Process) -> float:
    """Seconds until the other leads; there is more to send than was sent."""
    first.kill()
    killed = time.monotonic()
    assert await sent(rig) < PART
    return await says(second, "leads", 10) - killed


async def a_freeze(rig: Rig, second: Process, third: Process) -> float:
    second.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    assert await sent(rig) < 2 * PART
    return await says(third, "leads", SILENT_FOR + 5) - frozen


async def the_relay_is_killed_or_frozen_and_another_takes_over() -> None:
    """Each part of the events is said while something happens, and each time some were not sent yet."""
    plan = Plan.make(3 * PART, THINGS)
    parts = [plan.events[PART * n : PART * (n + 1)] for n in range(3)]
    async with Kafka() as kafka, Pg() as postgres, a_rig(kafka, postgres, "relays") as rig:
        async with two_relays(rig) as (first, second):
            joining = asyncio.create_task(rig.join())
            saying = asyncio.create_task(rig.say_slowly(parts[0], pause=0.2))
            await until_sent(rig, PART // 4)
            after_kill = await a_kill(rig, first, second)
            async with a_relay(rig) as third:
                await says(third, "follows", STARTED_WITHIN)
                await saying
                saying = asyncio.create_task(rig.say_slowly(parts[1], pause=0.2))
                await until_sent(rig, PART + PART // 4)
                after_freeze = await a_freeze(rig, second, third)
                await saying
                saying = asyncio.create_task(rig.say_slowly(parts[2], pause=0.2))
                await until_sent(rig, 2 * PART + PART // 4)
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
