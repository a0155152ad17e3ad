"""An invoice with its payments: the stored pages as they are, and behind them a sheet as of now."""

import hashlib
import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pypdf import PdfReader

from services.billing import actions
from services.billing.clients.pdf import render
from services.billing.worker import print_due_documents
from shared.db import utcnow
from shared.events.base import Money
from shared.events.orders import Division, DivisionAdded
from shared.ids import new_id
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, terms
from tests.billing.test_payments import announce, balance, invoiced, market, settle
from tests.billing.test_purchase_orders import call
from tests.conftest import World
from tests.makers import NOW, YEAR, a_cancellation, a_deposit, an_account, an_opened_account, an_order

__all__ = ["market"]
API = "/services/v2/finance"


async def print_all(world: World) -> None:
    async def by_itself(snapshot: Any) -> bytes:
        return render(snapshot)

    while await print_due_documents(world.billing.db, by_itself):
        pass


async def with_payments(world: World, invoice: int, key: str = "key") -> Any:
    return await call(world, "GET", f"{API}/invoice/{invoice}/pdf-with-payments", key)


async def stored(world: World, invoice: int) -> bytes:
    content: bytes = (await call(world, "GET", f"{API}/invoice/{invoice}/pdf")).content
    return content


def pages(document: bytes) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(io.BytesIO(document)).pages]


async def sheet(world: World, invoice: int) -> str:
    """The text behind the stored pages."""
    answer = await with_payments(world, invoice)
    assert answer.status_code == 200, answer.text
    return " ".join(pages(answer.content)[len(pages(await stored(world, invoice))) :])


async def test_behind_the_stored_pages_is_a_sheet_with_every_payment_and_what_is_due(market: World) -> None:
    invoice = await invoiced(market, "100.00")
    await print_all(market)
    payment = (await announce(market, (invoice, "40.00"), total="40.00")).json()
    await settle(market, payment["id"], bank="SEPA 88")

    answer = await with_payments(market, invoice)

    assert answer.headers["content-type"] == "application/pdf"
    number = (await call(market, "GET", f"{API}/invoice/{invoice}")).json()["invoice_number"]
    assert answer.headers["content-disposition"] == f'inline; filename="{number}-payments.pdf"'
    text = await sheet(market, invoice)
    today = f"{utcnow():%Y-%m-%d}"
    for said in (
        f"Payments {number}", f"Payment request number {number}", "As of", "UTC", f"{today} Payment Wire transfer",
        "SEPA 88 40.00", "Total 100.00 EUR", "Paid 40.00 EUR", "Amount due 60.00 EUR", "Sheet 1 of 1",
        "Issuary Trust GmbH", "Acme Example GmbH",
    ):  # fmt: skip
        assert said in text, (said, text)
    assert "Credit" not in text


async def test_the_stored_file_is_in_it_byte_for_byte_and_never_changes(market: World) -> None:
    invoice = await invoiced(market, "100.00")
    await print_all(market)
    before = await stored(market, invoice)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    await settle(market, payment["id"])

    joined = (await with_payments(market, invoice)).content

    assert joined.startswith(before)
    assert await stored(market, invoice) == before
    assert (await market.rows("billing", "SELECT sha256 FROM document"))[0].sha256 == hashlib.sha256(before).hexdigest()
    old, new = PdfReader(io.BytesIO(before)), PdfReader(io.BytesIO(joined))
    assert len(new.pages) == len(old.pages) + 1
    for kept, page in zip(old.pages, new.pages, strict=False):
        assert kept.get_contents().get_data() == page.get_contents().get_data()  # type: ignore[union-attr]
        assert kept.extract_text() == page.extract_text()
    assert new.metadata == old.metadata
    assert [dict(row._mapping) for row in await market.rows("billing", "SELECT count(*) AS n FROM document")] == [
        {"n": 1}
    ]


async def test_without_a_payment_the_sheet_says_so(market: World) -> None:
    invoice = await invoiced(market, "100.00")
    await print_all(market)

    text = await sheet(market, invoice)

    assert "Nothing was paid yet." in text
    assert "Amount due 100.00 EUR" in text


