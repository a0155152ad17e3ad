"""Credit notes on pages and on paper, as a person gets them."""

import io
import re
from typing import cast

import httpx
import pytest
from pypdf import PdfReader

from services.billing.clients.paper import Paper
from services.billing.clients.pdf import render
from services.billing.queries.papers import snapshots
from shared.events.base import Money
from shared.events.orders import Division
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close, eur, order, terms
from tests.billing.test_credit_notes import AFTER_NOV, IN_NOV, NOV, credit, invoice_of, pay, request
from tests.billing.test_pages import signed_in, words
from tests.billing.test_paying_pages import STAFF, post
from tests.conftest import World
from tests.makers import YEAR, a_cancellation, a_deposit, an_account, an_opened_account

NAMES = ("www.acme.example", "a.acme.example", "b.acme.example")


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, IN_NOV, negative_limit=eur(500_000), monthly_billing=True, purchase_orders_allowed=True)
    return shop


async def sold(world: World) -> int:
    return await invoice_of(world, await order(world, IN_NOV, names=NAMES))


async def paper_of(world: World) -> str:
    """The newest credit note as a person copies it out of the PDF."""
    [row] = await world.rows("billing", "SELECT max(id) AS id FROM credit_note")
    async with world.billing.db.transaction() as tx:
        paper = (await snapshots(tx, [("credit_note", row.id)]))["credit_note", row.id]
    pages = PdfReader(io.BytesIO(render(cast(Paper, paper)))).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text().replace("\u200b", "") for page in pages))


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_credit_a_line_on_the_page_of_the_invoice(market: World) -> None:
    page = f"/finance/invoices/{await sold(market)}"
    async with signed_in(market, **STAFF) as http:
        assert "98.00 left of 98.00" in words(await http.get(page))

        sent = await post(http, page, **{"net-1": "", "net-2": "49.00", "reason": "One name too many", "do": "lines"})

        assert (sent.status_code, sent.headers["location"]) == (303, page)
        text = words(await http.get(page))
    for said in (
        "Charged to funds −293.93", "Credited −58.31", "Returned to the funds 58.31", "Amount due 0.00",
        "49.00 left of 98.00", "One name too many. Returned to the account funds on", "Charged to funds",
    ):  # fmt: skip
        assert said in text, (said, text)
    async with signed_in(market) as http:
        assert "partly credited" in words(await http.get("/finance/invoices"))
        seen = await http.get(page)
        assert ("Returned to the funds 58.31" in words(seen), "Credit these amounts" in seen.text) == (True, False)


async def test_the_same_form_sent_twice_credits_once_and_all_that_is_left_needs_no_amounts(market: World) -> None:
    page = f"/finance/invoices/{await sold(market)}"
    async with signed_in(market, **STAFF) as http:
        form = {"net-1": "10.00", "reason": "Goodwill", "do": "lines", "seen": "0"}
        assert (await post(http, page, **form)).status_code == 303
        again = await post(http, page, **form)
        assert (again.status_code, "was credited meanwhile" in again.text) == (409, True)

        assert (await post(http, page, reason="Goodwill", do="all", seen="1190")).status_code == 303
        last = await http.get(page)

    assert ("Credit these amounts" in last.text, "Credited" in words(last)) == (False, True)
    assert [row.net for row in await market.rows("billing", "SELECT net FROM credit_note ORDER BY id")] == [
        1000,
        23_700,
    ]
    noted = await market.rows("billing", "SELECT 1 FROM audit_log WHERE what = 'invoice credited'")
    assert len(noted) == 2


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"net-1": "10.00", "reason": " "}, "with a reason"),
        ({"reason": "Goodwill"}, "Name the lines"),
        ({"net-1": "149.01", "reason": "Goodwill"}, "149.00 EUR net are left"),
        ({"net-1": "1.001", "reason": "Goodwill"}, "more decimals"),
        ({"net-1": "-1", "reason": "Goodwill"}, "more than 0"),
        ({"net-9": "1", "reason": "Goodwill"}, "no line 9"),
        ({"net-1": "1", "reason": "x" * 2001}, "at most 2000 characters"),
    ],
)
async def test_what_is_refused_comes_back_with_what_was_typed_and_a_sentence(
    market: World, form: dict[str, str], says: str
) -> None:
    page = f"/finance/invoices/{await sold(market)}"
    async with signed_in(market, **STAFF) as http:
        answer = await post(http, page, **form, do="lines")

    assert answer.status_code in (400, 404, 409)
    assert says in words_of(answer)
    if "net-1" in form:
        assert f'value="{form["net-1"]}"' in answer.text
    assert await market.rows("billing", "SELECT 1 FROM credit_note") == []
    assert await market.rows("billing", "SELECT 1 FROM audit_log WHERE what = 'invoice credited'") == []


