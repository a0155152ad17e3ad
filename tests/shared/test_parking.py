"""The races of parking, driven step by step on two connections, and what an operator can do."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import parking
from shared.db import utcnow
from shared.door import OpenDoor
from shared.door.decode import Decoder, Entry
from shared.errors import NotFound, Rejected
from shared.inbox import mark_new
from tests.bus import as_foreign, as_record, record
from tests.makers import NOW
from tests.toy import COMMANDS, TOPIC, Toy, counted, make_door

SCOPE = "thing/1"


def entry_of(version: int, **changed: Any) -> Entry:
    entry = Decoder(make_door().facts).decode(as_record(counted(1, version, **changed), version), NOW)
    assert entry is not None
    return entry


async def waits(task: "asyncio.Task[Any]") -> bool:
    """Whether it stands still at a lock that somebody else holds."""
    await asyncio.wait({task}, timeout=0.3)
    return not task.done()


async def parked_versions(toy: Toy) -> list[tuple[int, bool]]:
    return [(json.loads(bytes(row.payload))["version"], row.error is not None) for row in await toy.parked()]


async def park_first(toy: Toy) -> OpenDoor:
    """Version 1 is parked, versions 2 and 3 wait behind it."""
    door = toy.open_door()
    await door.handle(
        [as_record(counted(1, version, fails="bug" if version == 1 else None), version) for version in (1, 2, 3)]
    )
    assert await parked_versions(toy) == [(1, True), (2, False), (3, False)]
    return door


# ── a displaced member parks 1 while the new owner has 1 and 2 ───────────────────────────────────────────────────────


async def displaced(toy: Toy, one: Entry, go_on: asyncio.Event) -> None:
    async with toy.db.transaction() as tx:
        await mark_new(tx, TOPIC, [one.event_id])
        await parking.park(tx, one.parked("it cannot be applied"))
        await go_on.wait()


async def new_owner(toy: Toy, entries: list[Entry], inbox_first: bool) -> list[Entry]:
    """The two first steps of the door in both orders; what it would then apply."""
    async with toy.db.transaction() as tx:
        blocked = set() if inbox_first else await parking.blocked(tx, TOPIC, [SCOPE])
        fresh = await mark_new(tx, TOPIC, [entry.event_id for entry in entries])
        if inbox_first:
            blocked = await parking.blocked(tx, TOPIC, [SCOPE])
        return [entry for entry in entries if entry.event_id in fresh and entry.scope not in blocked]


@pytest.mark.parametrize(("inbox_first", "applied"), [(True, []), (False, [2])], ids=["inbox first", "scope first"])
async def test_only_with_the_inbox_first_does_the_new_owner_see_what_the_displaced_member_parks(
    toy: Toy, inbox_first: bool, applied: list[int]
) -> None:
    one, two = entry_of(1), entry_of(2)
    go_on = asyncio.Event()
    old = asyncio.create_task(displaced(toy, one, go_on))
    await asyncio.sleep(0.1)
    new = asyncio.create_task(new_owner(toy, [one, two], inbox_first))

    assert await waits(new)
    go_on.set()
    await old

    assert [entry.event.version for entry in await new] == applied  # type: ignore[union-attr]


async def test_the_door_itself_parks_2_behind_1_in_that_race(toy: Toy) -> None:
    one, two = entry_of(1), entry_of(2, lenient=True)
    go_on = asyncio.Event()
    old = asyncio.create_task(displaced(toy, one, go_on))
    await asyncio.sleep(0.1)
    new = asyncio.create_task(toy.open_door().handle([one.record, two.record]))

    assert await waits(new)
    go_on.set()
    await asyncio.gather(old, new)

    assert await toy.versions() == {}
    assert await parked_versions(toy) == [(1, True), (2, False)]


# ── an arrival against a retry ───────────────────────────────────────────────────────────────────────────────────────


def paused(toy: Toy, name: str, at: Callable[[AsyncSession], Awaitable[None]]) -> OpenDoor:
    """A door whose consumer does something in the middle of its transaction."""
    door = toy.open_door()
    listener = next(iter(door.door.listeners.values()))

    async def apply(event: Any, tx: AsyncSession) -> None:
        await listener.apply(event, tx)
        if event.name == name:
            await at(tx)

    fact = next(iter(door.door.listeners))
    door.door.on(fact, listener.prefetch)(apply)
    return door


async def test_an_arrival_waits_for_a_running_retry_and_is_applied_after_it(toy: Toy) -> None:
    await toy.open_door().handle([as_record(counted(1, 1, name="slow", fails="bug"))])
    await mend(toy)
    go_on = asyncio.Event()

    async def hold(tx: AsyncSession) -> None:
        await go_on.wait()

    retry = asyncio.create_task(paused(toy, "slow", hold).again.retry(TOPIC, SCOPE))
    await asyncio.sleep(0.1)
    arrival = asyncio.create_task(toy.open_door().handle([as_record(counted(1, 2))]))

    assert await waits(arrival)
    go_on.set()
    await asyncio.gather(retry, arrival)

    assert await toy.versions() == {1: 2}
    assert await toy.parked() == []
    assert await toy.rows("SELECT * FROM parked_scope") == []


async def test_a_retry_waits_for_a_running_arrival_and_takes_its_event_along(toy: Toy) -> None:
    door = await park_first(toy)
    await mend(toy)
    four = entry_of(4)
    go_on = asyncio.Event()

    async def arrive() -> None:
        async with toy.db.transaction() as tx:
            await mark_new(tx, TOPIC, [four.event_id])
            assert await parking.blocked(tx, TOPIC, [SCOPE]) == {SCOPE}
            await parking.park(tx, four.parked(None))
            await go_on.wait()

    arrival = asyncio.create_task(arrive())
    await asyncio.sleep(0.1)
    retry = asyncio.create_task(door.again.retry(TOPIC, SCOPE))

    assert await waits(retry)
    go_on.set()
    await arrival

    assert await retry == 4
    assert await toy.versions() == {1: 4}


async def test_an_event_parked_while_a_retry_ends_the_scope_is_not_left_without_it(toy: Toy) -> None:
    """The retry holds the scope's row, has found nothing more and is about to delete it; another member parks then."""
    await park_first(toy)
    five = entry_of(5)
    go_on = asyncio.Event()

    async def last_look_of_a_retry() -> None:
        async with toy.db.transaction() as tx:
            await parking.lock_scope(tx, TOPIC, SCOPE)
            await tx.execute(text("DELETE FROM parked_event"))
            assert await parking.next_of(tx, TOPIC, SCOPE) is None
            await go_on.wait()
            await parking.end_of_scope(tx, TOPIC, SCOPE)

    async def park_another() -> None:
        async with toy.db.transaction() as tx:
            await mark_new(tx, TOPIC, [five.event_id])
            await parking.park(tx, five.parked("it cannot be applied"))

    ending = asyncio.create_task(last_look_of_a_retry())
    await asyncio.sleep(0.1)
    parking_now = asyncio.create_task(park_another())
    await asyncio.sleep(0.1)
    go_on.set()
    await asyncio.gather(ending, parking_now)

    assert [row.scope for row in await toy.rows("SELECT scope FROM parked_scope")] == [SCOPE]
    assert await parked_versions(toy) == [(5, True)]


