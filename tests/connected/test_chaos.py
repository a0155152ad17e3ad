"""Kafka and PostgreSQL for real, and everything that can be killed is. The scenarios run at once, each on a broker and
databases of its own, for they mostly wait; a test awaits its scenario."""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord

from shared.devstack.chosen import Postgres, new_broker, new_postgres
from shared.door import OpenDoor
from tests.connected.kit import Forgetful, Rig, settings_of
from tests.connected.plan import Plan
from tests.toy import COMMANDS, OUT, THINGS, TOPIC

pytestmark = pytest.mark.connected
log = logging.getLogger(__name__)
EVENTS = int(os.environ.get("CHAOS_EVENTS", "3000"))


KILLS = EVENTS // 750


async def kill_and_add(rig: Rig, kills: int) -> None:
    for _ in range(kills):
        await asyncio.sleep(random.uniform(0.3, 1.0))
        await rig.kill(await rig.a_busy_one())
        await rig.join()


async def members_are_killed_events_repeated_and_some_poisoned(rig: Rig) -> None:
    plan = Plan.make(EVENTS, THINGS, poison=3)
    Forgetful.moves = Forgetful.deaths = 0

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


async def offsets_are_committed_before_the_transaction_and_events_are_lost(rig: Rig) -> None:
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


async def the_database_is_down_for_a_while(rig: Rig) -> None:
    plan = Plan.make(1000, THINGS)

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


async def a_member_is_frozen_beyond_the_poll_interval(rig: Rig) -> None:
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


Scenario = Callable[[Rig], Awaitable[None]]
SCENARIOS: list[Scenario] = [
    members_are_killed_events_repeated_and_some_poisoned,
    offsets_are_committed_before_the_transaction_and_events_are_lost,
    the_database_is_down_for_a_while,
    a_member_is_frozen_beyond_the_poll_interval,
]


async def play(scenario: Scenario, server: Postgres, folder: Path) -> None:
    async with new_broker(folder / "broker.log") as broker:
        await broker.make_topics([TOPIC, COMMANDS, OUT])
        async with Rig(broker, server, scenario.__name__[:20]) as rig:
            await scenario(rig)


async def play_on_its_own_server(scenario: Scenario, folder: Path) -> None:
    """One that keeps what it committed when it is killed."""
    async with new_postgres(folder / "postgres") as server:
        await play(scenario, server, folder)


@pytest_asyncio.fixture(scope="module")
async def plays(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[Scenario, asyncio.Task[None]]]:
    running = {}
    for scenario in SCENARIOS:
        folder, killed = tmp_path_factory.mktemp("scenario"), scenario is the_database_is_down_for_a_while
        one = play_on_its_own_server(scenario, folder) if killed else play(scenario, postgres, folder)
        running[scenario] = asyncio.create_task(one)
    yield running
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_every_event_takes_effect_once_and_in_order_or_is_seen_not_to(
    plays: dict[Scenario, asyncio.Task[None]], scenario: Scenario
) -> None:
    await plays[scenario]
