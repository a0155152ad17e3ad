import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from services.notifications import actions
from services.notifications.clients.billing import Documents
from services.notifications.clients.letter import Sender
from services.notifications.clients.smtp import MailServer, Post
from services.notifications.worker import Office, send_due
from shared.db import utcnow
from tests.conftest import SERVICE_KEY, World
from tests.notifications.makers import PDF, RECIPIENT, an_invoice_document
from tests.notifications.servers import Letterbox, Shelf, a_document_server, a_mail_server

PATH = "/services/v2/finance/invoice/7/pdf"


@pytest.fixture
async def box() -> AsyncIterator[Letterbox]:
    async with a_mail_server() as server:
        yield server


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with a_document_server(documents={PATH: PDF}) as server:
        yield server


@pytest.fixture
async def office(box: Letterbox, shelf: Shelf) -> AsyncIterator[Office]:
    sender = Sender.named("Issuary <billing@ca.example>", "", "https://console.ca.example")
    made = Office(Documents(shelf.origin, SERVICE_KEY, 5), Post(MailServer("127.0.0.1", box.port)), sender)
    yield made
    await made.post.close()
    await made.documents.close()


async def ready(world: World, **other: Any) -> None:
    async with world.notifications.db.transaction() as tx:
        await actions.mail_invoice(tx, an_invoice_document(**other), utcnow() - timedelta(seconds=1))


async def send_all(world: World, office: Office) -> None:
    while await send_due(world.notifications.db, office):
        pass


async def states(world: World) -> list[tuple[Any, ...]]:
    rows = await world.rows(
        "notifications", "SELECT recipient, sent_at IS NOT NULL, final, attempts FROM message ORDER BY recipient"
    )
    return [tuple(row) for row in rows]


async def make_due(world: World) -> None:
    await world.rows("notifications", "UPDATE message SET due_at = now() - interval '1 second' RETURNING 1")


async def test_the_document_arrives_with_the_mail_once_per_recipient(
    world: World, office: Office, box: Letterbox
) -> None:
    await ready(world, recipients=(RECIPIENT, "cfo@bücher.example"))

    await send_all(world, office)

    assert [(mail.mail_from, mail.rcpt_tos) for mail in box.mails] == [
        ("billing@ca.example", [RECIPIENT]),
        ("billing@ca.example", ["cfo@xn--bcher-kva.example"]),
    ]
    content = box.mails[0].content
    assert isinstance(content, bytes)
    mail = message_from_bytes(content, policy=policy.default)
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == PDF
    assert len(box.connections) == 1
    assert [event["type"] for event in await world.said("notifications")] == ["email_sent", "email_sent"]
    assert await states(world) == [(RECIPIENT, True, False, 1), ("cfo@bücher.example", True, False, 1)]


async def test_a_refused_recipient_is_final_and_the_others_get_their_mail(
    world: World, office: Office, box: Letterbox
) -> None:
    box.refused = {RECIPIENT: "550 5.1.1 no such user"}
    await ready(world, recipients=(RECIPIENT, "cfo@acme.example"))

    await send_all(world, office)

    assert await states(world) == [(RECIPIENT, False, True, 1), ("cfo@acme.example", True, False, 1)]
    (failed,) = await world.said("notifications", "email_failed")
    assert failed["final"] is True
    assert "550 5.1.1 no such user" in failed["reason"]


async def test_a_server_that_is_busy_gets_the_same_mail_later(world: World, office: Office, box: Letterbox) -> None:
    box.answers = {"DATA": "451 try again later"}
    await ready(world)
    await send_all(world, office)
    refused = await states(world)

    box.answers = {}
    await make_due(world)
    await send_all(world, office)

    assert refused == [(RECIPIENT, False, False, 1)]
    assert await states(world) == [(RECIPIENT, True, False, 2)]
    assert [event["type"] for event in await world.said("notifications")] == ["email_failed", "email_sent"]


async def test_a_worker_that_died_after_sending_sends_the_same_bytes_again(
    world: World, office: Office, box: Letterbox
) -> None:
    await ready(world)
    await send_all(world, office)
    await world.rows("notifications", "UPDATE message SET sent_at = NULL RETURNING 1")
    await make_due(world)
    await send_all(world, office)

    first, second = (mail.content for mail in box.mails)
    assert first == second


