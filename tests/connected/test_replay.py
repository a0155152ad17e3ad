"""The broker forgets everything, as the embedded one does at every stop; the event log brings it back."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.db import utcnow
from shared.relay import Leader, Relay
from shared.service.kafka import BrokerProducer, make_broker
from tests.connected.kit import Rig
from tests.connected.plan import Plan
from tests.toy import COMMANDS, OUT, TOPIC

pytestmark = pytest.mark.connected


async def replay(rig: Rig, since: datetime, after: int = 0) -> int:
    sender, leader = make_broker(rig.settings, "replay"), Leader(rig.speaker.url)
    await sender.start()
    try:
        assert await leader.take()
        return await Relay(rig.speaker.db, BrokerProducer(sender), leader, _nothing).replay(since, after)
    finally:
        await leader.release()
        await sender.stop()


async def _nothing() -> None:
    return None


async def forget(rig: Rig) -> None:
    await rig.broker.forget()
    await rig.broker.make_topics([TOPIC, COMMANDS, OUT])


async def state(rig: Rig) -> list[Any]:
    return await rig.toy.rows("SELECT thing, version, event_id FROM applied ORDER BY thing, version")


async def test_after_a_broker_loss_a_replay_brings_what_was_lost_and_changes_nothing_else(rig: Rig) -> None:
    start, plan = utcnow() - timedelta(seconds=5), Plan.make(300, range(1, 21))
    async with rig.relay():
        member = await rig.join()
        await rig.say(plan.events[:200])
        await rig.until_done(200)
        await member.stop()
        rig.members.remove(member)
        await rig.say(plan.events[200:])  # nobody reads these before the broker forgets them
        await rig.until_sent()
    await forget(rig)

    last = await replay(rig, start)
    member = await rig.join()
    await rig.until_done(300)

    await rig.check(plan)
    assert member.door.stats.duplicates == 200
    before = await state(rig)

    middle = await rig.speaker.value("SELECT id FROM published ORDER BY id OFFSET 149 LIMIT 1")
    assert await replay(rig, start, after=middle) == last
    assert await replay(rig, start) == last
    while member.door.stats.duplicates < 200 + 150 + 300:
        await rig.until_done(300)

    assert await state(rig) == before
    assert await rig.toy.parked() == []


async def test_members_that_live_through_the_loss_find_their_way_back(rig: Rig) -> None:
    start, plan = utcnow() - timedelta(seconds=5), Plan.make(400, range(1, 21))
    async with rig.relay():
        await asyncio.gather(rig.join(), rig.join())
        await rig.say(plan.events[:250])
        await rig.until_done(100)
        await rig.until_sent()
    await forget(rig)
    await replay(rig, start)

    async with rig.relay():
        await rig.say(plan.events[250:])
        await rig.until_done(400)

    await rig.check(plan)


@pytest.mark.containers  # the embedded broker leaves them what they had
async def test_members_that_come_back_before_their_topics_find_them_when_they_are_made(rig: Rig) -> None:
    plan = Plan.make(100, range(1, 21))
    async with rig.relay():
        member = await rig.join()
        await rig.say(plan.events[:50])
        await rig.until_done(50)
        await rig.until_sent()
    await rig.broker.forget()
    async with asyncio.timeout(60):
        while member.subscriber.consumer.assignment():  # noqa: ASYNC110 - the client's own
            await asyncio.sleep(0.1)
    await rig.broker.make_topics([TOPIC, COMMANDS, OUT])

    async with rig.relay():
        await rig.say(plan.events[50:])
        await rig.until_done(100)

    await rig.check(plan)


async def test_a_replay_says_the_same_bytes_under_the_same_id_and_key_with_a_header(rig: Rig) -> None:
    start, plan = utcnow() - timedelta(seconds=5), Plan.make(5, [1, 2])
    async with rig.relay():
        await rig.say(plan.events)
        await rig.until_sent()
    await replay(rig, start)

    records = await rig.records(TOPIC)
    by_id = {dict(one.headers)["ce_id"]: one for one in records if "replay" not in dict(one.headers)}
    replayed = [one for one in records if "replay" in dict(one.headers)]
    assert (len(by_id), len(replayed)) == (5, 5)
    for one in replayed:
        original = by_id[dict(one.headers)["ce_id"]]
        assert (one.key, one.value, one.partition) == (original.key, original.value, original.partition)
        assert dict(original.headers) == {n: v for n, v in dict(one.headers).items() if n != "replay"}


async def test_what_is_older_than_the_inbox_keeps_is_parked_and_not_applied_again(rig: Rig) -> None:
    plan = Plan.make(3, [1])
    async with rig.relay():
        member = await rig.join()
        await rig.say(plan.events)
        await rig.until_done(3)
        await _age(rig)
        await rig.say(plan.events)
        await rig.until_done(6)

    assert await rig.toy.versions() == {1: 3}
    assert member.door.stats.applied == 3
    assert all("older than the inbox keeps" in row.error for row in await rig.toy.parked())


async def _age(rig: Rig) -> None:
    """As after 36 days: the inbox has forgotten, and the door's horizon has moved on."""
    async with rig.toy.engine.begin() as connection:
        await connection.execute(text("DELETE FROM inbox"))
    for member in rig.members:
        object.__setattr__(member.door._decoder, "inbox_days", 0)
