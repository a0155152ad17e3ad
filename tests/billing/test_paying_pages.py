"""The pages of purchase orders and payments, by forms as a browser sends them."""

import io
import re
from typing import Any, cast

import httpx
import pytest
from pypdf import PdfReader

from services.billing.clients.paper import Paper
from services.billing.clients.pdf import render
from services.billing.queries.papers import snapshots
from tests.billing.test_pages import signed_in, words
from tests.billing.test_payments import FINANCE, announce, balance, invoiced, settle
from tests.billing.test_purchase_orders import call, market
from tests.conftest import World

__all__ = ["market"]  # a fixture
STAFF = {"role": "operator", "account_id": 0, "email": "cara@ca.example", "user_id": 9}


async def post(http: httpx.AsyncClient, page: str, path: str = "", **form: Any) -> httpx.Response:
    token = re.search(r'name="csrf" value="([^"]*)"', (await http.get(page)).text)
    assert token, "the page has no form"
    return await http.post(path or page, data={"csrf": token[1], **form})


async def test_a_purchase_order_is_submitted_listed_and_cancelled(market: World) -> None:
    async with signed_in(market) as http:
        sent = await post(
            http, "/finance/purchase-orders", number="PO-7", amount="500.00", division="14", remark="<b>2027</b>"
        )
        assert sent.status_code == 303
        page = await http.get(sent.headers["location"])
        assert "&lt;b&gt;2027&lt;/b&gt;" in page.text
        assert "500.00" in words(page)
        assert "PO-7" in words(await http.get("/finance/purchase-orders"))

        await post(http, sent.headers["location"], decision="canceled")

        assert "Cancelled" in words(await http.get(sent.headers["location"]))
        assert "PO-7" not in words(await http.get("/finance/purchase-orders"))


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/finance/purchase-orders", {"number": "PO-7", "amount": "500.00", "division": "14"}),
        ("/finance/deposit", {"amount": "500.00", "division": "14"}),
    ],
)
async def test_a_form_that_is_sent_twice_counts_once(market: World, path: str, form: dict[str, str]) -> None:
    async with signed_in(market) as http:
        key = re.search(r'name="key" value="([^"]+)"', (await http.get(path)).text)
        assert key
        first, again = [await post(http, path, key=key[1], **form) for _ in range(2)]
        other = await post(http, path, key=key[1], **form | {"amount": "501.00", "meant": "PO-7"})

    assert first.headers["location"] == again.headers["location"] != other.headers["location"]


async def test_a_decision_that_is_none_changes_nothing(market: World) -> None:
    async with signed_in(market) as http:
        sent = (await post(http, "/finance/deposit", amount="5.00", division="14")).headers["location"]
        order = (await post(http, "/finance/purchase-orders", number="PO-8", amount="5.00", division="14")).headers[
            "location"
        ]
    async with signed_in(market, **STAFF) as http:
        told = await post(http, sent, status="whatever", received="5.00", bank_reference="B-1")
        assert (told.status_code, "settled or reversed" in told.text) == (400, True)
        decided = await post(http, order, decision="")
        assert (decided.status_code, "approved or rejected" in decided.text) == (400, True)
    assert await balance(market) == "0.00"
    assert await market.said("billing", "purchase_order_approved", "payment_settled") == []


async def test_no_payment_is_for_more_than_is_due(market: World) -> None:
    invoice = await invoiced(market)

    answer = await announce(market, (invoice, "99999.00"), total="100.00")

    assert answer.json()["allocations"] == [{"invoice_id": invoice, "amount": "100.00"}]


async def test_a_number_used_before_is_asked_about_once_and_seen_in_the_queue(market: World) -> None:
    form = {"number": "PO-7", "amount": "500.00", "division": "14", "remark": "For 2027"}
    async with signed_in(market) as http:
        first = (await post(http, "/finance/purchase-orders", **form)).headers["location"]
        asked = await post(http, "/finance/purchase-orders", **form | {"number": " PO-7 "})

        assert "Not submitted yet." in words(asked)
        assert f'href="{first}"' in asked.text
        assert "For 2027" in asked.text
        assert len(await market.rows("billing", "SELECT 1 FROM purchase_order")) == 1

        other = await post(http, "/finance/purchase-orders", **form | {"number": "PO-8"}, meant="PO-7")
        again = await post(http, "/finance/purchase-orders", **form, meant="PO-7")
        shown = await http.get(again.headers["location"])

    assert f'was <a href="{first}">used before</a>' in shown.text
    assert "Used before." in words(shown)
    assert (other.status_code, again.status_code) == (303, 303)
    async with signed_in(market, role="operator", account_id=0, user_id=8, email="ops@ca.example") as http:
        queue = await http.get("/finance/purchase-orders")
        assert f'<small>number <a href="{first}">used before</a></small>' in queue.text
        assert "Used before." in words(await http.get(again.headers["location"]))


