"""Story 7: what a customer announces settles nothing; what arrives is allocated, and the rest becomes funds."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import actions
from services.billing.rules import reference_of, references_in
from shared.db import utcnow
from shared.events.base import Money
from shared.events.billing import RecordPayment
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.test_purchase_orders import call, code_of, decide, market, submitted
from tests.conftest import World
from tests.makers import NOW, an_account, an_opened_account, an_order

__all__ = ["market"]  # a fixture
FINANCE = "/services/v2/finance"


async def invoiced(world: World, amount: str = "100.00", number: str = "PO-1", **changed: Any) -> int:
    answer = await decide(world, await submitted(world, amount=amount, po_number=number, **changed), "approved")
    return int(answer.json()["invoice"]["id"])


async def announce(world: World, *items: tuple[int, str], total: str, key: str = "key", **changed: Any) -> Any:
    invoices = [{"id": invoice, "amount": amount} for invoice, amount in items]
    body = {"container_id": 14, "currency": "EUR", "expected_total": total, "invoices": invoices}
    return await call(world, "POST", f"{FINANCE}/payment", key, json=body | changed)


async def settle(world: World, payment_id: int, amount: str | None = None, bank: str = "SEPA 88") -> Any:
    body = {"status": "settled", "bank_reference": bank, "received_amount": amount}
    return await call(world, "PUT", f"{FINANCE}/payment/{payment_id}/status", "staff", json=body)


async def shown(world: World, invoice: int) -> tuple[str, str, str]:
    found = (await call(world, "GET", f"{FINANCE}/invoice/{invoice}")).json()
    return found["status"], found["paid_amount"], found["amount_due"]


async def balance(world: World) -> str:
    return str((await call(world, "GET", f"{FINANCE}/balance?container_id=14")).json()["balance"])


async def test_an_announced_payment_is_pending_has_a_reference_and_changes_nothing(market: World) -> None:
    invoice = await invoiced(market)

    answer = await announce(market, (invoice, "100.00"), total="100.00")

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["status"], told["amount"]) == ("pending", "100.00")
    assert re.fullmatch(rf"ISS-{told['id']}-[0-9A-Z]{{2}}", told["reference"])
    assert told["allocations"] == [{"invoice_id": invoice, "amount": "100.00"}]
    assert await shown(market, invoice) == ("open", "0.00", "100.00")
    assert await balance(market) == "0.00"


async def test_when_it_has_come_its_invoices_are_paid_and_exactly_that_much_is_available(market: World) -> None:
    first, second = await invoiced(market), await invoiced(market, "50.00", "PO-2")
    payment = (await announce(market, (first, "100.00"), (second, "50.00"), total="150.00")).json()

    answer = await settle(market, payment["id"])

    assert (answer.status_code, answer.json()["status"]) == (200, "settled"), answer.text
    assert await shown(market, first) == ("paid", "100.00", "0.00")
    assert await shown(market, second) == ("paid", "50.00", "0.00")
    assert await balance(market) == "150.00"
    assert {fact["number"] for fact in await market.said("billing", "invoice_paid")} == {
        row.number for row in await market.rows("billing", "SELECT number FROM invoice")
    }
    [settled] = await market.said("billing", "payment_settled")
    assert (settled["amount"]["amount"], settled["reference"]) == (15000, "SEPA 88")
    await assert_in_order(market.billing.db)


async def test_settling_again_with_the_same_reference_and_amount_answers_the_same(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    first = await settle(market, payment["id"])

    again = await settle(market, payment["id"])
    less = await settle(market, payment["id"], "60.00")

    assert again.status_code == 200
    assert again.json() == first.json()
    assert (less.status_code, code_of(less)) == (409, "payment_settled")
    assert await balance(market) == "100.00"
    assert len(await market.said("billing", "payment_settled")) == 1
    assert len(await market.rows("billing", "SELECT 1 FROM audit_log WHERE what = 'payment settled'")) == 1


async def test_what_was_reversed_is_not_settled_again(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    await settle(market, payment["id"])
    path = f"{FINANCE}/payment/{payment['id']}/status"
    await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "No cover"})

    assert code_of(await settle(market, payment["id"])) == "payment_reversed"


async def test_paying_twice_changes_nothing(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    await settle(market, payment["id"])

    assert code_of(await settle(market, payment["id"], bank="SEPA 89")) == "payment_settled"
    assert code_of(await announce(market, (invoice, "100.00"), total="100.00")) == "invoice_settled"
    assert await balance(market) == "100.00"


async def test_too_little_pays_the_oldest_due_first_and_too_much_becomes_funds(market: World) -> None:
    first, second = await invoiced(market), await invoiced(market, "50.00", "PO-2")
    payment = (await announce(market, (second, "50.00"), (first, "100.00"), total="150.00")).json()
    await settle(market, payment["id"], "120.00")
    assert await shown(market, first) == ("paid", "100.00", "0.00")
    assert await shown(market, second) == ("partially_paid", "20.00", "30.00")
    assert await balance(market) == "120.00"

    rest = (await announce(market, (second, "30.00"), total="30.00")).json()
    await settle(market, rest["id"], "45.00", bank="SEPA 89")

    assert await shown(market, second) == ("paid", "50.00", "0.00")
    assert await balance(market) == "165.00"
    await assert_in_order(market.billing.db)


async def test_a_part_of_an_invoice_can_be_paid(market: World) -> None:
    invoice = await invoiced(market)

    payment = (await announce(market, (invoice, "30.00"), total="30.00")).json()
    await settle(market, payment["id"])

    assert await shown(market, invoice) == ("partially_paid", "30.00", "70.00")


async def test_a_stale_total_is_refused_with_the_one_of_now(market: World) -> None:
    invoice = await invoiced(market)
    earlier = (await announce(market, (invoice, "40.00"), total="40.00")).json()
    await settle(market, earlier["id"])

    answer = await announce(market, (invoice, "100.00"), total="100.00")

    assert (answer.status_code, code_of(answer)) == (409, "stale_total")
    assert answer.json()["errors"][0]["message"].startswith("Amount due is 60.00 EUR, the request expected 100.00 EUR.")


async def test_a_newer_payment_for_the_same_invoice_replaces_the_older(market: World) -> None:
    invoice = await invoiced(market)
    older = (await announce(market, (invoice, "100.00"), total="100.00")).json()

    await announce(market, (invoice, "100.00"), total="100.00")

    assert (await call(market, "GET", f"{FINANCE}/payment/{older['id']}")).json()["status"] == "canceled"
    assert code_of(await settle(market, older["id"])) == "payment_canceled"


async def test_a_pending_payment_expires_after_thirty_days(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    await market.rows("billing", "UPDATE payment SET expires_at = now() - interval '1 second' RETURNING 1")

    assert (await call(market, "GET", f"{FINANCE}/payment/{payment['id']}")).json()["status"] == "expired"
    assert code_of(await settle(market, payment["id"])) == "payment_expired"


async def test_a_bounced_payment_opens_its_invoices_again_and_takes_the_funds_back_even_past_the_limit(
    market: World,
) -> None:
    invoice = await invoiced(market, "200.00")
    payment = (await announce(market, (invoice, "200.00"), total="200.00")).json()
    await settle(market, payment["id"], "210.00")
    await market.deliver("billing", an_order())
    path = f"{FINANCE}/payment/{payment['id']}/status"

    assert (await call(market, "PUT", path, "staff", json={"status": "reversed"})).status_code == 400  # why?
    told = (await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "No cover"})).json()

    assert (told["status"], told["reason"]) == ("reversed", "No cover")
    assert await shown(market, invoice) == ("open", "0.00", "200.00")
    assert (await balance(market)).startswith("-")
    [said] = await market.said("billing", "payment_reversed")
    assert said["amount"]["amount"] == 21000
    again = await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "No cover"})
    assert code_of(again) == "payment_reversed"
    await assert_in_order(market.billing.db)


async def test_a_customer_settles_nothing(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    path = f"{FINANCE}/payment/{payment['id']}/status"

    answer = await call(market, "PUT", path, json={"status": "settled", "bank_reference": "x"})
    assert answer.status_code == 403

    assert (await call(market, "PUT", path, json={"status": "canceled"})).json()["status"] == "canceled"


async def test_nobody_settles_what_they_announced(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00", key="staff")).json()

    assert (await settle(market, payment["id"])).status_code == 403


async def test_a_customers_deposit_is_pending_and_becomes_funds_when_it_has_come(market: World) -> None:
    body = {"container_id": 14, "amount": "75.00", "currency": "EUR"}
    told = (await call(market, "POST", f"{FINANCE}/deposit", json=body)).json()
    assert (told["status"], await balance(market)) == ("pending", "0.00")

    await settle(market, told["id"])

    assert await balance(market) == "75.00"


@pytest.mark.parametrize(
    ("items", "changed", "says"),
    [
        ([], {}, "invoices"),
        ([("one", "100.00"), ("one", "100.00")], {"expected_total": "200.00"}, "named twice"),
        ([("one", "0.00")], {"expected_total": "1.00"}, "more than 0"),
        ([("one", "-1.00")], {"expected_total": "1.00"}, "more than 0"),
        ([("one", "1.001")], {}, "more decimals"),
        ([(999, "100.00")], {}, "no invoice 999"),
        ([("one", "100.00")], {"expected_total": "99.00"}, "Amount due is 100.00 EUR"),
        ([("one", "100.00")], {"currency": "USD"}, "keeps its book in EUR"),
        ([("one", "100.00")], {"container_id": 999}, "no container 999"),
        ([("one", "100.00")], {"payment_method": "card"}, "payment_method"),
    ],
)
async def test_a_wrong_payment_is_refused_and_nothing_is_written(
    market: World, items: list[tuple[Any, str]], changed: dict[str, Any], says: str
) -> None:
    invoice = await invoiced(market)
    told = [(invoice if one == "one" else one, amount) for one, amount in items]

    answer = await announce(market, *told, **{"total": "100.00"} | changed)

    assert answer.status_code in (400, 404, 409)
    assert says in answer.json()["errors"][0]["message"]
    assert await market.rows("billing", "SELECT 1 FROM payment") == []


async def test_another_accounts_invoice_cannot_be_paid(market: World) -> None:
    invoice = await invoiced(market)
    await market.deliver("billing", an_opened_account(account=an_account(id=9002)))
    await take_key(market, "stranger", account_id=9002, user_id=3)

    assert (await announce(market, (invoice, "100.00"), total="100.00", key="stranger")).status_code == 404


# ── what was not paid in time ────────────────────────────────────────────────────────────────────────────────────────


async def tell_overdue(world: World, days: int) -> list[str]:
    async with world.billing.db.transaction() as tx:
        await actions.announce_overdue(tx, utcnow() + timedelta(days=days))
    return [fact["number"] for fact in await world.said("billing", "invoice_overdue")]


async def test_an_unpaid_invoice_is_said_to_be_overdue_once_and_not_before_its_day_is_over(market: World) -> None:
    paid, unpaid = await invoiced(market), await invoiced(market, "50.00", "PO-2")
    payment = (await announce(market, (paid, "100.00"), total="100.00")).json()
    await settle(market, payment["id"])
    [row] = await market.rows("billing", "SELECT number FROM invoice WHERE id = :id", id=unpaid)

    assert await tell_overdue(market, 30) == []
    assert await tell_overdue(market, 31) == [row.number]
    assert await tell_overdue(market, 32) == [row.number]


async def test_a_bounced_payment_lets_its_invoice_be_overdue_again(market: World) -> None:
    invoice = await invoiced(market)
    assert len(await tell_overdue(market, 31)) == 1
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()
    await settle(market, payment["id"])
    path = f"{FINANCE}/payment/{payment['id']}/status"
    await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "No cover"})

    assert len(await tell_overdue(market, 31)) == 2


# ── what a bank reports ──────────────────────────────────────────────────────────────────────────────────────────────


def reported(amount: int, text: str, bank: str = "B-1", **changed: Any) -> RecordPayment:
    given: dict[str, Any] = {
        "source": "bank", "occurred_at": NOW, "account_id": 9001, "amount": Money(amount=amount, currency="EUR"),
        "reference": text, "bank_reference": bank,
    }  # fmt: skip
    return RecordPayment(**given | changed)


async def test_the_banks_report_settles_the_payment_that_the_payer_named(market: World) -> None:
    invoice = await invoiced(market)
    payment = (await announce(market, (invoice, "100.00"), total="100.00")).json()

    await market.deliver("billing", reported(10000, f"acme gmbh {payment['reference'].lower().replace('-', ' ')} thx"))

    assert await shown(market, invoice) == ("paid", "100.00", "0.00")
    assert len(await market.rows("billing", "SELECT 1 FROM payment")) == 1


async def test_money_without_instruction_pays_what_is_due_and_the_rest_becomes_funds(market: World) -> None:
    first, second = await invoiced(market), await invoiced(market, "50.00", "PO-2")

    await market.deliver("billing", reported(12000, "our invoices"))
    assert (await shown(market, first))[0] == "paid"
    assert (await shown(market, second))[0] == "partially_paid"
    await market.deliver("billing", reported(12000, "our invoices", "B-2"))

    assert await shown(market, second) == ("paid", "50.00", "0.00")
    assert await balance(market) == "240.00"
    await assert_in_order(market.billing.db)


async def test_a_transfer_counts_once_however_often_it_is_reported(market: World) -> None:
    await market.deliver("billing", reported(12000, "x"), reported(12000, "x"))

    assert await balance(market) == "120.00"
    [refused] = await market.said("billing", "command_refused")
    assert refused["code"] == "duplicate_reference"


@given(payment=st.integers(1, 10**15), before=st.sampled_from(["", "Rg. 12 ", "AB"]), after=st.sampled_from(["", " x"]))
def test_a_reference_is_found_in_what_a_bank_made_of_it(payment: int, before: str, after: str) -> None:
    written = reference_of(payment)
    for text in (written, written.lower(), written.replace("-", ""), written.replace("-", " ")):
        assert list(references_in(f"{before} {text}{after}")) == [payment]


@given(payment=st.integers(10, 10**15), place=st.integers(0, 14), digit=st.integers(0, 9))
def test_a_mistyped_reference_is_nobodys(payment: int, place: int, digit: int) -> None:
    digits, check = str(payment), reference_of(payment)[-2:]
    place %= len(digits)
    wrong = digits[:place] + str(digit) + digits[place + 1 :]
    found = list(references_in(f"ISS-{wrong}-{check}"))
    assert found == ([payment] if wrong == digits else [])