def words_of(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


async def test_a_customer_credits_nothing(market: World) -> None:
    page = f"/finance/invoices/{await sold(market)}"
    async with signed_in(market) as http:
        answer = await post(http, "/finance/purchase-orders", page, reason="x", do="all")

    assert answer.status_code == 403
    assert await market.rows("billing", "SELECT 1 FROM credit_note") == []


async def test_of_a_request_no_more_is_offered_than_it_asks_for(market: World) -> None:
    invoice = await request(market, 500_000)
    await pay(market, 400_000, "B-1")
    async with signed_in(market, **STAFF) as http:
        assert "1,000.00 left of 5,000.00" in words(await http.get(f"/finance/invoices/{invoice}"))
        await post(http, f"/finance/invoices/{invoice}", reason="Not wanted", do="all")
        text = words(await http.get(f"/finance/invoices/{invoice}"))

    assert "Credited −1,000.00" in text
    assert "Credit these amounts" not in text
    assert "Returned to the funds" not in text


async def test_the_list_leads_to_note_and_invoice_and_pages_by_what_was_last(
    market: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.pages.credit_notes.PAGE", 2)
    invoice = await sold(market)
    for reason in ("First <b>one</b>", "Second", "Third"):
        await credit(market, invoice, {1: 100}, reason)
    async with signed_in(market) as http:
        assert "/finance/credit-notes" in (await http.get("/finance/invoices")).text
        page = await http.get("/finance/credit-notes")
        following = re.search(r'href="(/finance/credit-notes\?[^"]*before=[^"]*)"', page.text)
        assert following
        last = await http.get(following[1].replace("&amp;", "&"))
        none = words(await http.get("/finance/credit-notes", params={"search": "CN-1"}))

    assert f'href="/finance/invoices/{invoice}">INV-{YEAR}-000001' in page.text
    assert "Third" in words(page)
    assert "1.19" in words(page)
    assert ("First" in words(page), "&lt;b&gt;one&lt;/b&gt;" in last.text) == (False, True)
    assert "No credit note fits this" in none


async def test_another_accounts_credit_notes_are_not_in_the_list(market: World) -> None:
    await credit(market, await sold(market))
    await market.deliver("billing", an_opened_account(account=an_account(id=9002)))

    async with signed_in(market, account_id=9002) as http:
        assert "No credit notes yet" in words(await http.get("/finance/credit-notes"))
    async with signed_in(market, **STAFF) as http:
        assert "Acme" in words(await http.get("/finance/credit-notes", params={"account_id": 9001}))
        assert "No credit notes yet" in words(await http.get("/finance/credit-notes", params={"account_id": 9002}))


# ── paper ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def assert_printed(world: World, *said: str) -> str:
    text = await paper_of(world)
    for one in said:
        assert one in text, (one, text)
    return text


async def test_the_paper_of_a_part_has_its_own_lines_and_vat_and_says_how_it_was_paid(market: World) -> None:
    invoice = await sold(market)
    [issued] = await market.rows("billing", "SELECT issued_on, receipt_id FROM invoice")
    await credit(market, invoice, {2: 4900}, "One name too many")

    text = await assert_printed(
        market, "Credit note CN-2026-000001", f"Corrects invoice INV-{IN_NOV.year}-000001", "20 November 2026",
        "10 December 2026", "Additional name", "1 49.00 19 % 49.00", "VAT 19 % on 49.00 EUR 9.31 EUR",
        "Total 58.31 EUR", "Reason: One name too many",
        f"Charged to account funds on {issued.issued_on}, receipt {issued.receipt_id}.",
        "Returned to the account funds on 2026-12-10.",
    )  # fmt: skip
    assert "293.93" not in text
    assert "Standard DV" not in text


async def test_the_paper_over_a_month_says_what_was_paid_what_was_due_and_what_is_due_now(market: World) -> None:
    placed = [await order(market, IN_NOV, payment=ON_ACCOUNT) for _ in range(2)]
    await close(market, NOV, AFTER_NOV)
    await pay(market, 25_462, "SEPA 88/1")
    await market.deliver("billing", a_cancellation(placed[1], note="Ordered twice"))

    await assert_printed(
        market, f"Order {placed[1].order_id}", f"1 Order {placed[1].order_id}: Standard DV certificate, 1 year",
        "149.00 EUR 28.31 EUR", "Total 177.31 EUR", "Reason: Order cancelled: Ordered twice", "1 December 2026",
        "254.62 EUR paid on 2026-12-10 by wire transfer, reference SEPA 88/1; 100.00 EUR were due before",
        "100.00 EUR taken off what invoice", "which is 0.00 EUR now. 77.31 EUR returned to the account funds on",
    )  # fmt: skip


async def test_the_paper_over_a_request_has_no_vat_and_names_the_request(market: World) -> None:
    await credit(market, await request(market, 500_000), {1: 100_000}, "Less is needed <b>אב 😀")

    text = await assert_printed(
        market, "Corrects payment request", "Request date 20 November 2026", "Total 1,000.00 EUR",
        "5000.00 EUR were due before this credit note", "which is 4000.00 EUR now", "<b>",
        "Payment request. VAT is charged on the invoices for orders paid from these funds.",
    )  # fmt: skip
    assert "19 %" not in text
    assert "Corrects invoice" not in text


async def sold_to(world: World, currency: str, country: str, vat_number: str | None) -> int:
    """By the German seller."""
    address = {"line1": "1 Rue", "postcode": "75001", "city": "Paris", "country": country}
    account = an_account(id=9007, currency=currency, vat_number=vat_number, address=address)
    opened = an_opened_account(account=account).model_copy(update={"division": Division(id=70, name="Main")})
    await world.deliver("billing", opened)
    money = Money(amount=100_000, currency=currency)
    await world.deliver("billing", a_deposit(1, account_id=9007, division_id=70, amount=money))
    placed = await order(world, IN_NOV, account=account, division=Division(id=70, name="Main"), names=NAMES)
    return await invoice_of(world, placed)


async def test_the_paper_states_its_own_vat_in_the_sellers_currency(market: World) -> None:
    invoice = await sold_to(market, "USD", "DE", None)
    await credit(market, invoice, {2: 5400})

    text = await assert_printed(market, "VAT 19 % on 54.00 USD 10.26 USD", "VAT in EUR: 9.44 (rate 0.92).")
    assert text.count("VAT in EUR") == 1
    await credit(market, invoice)
    [sums] = await market.rows("billing", "SELECT sum(accounting_tax) AS sum FROM credit_note_tax")
    [whole] = await market.rows("billing", "SELECT accounting_tax FROM tax_group")
    assert sums.sum == whole.accounting_tax
    await assert_in_order(market.billing.db)


async def test_the_paper_of_a_part_under_reverse_charge_has_the_sentence_and_both_numbers(market: World) -> None:
    await credit(market, await sold_to(market, "EUR", "FR", "FR40303265045"), {2: 4900})

    await assert_printed(
        market, "VAT 0 % on 49.00 EUR Reverse charge 0.00 EUR",
        "VAT numbers: seller DE999999999, buyer FR40303265045.",
    )  # fmt: skip
