"""Members come and go faster than a group settles."""

import asyncio
import os
import random
import time
from contextlib import suppress
from itertools import pairwise

from tests.connected.kit import Rig
from tests.connected.plan import Plan
from tests.containers.figures import told
from tests.containers.kit import Sender, a_rig
from tests.containers.servers import Kafka, Pg
from tests.toy import THINGS

SECONDS = float(os.environ.get("STORM_SECONDS", "25"))
RATE = 100
SEED = int(os.environ.get("STORM_SEED") or random.randrange(1_000_000))


async def members_come_and_go_every_two_seconds_and_work_goes_on() -> None:
    async with Kafka() as kafka, Pg() as postgres, a_rig(kafka, postgres, "storm") as rig:
        await storm(rig, "rebalance storm, Apache Kafka")


async def storm(rig: Rig, name: str, quiet: float = 30) -> None:
    told(name, seed=SEED)
    plan = Plan.make(int(SECONDS * RATE), THINGS)
    async with Sender(rig.settings, rig.speaker.url, "relay"):
        await asyncio.gather(rig.join(), rig.join())
        seen: list[tuple[float, int]] = []
        watching = asyncio.create_task(watch(rig, seen))
        saying = asyncio.create_task(rig.say_slowly(plan.events, pause=100 / RATE))
        changes = await come_and_go(rig)
        over = time.monotonic()
        done_in_storm = await rig.done()
        await saying
        await rig.until_done(len(plan.events), quiet=quiet)
        settled = time.monotonic() - over
        watching.cancel()
    await rig.check(plan)
    moved = [at for (at, before), (_, after) in pairwise(seen) if after > before]
    told(
        name, seed=SEED, seconds=SECONDS, changes=changes, said=len(plan.events), done_in_the_storm=done_in_storm,
        longest_stall_s=max(later - earlier for earlier, later in pairwise(moved)), all_done_after_s=settled,
    )  # fmt: skip


async def come_and_go(rig: Rig) -> int:
    rng, until, changes = random.Random(SEED), time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        await asyncio.sleep(rng.uniform(1.5, 2.5))
        if len(rig.members) > 2 or (len(rig.members) > 1 and rng.random() < 0.5):
            await rig.kill(rng.choice(rig.members))
        else:
            await rig.join()
        changes += 1
    return changes


async def watch(rig: Rig, seen: list[tuple[float, int]]) -> None:
    while True:
        with suppress(Exception):
            seen.append((time.monotonic(), await rig.done()))
        await asyncio.sleep(0.1)