async def test_who_sees_some_divisions_is_not_led_to_a_purchase_order_out_of_sight(market: World) -> None:
    form = {"number": "PO-7", "amount": "500.00", "division": "14"}
    async with signed_in(market) as http:
        first = (await post(http, "/finance/purchase-orders", **form)).headers["location"]
    async with signed_in(market, role="finance_manager", divisions=(14,), user_id=9) as http:
        asked = await post(http, "/finance/purchase-orders", **form)

    assert "was used before in your account" in words(asked)
    assert f'was <a href="{first}"' not in asked.text


@pytest.mark.parametrize("text", ["a\0b", "PO\u202e7", "PO\n7"])
async def test_a_number_with_what_cannot_be_seen_is_refused_with_a_sentence(market: World, text: str) -> None:
    async with signed_in(market) as http:
        answer = await post(http, "/finance/purchase-orders", number=text, amount="5.00", division="14")

    assert answer.status_code == 400
    assert "characters that can be seen" in answer.text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"number": "", "amount": "5.00", "division": "14"}, "needs its number"),
        ({"number": "PO-7", "amount": "five", "division": "14"}, "is no amount"),
        ({"number": "PO-7", "amount": "5.00", "division": "99"}, "no container 99"),
    ],
)
async def test_a_wrong_one_comes_back_with_what_was_typed_and_a_sentence(
    market: World, form: dict[str, str], says: str
) -> None:
    async with signed_in(market) as http:
        answer = await post(http, "/finance/purchase-orders", **form)

    assert answer.status_code in (400, 404)
    assert says in answer.text
    assert f'value="{form["amount"]}"' in answer.text
    assert await market.rows("billing", "SELECT 1 FROM purchase_order") == []


async def test_staff_decide_and_the_page_leads_to_the_one_invoice(market: World) -> None:
    async with signed_in(market) as http:
        sent = await post(http, "/finance/purchase-orders", number="PO-7", amount="500.00", division="14")
    async with signed_in(market, **STAFF) as http:
        assert "Acme" in words(await http.get("/finance/purchase-orders"))
        refused = await post(http, sent.headers["location"], decision="rejected")
        assert (refused.status_code, "with a reason" in refused.text) == (400, True)
        await post(http, sent.headers["location"], decision="approved")
        page = await http.get(sent.headers["location"])

    [invoice] = await market.rows("billing", "SELECT id, number FROM invoice")
    assert f'href="/finance/invoices/{invoice.id}">{invoice.number}' in page.text


async def test_every_unpaid_invoice_is_selected_and_a_link_selects_one(market: World) -> None:
    first, second = await invoiced(market), await invoiced(market, "50.00", "PO-2")
    async with signed_in(market) as http:
        everything, one = await http.get("/finance/pay"), await http.get(f"/finance/pay?invoice={second}")

    assert len(re.findall(r'type="checkbox"[^>]* checked', everything.text)) == 2
    assert "150.00" in words(everything)
    assert re.search(rf'value="{second}"[^>]* checked', one.text)
    assert not re.search(rf'value="{first}"[^>]* checked', one.text)


async def test_paying_a_selection_leads_to_a_reference_and_staff_settle_it(market: World) -> None:
    first, second = await invoiced(market), await invoiced(market, "50.00", "PO-2")
    form: dict[str, Any] = {"invoice": [str(first)], f"amount-{first}": "60.00", f"amount-{second}": "50.00"}
    async with signed_in(market) as http:
        total = await post(http, "/finance/pay", **form, do="total")
        assert (total.status_code, "60.00" in words(total)) == (200, True)
        sent = await post(http, "/finance/pay", **form, do="pay")
        page = await http.get(sent.headers["location"])
    assert (sent.status_code, "ISS-" in words(page), "<svg" in page.text) == (303, True, True)
    assert "DE" in words(page)  # the seller's IBAN

    async with signed_in(market, **STAFF) as http:
        missing = await post(http, sent.headers["location"], status="settled", received="60.00")
        assert (missing.status_code, "reference of the transfer" in missing.text) == (400, True)
        await post(http, sent.headers["location"], status="settled", received="60.00", bank_reference="B-1")
        assert "Settled" in words(await http.get(sent.headers["location"]))
        assert "Acme" in words(await http.get("/finance/payments"))
    assert await balance(market) == "60.00"


