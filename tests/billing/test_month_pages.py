"""The month on pages, by forms as a browser sends them, and on paper."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from pypdf import PdfReader
from sqlalchemy import text

from services.billing.clients.paper import Paper
from services.billing.clients.pdf import render
from services.billing.queries.papers import snapshots
from services.billing.rules import month_before, month_of
from services.billing.worker import close_month
from shared.events.orders import AccountOpened, Division, DivisionAdded
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, order, subscribe, terms
from tests.billing.test_month_doors import FINANCE
from tests.billing.test_pages import signed_in, words
from tests.billing.test_paying_pages import STAFF, post
from tests.billing.test_purchase_orders import call
from tests.conftest import World
from tests.makers import NOW, a_cancellation, an_account, an_opened_account

TODAY = datetime.now(UTC)
THIS, LAST = month_of(TODAY.date()), month_before(TODAY.date())
IN_LAST = LAST.start + timedelta(days=9)
LABS = Division(id=15, name="Labs")
PERIODS, SUBSCRIPTIONS, HERE = "/finance/periods", "/finance/subscriptions", "/finance/on-account"


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account(), DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=8, email="ops@ca.example")
    await terms(shop, IN_LAST, unlimited=True, monthly_billing=True)
    return shop


def name_of(month: Any) -> str:
    return f"{month.first:%Y-%m}"


async def work_off(world: World) -> None:
    while await close_month(world.billing.db, 30):
        pass


# ── period close ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_close_a_month_and_the_page_looks_again_until_it_is_done(market: World) -> None:
    await order(market, IN_LAST, payment=ON_ACCOUNT)
    async with signed_in(market, **STAFF) as http:
        assert f"{LAST} is over" in words(await http.get(PERIODS))

        sent = await post(http, PERIODS, f"{PERIODS}/{name_of(LAST)}/close")
        assert (sent.status_code, sent.headers["location"]) == (303, f"{PERIODS}/{name_of(LAST)}")
        running = await http.get(sent.headers["location"])
        assert running.headers["refresh"] == "2"
        assert "<progress" in running.text
        await work_off(market)

        done = await http.get(sent.headers["location"])
        assert "refresh" not in done.headers
        assert "177.31" in words(done)
        assert "1 invoice" in words(done)
        assert "Closed" in words(await http.get(PERIODS))
        assert f"{THIS} is not over" in words(await http.get(PERIODS))


async def test_what_is_parked_is_shown_with_its_reason_and_closed_again(market: World) -> None:
    await order(market, IN_LAST)
    async with market.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE account SET address = NULL"))
    async with signed_in(market, **STAFF) as http:
        sent = await post(http, PERIODS, f"{PERIODS}/{name_of(LAST)}/close")
        await work_off(market)
        page = await http.get(sent.headers["location"])
        assert "has no billing address" in words(page)
        assert "Closed, some parked" in words(page)

        await market.deliver("billing", an_opened_account())
        await post(http, sent.headers["location"], f"{sent.headers['location']}/close")
        await work_off(market)

        assert "parked" not in words(await http.get(sent.headers["location"]))


PARKED = (
    """INSERT INTO period_close (first_day, started_at, started_by, listed_to, listed, done, listed_at, finished_at)
       VALUES (:day, now(), 'ops', 0, 70, 0, now(), now())""",
    """INSERT INTO closing (first_day, division_id, account_id, failure)
       SELECT :day, n, 9001, 'Because.' FROM generate_series(1001, 1070) AS n""",
)


async def test_parked_divisions_are_paged(market: World) -> None:
    await order(market, IN_LAST, payment=ON_ACCOUNT)
    async with market.billing.db.transaction() as tx:
        for sql in PARKED:
            await tx.execute(text(sql), {"day": LAST.first})
    async with signed_in(market, **STAFF) as http:
        first = await http.get(f"{PERIODS}/{name_of(LAST)}")
        second = await http.get(f"{PERIODS}/{name_of(LAST)}?after=1050")

    assert "50 of 70" in words(first)
    assert "?after=1050" in first.text
    assert "1070" in words(second)
    assert "1050" not in words(second).replace("?after=1050", "")


async def test_a_month_that_is_not_over_is_refused_on_the_page(market: World) -> None:
    await order(market, IN_LAST)
    async with signed_in(market, **STAFF) as http:
        answer = await post(http, PERIODS, f"{PERIODS}/{name_of(THIS)}/close")
        missing = await http.get(f"{PERIODS}/{name_of(THIS)}")

    assert answer.status_code == 400
    assert "is not over; close it from" in answer.text
    assert missing.status_code == 404


@pytest.mark.parametrize("path", [PERIODS, f"{PERIODS}/2026-10", f"{SUBSCRIPTIONS}/1"])
async def test_pages_of_staff_are_not_for_customers(market: World, path: str) -> None:
    async with signed_in(market) as http:
        assert (await http.get(path)).status_code == 403


# ── subscriptions ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_add_change_and_end_a_subscription(market: World) -> None:
    wish = {"account_id": "9001", "division": "15", "name": "pki", "description": "Managed <b>PKI</b>", "quantity": "2",
            "monthly_price": "100.00", "starts_on": f"{THIS.first}", "ends_on": ""}  # fmt: skip
    async with signed_in(market, **STAFF) as http:
        sent = await post(http, f"{SUBSCRIPTIONS}?account_id=9001", SUBSCRIPTIONS, **wish)
        assert sent.status_code == 303
        listed = await http.get(sent.headers["location"])
        assert "Managed &lt;b&gt;PKI&lt;/b&gt;" in listed.text
        found = re.search(r"/finance/subscriptions/(\d+)", listed.text)
        assert found
        one = found[0]

        await post(http, one, description="Managed PKI", quantity="3", monthly_price="100.00", ends_on=f"{THIS.last}")
        page = words(await http.get(one))
        assert "300.00 EUR net" in page
        assert f"Ends {THIS.last}" in page

        wrong = await post(http, one, description="Managed PKI", quantity="none", monthly_price="100.00", ends_on="")
        assert wrong.status_code == 400
        assert "The quantity is a whole number" in wrong.text
        assert 'value="none"' in wrong.text
    async with signed_in(market) as http:
        assert "Managed PKI" in words(await http.get(SUBSCRIPTIONS))


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        ({"name": ""}, 400, "name has 1 to 64 characters"),
        ({"starts_on": "soon"}, 400, "is no day of the calendar"),
        ({"starts_on": "2020-01-01"}, 400, "is over"),
        ({"monthly_price": "ten"}, 400, "is no amount"),
        ({"division": "99"}, 404, "no division 99"),
        ({"account_id": "77"}, 404, "no account 77"),
        ({"account_id": "x"}, 404, "no account x"),
    ],
)
async def test_a_wrong_subscription_comes_back_with_a_sentence(
    market: World, changed: dict[str, str], status: int, says: str
) -> None:
    wish = {"account_id": "9001", "division": "15", "name": "pki", "description": "Managed PKI", "quantity": "2",
            "monthly_price": "100.00", "starts_on": f"{THIS.first}", "ends_on": ""}  # fmt: skip
    async with signed_in(market, **STAFF) as http:
        answer = await post(http, f"{SUBSCRIPTIONS}?account_id=9001", SUBSCRIPTIONS, **wish | changed)

    assert answer.status_code == status
    assert says in answer.text
    assert await market.rows("billing", "SELECT 1 FROM subscription") == []


async def test_subscriptions_are_paged(market: World) -> None:
    for n in range(60):
        await subscribe(market, TODAY, name=f"pki {n}", starts_on=THIS.last)
    async with signed_in(market) as http:
        first = await http.get(SUBSCRIPTIONS)
        following = re.search(r'href="([^"]+)" rel="next"', first.text)
        assert following
        second = await http.get(following[1].replace("&amp;", "&"))

    assert "50 of 60" in words(first)
    assert "pki 59" in words(first)
    assert "pki 9 " in words(second)


# ── what is on account ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_sees_what_is_not_invoiced_yet_and_where_an_order_went(market: World) -> None:
    placed = await order(market, IN_LAST, payment=ON_ACCOUNT)
    await subscribe(market, TODAY, starts_on=THIS.first)
    async with signed_in(market) as http:
        page = words(await http.get(HERE))
        assert f"Order {placed.order_id}" in page
        assert "296.31" in page  # 177.31 and 119.00
        assert "Managed PKI" in page
        assert "Nothing is waiting" in words(await http.get(f"{HERE}?container_id=15"))
        open_yet = await http.get(f"{HERE}/orders/{placed.order_id}")
        assert open_yet.headers["location"] == f"{HERE}?container_id=14"

        await close(market, LAST.first, TODAY)

        [invoice] = await market.rows("billing", "SELECT id FROM invoice WHERE kind = 'usage'")
        gone = await http.get(f"{HERE}/orders/{placed.order_id}")
        assert gone.headers["location"] == f"/finance/invoices/{invoice.id}"


async def test_usage_is_paged_from_the_newest_on(market: World) -> None:
    for n in range(60):
        await order(market, IN_LAST + timedelta(minutes=n), order_id=5000 + n, payment=ON_ACCOUNT)
    async with signed_in(market) as http:
        first = await http.get(HERE)
        following = re.search(r'href="([^"]+)" rel="next"', first.text)
        assert following
        second = words(await http.get(following[1].replace("&amp;", "&")))

    assert "50 of 60" in words(first)
    assert ("Order 5059" in words(first), "Order 5010" in words(first), "Order 5009" in words(first)) == (
        True, True, False,
    )  # fmt: skip
    assert ("Order 5009" in second, "Order 5000" in second, "Order 5010" in second) == (True, True, False)


async def test_others_see_nothing_of_it(market: World) -> None:
    placed = await order(market, IN_LAST, payment=ON_ACCOUNT)
    other = AccountOpened(
        occurred_at=NOW, account_id=9002, account=an_account(id=9002), division=Division(id=16, name="Main")
    )
    await market.deliver("billing", other)
    async with signed_in(market, account_id=9002, user_id=11) as http:
        assert (await http.get(f"{HERE}?container_id=14")).status_code == 404
        assert (await http.get(f"{HERE}/orders/{placed.order_id}")).status_code == 404
    async with signed_in(market, role="standard_user", user_id=12) as http:
        assert (await http.get(HERE)).status_code == 403
        assert (await http.get(f"{HERE}/orders/{placed.order_id}")).status_code == 403


# ── the invoice ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def invoiced(market: World) -> int:
    """Two orders of ours and one of a shop, with VAT of two rates, and a subscription."""
    await order(market, IN_LAST, order_id=1, payment=ON_ACCOUNT)
    await order(market, IN_LAST, order_id=2, payment=ON_ACCOUNT)
    await order(market, IN_LAST, source="shop", order_id=3, payment=ON_ACCOUNT)
    async with market.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE usage SET rate = 7 WHERE order_id = 2"))
    await close(market, LAST.first, TODAY)
    [invoice] = await market.rows("billing", "SELECT id FROM invoice WHERE kind = 'usage'")
    return int(invoice.id)


async def printed(world: World, invoice_id: int) -> PdfReader:
    async with world.billing.db.transaction() as tx:
        found = await snapshots(tx, [("invoice", invoice_id)])
    return PdfReader(io.BytesIO(render(cast(Paper, found["invoice", invoice_id]))))


def in_words(first: Any, last: Any) -> str:
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"


async def test_the_paper_of_a_month_names_every_order_its_period_and_each_rate(market: World, invoiced: int) -> None:
    paper = await printed(market, invoiced)
    said = " ".join(" ".join(page.extract_text() for page in paper.pages).split())

    for sentence in ("Order 1: Standard DV certificate", "Order 2: Standard DV", "Order 3 of shop: Standard DV"):
        assert sentence in said
    assert "Service period" in said
    assert in_words(LAST.first, LAST.last) in said
    assert "Date of supply" not in said
    assert "VAT 7 % on 149.00 EUR" in said
    assert "VAT 19 % on 298.00 EUR" in said
    assert "Payment request" not in said


async def test_the_api_names_the_order_of_each_line_and_finds_the_invoice_by_it(market: World, invoiced: int) -> None:
    told = (await call(market, "GET", f"{FINANCE}/invoice/{invoiced}")).json()

    assert [line.get("order_id") for line in told["lines"]] == [1, 2, 3]
    assert [line.get("order_source") for line in told["lines"]] == [None, None, "shop"]
    assert told["period"] == {"first_day": f"{LAST.first}", "last_day": f"{LAST.last}"}
    for filters in ("filters[kind]=usage", "filters[order_id]=2", "filters[search]=1"):
        listed = (await call(market, "GET", f"{FINANCE}/invoice?{filters}")).json()["invoices"]
        assert [one["id"] for one in listed] == [invoiced], filters
    assert (await call(market, "GET", f"{FINANCE}/invoice?filters[kind]=amount_owed")).json()["invoices"] == []


async def test_the_page_links_each_order(market: World, invoiced: int) -> None:
    async with signed_in(market) as http:
        page = await http.get(f"/finance/invoices/{invoiced}")

    assert 'href="/orders/1"' in page.text
    assert 'href="/orders/3"' not in page.text
    assert f"{LAST.first} to {LAST.last}" in words(page)


async def test_whoever_may_see_no_finance_never_sees_a_month_with_the_orders_of_others(
    market: World, invoiced: int
) -> None:
    await take_key(market, "clerk", role="standard_user", user_id=3)

    for path in (f"/invoice/{invoiced}", f"/invoice/{invoiced}/pdf", "/order/1/invoice/pdf"):
        assert (await call(market, "GET", FINANCE + path, "clerk")).status_code == 404, path
    assert (
        (await call(market, "GET", f"{FINANCE}/order/1/invoice/pdf"))
        .json()["errors"][0]["message"]
        .startswith("The document is being made")
    )


FIVE_HUNDRED = """
INSERT INTO usage SELECT (jsonb_populate_record(u, jsonb_build_object('id', 1000000000 + n, 'order_id', 1 + n))).*
FROM usage AS u, generate_series(1, 499) AS n
"""


async def test_five_hundred_lines_go_over_pages_on_paper_and_on_screen(market: World) -> None:
    await order(market, IN_LAST, order_id=1, payment=ON_ACCOUNT)
    async with market.billing.db.transaction() as tx:
        await tx.execute(text(FIVE_HUNDRED))
        await tx.execute(text("UPDATE funds SET accrued = accrued * 500 WHERE division_id = 14"))
    await close(market, LAST.first, TODAY)
    [invoice] = await market.rows("billing", "SELECT id, net FROM invoice WHERE kind = 'usage'")

    paper = await printed(market, invoice.id)
    async with signed_in(market) as http:
        first = await http.get(f"/finance/invoices/{invoice.id}")
        last = await http.get(f"/finance/invoices/{invoice.id}?after=400")
    async with signed_in(market, **STAFF) as http:
        there = f"/finance/invoices/{invoice.id}?after=400"
        sent = await post(http, there, **{"net-450": "1.00", "reason": "Wrong price"})
        refused = await post(http, there, **{"net-450": "999.00", "reason": "Wrong price"})

    assert (sent.status_code, sent.headers["location"]) == (303, there)
    assert (refused.status_code, "Order 450:" in refused.text, f'action="{there}"' in refused.text) == (409, True, True)
    assert invoice.net == 500 * 14900
    assert len(paper.pages) > 10
    assert "Order 500:" in paper.pages[-1].extract_text() + paper.pages[-2].extract_text()
    assert f"Page {len(paper.pages)} of {len(paper.pages)}" in paper.pages[-1].extract_text()
    assert ("Order 200:" in first.text, "Order 201:" in first.text) == (True, False)
    assert ("Order 500:" in last.text, "Order 400:" in last.text) == (True, False)


# ── purchase history ─────────────────────────────────────────────────────────────────────────────────────────────────


async def history(world: World, **parameters: Any) -> list[dict[str, Any]]:
    answer: httpx.Response = await call(
        world, "GET", f"{FINANCE}/purchase-history", params={"container_id": 14} | parameters
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["order_transactions"]
    return found


async def test_purchase_history_has_what_was_bought_on_account_without_a_receipt(market: World) -> None:
    await order(market, IN_LAST, order_id=1)
    await order(market, IN_LAST + timedelta(hours=1), order_id=2, payment=ON_ACCOUNT)
    await subscribe(market, TODAY, starts_on=THIS.first)

    newest, oldest = await history(market)

    assert (newest["order_id"], newest["payment_type"], newest["receipt_id"]) == ("2", "on_account", "0")
    assert (oldest["order_id"], oldest["payment_type"], oldest["receipt_id"]) == ("1", "balance", oldest["id"])
    assert newest["product_name"] == oldest["product_name"] == "Standard DV certificate, 1 year"
    assert newest["amount"] == "177.31"
    assert newest["id"] != oldest["id"]
    assert await history(market, **{"filters[order_id]": "2"}) == [newest]
    assert await history(market, **{"filters[receipt_id]": newest["id"]}) == []
    assert await history(market, sort="transaction_date") == [oldest, newest]
    assert await history(market, limit=1, offset=1) == [oldest]


async def test_an_order_taken_off_the_account_was_not_bought(market: World) -> None:
    placed = await order(market, IN_LAST, payment=ON_ACCOUNT)
    await market.deliver("billing", a_cancellation(placed))

    assert await history(market) == []
