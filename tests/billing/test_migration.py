"""Story 8, the vendor's own: at migration the old automatic invoices stay behind, the month's end asks for the amount
owed once, and invoices over approved purchase orders come along with their PO number."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.billing import actions
from services.billing.rules import month_of
from shared.db import utcnow
from tests.billing.book import assert_in_order
from tests.billing.imports import an_old_balance, an_old_invoice, bring_balance, bring_invoice, read
from tests.billing.makers import take_key
from tests.billing.months import STAFF, close, eur, order, standing, terms
from tests.billing.test_pages import signed_in, words
from tests.billing.test_pdf import text_of
from tests.conftest import World
from tests.makers import YEAR, a_deposit, an_opened_account


async def an_account_with_a_limit(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, utcnow(), negative_limit=eur(200_000))
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email=STAFF)


async def test_the_amount_owed_is_asked_for_once_and_paying_a_migrated_invoice_settles_it(shop: World) -> None:
    await an_account_with_a_limit(shop)
    await bring_balance(shop.billing.db, an_old_balance(-60_000))
    await bring_invoice(shop.billing.db, an_old_invoice(100_000, paid=eur(25_000)))
    assert await standing(shop) == ("-600.00", "0.00", "1400.00")
    assert (await read(shop, "/balance", container_id=14)).json()["balance"] == "-600.00"

    this_month = month_of(utcnow().date())
    after = this_month.end
    await close(shop, this_month.first, after)

    owed = await shop.rows("billing", "SELECT total, tax FROM invoice WHERE kind = 'amount_owed'")
    assert [tuple(row) for row in owed] == [(60_000, 0)]
    assert await standing(shop) == ("-600.00", "0.00", "1400.00")  # asking changes nothing
    await assert_in_order(shop.billing.db)

    await pay(shop, "R-2025-0817", 30_000, after + timedelta(hours=1))
    assert await standing(shop) == ("-300.00", "0.00", "1700.00")
    assert await due(shop) == {"amount_owed": 30_000, "purchase_order": 45_000}

    await pay(shop, "R-2025-0817", 45_000, after + timedelta(hours=2))
    assert await standing(shop) == ("150.00", "0.00", "2150.00")  # exactly as much as came
    assert await due(shop) == {"amount_owed": 0, "purchase_order": 0}
    await assert_in_order(shop.billing.db)

    next_month = month_of(after.date())
    await close(shop, next_month.first, next_month.end)
    assert len(await shop.rows("billing", "SELECT 1 FROM invoice WHERE kind = 'amount_owed'")) == 1


async def pay(shop: World, old_number: str, minor: int, now: datetime) -> None:
    [invoice] = await shop.rows("billing", "SELECT id FROM invoice WHERE legacy_number = :n", n=old_number)
    async with shop.billing.db.transaction() as tx:
        payment = await actions.announce_payment(
            tx, 9001, 14, {invoice.id: minor}, eur(minor), "wire_transfer", "ann@acme.example", now
        )
        await actions.settle_payment(tx, payment.id, eur(minor), f"B {now}", STAFF, now)


async def due(shop: World) -> dict[str, int]:
    rows = await shop.rows("billing", "SELECT kind, sum(total - paid - credited) AS due FROM receivable GROUP BY kind")
    return {row.kind: int(row.due) for row in rows}


async def test_the_paper_has_the_new_number_and_the_old_one_and_nobody_is_mailed(shop: World) -> None:
    await an_account_with_a_limit(shop)
    note = "<b>Ça</b> & =1+1 \u05d0\u05d1\u05d2 \u6f22\u5b57"
    old = an_old_invoice(100_000, paid=eur(25_000), note=note)
    await bring_invoice(shop.billing.db, old)

    await shop.settle()

    [invoice] = await shop.rows("billing", "SELECT id, number FROM invoice")
    paper = text_of((await read(shop, f"/invoice/{invoice.id}/pdf")).content)
    assert invoice.number.endswith(f"-{YEAR}-000001")
    for shown in (
        f"Payment request {invoice.number}",
        "Issued before as R-2025-0817 on 2025-08-17; 250.00 EUR of it were paid before.",
        "PO-77812",
        "Total 1,000.00 EUR",
        "Amount due 750.00 EUR",
        "VAT is charged on the invoices for orders paid from these funds.",
        "<b>Ça</b> & =1+1",
    ):
        assert shown in paper
    [ready] = await shop.said("billing", "invoice_document_ready")
    assert (ready["silent"], ready["recipients"]) == (True, [])
    assert await shop.rows("notifications", "SELECT 1 FROM message") == []


async def test_who_is_to_be_told_is_mailed(shop: World) -> None:
    await an_account_with_a_limit(shop)
    await bring_invoice(shop.billing.db, an_old_invoice(notify=True))

    await shop.settle(steps=False)
    for step in shop.billing.steps:
        await step()
    await shop.settle(steps=False)

    [message] = await shop.rows("notifications", "SELECT recipient FROM message")
    assert message.recipient == "ap@acme.example"


async def test_what_comes_paid_in_full_is_paid_and_asks_for_nothing(shop: World) -> None:
    await an_account_with_a_limit(shop)
    await bring_invoice(shop.billing.db, an_old_invoice(100_000, paid=eur(100_000)))

    [shown] = (await read(shop, "/invoice")).json()["invoices"]
    assert (shown["status"], shown["paid_amount"], shown["amount_due"]) == ("paid", "1000.00", "0.00")
    assert "overdue" not in shown
    assert await standing(shop) == ("0.00", "0.00", "2000.00")
    await shop.settle()
    paper = text_of((await read(shop, f"/invoice/{shown['id']}/pdf")).content)
    assert "Nothing is due: it was paid before." in paper
    assert "with your payment" not in paper
    await assert_in_order(shop.billing.db)


async def test_money_that_comes_along_charges_the_orders_that_waited_for_it(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await order(shop, utcnow())
    assert await shop.rows("billing", "SELECT 1 FROM charge") == []

    await bring_balance(shop.billing.db, an_old_balance(20_000))
    await shop.settle()

    assert len(await shop.rows("billing", "SELECT 1 FROM charge")) == 1
    await assert_in_order(shop.billing.db)


async def test_a_balance_stands_in_the_history_as_what_it_is(shop: World) -> None:
    await an_account_with_a_limit(shop)
    await bring_balance(shop.billing.db, an_old_balance(-60_000, note="Unpaid orders of 2025"))
    await shop.deliver("billing", a_deposit(1_000))

    rows = (await read(shop, "/balance-history", container_id=14)).json()["adjustments"]

    assert [row["transaction_type"] for row in rows] == ["Credit", "Opening Balance"]
    assert rows[1]["note"] == "Balance of Main on 2025-12-31 from oldbill: Unpaid orders of 2025"
    assert (rows[1]["debit"], rows[1]["balance_after"], rows[1]["imported"]) == ("600.00", "-600.00", True)
    assert "imported" not in rows[0]
    wanted: dict[str, Any] = {"container_id": 14, "filters[adjust_type]": "opening_balance"}
    found = await read(shop, "/balance-history", **wanted)
    assert found.json()["page"]["total"] == 1
    statement = await read(shop, "/statement", container_id=14, format="csv")
    assert "Opening Balance" in statement.text


async def test_an_invoice_is_found_by_its_old_number(shop: World) -> None:
    await an_account_with_a_limit(shop)
    for number in ("R-2025-0817", "R-2025-0818", "X_1"):
        await bring_invoice(shop.billing.db, an_old_invoice(number=number))

    async def found(**filters: str) -> list[str]:
        answer = await read(shop, "/invoice", sort="id", **{f"filters[{name}]": v for name, v in filters.items()})
        return [row["legacy_number"] for row in answer.json()["invoices"]]

    assert await found(legacy_number="R-2025-0817") == ["R-2025-0817"]
    assert await found(legacy_number="r-2025-0817") == ["R-2025-0817"]
    assert await found(legacy_number="R-2025%") == ["R-2025-0817", "R-2025-0818"]
    assert await found(legacy_number="X%1") == ["X_1"]
    assert await found(legacy_number="X.1") == []
    assert await found(search="R-2025-0818") == ["R-2025-0818"]
    [one] = (await read(shop, "/invoice", **{"filters[legacy_number]": "X_1"})).json()["invoices"]
    assert (one["legacy_source"], one["legacy_date_issued"], one["po_number"]) == ("oldbill", "2025-08-17", "PO-77812")
    await take_key(shop, "other", account_id=9002, user_id=3)
    answer = await read(shop, "/invoice", "other", **{"filters[legacy_number]": "X_1"})
    assert answer.json()["page"]["total"] == 0


async def test_a_balance_is_booked_now_whatever_day_it_was_counted(shop: World) -> None:
    await an_account_with_a_limit(shop)
    await bring_balance(shop.billing.db, an_old_balance())

    [entry] = await shop.rows("billing", "SELECT at FROM journal")

    assert entry.at > datetime.now(UTC) - timedelta(minutes=5)


async def test_pages_show_the_old_number_and_find_by_it(shop: World) -> None:
    await an_account_with_a_limit(shop)
    old = an_old_invoice(paid=eur(25_000), note="<b>Ça</b> \U0001f600")
    await bring_invoice(shop.billing.db, old)
    await bring_invoice(shop.billing.db, an_old_invoice(number="R-2025-0900"))
    await bring_balance(shop.billing.db, an_old_balance())
    [row] = await shop.rows("billing", "SELECT id, number FROM invoice WHERE legacy_number = 'R-2025-0817'")

    async with signed_in(shop) as http:
        listed = await http.get("/finance/invoices", params={"search": "r-2025-08"})
        opened = await http.get(f"/finance/invoices/{row.id}")
        statement = words(await http.get("/finance/statement"))

    assert f"{row.number} Purchase order PO-77812, before R-2025-0817" in words(listed)
    assert "R-2025-0900" not in listed.text
    shown = words(opened)
    assert "Old number R-2025-0817 Issued before 2025-08-17 by oldbill" in shown
    assert "Taken over from oldbill; 250.00 EUR were paid there. &lt;b&gt;Ça&lt;/b&gt;" in shown
    assert "Balance of Main on 2025-12-31 from oldbill Opening Balance, imported" in statement


async def test_what_came_paid_is_shown_as_paid_and_not_as_charged(shop: World) -> None:
    await an_account_with_a_limit(shop)
    await bring_invoice(shop.billing.db, an_old_invoice(paid=eur(100_000)))
    [row] = await shop.rows("billing", "SELECT id FROM invoice")

    async with signed_in(shop) as http:
        shown = words(await http.get(f"/finance/invoices/{row.id}"))

    assert "Charged to funds" not in shown
    assert "Nothing is due: it was paid before." in shown