async def test_a_document_with_another_hash_is_never_mailed(
    world: World, office: Office, box: Letterbox, shelf: Shelf
) -> None:
    shelf.documents[PATH] = PDF[:-1] + b"x"
    await ready(world)
    await send_all(world, office)

    assert box.mails == []
    (failed,) = await world.said("notifications", "email_failed")
    assert "its hash differs" in failed["reason"]
    assert failed["final"] is False


async def test_a_document_that_is_not_there_yet_is_mailed_when_it_is(
    world: World, office: Office, box: Letterbox, shelf: Shelf
) -> None:
    del shelf.documents[PATH]
    await ready(world)
    await send_all(world, office)
    shelf.documents[PATH] = PDF
    await make_due(world)
    await send_all(world, office)

    assert len(box.mails) == 1
    assert await states(world) == [(RECIPIENT, True, False, 2)]


async def test_a_mail_that_cannot_be_made_does_not_keep_the_next_one(
    world: World, office: Office, box: Letterbox
) -> None:
    await ready(world, recipients=("a@acme.example", "b@acme.example"))
    await world.rows("notifications", "UPDATE message SET content = '{}' WHERE recipient LIKE 'a@%' RETURNING 1")

    await send_all(world, office)

    assert [mail.rcpt_tos for mail in box.mails] == [["b@acme.example"]]
    assert await states(world) == [("a@acme.example", False, False, 1), ("b@acme.example", True, False, 1)]


async def test_many_documents_leave_in_several_batches(world: World, office: Office, box: Letterbox) -> None:
    recipients = tuple(f"user{n}@acme.example" for n in range(20))
    await ready(world, recipients=recipients)

    assert await send_due(world.notifications.db, office)
    assert len(box.mails) == 8
    await send_all(world, office)

    assert sorted(mail.rcpt_tos[0] for mail in box.mails) == sorted(recipients)


async def test_a_slow_document_counts_as_a_failed_try(world: World, office: Office, shelf: Shelf) -> None:
    large = PDF * 100
    shelf.documents[PATH], shelf.pause = large, 0.05
    await ready(world, size=len(large), sha256=hashlib.sha256(large).hexdigest())

    hasty = replace(office, documents=Documents(shelf.origin, SERVICE_KEY, 0.2))
    async with asyncio.timeout(5):
        await send_all(world, hasty)
    await hasty.documents.close()

    assert await states(world) == [(RECIPIENT, False, False, 1)]


async def test_while_the_mail_server_is_away_no_mail_uses_up_an_attempt_and_all_leave_when_it_is_back(
    world: World, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    post = Post(MailServer("127.0.0.1", port))
    away = Office(Documents(shelf.origin, SERVICE_KEY, 5), post, Sender.named("ca@ca.example", "", ""))
    await ready(world)

    await post.knock()
    await post.knock()
    await send_all(world, away)

    assert post.faults == [f"waits for the mail server 127.0.0.1:{port}: connection refused"]
    assert [line.getMessage() for line in caplog.records if line.name == "shared.waiting"] == post.faults
    assert await states(world) == [(RECIPIENT, False, False, 0)]
    async with a_mail_server(port) as box:
        post._next_knock = 0.0
        await post.knock()
        await send_all(world, away)
        assert (post.faults, len(box.mails)) == ([], 1)
        await post.close()
    await away.documents.close()


async def test_a_mail_server_that_is_found_gone_costs_no_mail_of_the_batch_an_attempt(
    world: World, shelf: Shelf
) -> None:
    async with a_mail_server() as box:
        post = Post(MailServer("127.0.0.1", box.port))
        await post.knock()
    gone = Office(Documents(shelf.origin, SERVICE_KEY, 5), post, Sender.named("ca@ca.example", "", ""))
    await ready(world, recipients=("a@acme.example", "b@acme.example", "c@acme.example"))

    await send_all(world, gone)
    await gone.documents.close()

    assert post.faults == [f"waits for the mail server 127.0.0.1:{box.port}: connection refused"]
    assert await states(world) == [(f"{name}@acme.example", False, False, 0) for name in "abc"]
    due = await world.rows("notifications", "SELECT count(*) FROM message WHERE due_at <= clock_timestamp()")
    assert due[0][0] == 3
