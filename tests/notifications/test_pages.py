import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from itsdangerous import URLSafeTimedSerializer

from services.notifications import actions
from services.notifications.rules import Undelivered
from shared.events.orders import CredentialChanged
from shared.ids import new_id
from shared.migrate import ROOT
from tests.conftest import ENVIRONMENT, World
from tests.notifications.makers import NOW, RECIPIENT, a_message, an_invoice_document

MAILS = ROOT / "services" / "notifications" / "templates" / "mail"

OPERATOR, FINANCE, STANDARD, ONE_DIVISION = 1, 2, 3, 4
USERS = {OPERATOR: ("operator", 0), FINANCE: ("finance_manager", 9001), STANDARD: ("standard_user", 9001)}


async def add_user(world: World, user_id: int, role: str, account_id: int, divisions: tuple[int, ...] = ()) -> None:
    credential = CredentialChanged(
        credential_id=f"user/{user_id}",
        version=1,
        kind="user",
        account_id=account_id,
        account_name="Acme",
        user_id=user_id,
        user_name="Ann Lee",
        email="ann@acme.example",
        role=role,
        divisions=divisions,
        occurred_at=NOW,
    )
    await world.deliver("notifications", credential)


@asynccontextmanager
async def signed_in(world: World, user_id: int) -> AsyncIterator[httpx.AsyncClient]:
    if user_id in USERS:
        await add_user(world, user_id, *USERS[user_id])
    session = URLSafeTimedSerializer(ENVIRONMENT["ISSUARY_SESSION_SECRET"], salt="session").dumps({"user": user_id})
    async with world.client(Accept="text/html", Cookie=f"issuary_session={session}") as client:
        yield client


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


async def a_failed_message(world: World, reason: str = "550 no such user", **other: Any) -> str:
    async with world.notifications.db.transaction() as tx:
        await actions.mail_invoice(tx, an_invoice_document(document_id=new_id(), **other), NOW)
    async with world.notifications.db.transaction() as tx:
        (message,) = await actions.claim_due(tx, NOW, "ca.example", 1)
    async with world.notifications.db.transaction() as tx:
        await actions.record_failure(tx, message.id, 1, Undelivered(reason, final=True), NOW)
    return str(message.id)


async def ready(world: World, **other: Any) -> None:
    async with world.notifications.db.transaction() as tx:
        await actions.mail_invoice(tx, an_invoice_document(document_id=new_id(), **other), NOW)


async def test_nobody_is_led_to_the_sign_in_page(world: World) -> None:
    async with world.client(Accept="text/html") as client:
        answer = await client.get("/messages")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/messages")


async def test_an_account_s_finance_people_see_what_was_mailed_and_why_not(world: World) -> None:
    await a_failed_message(world, "The mail server refused <b>ap@acme.example</b>: 550 no such user.")
    async with signed_in(world, FINANCE) as client:
        answer = await client.get("/messages")

    assert answer.status_code == 200
    assert "INV-2026-000042" in answer.text
    assert RECIPIENT in answer.text
    assert "Not sent" in answer.text
    assert "refused &lt;b&gt;ap@acme.example&lt;/b&gt;: 550 no such user." in answer.text
    assert "Send again" not in answer.text


async def test_nobody_sees_another_account_or_another_division(world: World) -> None:
    await ready(world, number="OTHER-ACCOUNT", account_id=9002)
    await ready(world, number="OTHER-DIVISION", division_id=15)
    await ready(world, number="MINE")
    await add_user(world, ONE_DIVISION, "finance_manager", 9001, (14,))
    async with signed_in(world, ONE_DIVISION) as client:
        answer = await client.get("/messages", params={"account_id": "9002"})
        all_of_mine = await client.get("/messages")

    assert "OTHER" not in answer.text + all_of_mine.text
    assert "MINE" in all_of_mine.text
    assert "1 of 1" in all_of_mine.text


async def test_who_has_nothing_to_do_with_finance_is_told_so(world: World) -> None:
    async with signed_in(world, STANDARD) as client:
        answer = await client.get("/messages")

    assert answer.status_code == 403
    assert "The role standard user may not do this" in answer.text


async def test_an_empty_page_says_what_would_appear(world: World) -> None:
    async with signed_in(world, FINANCE) as client:
        assert "its mail to each billing address appears here" in (await client.get("/messages")).text
        assert "No message fits this filter" in (await client.get("/messages?state=failed")).text