async def test_two_retries_at_once_apply_each_event_once(toy: Toy) -> None:
    door = await park_first(toy)
    await mend(toy)

    done = await asyncio.gather(
        door.again.retry(TOPIC, SCOPE), toy.open_door().again.retry(TOPIC, SCOPE), return_exceptions=True
    )

    assert sum(one for one in done if isinstance(one, int)) == 3
    assert await toy.versions() == {1: 3}


# ── what an operator does ────────────────────────────────────────────────────────────────────────────────────────────


async def mend(toy: Toy) -> None:
    async with toy.engine.begin() as connection:
        await connection.execute(text(CORRECT))


CORRECT = """
UPDATE parked_event SET corrected = convert_to((convert_from(payload, 'UTF8')::jsonb - 'fails')::text, 'UTF8')
WHERE error IS NOT NULL
"""


async def test_a_retry_that_fails_again_keeps_its_place_counts_and_says_the_new_reason(toy: Toy) -> None:
    door = await park_first(toy)

    assert await door.again.retry(TOPIC, SCOPE) == 0
    assert await door.again.retry(TOPIC, SCOPE) == 0

    [scope] = await toy.rows("SELECT * FROM parked_scope")
    assert (scope.attempts, scope.reason) == (2, "ZeroDivisionError: a bug in a consumer")
    assert await parked_versions(toy) == [(1, True), (2, False), (3, False)]


async def test_a_correction_is_applied_the_original_bytes_stay_until_then_and_what_waited_follows_in_order(
    toy: Toy,
) -> None:
    door = await park_first(toy)
    before = [bytes(row.payload) for row in await toy.parked()]
    await mend(toy)

    assert [bytes(row.payload) for row in await toy.parked()] == before
    assert await door.again.retry(TOPIC, SCOPE) == 3

    assert await toy.versions() == {1: 3}
    assert await toy.parked() == []
    assert await toy.value("SELECT count(*) FROM inbox") == 3


async def test_progress_stays_when_a_later_one_fails(toy: Toy) -> None:
    door = toy.open_door()
    events = [counted(1, version, fails={1: "bug", 3: "no"}.get(version)) for version in (1, 2, 3, 4)]
    await door.handle([as_record(event, n) for n, event in enumerate(events)])
    async with toy.engine.begin() as connection:
        await connection.execute(text(CORRECT))

    assert await door.again.retry(TOPIC, SCOPE) == 2

    assert await toy.versions() == {1: 2}
    assert await parked_versions(toy) == [(3, True), (4, False)]


