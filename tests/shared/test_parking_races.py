"""The races of parking, driven step by step on two connections, and what an operator can do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import parking
from shared.door import OpenDoor
from shared.door.decode import Entry
from shared.inbox import mark_new
from tests.bus import as_record
from tests.shared.parked import SCOPE, entry_of, mend, park_first, parked_versions
from tests.toy import TOPIC, Toy, counted


async def waits(task: "asyncio.Task[Any]") -> bool:
    """Whether it stands still at a lock that somebody else holds."""
    await asyncio.wait({task}, timeout=0.3)
    return not task.done()


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