async def test_filters_find_by_state_number_address_and_account(world: World) -> None:
    await a_failed_message(world, number="FAILED-1")
    await ready(world, number="WAITS-100%", account_id=9002, recipients=("cfo@other.example",))
    async with signed_in(world, OPERATOR) as client:

        async def found(**asked: str) -> set[str]:
            page = (await client.get("/messages", params=asked)).text
            return {number for number in ("FAILED-1", "WAITS-100%") if f">{number}<" in page}

        assert await found() == {"FAILED-1", "WAITS-100%"}
        assert await found(state="failed") == {"FAILED-1"}
        assert await found(state="waiting") == {"WAITS-100%"}
        assert await found(state="sent") == set()
        assert await found(state="retrying") == set()
        assert await found(search="CFO@other") == {"WAITS-100%"}
        assert await found(search="0%") == {"WAITS-100%"}
        assert await found(search="%1") == set()
        assert await found(account_id="9002") == {"WAITS-100%"}


async def test_the_list_is_turned_page_by_page_without_missing_a_row(world: World) -> None:
    async with world.notifications.db.transaction() as tx:
        for n in range(120):
            document = an_invoice_document(document_id=new_id(), number=f"INV-{n:03}")
            await actions.mail_invoice(tx, document, NOW + timedelta(seconds=n // 7))
    async with signed_in(world, FINANCE) as client:
        seen: list[str] = []
        address, pages = "/messages", 0
        while address:
            page = (await client.get(address)).text
            seen += re.findall(r">(INV-\d+)<", page)
            link = re.search(r'href="([^"]+)" rel="next"', page)
            address, pages = link[1].replace("&amp;", "&") if link else "", pages + 1

    assert pages == 3
    assert len(seen) == len(set(seen)) == 120


async def test_what_is_no_address_of_this_page_is_refused_in_a_sentence(world: World) -> None:
    async with signed_in(world, OPERATOR) as client:
        for asked in ("before=x", "before=2026-01-01/1", "account_id=x", "state=lost", f"search={'x' * 300}"):
            assert (await client.get(f"/messages?{asked}")).status_code == 400


async def test_an_operator_sends_a_failed_mail_again(world: World) -> None:
    message_id = await a_failed_message(world)
    async with signed_in(world, OPERATOR) as client:
        page = await client.get("/messages")
        csrf = csrf_of(page)
        assert f"/messages/{message_id}/resend" in page.text
        answer = await client.post(f"/messages/{message_id}/resend", data={"csrf": csrf})
        after = await client.get(answer.headers["location"])
        again = await client.post(f"/messages/{message_id}/resend", data={"csrf": csrf})

    assert answer.status_code == 303
    assert "The mail is sent again" in after.text
    assert "Send again" not in after.text
    assert again.status_code == 409
    assert "still being sent" in again.text


async def test_no_form_of_another_site_and_no_customer_sends_a_mail_again(world: World) -> None:
    message_id = await a_failed_message(world)
    async with signed_in(world, OPERATOR) as client:
        assert (await client.post(f"/messages/{message_id}/resend", data={"csrf": "x"})).status_code == 403
    async with signed_in(world, FINANCE) as client:
        csrf = csrf_of(await client.get("/messages"))
        answer = await client.post(f"/messages/{message_id}/resend", data={"csrf": csrf})
        assert answer.status_code == 403
        assert "for the staff of the certificate authority" in answer.text

    (row,) = await world.rows("notifications", "SELECT final FROM message")
    assert row.final


async def test_every_kind_of_mail_has_its_words_in_the_list(world: World) -> None:
    kinds = {path.name.removesuffix(".subject.txt") for path in MAILS.glob("*.subject.txt")}
    async with world.notifications.db.transaction() as tx:
        for n, kind in enumerate(sorted(kinds)):
            content = {"total": None if n % 2 else 100, "currency": "EUR", "order": None}
            tx.add(a_message(id=new_id(), about=kind, template=kind, content=content, number=f"N-{n}"))

    async with signed_in(world, FINANCE) as client:
        page = await client.get("/messages")

    assert page.status_code == 200
    assert [n for n in range(len(kinds)) if f"N-{n}" not in page.text] == []
    assert len(kinds) >= 7
