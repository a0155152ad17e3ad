"""A member joins while another works on a long chunk."""

import asyncio
import time

from tests.connected.kit import Member
from tests.connected.plan import Plan
from tests.containers.figures import told
from tests.containers.kit import Sender, a_rig
from tests.containers.servers import Kafka, Pg
from tests.toy import THINGS
from tests.waiting import until


async def a_chunk_shorter_than_the_rebalance_is_waited_for() -> None:
    """Twice the session time-out: the member still says that it lives, and the group waits. A short time-out would be
    missed where other scenarios keep the process busy, and what it read would come again."""
    first, second = await _join_during_a_chunk("chunk_waits", chunk=16.0, rebalance=30.0, drain=24.0, session=8.0)
    assert first.door.stats.duplicates + second.door.stats.duplicates == 0
    assert first.door.stats.failed_commits == 0


async def a_chunk_longer_than_the_rebalance_is_expelled_and_fenced_by_the_database() -> None:
    first, second = await _join_during_a_chunk("chunk_expelled", chunk=9.0, rebalance=3.0, drain=12.0)
    assert first.door.stats.duplicates + second.door.stats.duplicates > 0
    assert first.door.stats.failed_commits >= 1


async def _join_during_a_chunk(
    name: str, chunk: float, rebalance: float, drain: float, session: float = 3.0
) -> tuple[Member, Member]:
    plan = Plan.make(300, THINGS)
    changed = {
        "kafka_rebalance_timeout_ms": int(rebalance * 1000), "kafka_session_timeout_ms": int(session * 1000),
    }  # fmt: skip
    async with (
        Kafka() as kafka, Pg() as postgres, a_rig(kafka, postgres, name, **changed) as rig,
        Sender(rig.settings, rig.speaker.url, "relay"),
    ):  # fmt: skip
        first = await rig.join()
        first.freeze, first.door.drain = chunk, drain
        await rig.say(plan.events)
        await asyncio.wait_for(first.frozen.wait(), 20)
        began = time.monotonic()
        second = await rig.join()
        await until(lambda: second.door.joined, 60, "the second has joined")
        took = time.monotonic() - began
        await rig.until_done(300)
        await rig.check(plan)
        told(
            name, chunk_s=chunk, session_s=session, rebalance_s=rebalance, drain_s=drain, joined_after_s=took,
            duplicates=sum(one.door.stats.duplicates for one in rig.members),
            failed_commits=sum(one.door.stats.failed_commits for one in rig.members),
        )  # fmt: skip
        return first, second