async def test_a_payment_that_went_back_stands_there_with_its_reason(market: World) -> None:
    invoice = await invoiced(market, "100.00")
    await print_all(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    await settle(market, payment["id"])
    reason = "No cover <b>#let</b> שלום"
    path = f"{API}/payment/{payment['id']}/status"
    assert (await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": reason})).status_code == 200

    text = await sheet(market, invoice)

    assert "Payment reversed: No cover <b>#let</b>" in text
    assert "−100.00" in text
    assert "Paid 0.00 EUR" in text
    assert "Amount due 100.00 EUR" in text


async def test_an_order_charged_to_funds_shows_the_charge_and_its_credit_note(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(), a_deposit(100_000))
    placed = an_order(order_id=1)
    await shop.deliver("billing", placed)
    await print_all(shop)
    await take_key(shop, "key")
    [row] = await shop.rows("billing", "SELECT id, receipt_id FROM invoice")

    charged = await sheet(shop, row.id)
    await shop.deliver("billing", a_cancellation(placed, note="Bought twice"))
    credited = await sheet(shop, row.id)

    assert f"Charged to account funds Account funds Receipt {row.receipt_id} 177.31" in charged
    assert "Paid 177.31 EUR Amount due 0.00 EUR" in charged
    assert "Credit notes" not in charged
    for said in (
        "Credit notes", f"CN-{YEAR}-000001 Order cancelled: Bought twice. Returned to the account funds on",
        "Amount due 0.00 EUR Credited after it was paid, and returned 177.31 EUR",
    ):  # fmt: skip
        assert said in credited, (said, credited)


async def test_a_usage_invoice_paid_from_funds_and_one_settled_by_other_money_say_so(shop: World) -> None:
    november, over = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    await terms(shop, november, negative_limit=eur(200_000), monthly_billing=True)
    await order(shop, november)  # a debt of 177.31, so the close asks for it
    await order(shop, november, payment=ON_ACCOUNT)
    await close(shop, november.date().replace(day=1), over)
    rows = await shop.rows("billing", "SELECT id, kind FROM invoice WHERE kind <> 'order'")
    ids = {row.kind: row.id for row in rows}
    await shop.rows("billing", "UPDATE document SET due_at = now() RETURNING 1")  # the close was in the future
    await print_all(shop)
    await deposit(shop, 50_000, over)
    async with shop.billing.db.transaction() as tx:
        wanted, total = {ids["usage"]: 17_731}, Money(amount=17_731, currency="EUR")
        await actions.pay_from_funds(tx, 9001, 14, wanted, total, "ann@acme.example", over)

    used, owed = await sheet(shop, ids["usage"]), await sheet(shop, ids["amount_owed"])

    assert "2026-12-01 Payment from account funds Account funds ISS-" in used
    assert "2026-12-01 Settled by other money that came to the account Account funds 177.31" in owed
    for text in (used, owed):
        assert "Paid 177.31 EUR Amount due 0.00 EUR" in text


MANY = """
INSERT INTO allocation (id, payment_id, invoice_id, amount, at)
SELECT CAST(v.id AS uuid), :payment, :invoice, 1, :at FROM unnest(CAST(:ids AS text[])) AS v (id)
"""


async def many_payments(world: World, count: int) -> int:
    invoice = await invoiced(world, "100.00")
    await print_all(world)
    payment = (await announce(world, (invoice, "1.00"), total="1.00")).json()
    await settle(world, payment["id"], "1.00")
    ids = [str(new_id()) for _ in range(count - 1)]
    await world.rows(
        "billing", MANY + " RETURNING 1", payment=payment["id"], invoice=invoice, at=utcnow(), ids=ids
    )  # fmt: skip
    return invoice


async def test_five_hundred_payments_flow_over_pages_with_the_table_head_repeated(market: World) -> None:
    invoice = await many_payments(market, 500)

    answer = await with_payments(market, invoice)

    assert answer.status_code == 200
    found = [page for page in pages(answer.content) if "Sheet" in page]
    assert len(found) > 5
    assert all(f"Sheet {n} of {len(found)}" in page for n, page in enumerate(found, 1))
    assert all("Amount, EUR" in page for page in found[:-1])
    assert sum(page.count("Wire transfer") for page in found) == 500


async def test_more_than_a_sheet_takes_are_refused_with_what_to_do(market: World) -> None:
    invoice = await many_payments(market, 1_001)

    answer = await with_payments(market, invoice)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"code": "too_many_payments", "message": answer.json()["errors"][0]["message"]}]
    assert "more than 1,000 payments" in answer.json()["errors"][0]["message"]


async def test_while_the_document_is_being_made_a_sentence_says_so(market: World) -> None:
    answer = await with_payments(market, await invoiced(market))

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found|document")
    assert "being made" in answer.json()["errors"][0]["message"]


async def test_a_press_that_fails_is_said_and_the_stored_copy_is_named(market: World) -> None:
    invoice = await invoiced(market)

    async def not_a_pdf(_: Any) -> bytes:
        return b"%PDF"

    await print_due_documents(market.billing.db, not_a_pdf)

    answer = await with_payments(market, invoice)

    assert answer.status_code == 503
    assert "take the stored PDF" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"role": "finance_manager"}, 200),
        ({"role": "finance_manager", "divisions": (16,)}, 404),
        ({"role": "standard_user"}, 404),
        ({"account_id": 9002}, 404),
        ({"role": "operator", "account_id": 0}, 200),
        ({"key_role": 100}, 403),
        ({"key_role": 103}, 403),
        ({"role": "janitor"}, 403),
    ],
)
async def test_who_may_have_the_pdf_may_have_it_with_payments(market: World, who: dict[str, Any], status: int) -> None:
    labs = Division(id=16, name="Labs")
    await market.deliver("billing", DivisionAdded(occurred_at=NOW, account_id=9001, division=labs))
    opened = an_opened_account(account=an_account(id=9002))
    await market.deliver("billing", opened.model_copy(update={"division": Division(id=15, name="Main")}))
    invoice = await invoiced(market)
    await print_all(market)
    await take_key(market, "other", **who)

    assert (await call(market, "GET", f"{API}/invoice/{invoice}/pdf", "other")).status_code == status
    assert (await with_payments(market, invoice, "other")).status_code == status


@pytest.mark.parametrize("path", ["0", "99999999999999999999", "x"])
async def test_an_invoice_that_is_not_there_has_no_sheet(market: World, path: str) -> None:
    answer = await call(market, "GET", f"{API}/invoice/{path}/pdf-with-payments")

    assert answer.status_code in (400, 404)
    assert answer.json()["errors"][0]["message"]
    assert await balance(market) == "0.00"
