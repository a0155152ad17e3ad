from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.notifications import actions, rules
from services.notifications.models import Message
from services.notifications.rules import Undelivered
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from tests.conftest import World
from tests.notifications.makers import NOW, RECIPIENT, a_credit_note_document, an_invoice_document

LATER = NOW + timedelta(minutes=1)


async def mail_invoice(world: World, **other: Any) -> list[Message]:
    async with world.notifications.db.transaction() as tx:
        await actions.mail_invoice(tx, an_invoice_document(**other), NOW)
    return await stored(world)


async def stored(world: World) -> list[Message]:
    async with world.notifications.db.transaction() as tx:
        return list(await tx.scalars(select(Message).order_by(Message.recipient)))


async def claim(world: World, now: Any = NOW, limit: int = 10) -> list[Message]:
    async with world.notifications.db.transaction() as tx:
        return list(await actions.claim_due(tx, now, "ca.example", limit))


async def fail(world: World, message: Message, reason: str, final: bool = False, now: Any = NOW) -> None:
    async with world.notifications.db.transaction() as tx:
        await actions.record_failure(tx, message.id, message.attempts, Undelivered(reason, final), now)


async def test_every_recipient_gets_one_message_about_a_document(world: World) -> None:
    rows = await mail_invoice(world, recipients=(RECIPIENT, "cfo@acme.example", "AP@ACME.example"))

    assert [(row.recipient, row.state, row.due_at) for row in rows] == [
        (RECIPIENT, "waiting", NOW),
        ("cfo@acme.example", "waiting", NOW),
    ]
    assert rows[0].content == {
        "issued_on": "2026-11-23",
        "due_on": "2026-12-23",
        "currency": "EUR",
        "total": 1_452_514,
        "amount_due": 0,
        "kind": "order",
        "order": {"source": "issuary/orders", "id": 1201},
    }


async def test_the_same_document_told_again_changes_nothing(world: World) -> None:
    await mail_invoice(world)
    (claimed,) = await claim(world)
    (row,) = await mail_invoice(world, id=new_id(), recipients=("AP@acme.example",))

    assert (row.attempts, row.recipient) == (1, RECIPIENT)
    assert row.internet_message_id == claimed.internet_message_id


async def test_a_credit_note_is_a_message_of_its_own(world: World) -> None:
    await mail_invoice(world)
    async with world.notifications.db.transaction() as tx:
        await actions.mail_credit_note(tx, a_credit_note_document(), NOW)

    rows = await stored(world)
    assert sorted((row.template, row.number) for row in rows) == [
        ("credit_note", "CN-2026-000007"),
        ("invoice", "INV-2026-000042"),
    ]


async def test_a_document_for_nobody_is_noted_and_not_announced(world: World) -> None:
    (row,) = await mail_invoice(world, recipients=())

    assert (row.recipient, row.state, row.due_at) == ("", "failed", None)
    assert "no billing e-mail address" in (row.reason or "")
    assert await world.said("notifications") == []


async def test_an_unusable_address_fails_at_once_and_for_good(world: World) -> None:
    too_long = "x" * 300 + "@acme.example"
    rows = await mail_invoice(world, recipients=("ap at acme", too_long, "x\r\nBcc: y@acme.example", RECIPIENT))

    assert [(row.state, row.due_at is None) for row in rows if row.recipient != RECIPIENT] == [("failed", True)] * 3
    failed = await world.said("notifications", "email_failed")
    assert len(failed) == 3
    assert {(event["final"], event["attempts"]) for event in failed} == {(True, 0)}
    assert "Correct it in the account's billing addresses." in failed[0]["reason"]
    assert [row.recipient for row in await claim(world)] == [RECIPIENT]


async def test_what_is_claimed_is_not_due_again_before_the_lease_is_over(world: World) -> None:
    await mail_invoice(world, recipients=("a@acme.example", "b@acme.example", "c@acme.example"))

    assert len(await claim(world, limit=2)) == 2
    assert len(await claim(world)) == 1
    assert await claim(world) == []
    assert len(await claim(world, NOW + rules.LEASE)) == 3


async def test_a_sent_mail_is_announced_once(world: World) -> None:
    await mail_invoice(world)
    (message,) = await claim(world)

    for now in (NOW, LATER):
        async with world.notifications.db.transaction() as tx:
            await actions.record_sent(tx, message.id, now)

    (row,) = await stored(world)
    assert (row.state, row.sent_at, row.due_at) == ("sent", NOW, None)
    (said,) = await world.said("notifications")
    assert said["type"] == "email_sent"
    assert said["account_id"] == 9001
    assert said["recipient"] == RECIPIENT
    assert said["document_number"] == "INV-2026-000042"
    assert said["internet_message_id"] == f"<{row.id}@ca.example>"


async def test_the_first_and_the_final_failure_are_announced_and_none_between(world: World) -> None:
    await mail_invoice(world)
    for now, final in ((NOW, False), (LATER, False), (NOW + timedelta(hours=1), True)):
        (message,) = await claim(world, now)
        await fail(world, message, "The mail server does not answer.", final, now)

    (row,) = await stored(world)
    assert (row.state, row.attempts, row.due_at) == ("failed", 3, None)
    said = await world.said("notifications")
    assert [(event["type"], event["attempts"], event["final"]) for event in said] == [
        ("email_failed", 1, False),
        ("email_failed", 3, True),
    ]


async def test_a_worker_whose_lease_is_over_changes_nothing(world: World) -> None:
    await mail_invoice(world)
    (slow,) = await claim(world)
    (quick,) = await claim(world, NOW + rules.LEASE)
    async with world.notifications.db.transaction() as tx:
        await actions.record_sent(tx, quick.id, NOW + rules.LEASE)

    await fail(world, slow, "It took too long.")

    (row,) = await stored(world)
    assert row.state == "sent"
    assert [event["type"] for event in await world.said("notifications")] == ["email_sent"]


async def test_a_worker_whose_lease_is_over_does_not_end_the_lease_of_the_next(world: World) -> None:
    await mail_invoice(world)
    (slow,) = await claim(world)
    await claim(world, NOW + rules.LEASE)

    await fail(world, slow, "It took too long.", now=NOW + rules.LEASE)

    (row,) = await stored(world)
    assert (row.attempts, row.failed_at, row.due_at) == (2, None, NOW + 2 * rules.LEASE)


async def test_a_failed_message_is_sent_again_and_the_audit_log_says_who_wanted_it(world: World) -> None:
    await mail_invoice(world)
    (message,) = await claim(world)
    await fail(world, message, "No such user.", final=True)

    async with world.notifications.db.transaction() as tx:
        await actions.resend(tx, message.id, "op@ca.example", LATER)

    (again,) = await claim(world, LATER)
    assert again.internet_message_id == message.internet_message_id
    (entry,) = await world.rows("notifications", "SELECT who, what, subject FROM audit_log")
    assert tuple(entry) == ("op@ca.example", "message resent", f"message/{message.id}")


async def test_only_what_failed_is_sent_again(world: World) -> None:
    (row,) = await mail_invoice(world)

    with pytest.raises(Conflict, match="still being sent"):
        async with world.notifications.db.transaction() as tx:
            await actions.resend(tx, row.id, "op@ca.example", NOW)
    with pytest.raises(NotFound):
        async with world.notifications.db.transaction() as tx:
            await actions.resend(tx, new_id(), "op@ca.example", NOW)
