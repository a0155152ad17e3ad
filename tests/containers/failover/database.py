"""A primary whose standby has to confirm every commit dies, or lives on cut off; the standby takes its place."""

import asyncio
import time
from functools import partial

from tests.connected.kit import Rig
from tests.connected.plan import Plan
from tests.containers.figures import told
from tests.containers.kit import Sender, a_rig, in_order, say_surely, was_said
from tests.containers.pair import Pair
from tests.containers.servers import Kafka
from tests.toy import THINGS, TOPIC, counted
from tests.waiting import until

EVENTS = 2000


async def the_primary_dies_and_nothing_committed_is_lost() -> None:
    plan = Plan.make(EVENTS, THINGS)
    async with Kafka() as kafka, Pair() as pair, a_rig(kafka, pair, "primary_dies") as rig:
        url = pair.url("primary_dies_speaker")
        async with Sender(rig.settings, url, "one") as one, Sender(rig.settings, url, "two") as two:
            await asyncio.gather(rig.join(), rig.join())
            speaking = asyncio.create_task(say_surely(rig, plan.events, pause=0.1))
            await until(partial(_more_done, rig, EVENTS // 4), 60, "a quarter has taken effect")
            assert one.leads != two.leads
            stall = await fail_over(pair, rig, one, two)
            await speaking
            await rig.until_done(EVENTS, quiet=40)
            assert one.leads != two.leads
        await rig.check(plan)
        records = await rig.records(TOPIC)
        assert in_order(records)
        told("database fail-over", **stall, events=EVENTS, on_the_wire=len(records), **doors(rig))


async def fail_over(pair: Pair, rig: Rig, one: Sender, two: Sender) -> dict[str, float]:
    await pair.primary.kill()
    died = time.monotonic()
    await until(lambda: not one.leads and not two.leads, 5, "who led knows that it does not any more")
    await pair.promote()
    promoted = time.monotonic()
    before = await rig._done_or(0)
    await until(lambda: one.leads or two.leads, 20, "a leader on the new primary")
    led = time.monotonic()
    await until(partial(_more_done, rig, before), 20, "something takes effect again")
    return {
        "promoted_after_s": promoted - died,
        "leader_after_promotion_s": led - promoted,
        "effect_after_promotion_s": time.monotonic() - promoted,
    }


async def _more_done(rig: Rig, than: int) -> bool:
    return await rig._done_or(0) > than


def doors(rig: Rig) -> dict[str, int]:
    stats = [member.door.stats for member in rig.members]
    return {name: sum(getattr(one, name) for one in stats) for name in ("transient", "duplicates", "failed_commits")}


async def a_primary_that_lives_on_cut_off_commits_and_sends_nothing() -> None:
    """Split brain: an orchestrator promotes the standby and does not end the old primary."""
    before, after = [counted(1, n) for n in range(1, 11)], [counted(1, n) for n in range(11, 21)]
    ghost = [counted(2, n) for n in range(1, 11)]
    async with Kafka() as kafka, Pair() as pair, a_rig(kafka, pair, "lives_on") as rig:
        old = pair.primary.url("lives_on_speaker")
        async with Sender(rig.settings, old, "old leader") as leader:
            await rig.say(before)
            await rig.until_sent()
            await pair.cut()
            saying = asyncio.create_task(rig.say(ghost))  # through a connection to the old primary
            await pair.promote()
            done, _ = await asyncio.wait([saying], timeout=6)
            assert not done
            assert leader.leads
            assert leader.relay.stats.sent == len(before)
            await pair.primary.kill()
            await asyncio.wait([saying])
            assert saying.exception() is not None
            await until(lambda: not leader.leads, 5, "the old leader knows that it does not lead")

        async with Sender(rig.settings, pair.url("lives_on_speaker"), "new leader") as leader:
            assert not await was_said(rig.speaker, ghost[0])
            await say_surely(rig, after)
            await rig.join()
            await rig.until_done(len(before + after))
        assert await rig.toy.versions() == {1: 20}
        assert in_order(await rig.records(TOPIC))
