"""What an operator does with what is parked."""

import pytest
from sqlalchemy import text

from shared import parking
from shared.db import utcnow
from shared.errors import NotFound, Rejected
from tests.bus import as_foreign, as_record, record
from tests.shared.parked import CORRECT, MENDED, SCOPE, mend, park_first, parked_versions, replace
from tests.toy import COMMANDS, TOPIC, Toy, counted


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
    await door.handle([record(TOPIC, b"1", b"{", offset=3)])
    [alone] = await toy.parked()
    assert await door.again.retry_alone(alone.seq) is False
    await replace(toy)

    assert await door.again.retry_alone(alone.seq) is True

    assert await toy.versions() == {1: 1}
    assert await toy.parked() == []


async def test_a_mended_record_that_was_also_sent_again_takes_effect_once(toy: Toy) -> None:
    door = toy.open_door()
    await door.handle([record(TOPIC, b"1", b"{", offset=3)])
    [alone] = await toy.parked()
    await door.handle([as_foreign(MENDED, TOPIC)])
    await replace(toy)

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
