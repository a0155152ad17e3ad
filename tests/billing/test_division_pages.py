"""Divisions with their funds as a person sees them: the summary, one of them, and the pay page."""

import re
from typing import Any

import httpx
import pytest

from services.billing import actions
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, deposit, eur, order, standing, terms
from tests.billing.sellers import move_to_france
from tests.billing.test_from_funds import AFTER, IN_NOV, LABS, market, requested, used
from tests.billing.test_pages import signed_in
from tests.billing.test_paying_pages import STAFF, post
from tests.conftest import World

__all__ = ["market"]  # a fixture
DIVISIONS = "/finance/divisions"


@pytest.fixture
async def separate(market: World) -> World:
    """Main has 500.00; Labs has 200.00, owes 177.31 on account; both were asked for 100.00 by purchase orders."""
    await terms(market, IN_NOV, separate_funds=True)
    await deposit(market, 50_000, IN_NOV)
    await deposit(market, 20_000, IN_NOV, 15)
    await used(market, LABS)
    await requested(market)
    await requested(market, 15)
    return market


def said_on(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>|&nbsp;", " ", page.text).split())


def ticked(page: httpx.Response) -> list[int]:
    return [int(number) for number in re.findall(r'name="invoice" value="(\d+)"[^>]* checked', page.text)]


def listed(page: httpx.Response) -> list[int]:
    return [int(number) for number in re.findall(r'type="checkbox" name="invoice" value="(\d+)"', page.text)]


async def numbers(world: World, division: int) -> list[int]:
    query = "SELECT invoice_id AS id FROM receivable WHERE division_id = :division ORDER BY due_on, invoice_id"
    return [row.id for row in await world.rows("billing", query, division=division)]


# ── the summary ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_funds_are_separate_purchase_orders_open_with_the_divisions(separate: World) -> None:
    async with signed_in(separate) as http:
        sent = await http.get("/finance/purchase-orders")
        assert (sent.status_code, sent.headers["location"]) == (303, DIVISIONS)
        page = await http.get(DIVISIONS)

    said = said_on(page)
    assert "Credit limit of the account 2,000.00 EUR" in said
    assert "Open invoices 377.31 EUR" in said
    assert re.search(r"Labs 2 open invoices 200\.00 177\.31 0\.00 2,022\.69 277\.31", said)
    assert re.search(r"Main top-level division 1 open invoice 500\.00 0\.00 0\.00 2,500\.00 100\.00", said)
    assert f'href="{DIVISIONS}/15"' in page.text


async def test_where_funds_are_shared_purchase_orders_are_listed_as_before(market: World) -> None:
    async with signed_in(market) as http:
        assert (await http.get("/finance/purchase-orders")).status_code == 200
        said = said_on(await http.get(DIVISIONS))
    assert "share the funds of its top-level division" in said
    assert "shares the account’s funds" in said


async def test_the_credit_that_all_use_is_shown_once(separate: World) -> None:
    for _ in range(3):
        await order(separate, AFTER, division=LABS)

    async with signed_in(separate) as http:
        said = said_on(await http.get(DIVISIONS))

    assert "Credit used by all divisions 509.24 EUR" in said  # 3 x 177.31 + 177.31 owed - 200.00 there
    assert "Main top-level division 1 open invoice 500.00 0.00 0.00 1,990.76" in said


async def test_a_name_opens_that_divisions_purchase_orders_invoices_and_funds(separate: World) -> None:
    async with separate.billing.db.transaction() as tx:
        wish = actions.PurchaseOrderWish(15, "PO-LABS-2", eur(1_000))
        await actions.submit_purchase_order(tx, 9001, wish, "ann", IN_NOV)

    async with signed_in(separate) as http:
        page = await http.get(f"{DIVISIONS}/15")
        orders = said_on(await http.get("/finance/purchase-orders?container_id=15"))
        theirs = said_on(await http.get("/finance/purchase-orders?container_id=14"))
        invoices = await http.get("/finance/invoices?container_id=15")

    said = said_on(page)
    assert "Balance 200.00 EUR" in said
    assert "Available for orders 2,022.69 EUR" in said
    assert "PO-LABS-2" in said
    assert "PO-LABS-2" in orders
    assert "PO-LABS-2" not in theirs
    for link in ("/finance/statement?container_id=15", "/finance/pay?container_id=15"):
        assert link in page.text
    assert "Invoices of Labs" in invoices.text
    assert "Balance 200.00 EUR" in said_on(invoices)
    shown = [int(n) for n in re.findall(r'class="name" href="/finance/invoices/(\d+)"', invoices.text)]
    assert shown == sorted(await numbers(separate, 15), reverse=True)


async def test_all_invoices_show_no_balance_of_one_division_as_if_it_were_all(separate: World) -> None:
    async with signed_in(separate) as http:
        said = said_on(await http.get("/finance/invoices"))
    assert "Funds By division" in said
    assert "500.00" not in said


async def test_a_caller_sees_only_the_divisions_that_it_may_see(separate: World) -> None:
    async with signed_in(separate, user_id=11, role="finance_manager", divisions=(15,)) as http:
        summary, mine, theirs = (
            said_on(await http.get(DIVISIONS)), said_on(await http.get(f"{DIVISIONS}/15")),
            await http.get(f"{DIVISIONS}/14"),
        )  # fmt: skip
        invoices = said_on(await http.get("/finance/invoices"))

    assert "Labs" in summary
    assert "Main" not in summary
    assert "Open invoices 277.31 EUR" in summary
    assert "Due now 277.31 EUR" in invoices
    assert "Transfer funds" not in mine  # there is no other division to choose
    assert theirs.status_code == 404


@pytest.mark.parametrize("role", ["standard_user", "limited_user"])
async def test_who_has_no_part_in_finances_sees_none_of_it(separate: World, role: str) -> None:
    async with signed_in(separate, role=role) as http:
        for path in (DIVISIONS, f"{DIVISIONS}/14"):
            assert (await http.get(path)).status_code == 403


async def test_a_long_list_of_divisions_is_read_page_by_page(separate: World) -> None:
    await separate.rows(
        "billing",
        "INSERT INTO division (id, account_id, name, announced) "
        "SELECT 100 + n, 9001, 'Branch ' || n % 7, true FROM generate_series(1, 120) AS n RETURNING id",
    )
    seen: list[int] = []
    async with signed_in(separate) as http:
        path = DIVISIONS
        while path:
            page = await http.get(path)
            seen += [int(n) for n in re.findall(rf'<a href="{DIVISIONS}/(\d+)"', page.text)]
            found = re.search(r'href="([^"]+)" rel="next"', page.text)
            path = found[1] if found else ""
    assert sorted(seen) == [14, 15, *range(101, 221)]
    assert len(seen) == len(set(seen))


async def test_staff_see_the_same_of_any_account_and_transfer(separate: World) -> None:
    async with signed_in(separate, **STAFF) as http:
        assert "Whose divisions?" in said_on(await http.get(DIVISIONS))
        assert "Divisions of Acme" in said_on(await http.get(f"{DIVISIONS}?account_id=9001"))
        assert (await http.get(f"{DIVISIONS}?account_id=77")).status_code == 404
        sent = await post(http, f"{DIVISIONS}/14", amount="100.00", to_division="15")
        assert sent.status_code == 303

    assert (await standing(separate))[0] == "400.00"


# ── transfer ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_transfer_that_is_sent_twice_by_a_double_click_moves_once(separate: World) -> None:
    async with signed_in(separate) as http:
        page = await http.get(f"{DIVISIONS}/14")
        hidden = dict(re.findall(r'type="hidden" name="(csrf|key)" value="([^"]*)"', page.text))
        form = {**hidden, "amount": "100.00", "to_division": "15"}
        for _ in range(2):
            assert (await http.post(f"{DIVISIONS}/14", data=form)).headers["location"] == f"{DIVISIONS}/14"
        assert (await standing(separate, 15))[0] == "300.00"

        await http.post(f"{DIVISIONS}/14", data=form | {"amount": "50.00"})  # gone back, and another sum typed

    assert (await standing(separate, 15))[0] == "350.00"
    await assert_in_order(separate.billing.db)


@pytest.mark.parametrize(
    ("form", "status", "says"),
    [
        ({"amount": "ten", "to_division": "15"}, 400, "is no amount"),
        ({"amount": "-1", "to_division": "15"}, 400, "more than 0"),
        ({"amount": "2500.01", "to_division": "15"}, 400, "2500.00 EUR available"),
        ({"amount": "1.00", "to_division": "14"}, 400, "choose two"),
        ({"amount": "1.00", "to_division": "99"}, 404, "no container 99"),
        ({"amount": "1.00", "to_division": "Labs"}, 404, "Choose the division"),
    ],
)
async def test_a_transfer_that_cannot_be_comes_back_with_what_was_typed(
    separate: World, form: dict[str, str], status: int, says: str
) -> None:
    async with signed_in(separate) as http:
        answer = await post(http, f"{DIVISIONS}/14", **form)

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert f'value="{form["amount"]}"' in answer.text
    assert (await standing(separate))[0] == "500.00"


@pytest.mark.parametrize("role", ["manager"])
async def test_who_only_reads_finances_has_no_transfer(separate: World, role: str) -> None:
    async with signed_in(separate, role=role) as http:
        page = await http.get(f"{DIVISIONS}/14")
        assert "Transfer funds" not in said_on(page)
        token = re.search(r'name="csrf" value="([^"]*)"', (await http.get("/finance/payments")).text)
        sent = await http.post(
            f"{DIVISIONS}/14", data={"csrf": token[1] if token else "", "amount": "1.00", "to_division": "15"}
        )
    assert sent.status_code == 403


# ── pay ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_top_level_divisions_invoices_are_preselected_and_for_shows_anothers(separate: World) -> None:
    async with signed_in(separate) as http:
        top, labs = await http.get("/finance/pay"), await http.get("/finance/pay?container_id=15")

    assert ticked(top) == listed(top) == await numbers(separate, 14)
    assert ticked(labs) == listed(labs) == await numbers(separate, 15)
    assert re.findall(r'<option value="(\d+)"( selected)?>', top.text) == [("14", " selected"), ("15", "")]
    assert re.findall(r'<option value="(\d+)"( selected)?>', labs.text) == [("14", ""), ("15", " selected")]
    assert "It is not the unpaid invoice balance" in said_on(top)


async def test_without_separate_funds_every_divisions_invoices_are_preselected(market: World) -> None:
    await requested(market)
    await requested(market, 15)
    async with signed_in(market) as http:
        page = await http.get("/finance/pay")
    assert len(ticked(page)) == 2
    assert "<select" not in page.text


async def test_who_may_not_see_the_top_level_division_begins_with_its_own(separate: World) -> None:
    async with signed_in(separate, user_id=11, role="finance_manager", divisions=(15,)) as http:
        page = await http.get("/finance/pay")
        assert (await http.get("/finance/pay?container_id=14")).status_code == 404
    assert ticked(page) == await numbers(separate, 15)


async def test_an_invoices_link_opens_its_own_division_with_it_selected(separate: World) -> None:
    invoice = (await numbers(separate, 15))[1]
    async with signed_in(separate) as http:
        page = await http.get(f"/finance/pay?invoice={invoice}")
    assert ticked(page) == [invoice]
    assert listed(page) == await numbers(separate, 15)


@pytest.mark.parametrize("asked", ["container_id=99", "container_id=Labs", "seller=x", "after=x", "after=2026-01-01.x"])
async def test_what_is_asked_for_wrongly_is_said(separate: World, asked: str) -> None:
    async with signed_in(separate) as http:
        page = await http.get(f"/finance/pay?{asked}")
    assert page.status_code in (400, 404)
    assert 'class="note bad"' in page.text


def chosen(page: httpx.Response, **changed: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    amounts = dict(re.findall(r'name="(amount-\d+)" value="([^"]*)"', page.text))
    return {**fields, **amounts, "invoice": [str(n) for n in ticked(page)]} | changed


async def test_a_division_is_paid_for_with_its_own_payment(separate: World) -> None:
    async with signed_in(separate) as http:
        page = await http.get("/finance/pay?container_id=15")
        sent = await http.post("/finance/pay", data=chosen(page, do="pay"))
    assert sent.status_code == 303
    [payment] = await separate.rows("billing", "SELECT division_id, amount FROM payment WHERE purpose = 'invoices'")
    assert tuple(payment) == (15, 27731)


async def test_when_less_is_due_than_was_seen_the_new_sum_is_shown_and_nothing_is_done(separate: World) -> None:
    async with signed_in(separate) as http:
        page = await http.get("/finance/pay?container_id=15")
        async with separate.billing.db.transaction() as tx:
            await actions.record_payment(tx, 9001, eur(12_731), "wire", "no word", "B-1", "bank", AFTER)

        late = await http.post("/finance/pay", data=chosen(page, do="pay"))

        assert (late.status_code, "Amount due is 250.00 EUR" in late.text) == (409, True), late.text
        assert "Total 250.00 EUR" in said_on(late)
        again = await http.post("/finance/pay", data=chosen(late, do="pay"))
    assert again.status_code == 303
    assert len(await separate.rows("billing", "SELECT 1 FROM payment_item")) == 2


async def test_what_was_typed_wrongly_stays_with_the_selection(separate: World) -> None:
    first, second = await numbers(separate, 15)
    async with signed_in(separate) as http:
        page = await http.get("/finance/pay?container_id=15")
        form = chosen(page, do="total", invoice=[str(first)]) | {f"amount-{first}": "ten"}
        wrong = await http.post("/finance/pay", data=form)
    assert (wrong.status_code, "is no amount" in wrong.text) == (400, True)
    assert ticked(wrong) == [first]
    assert 'value="ten"' in wrong.text
    assert second in listed(wrong)


async def test_a_monthly_invoice_is_paid_from_the_balance_on_the_page_and_once_by_a_double_click(
    separate: World,
) -> None:
    [usage] = [row.id for row in await separate.rows("billing", "SELECT id FROM invoice WHERE kind = 'usage'")]
    async with signed_in(separate) as http:
        page = await http.get("/finance/pay?container_id=15")
        assert "Pay from the balance" in page.text
        everything = await http.post("/finance/pay", data=chosen(page, do="balance"))
        assert (everything.status_code, "asks for money to be deposited" in everything.text) == (400, True)

        form = chosen(page, do="balance", invoice=[str(usage)]) | {f"amount-{usage}": "50.00"}
        sent = [await http.post("/finance/pay", data=form) for _ in range(2)]
        assert sent[0].headers["location"] == sent[1].headers["location"]
        payment = said_on(await http.get(sent[0].headers["location"]))
        invoice = said_on(await http.get(f"/finance/invoices/{usage}"))
        row = said_on(await http.get("/finance/statement?container_id=15&from=2026-01-01&to=2099-12-31"))

    assert "50.00 EUR paid from the account’s funds, receipt" in payment
    assert "bank reference" not in payment
    assert "Announced" not in payment
    assert "50.00 EUR paid" in invoice
    assert "Sale from Account Balance" in row
    assert await standing(separate, 15) == ("150.00", "127.31", "2022.69")
    await assert_in_order(separate.billing.db)


async def test_the_balance_is_offered_only_where_it_is_enough_for_a_monthly_invoice(separate: World) -> None:
    async with signed_in(separate) as http:
        assert "Pay from the balance" not in (await http.get("/finance/pay")).text  # only a purchase order
        await post(http, f"{DIVISIONS}/15", amount="22.70", to_division="14")
        assert "Pay from the balance" not in (await http.get("/finance/pay?container_id=15")).text


async def test_each_sellers_invoices_are_a_list_of_their_own_and_lead_to_its_bank(market: World) -> None:
    german = await requested(market)
    await move_to_france(market)
    french = await requested(market)

    async with signed_in(market) as http:
        first, second = await http.get("/finance/pay?seller=6"), await http.get("/finance/pay")  # both due on one day
        assert (ticked(first), ticked(second)) == ([german], [french])
        assert "of several sellers" in said_on(first)
        assert "Issuary France SAS" in first.text
        assert ticked(await http.get(f"/finance/pay?invoice={french}")) == [french]
        both = chosen(first, do="pay", invoice=[str(german), str(french)]) | {f"amount-{french}": "100.00"}
        refused = await http.post("/finance/pay", data=both)
        assert (refused.status_code, "pay those of each seller by themselves" in refused.text) == (400, True)
        sent = await http.post("/finance/pay", data=chosen(second, do="pay"))
        assert "FR7630006000011234567890189" in (await http.get(sent.headers["location"])).text
        sent = await http.post("/finance/pay", data=chosen(first, do="pay"))
        assert "DE02120300000000202051" in (await http.get(sent.headers["location"])).text


COPIES = """
WITH copied AS (
  INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object(
    'id', 100000 + n, 'seq', 100000 + n, 'number', 'PR-' || n, 'purchase_order_id', NULL))).*
  FROM invoice AS i, generate_series(1, :copies) AS n WHERE i.id = :invoice RETURNING id, number)
INSERT INTO receivable SELECT (jsonb_populate_record(r, jsonb_build_object(
  'invoice_id', copied.id, 'number', copied.number, 'due_on', r.due_on + (copied.id % 7)::int))).*
FROM receivable AS r, copied WHERE r.invoice_id = :invoice RETURNING invoice_id
"""


async def test_more_than_one_payment_takes_are_read_and_paid_page_by_page(market: World) -> None:
    await market.rows("billing", COPIES, copies=1_100, invoice=await requested(market))

    async with signed_in(market) as http:
        pages, path = list[httpx.Response](), "/finance/pay"
        while path:
            pages.append(await http.get(path))
            found = re.search(r'href="([^"]+)" rel="next"', pages[-1].text)
            path = found[1].replace("&amp;", "&") if found else ""
        sent = await http.post("/finance/pay", data=chosen(pages[1], do="pay"))

    assert [len(listed(page)) for page in pages] == [400, 400, 301]
    assert all(ticked(page) == listed(page) for page in pages)
    assert [one for page in pages for one in listed(page)] == await numbers(market, 14)
    assert "Total 40,000.00 EUR" in said_on(pages[1])
    assert sent.status_code == 303, said_on(sent)
    paid = await market.rows("billing", "SELECT invoice_id FROM payment_item")
    assert {row.invoice_id for row in paid} == set(listed(pages[1]))


# ── after funds are shared again ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_history_of_former_funds_stays_to_be_read_with_the_same_rights(separate: World) -> None:
    await order(separate, IN_NOV, division=LABS, payment=ON_ACCOUNT)
    await terms(separate, AFTER, separate_funds=False)
    period = "from=2026-01-01&to=2099-12-31"
    async with signed_in(separate) as http:
        shared = await http.get(f"/finance/statement?container_id=15&{period}")
        link = re.search(r'href="([^"]+)">Former funds of this division', shared.text)
        assert link
        own = said_on(await http.get(link[1].replace("&amp;", "&")))
        division = await http.get(f"{DIVISIONS}/15")
        top = await http.get(f"/finance/statement?container_id=14&{period}")
        csv = await http.get(f"/services/v2/finance/statement?container_id=15&{period}&own=1&format=csv")
        rows = (await http.get("/services/v2/finance/balance-history?container_id=15&own=1")).json()["adjustments"]
        never = await http.get("/services/v2/finance/balance-history?container_id=16&own=1")
    async with signed_in(separate, user_id=12, role="finance_manager", divisions=(14,)) as http:
        theirs = await http.get("/services/v2/finance/balance-history?container_id=15&own=1")

    assert "These are the funds of Labs alone." in own
    assert "Funds of today" in own
    assert "own=1" in division.text
    assert "Former funds" not in top.text
    assert [row.get("credit") or f"-{row['debit']}" for row in rows] == ["-200.00", "200.00"]
    assert rows[0]["note"] == "Division funds joined"
    assert "Division funds joined" in csv.text
    assert theirs.status_code == never.status_code == 404


async def test_a_division_that_never_had_funds_of_its_own_says_so(market: World) -> None:
    async with signed_in(market) as http:
        answer = await http.get("/services/v2/finance/balance-history?container_id=15&own=1")
    assert answer.status_code == 404
    assert "Labs never had funds of its own" in answer.json()["errors"][0]["message"]
