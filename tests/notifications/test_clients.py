import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.notifications.clients.billing import Documents
from services.notifications.clients.smtp import KNOCK_EVERY, MailServer, Post
from services.notifications.rules import Undelivered
from tests.notifications.makers import PDF, SHA
from tests.notifications.servers import Letterbox, Shelf, a_document_server, a_mail_server

PATH = "/services/v2/finance/invoice/7/pdf"
MAIL = b"Subject: x\r\n\r\nx\r\n"


@pytest.fixture
async def box() -> AsyncIterator[Letterbox]:
    async with a_mail_server() as server:
        yield server


@pytest.fixture
async def post(box: Letterbox) -> AsyncIterator[Post]:
    made = Post(MailServer("127.0.0.1", box.port, seconds=5))
    yield made
    await made.close()


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with a_document_server(documents={PATH: PDF}) as server:
        yield server


async def fetched(shelf: Shelf, path: str = PATH, size: int = len(PDF), sha256: str = SHA, seconds: float = 5) -> bytes:
    documents = Documents(shelf.origin, "service-key", seconds)
    try:
        return await documents.fetch(path, size, sha256)
    finally:
        await documents.close()


async def refusal(post: Post) -> Undelivered:
    with pytest.raises(Undelivered) as raised:
        await post.send("from@ca.example", "ap@acme.example", MAIL)
    return raised.value


async def test_many_mails_leave_over_one_connection(post: Post, box: Letterbox) -> None:
    for _ in range(3):
        await post.send("from@ca.example", "ap@acme.example", MAIL)

    assert [(mail.mail_from, mail.rcpt_tos, mail.content) for mail in box.mails] == [
        ("from@ca.example", ["ap@acme.example"], MAIL)
    ] * 3
    assert len(box.connections) == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(post: Post, box: Letterbox) -> None:
    await post.send("from@ca.example", "ap@acme.example", MAIL)
    box.drop_all()
    await post.send("from@ca.example", "ap@acme.example", MAIL)

    assert len(box.mails) == 2
    assert len(box.connections) == 2


@pytest.mark.parametrize(
    ("answers", "final", "sentence"),
    [
        ({"RCPT": "550 no such user"}, True, "refused ap@acme.example: 550 no such user. Correct it"),
        ({"RCPT": "450 greylisted"}, False, "refused ap@acme.example: 450 greylisted."),
        ({"RCPT": "552 mailbox full"}, False, "552 mailbox full"),
        ({"RCPT": "HANGUP"}, False, "does not answer"),
        ({"DATA": "554 looks like spam"}, True, "refused the mail: 554 looks like spam."),
        ({"DATA": "451 try again later"}, False, "refused the mail: 451 try again later."),
        ({"DATA": "HANGUP"}, False, "does not answer"),
        ({"MAIL": "550 you may not send here"}, False, "does not serve us: 550 you may not send here."),
    ],
)
async def test_what_a_server_says_decides_whether_to_try_again(
    post: Post, box: Letterbox, answers: dict[str, str], final: bool, sentence: str
) -> None:
    box.answers = answers

    failure = await refusal(post)

    assert failure.final is final
    assert sentence in failure.reason
    assert box.mails == []


async def test_after_a_refusal_the_next_mail_leaves(post: Post, box: Letterbox) -> None:
    box.answers = {"RCPT": "550 no such user"}
    await refusal(post)
    box.answers = {}

    await post.send("from@ca.example", "cfo@acme.example", MAIL)

    assert [mail.rcpt_tos for mail in box.mails] == [["cfo@acme.example"]]


async def test_a_mail_server_that_is_not_there_is_tried_again_later() -> None:
    failure = await refusal(Post(MailServer("127.0.0.1", 1, seconds=5)))

    assert not failure.final
    assert "127.0.0.1 does not answer" in failure.reason


async def test_a_server_without_the_demanded_encryption_gets_no_mail(box: Letterbox) -> None:
    failure = await refusal(Post(MailServer("127.0.0.1", box.port, tls="starttls", seconds=5)))

    assert not failure.final
    assert box.mails == []


async def test_a_mail_leaves_while_the_server_is_knocked_at(post: Post, box: Letterbox) -> None:
    await asyncio.gather(post.send("from@ca.example", "ap@acme.example", MAIL), post.knock())

    assert len(box.mails) == 1
    assert len(box.connections) == 1


async def test_a_server_that_goes_later_is_noticed_before_a_mail_is_due() -> None:
    async with a_mail_server() as box:
        post = Post(MailServer("127.0.0.1", box.port, seconds=5))
        await post.knock()
        assert post.faults == []

    post._next_knock -= KNOCK_EVERY
    await post.knock()

    assert post.faults == [f"waits for the mail server 127.0.0.1:{box.port}: connection refused"]


async def test_a_document_is_fetched_with_the_service_key(shelf: Shelf) -> None:
    assert await fetched(shelf) == PDF
    assert [(path, headers["x-dc-devkey"]) for path, headers in shelf.asked] == [(PATH, "service-key")]


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        ({"sha256": "0" * 64}, "its hash differs"),
        ({"size": len(PDF) - 1}, "its hash differs"),
        ({"size": len(PDF) + 1}, "its hash differs"),
        ({"path": "/elsewhere"}, "it answered 404"),
    ],
)
async def test_a_document_that_is_not_the_announced_one_is_not_mailed(
    shelf: Shelf, spoilt: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Undelivered, match=sentence) as raised:
        await fetched(shelf, **spoilt)
    assert not raised.value.final


async def test_a_document_without_end_is_given_up(shelf: Shelf) -> None:
    shelf.documents[PATH] = b"x" * 1_000_000
    shelf.pause = 0.05

    with pytest.raises(Undelivered, match="too long"):
        await fetched(shelf, size=1_000_000, seconds=0.3)


async def test_no_more_is_read_than_was_announced(shelf: Shelf) -> None:
    shelf.documents[PATH], shelf.pause = b"x" * 1_000_000, 0.05

    with pytest.raises(Undelivered, match="its hash differs"):
        await fetched(shelf, size=10, sha256=hashlib.sha256(b"x" * 10).hexdigest(), seconds=3)


@pytest.mark.parametrize("path", ["//evil.example/x", "http://evil.example/x", "/\\evil.example"])
async def test_no_path_leads_the_key_to_another_host(shelf: Shelf, path: str) -> None:
    with pytest.raises(Undelivered, match="404"):
        await fetched(shelf, path=path)
    assert len(shelf.asked) == 1


async def test_no_redirect_leads_the_key_to_another_host(shelf: Shelf) -> None:
    async with a_document_server(documents={PATH: PDF}) as other:
        shelf.status, shelf.location = 302, f"{other.origin}{PATH}"

        with pytest.raises(Undelivered, match="it answered 302"):
            await fetched(shelf)
        assert other.asked == []


async def test_billing_that_is_not_there_is_asked_again_later() -> None:
    with pytest.raises(Undelivered, match="Billing does not answer") as raised:
        await fetched(Shelf(origin="http://127.0.0.1:1"))
    assert not raised.value.final