async def test_an_invoice_that_somebody_paid_meanwhile_is_shown_as_it_is_now(market: World) -> None:
    invoice = await invoiced(market)
    async with signed_in(market) as http:
        page = await http.get("/finance/pay")
        token = re.search(r'name="csrf" value="([^"]*)"', page.text)
        assert token
        form = {"csrf": token[1], "invoice": str(invoice), f"amount-{invoice}": "100.00", "do": "pay"}
        told = (await http.post("/finance/pay", data=form)).headers
        payment = int(told["location"].rsplit("/", 1)[1])
        await settle(market, payment)

        late = await http.post("/finance/pay", data=form)

    assert (late.status_code, "is settled; leave it out" in late.text) == (409, True)
    assert "Nothing is due" in late.text


async def test_a_deposit_is_announced_and_cancelled(market: World) -> None:
    async with signed_in(market) as http:
        wrong = await post(http, "/finance/deposit", amount="0", division="14")
        assert (wrong.status_code, "more than 0" in wrong.text) == (400, True)
        sent = await post(http, "/finance/deposit", amount="75.00", division="14")
        assert "75.00" in words(await http.get(sent.headers["location"]))

        await post(http, sent.headers["location"], status="canceled")

        assert "Canceled by" in words(await http.get(sent.headers["location"]))


@pytest.mark.parametrize("path", ["/finance/pay", "/finance/deposit", "/finance/payments", "/finance/purchase-orders"])
async def test_who_has_no_part_in_finances_sees_none_of_it(market: World, path: str) -> None:
    async with signed_in(market, role="limited_user") as http:
        assert (await http.get(path)).status_code == 403


async def test_a_customer_decides_and_settles_nothing_by_form_either(market: World) -> None:
    async with signed_in(market) as http:
        order = await post(http, "/finance/purchase-orders", number="PO-7", amount="500.00", division="14")
        assert (await post(http, order.headers["location"], decision="approved")).status_code == 403
        deposit = await post(http, "/finance/deposit", amount="75.00", division="14")
        assert (await post(http, deposit.headers["location"], status="settled")).status_code == 403
    assert await balance(market) == "0.00"


async def test_a_form_without_its_token_changes_nothing(market: World) -> None:
    async with signed_in(market) as http:
        for path in ("/finance/pay", "/finance/deposit", "/finance/purchase-orders"):
            assert (await http.post(path, data={"csrf": "guessed"})).status_code == 403


async def test_an_invoices_page_leads_to_paying_it_and_tells_what_came_and_what_went_back(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    async with signed_in(market) as http:
        assert f"/finance/pay?invoice={invoice}" in (await http.get(f"/finance/invoices/{invoice}")).text
        await settle(market, payment["id"])
        paid = await http.get(f"/finance/invoices/{invoice}")
        assert ("100.00 EUR paid" in words(paid), "/finance/pay?invoice" in paid.text) == (True, False)
        path = f"{FINANCE}/payment/{payment['id']}/status"
        await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "No cover"})

        assert "100.00 EUR went back" in words(await http.get(f"/finance/invoices/{invoice}"))


async def test_a_payment_request_is_printed_as_one_without_vat_and_with_the_purchase_order(market: World) -> None:
    invoice = await invoiced(market, "5000.00", "PO <b>אב 😀")
    async with market.billing.db.transaction() as tx:
        paper = (await snapshots(tx, [("invoice", invoice)]))["invoice", invoice]
    text = " ".join(PdfReader(io.BytesIO(render(cast(Paper, paper)))).pages[0].extract_text().split())

    for said in (
        "Payment request number", "PO <b>", "5,000.00", "IBAN", "Please give the number",
        "Payment request. VAT is charged on the invoices for orders paid from these funds.",
    ):  # fmt: skip
        assert said in text, (said, text)
    assert "0 %" not in text
    assert "Date of supply" not in text
