"""The broker is away for longer than the 40 s after which the producer gives a batch up."""

import asyncio
import time
from functools import partial

from tests.connected.kit import Rig
from tests.connected.plan import Plan
from tests.containers.figures import told
from tests.containers.kit import Sender, a_rig, in_order
from tests.containers.servers import Kafka, Pg
from tests.toy import THINGS, TOPIC
from tests.waiting import until

AWAY = 50.0


async def a_frozen_broker_for_longer_than_a_batch_lives() -> None:
    plan = Plan.make(1500, THINGS)
    async with Kafka() as kafka, Pg() as postgres, a_rig(kafka, postgres, "expiry") as rig:
        async with Sender(rig.settings, rig.speaker.url, "relay") as sender:
            await rig.join()
            await rig.say_slowly(plan.events[:500])
            await rig.until_done(500)
            async with kafka.frozen():
                await _say_while_away(rig, plan, sender)
            back = time.monotonic()
            await rig.say_slowly(plan.events[1300:])
            await until(partial(_all_sent, rig), 150, "the relay has sent everything")
            sent = time.monotonic() - back
            await rig.until_done(1500, quiet=60)
            took = time.monotonic() - back
        await rig.check(plan)
        records = await rig.records(TOPIC)
        assert in_order(records)
        told("expiry", away_s=AWAY, all_sent_after_s=sent, all_done_after_s=took, events=1500, on_the_wire=len(records))


async def _say_while_away(rig: Rig, plan: Plan, sender: Sender) -> None:
    """What waits in the producer runs out; what is announced later waits in the outbox."""
    over = time.monotonic() + AWAY
    for step in range(500, 1300, 100):
        await rig.say(plan.events[step : step + 100])
        await asyncio.sleep(AWAY / 12)
    await asyncio.sleep(over - time.monotonic())
    assert sender.relay.stats.failures or sender.relay.stats.pending
    assert sender.leads


async def _all_sent(rig: Rig) -> bool:
    return not await rig.speaker.value("SELECT count(*) FROM outbox")
