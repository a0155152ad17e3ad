"""A monthly invoice is paid from the funds at once; what asks for a deposit is not."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.billing import actions
from services.billing.actions import PurchaseOrderWish
from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, standing, terms
from tests.billing.sellers import move_to_france
from tests.billing.test_payments import shown
from tests.billing.test_purchase_orders import call, code_of
from tests.conftest import World
from tests.makers import NOW as OPENED
from tests.makers import an_opened_account

FINANCE = "/services/v2/finance"
NOV, IN_NOV, AFTER = date(2026, 11, 1), datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 1, 1, tzinfo=UTC)
MAIN, LABS = Division(id=14, name="Main"), Division(id=15, name="Labs")


@pytest.fixture
async def market(shop: World) -> World:
    added = DivisionAdded(occurred_at=OPENED, account_id=9001, division=LABS)
    await shop.deliver("billing", an_opened_account(), added)
    await terms(shop, IN_NOV, negative_limit=eur(200_000), monthly_billing=True, purchase_orders_allowed=True)
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email="ops@ca.example")
    return shop


async def used(world: World, division: Division = MAIN) -> int:
    """A monthly invoice over 177.31."""
    before = {row.id for row in await world.rows("billing", "SELECT id FROM invoice")}
    await order(world, IN_NOV, payment=ON_ACCOUNT, division=division)
    await close(world, NOV, AFTER)
    [invoice] = {row.id for row in await world.rows("billing", "SELECT id FROM invoice")} - before
    return int(invoice)


async def requested(world: World, division: int = 14) -> int:
    async with world.billing.db.transaction() as tx:
        wish = PurchaseOrderWish(division, "PO-1", eur(10_000))
        made = (await actions.submit_purchase_order(tx, 9001, wish, "ann", IN_NOV)).id
    async with world.billing.db.transaction() as tx:
        return (await actions.approve_purchase_order(tx, made, "ops", IN_NOV, 30)).id


async def pay(world: World, *items: tuple[int, str], total: str, key: str = "key", **changed: Any) -> Any:
    body = {
        "container_id": 14, "payment_method": "balance", "currency": "EUR", "expected_total": total,
        "invoices": [{"id": invoice, "amount": amount} for invoice, amount in items],
    }  # fmt: skip
    headers = changed.pop("headers", None)
    return await call(world, "POST", f"{FINANCE}/payment", key, json=body | changed, headers=headers)


async def history(world: World, division: int = 14) -> list[dict[str, Any]]:
    answer = await call(world, "GET", f"{FINANCE}/balance-history?container_id={division}")
    rows: list[dict[str, Any]] = answer.json()["adjustments"]
    return rows


async def test_it_is_settled_at_once_with_a_receipt_and_what_is_available_stays(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 20_000, AFTER)
    assert await standing(market) == ("200.00", "177.31", "2022.69")

    answer = await pay(market, (invoice, "177.31"), total="177.31")

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["status"], told["payment_method"], told["received_amount"]) == ("settled", "balance", "177.31")
    assert told["allocations"] == [{"invoice_id": invoice, "amount": "177.31"}]
    assert await standing(market) == ("22.69", "0.00", "2022.69")
    assert await shown(market, invoice) == ("paid", "177.31", "0.00")
    [row, _] = await history(market)
    assert (row["debit"], row["transaction_type"], row["balance_after"]) == (
        "177.31", "Sale from Account Balance", "22.69",
    )  # fmt: skip
    assert row["receipt_id"] == told["receipt_id"] != "0"
    receipt = (await call(market, "GET", f"{FINANCE}/receipt/{told['receipt_id']}")).json()
    assert (receipt["acct_amount"], receipt["gross_amount"], receipt["cc_amount"]) == ("177.31", "177.31", "0.00")
    again = (await call(market, "GET", f"{FINANCE}/payment/{told['id']}")).json()
    assert again == told
    await assert_in_order(market.billing.db)


async def test_the_kind_of_row_can_be_asked_for(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 20_000, AFTER)
    await pay(market, (invoice, "100.00"), total="100.00")

    path = f"{FINANCE}/balance-history?container_id=14&filters[adjust_type]=Sale from Account Balance"
    found = (await call(market, "GET", path)).json()

    assert [row["debit"] for row in found["adjustments"]] == ["100.00"]
    assert await shown(market, invoice) == ("partially_paid", "100.00", "77.31")


async def test_staff_reverse_it_and_all_is_as_before(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 20_000, AFTER)
    payment = (await pay(market, (invoice, "177.31"), total="177.31")).json()["id"]
    path = f"{FINANCE}/payment/{payment}/status"
    assert (await call(market, "PUT", path, "key", json={"status": "reversed", "reason": "x"})).status_code == 403

    answer = await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "Wrong invoice"})

    assert answer.json()["status"] == "reversed", answer.text
    assert await standing(market) == ("200.00", "177.31", "2022.69")
    assert await shown(market, invoice) == ("open", "0.00", "177.31")
    row = (await history(market))[0]
    assert (row["credit"], row["transaction_type"], row["balance_after"]) == ("177.31", "Credit", "200.00")
    await assert_in_order(market.billing.db)


async def test_money_that_is_not_there_pays_nothing_though_the_limit_would_allow_it(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 17_730, AFTER)

    answer = await pay(market, (invoice, "177.31"), total="177.31")

    assert (answer.status_code, code_of(answer)) == (400, "insufficient_funds")
    assert "The balance is 177.30 EUR" in answer.json()["errors"][0]["message"]
    assert await standing(market) == ("177.30", "177.31", "1999.99")


@pytest.mark.parametrize("with_usage", [False, True])
async def test_a_request_for_a_deposit_is_not_paid_from_the_funds_not_even_beside_usage(
    market: World, with_usage: bool
) -> None:
    request, invoice = await requested(market), await used(market)
    await deposit(market, 50_000, AFTER)
    items = [(request, "100.00"), *([(invoice, "177.31")] if with_usage else [])]

    answer = await pay(market, *items, total="277.31" if with_usage else "100.00")

    assert (answer.status_code, code_of(answer)) == (400, "not_payable_from_funds")
    assert await standing(market) == ("500.00", "177.31", "2322.69")


async def test_what_is_wrong_with_any_payment_is_wrong_with_this_one(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 50_000, AFTER)

    for items, total, status, code in (
        ([(invoice, "177.31")], "100.00", 409, "stale_total"),
        ([(invoice, "0")], "0", 400, "bad_request_format"),
        ([(invoice, "1.001")], "1.00", 400, "bad_request_format"),
        ([(invoice + 99, "1.00")], "1.00", 404, "not_found|invoice"),
        ([(invoice, "1.00"), (invoice, "1.00")], "2.00", 400, "bad_request_format"),
    ):
        answer = await pay(market, *items, total=total)
        assert (answer.status_code, code_of(answer)) == (status, code), answer.text
    assert (await standing(market))[0] == "500.00"


async def test_the_same_key_pays_once(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 50_000, AFTER)
    key = {"Idempotency-Key": "p-1"}

    first = await pay(market, (invoice, "50.00"), total="50.00", headers=key)
    second = await pay(market, (invoice, "50.00"), total="50.00", headers=key)

    assert first.json() == second.json()
    assert await shown(market, invoice) == ("partially_paid", "50.00", "127.31")


async def test_a_transfer_that_was_announced_for_the_same_invoice_is_replaced(market: World) -> None:
    invoice = await used(market)
    await deposit(market, 50_000, AFTER)
    announced = (await pay(market, (invoice, "177.31"), total="177.31", payment_method="wire_transfer")).json()
    assert announced["status"] == "pending"

    await pay(market, (invoice, "177.31"), total="177.31")

    assert (await call(market, "GET", f"{FINANCE}/payment/{announced['id']}")).json()["status"] == "canceled"


async def test_a_division_pays_with_its_own_funds_and_not_with_anothers(market: World) -> None:
    await terms(market, IN_NOV, separate_funds=True)
    invoice = await used(market, LABS)
    await deposit(market, 50_000, AFTER)
    assert code_of(await pay(market, (invoice, "177.31"), total="177.31")) == "bad_request_format"  # it is of Labs
    refused = await pay(market, (invoice, "177.31"), total="177.31", container_id=15)
    assert code_of(refused) == "insufficient_funds"

    await deposit(market, 20_000, AFTER, 15)
    assert (await pay(market, (invoice, "177.31"), total="177.31", container_id=15)).status_code == 201

    assert (await standing(market))[0] == "500.00"
    assert await standing(market, 15) == ("22.69", "0.00", "2022.69")
    await assert_in_order(market.billing.db)


async def test_an_invoice_that_stayed_with_the_top_when_funds_were_separated_takes_no_others_money(
    market: World,
) -> None:
    invoice = await used(market, LABS)
    await terms(market, AFTER, separate_funds=True)
    await deposit(market, 50_000, AFTER, 15)
    assert await standing(market) == ("0.00", "177.31", "1822.69")

    refused = await pay(market, (invoice, "177.31"), total="177.31", container_id=15)
    assert code_of(refused) == "not_payable_from_funds"
    assert "as it was issued before funds were separated" in refused.json()["errors"][0]["message"]

    async with market.billing.db.transaction() as tx:
        await actions.record_payment(tx, 9001, eur(17731), "wire", "no word", "B-1", "bank", AFTER)
    assert (await standing(market), (await standing(market, 15))[0]) == (("0.00", "0.00", "2000.00"), "500.00")
    await assert_in_order(market.billing.db)


async def test_who_sees_one_division_pays_no_invoice_of_another(market: World) -> None:
    mine, theirs = await used(market, LABS), await requested(market)
    await deposit(market, 50_000, AFTER)
    await take_key(market, "labs", user_id=3, role="finance_manager", divisions=(15,))

    for method in ("balance", "wire_transfer"):
        answer = await pay(market, (theirs, "1.00"), total="1.00", key="labs", container_id=15, payment_method=method)
        assert (answer.status_code, code_of(answer)) == (404, "not_found|invoice")
    assert (await pay(market, (mine, "177.31"), total="177.31", key="labs", container_id=15)).status_code == 201


async def test_invoices_of_two_sellers_are_not_paid_into_the_bank_of_one(market: World) -> None:
    """The account moved between two invoices, so another entity sells to it."""
    first = await requested(market)
    await move_to_france(market)
    second = await requested(market)

    answer = await pay(market, (first, "100.00"), (second, "100.00"), total="200.00", payment_method="wire_transfer")

    assert (answer.status_code, code_of(answer)) == (400, "several_sellers")
    assert "pay those of each seller by themselves" in answer.json()["errors"][0]["message"]
    assert await market.rows("billing", "SELECT 1 FROM payment") == []
    for invoice in (first, second):
        one = await pay(market, (invoice, "100.00"), total="100.00", payment_method="wire_transfer")
        assert one.status_code == 201