async def test_a_discarded_event_leaves_its_reason_in_the_audit_log_and_the_scope_can_drain(toy: Toy) -> None:
    door = toy.open_door()
    await door.handle(
        [as_record(event, n) for n, event in enumerate([counted(1, 1, fails="bug"), counted(1, 1), counted(1, 2)])]
    )
    [first, *_] = await toy.parked()

    async with toy.db.transaction() as tx:
        with pytest.raises(Rejected, match="Say why"):
            await parking.discard(tx, first.seq, "  ", "ops@ca.example", utcnow())
    async with toy.db.transaction() as tx:
        await parking.discard(tx, first.seq, "sent again under another id", "ops@ca.example", utcnow())
    async with toy.db.transaction() as tx:
        with pytest.raises(NotFound, match="may have been retried or discarded"):
            await parking.discard(tx, first.seq, "twice", "ops@ca.example", utcnow())

    [note] = await toy.rows("SELECT * FROM audit_log")
    assert (note.who, note.subject, note.after) == ("ops@ca.example", SCOPE, {"reason": "sent again under another id"})
    assert note.before["event_id"] == str(first.event_id)
    assert await door.again.retry(TOPIC, SCOPE) == 2
    assert await toy.versions() == {1: 2}


async def test_the_last_event_that_is_discarded_ends_its_scope(toy: Toy) -> None:
    door = toy.open_door()
    await door.handle([as_record(counted(1, 1, fails="bug"))])
    [only] = await toy.parked()

    async with toy.db.transaction() as tx:
        await parking.discard(tx, only.seq, "not wanted", "ops@ca.example", utcnow())
    await door.handle([as_record(counted(1, 1))])

    assert await toy.versions() == {1: 1}


async def test_a_record_without_scope_can_be_mended_and_retried_alone(toy: Toy) -> None:
    door = toy.open_door()
    good = {
        "id": "e-1",
        "type": "counted",
        "source": "shop",
        "occurred_at": NOW.isoformat(),
        "account_id": 1,
        "version": 1,
    }
    await door.handle([record(TOPIC, b"1", b"{", offset=3)])
    [alone] = await toy.parked()
    assert await door.again.retry_alone(alone.seq) is False
    async with toy.engine.begin() as connection:
        await connection.execute(text("UPDATE parked_event SET corrected = :body"), {"body": json.dumps(good).encode()})

    assert await door.again.retry_alone(alone.seq) is True

    assert await toy.versions() == {1: 1}
    assert await toy.parked() == []


async def test_a_mended_record_that_was_also_sent_again_takes_effect_once(toy: Toy) -> None:
    door = toy.open_door()
    good = {
        "id": "e-1",
        "type": "counted",
        "source": "shop",
        "occurred_at": NOW.isoformat(),
        "account_id": 1,
        "version": 1,
    }
    await door.handle([record(TOPIC, b"1", b"{", offset=3)])
    [alone] = await toy.parked()
    await door.handle([as_foreign(good, TOPIC)])
    async with toy.engine.begin() as connection:
        await connection.execute(text("UPDATE parked_event SET corrected = :body"), {"body": json.dumps(good).encode()})

    await door.again.retry_alone(alone.seq)

    assert await toy.versions() == {1: 1}
    assert await toy.value("SELECT count(*) FROM applied") == 1


async def test_a_mended_record_waits_for_what_is_parked_of_the_same_thing(toy: Toy) -> None:
    door = await park_first(toy)
    await door.handle([record(TOPIC, b"1", b"{", offset=9)])
    alone = (await toy.parked())[-1]
    async with toy.engine.begin() as connection:
        body = counted(1, 4).model_dump_json(exclude={"source"}).encode()
        await connection.execute(
            text("UPDATE parked_event SET corrected = :body WHERE seq = :seq"), {"body": body, "seq": alone.seq}
        )
    await toy.open_door().handle([as_foreign({"id": "x", "type": "counted", "source": TOPIC, "account_id": 1}, TOPIC)])

    assert await door.again.retry_alone(alone.seq) is False

    assert "retry those first" in (await toy.rows("SELECT error FROM parked_event WHERE scope IS NULL"))[0].error


async def test_a_parked_command_that_a_rule_refuses_in_the_end_is_answered(toy: Toy) -> None:
    door = toy.open_door()
    asked = {"id": "c-1", "type": "count", "source": "shop", "account_id": 1, "fails": "the thing is shut"}
    await door.handle([as_foreign(asked, COMMANDS, key="2")])
    [parked] = await toy.parked()
    assert "The Kafka key is '2'" in parked.error
    async with toy.engine.begin() as connection:
        await connection.execute(text("UPDATE parked_event SET key = '1'::bytea"))

    assert await door.again.retry(COMMANDS, parked.scope) == 1

    [said] = await toy.rows("SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM outbox")
    assert (said.body["type"], said.body["command_id"]) == ("command_refused", "c-1")
    assert await toy.parked() == []
