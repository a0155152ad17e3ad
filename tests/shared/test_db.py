"""The helpers that keep a batch a batch."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.audit import note
from shared.db import add, append, at_end, attempt, lock_all, locked, locked_or_none, utcnow
from shared.errors import NotFound, Rejected
from shared.ids import new_id
from shared.outbox import MAX_BYTES, announce
from tests.toy import Applied, Passed, Thing, Toy, counted


@pytest.fixture
def statements(toy: Toy) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(" ".join(statement.split()[:3]))

    hooks.listen(toy.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    hooks.remove(toy.engine.sync_engine, "before_cursor_execute", note)


async def test_rows_locked_together_are_changed_in_one_update_and_selected_once(
    toy: Toy, statements: list[str]
) -> None:
    async with toy.db.transaction() as tx:
        await lock_all(tx, Thing, [*range(1, 51), 99])
        for n in range(1, 51):
            (await locked(tx, Thing, n)).version += n
            assert await locked_or_none(tx, Thing, 99) is None

    assert [one for one in statements if one.startswith(("SELECT", "UPDATE"))] == [
        "SELECT thing.id, thing.version", "UPDATE thing SET",
    ]  # fmt: skip
    assert await toy.value("SELECT sum(version) FROM thing") == sum(range(1, 51))


async def test_a_missing_row_is_refused_with_its_name(toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        with pytest.raises(NotFound, match="There is no thing 99"):
            await locked(tx, Thing, 99)


async def test_a_new_row_is_locked_already(toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        row = add(tx, Thing(id=99, version=0))
        assert await locked(tx, Thing, 99) is row


async def test_of_what_is_refused_nothing_is_written_said_or_noted_and_what_was_before_is(toy: Toy) -> None:
    def all_ways(tx: AsyncSession, thing: int) -> None:
        append(tx, Applied, event_id=new_id(), thing=thing, version=thing, name=None)
        announce(tx, Passed(occurred_at=counted(1, 1).occurred_at, account_id=1, version=thing))
        note(tx, "ann", "tried", f"thing/{thing}", None, {}, utcnow())

    async with toy.db.transaction() as tx:
        all_ways(tx, 1)
        with suppress(Rejected):
            async with attempt(tx):
                all_ways(tx, 2)
                add(tx, Thing(id=99, version=0))
                raise Rejected("No.")
        async with attempt(tx):
            all_ways(tx, 3)

    assert await toy.value("SELECT array_agg(thing ORDER BY thing) FROM applied") == [1, 3]
    assert await toy.value("SELECT count(*) FROM outbox") == 2
    assert await toy.value("SELECT array_agg(subject ORDER BY subject) FROM audit_log") == ["thing/1", "thing/3"]
    assert await toy.value("SELECT count(*) FROM thing WHERE id = 99") == 0


async def test_appended_rows_take_one_statement_whatever_they_hold(toy: Toy, statements: list[str]) -> None:
    async with toy.db.transaction() as tx:
        for n in range(100):
            append(tx, Applied, event_id=new_id(), thing=1, version=n, name=None if n % 2 else "ü'\"\\ {}")

    assert [one for one in statements if one.startswith("INSERT")] == ["INSERT INTO applied"]
    assert await toy.value("SELECT count(*) FROM applied WHERE name = E'ü''\"\\\\ {}'") == 50


@pytest.mark.parametrize("other", [{"name": "x", "extra": 1}, {}], ids=["one column more", "one column less"])
async def test_rows_of_different_columns_are_refused_and_not_cut(toy: Toy, other: dict[str, Any]) -> None:
    async with toy.db.transaction() as tx:
        append(tx, Applied, event_id=new_id(), thing=1, version=1, name="a")
        with pytest.raises(TypeError, match="rows of applied name different columns"):
            append(tx, Applied, event_id=new_id(), thing=1, version=2, **other)


async def test_what_fails_leaves_neither_state_nor_announcement(toy: Toy) -> None:
    async def change_too_much() -> None:
        async with toy.db.transaction() as tx:
            (await locked(tx, Thing, 1)).version = 7
            announce(tx, Passed(occurred_at=counted(1, 1).occurred_at, account_id=1, version=7))
            append(tx, Applied, event_id=new_id(), thing=1, version=1, name="refused at commit")

    with pytest.raises(IntegrityError):
        await change_too_much()
    assert await toy.value("SELECT sum(version) FROM thing") == 0
    assert await toy.value("SELECT count(*) FROM outbox") == 0


async def test_a_step_at_the_end_runs_once_and_before_the_rows_are_written(toy: Toy) -> None:
    ran: list[int] = []

    async def number(tx: Any) -> None:
        ran.append(len(tx.info.get("appended", {})))
        announce(tx, Passed(occurred_at=counted(1, 1).occurred_at, account_id=1, version=1))

    async with toy.db.transaction() as tx:
        append(tx, Applied, event_id=new_id(), thing=1, version=1, name=None)
        at_end(tx, number)
        at_end(tx, number)

    assert ran == [1]
    assert await toy.value("SELECT count(*) FROM outbox") == 1


async def test_an_event_too_large_for_the_broker_fails_its_action_and_not_the_relay(toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        with pytest.raises(Rejected, match="too large to be told to others"):
            announce(tx, counted(1, 1, note={"x": "y" * MAX_BYTES}))


async def test_an_announcement_carries_its_envelope(toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        tx.info["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        event = counted(7, 1, causation_id="e-1")
        announce(tx, event)

    [row] = await toy.rows("SELECT * FROM outbox")
    assert (row.key, row.topic, row.event_id) == ("7", event.topic, event.id)
    assert row.headers == {
        "ce_specversion": "1.0", "ce_id": str(event.id), "ce_type": "counted", "ce_source": "issuary/toy",
        "ce_time": "2026-11-23T10:00:00Z", "ce_subject": "thing/7", "content-type": "application/json",
        "correlation_id": "e-1", "ce_causationid": "e-1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }  # fmt: skip


async def test_commits_of_this_process_wake_the_relay_and_only_those_that_say_something(toy: Toy) -> None:
    waker = toy.db.waker()
    async with toy.db.transaction() as tx:
        await tx.execute(text("SELECT 1"))
    assert not waker.is_set()

    async with toy.db.transaction() as tx:
        announce(tx, counted(1, 1))
        assert not waker.is_set()
    assert waker.is_set()
