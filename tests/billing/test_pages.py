"""The pages of invoices, as a signed-in person gets them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from services.billing.worker import print_due_documents
from shared.web import start_session
from tests.billing.makers import take_key
from tests.conftest import World
from tests.makers import YEAR, a_cancellation, a_deposit, an_account, an_opened_account, an_order


class Asked:
    """As much of a request as signing a session takes."""

    def __init__(self, world: World) -> None:
        self.app = world.billing.app


@asynccontextmanager
async def signed_in(world: World, **who: Any) -> AsyncIterator[httpx.AsyncClient]:
    await take_key(world, "unused", **{"kind": "user", "user_id": 7, "key_hash": None} | who)
    answer = Response()
    start_session(Asked(world), answer, who.get("user_id", 7))  # type: ignore[arg-type]
    cookie = answer.headers["set-cookie"].split(";")[0]
    async with world.client(Accept="text/html", Cookie=cookie) as http:
        yield http


def words(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text[:500]
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


@pytest.fixture
async def sold(shop: World) -> World:
    """Order 1 stands, order 2 is cancelled, order 4 is of another account."""
    other = an_account(id=9002, name="Globex")
    division = {"id": 15, "name": "Main"}
    opened = an_opened_account(account=other)
    await shop.deliver(
        "billing", an_opened_account(), type(opened).model_validate(opened.model_dump() | {"division": division})
    )
    await shop.deliver("billing", a_deposit(100_000), a_deposit(100_000, account_id=9002, division_id=15))
    second = an_order(order_id=2)
    await shop.deliver("billing", an_order(order_id=1), second, a_cancellation(second, note="Ordered twice"))
    await shop.deliver("billing", an_order(order_id=4, account=other, division=division))
    return shop


async def page_of(world: World, http: httpx.AsyncClient, order: int) -> httpx.Response:
    [row] = await world.rows("billing", "SELECT id FROM invoice WHERE order_id = :order", order=order)
    return await http.get(f"/finance/invoices/{row.id}")


async def test_without_a_session_a_page_leads_to_the_sign_in(sold: World) -> None:
    async with sold.client(Accept="text/html") as http:
        answer = await http.get("/finance/invoices")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/finance/invoices")


async def test_the_list_says_what_was_sold_what_it_cost_and_what_is_left(sold: World) -> None:
    async with signed_in(sold) as http:
        text = words(await http.get("/finance/invoices"))

    assert f"INV-{YEAR}-000001" in text
    assert "Order 1" in text
    assert "177.31" in text
    assert "Charged to funds" in text
    assert "Credited" in text
    assert "Balance 822.69 EUR" in text or "Balance" in text
    assert "822.69" in text
    assert "Globex" not in text


@pytest.mark.parametrize(("status", "there", "gone"), [("credited", "000002", "000001"), ("paid", "000001", "000002")])
async def test_the_list_is_filtered(sold: World, status: str, there: str, gone: str) -> None:
    async with signed_in(sold) as http:
        text = words(await http.get("/finance/invoices", params={"status": status}))

    assert f"INV-{YEAR}-{there}" in text
    assert f"INV-{YEAR}-{gone}" not in text


async def test_a_filter_that_nobody_knows_is_said_on_a_page(sold: World) -> None:
    async with signed_in(sold) as http:
        answer = await http.get("/finance/invoices", params={"status": "lost"})

    assert answer.status_code == 400
    assert "text/html" in answer.headers["content-type"]


async def test_an_operator_sees_whose_invoice_each_is_and_may_ask_for_one_account(sold: World) -> None:
    async with signed_in(sold, role="operator", account_id=0) as http:
        text = words(await http.get("/finance/invoices"))
        one = words(await http.get("/finance/invoices", params={"account_id": 9002}))

    assert "Acme" in text
    assert "Globex" in text
    assert f"INV-{YEAR}-000003" in one
    assert f"INV-{YEAR}-000001" not in one


async def test_the_next_page_of_one_account_is_of_that_account(sold: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.invoices.PAGE", 1)
    async with signed_in(sold, role="operator", account_id=0) as http:
        page = await http.get("/finance/invoices", params={"account_id": 9001})
        following = re.search(r'href="(/finance/invoices\?[^"]*before=[^"]*)"', page.text)
        assert following
        text = words(await http.get(following[1].replace("&amp;", "&")))

    assert f"INV-{YEAR}-000001" in text
    assert f"INV-{YEAR}-000002" not in text
    assert "Globex" not in text


async def test_an_invoice_shows_lines_vat_parties_and_how_it_was_settled(sold: World) -> None:
    async with signed_in(sold) as http:
        text = words(await page_of(sold, http, 1))

    for said in (
        f"INV-{YEAR}-000001",
        "Standard DV certificate, 1 year",
        "www.acme.example",
        "149.00",
        "19 %",
        "28.31",
        "177.31",
        "Charged to account funds on",
        "Amount due 0.00",
        "Acme Example GmbH",
        "10115 Berlin",
        "Issuary Trust GmbH",
        "DE999999999",
        "being made",
        "None: nothing of this invoice was taken back.",
        "Charged to funds −177.31",
    ):
        assert said in text, said


async def test_a_credited_invoice_shows_its_credit_note_and_why(sold: World) -> None:
    async def paper(_: Any) -> bytes:
        return b"%PDF"

    await print_due_documents(sold.billing.db, paper)
    async with signed_in(sold) as http:
        answer = await page_of(sold, http, 2)
        note = re.search(r'href="(/services/v2/finance/credit-note/\d+/pdf)"', answer.text)
        assert note
        assert (await http.get(note[1])).content == b"%PDF"

    text = words(answer)
    assert f"CN-{YEAR}-000001" in text
    assert "Order cancelled: Ordered twice" in text
    assert "Returned to the account funds on" in text
    assert "PDF stored" in text


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({}, 404),
        ({"role": "limited_user"}, 404),
        ({"role": "janitor"}, 403),
        ({"role": "operator", "account_id": 0}, 200),
        ({"account_id": 9002}, 200),
    ],
)
async def test_the_page_of_another_accounts_invoice_does_not_exist(
    sold: World, who: dict[str, Any], status: int
) -> None:
    async with signed_in(sold, **who) as http:
        assert (await page_of(sold, http, 4)).status_code == status


@pytest.mark.parametrize("role", ["standard_user", "limited_user"])
async def test_who_has_no_business_with_finance_sees_no_balance_on_the_page(sold: World, role: str) -> None:
    async with signed_in(sold, role=role) as http:
        text = words(await http.get("/finance/invoices"))

    assert "822.69" not in text
