"""Kafka and PostgreSQL for real, and everything that can be killed is."""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from shared.door import OpenDoor
from tests.connected.kit import Forgetful, Plan, Rig, settings_of
from tests.toy import THINGS, TOPIC

pytestmark = pytest.mark.connected
log = logging.getLogger(__name__)
EVENTS = int(os.environ.get("CHAOS_EVENTS", "3000"))


KILLS = EVENTS // 750


async def kill_and_add(rig: Rig, kills: int) -> None:
    for _ in range(kills):
        await asyncio.sleep(random.uniform(0.3, 1.0))
        await rig.kill(await rig.a_busy_one())
        await rig.join()


async def test_members_killed_events_repeated_some_poisoned_and_each_takes_effect_once_in_order(rig: Rig) -> None:
    plan = Plan.make(EVENTS, THINGS, poison=3)
    Forgetful.dies, Forgetful.deaths = 0.2, 0

    async with rig.relay(Forgetful):
        await asyncio.gather(rig.join(), rig.join())
        said = rig.say_slowly(plan.with_repeats(), pause=0.2)
        await asyncio.gather(said, kill_and_add(rig, KILLS), rig.until_done(EVENTS))

    wire = Counter(await rig.on_the_wire(TOPIC))
    log.warning("%d members, %d relays killed; %d records for %d events", KILLS, Forgetful.deaths, wire.total(), EVENTS)
    assert Forgetful.deaths
    assert wire.total() > EVENTS * 1.02
    await rig.check(plan)
    await rig.mend()
    assert sum((await rig.toy.versions()).values()) == EVENTS
    assert await rig.toy.value("SELECT count(*) FROM parked_event") == 0


class OffsetsFirst(OpenDoor):
    """What the door must not do: invariant 1 the other way round."""

    async def _chunk(self, records: Sequence[ConsumerRecord[Any, Any]]) -> bool:
        await self._commit(records)
        return await super()._chunk(records)


async def test_with_offsets_committed_before_the_transaction_the_same_run_loses_events(rig: Rig) -> None:
    plan = Plan.make(800, range(1, 11))
    rig.door_class = OffsetsFirst

    async with rig.relay():
        await asyncio.gather(rig.join(), rig.say(plan.events))
        for _ in range(2):
            await rig.kill(await rig.a_busy_one())
            await rig.join()
        with pytest.raises(AssertionError, match="STALLED"):
            await rig.until_done(len(plan.events), quiet=3)

    with pytest.raises(AssertionError):
        await rig.check(plan)


async def test_a_database_that_is_down_parks_nothing_loses_nothing_and_keeps_the_order(durable_rig: Rig) -> None:
    rig, plan = durable_rig, Plan.make(1000, THINGS)

    async with rig.relay():
        await asyncio.gather(rig.join(), rig.join())
        await rig.say(plan.events[:600])
        await rig.a_busy_one(within=20)
        await rig.postgres.kill()
        await asyncio.sleep(1.5)
        assert any(member.door.retrying for member in rig.members)
        await rig.postgres.start()
        await rig.speaker.engine.dispose()  # its pool holds connections of the server that died
        await rig.say_slowly(plan.events[600:])
        await rig.until_done(len(plan.events))

    assert await rig.toy.parked() == []
    await rig.check(plan)


async def test_a_member_frozen_beyond_the_poll_interval_comes_back_too_late_to_harm(rig: Rig) -> None:
    plan = Plan.make(400, THINGS)
    rig.settings = settings_of(rig.broker, kafka_max_poll_interval_ms=1500)

    async with rig.relay():
        frozen = await rig.join()
        frozen.freeze = 4.0
        await rig.say(plan.events)
        await asyncio.wait_for(frozen.frozen.wait(), 10)
        await rig.join()
        await asyncio.wait_for(frozen.expelled.wait(), frozen.freeze)
        await rig.until_done(len(plan.events))

    await rig.check(plan)
