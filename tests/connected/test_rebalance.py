import asyncio

import pytest

from tests.connected.kit import Rig, settings_of
from tests.connected.plan import Plan
from tests.toy import THINGS

pytestmark = pytest.mark.connected


async def test_a_graceful_stop_leaves_nothing_to_be_delivered_again(rig: Rig) -> None:
    plan = Plan.make(600, THINGS)
    async with rig.relay():
        first = await rig.join()
        await rig.say(plan.events)
        stopping = await rig.a_busy_one(within=20)
        assert not stopping.door.idle
        rig.members.remove(first)
        await first.stop()
        assert await rig.done() == first.door.stats.applied > 0
        second = await rig.join()
        await rig.until_done(600)

    assert (first.door.stats.duplicates, second.door.stats.duplicates) == (0, 0)
    assert (first.door.stats.failed_commits, second.door.stats.failed_commits) == (0, 0)
    await rig.check(plan)


async def test_a_join_during_a_long_chunk_waits_for_its_commit(rig: Rig) -> None:
    plan = Plan.make(300, THINGS)
    rig.settings = settings_of(rig.broker, kafka_rebalance_timeout_ms=10_000)
    async with rig.relay():
        first = await rig.join()
        first.freeze = 2.5  # longer than a join, shorter than the drain
        await rig.say(plan.events)
        await asyncio.wait_for(first.frozen.wait(), 20)
        second = await rig.join()
        await rig.until_done(300)

    assert first.door.stats.failed_commits == 0
    assert first.door.stats.duplicates + second.door.stats.duplicates == 0
    await rig.check(plan)
