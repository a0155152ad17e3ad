"""Balance history, adjustments, purchase history and receipts over HTTP, as CertCentral's Finance API answers."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.billing import actions
from shared.events.base import Money
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, terms
from tests.billing.statements import ask, book, day, october, open_accounts, trade
from tests.conftest import World
from tests.makers import YEAR, a_deposit

HISTORY, PURCHASES = "/balance-history", "/purchase-history"
READS = [HISTORY, PURCHASES, "/adjustment/1", "/receipt/1", "/statement"]


@pytest.fixture
async def traded(shop: World) -> World:
    await open_accounts(shop)
    await trade(shop)
    return shop


async def rows(world: World, **parameters: Any) -> list[dict[str, Any]]:
    answer = await ask(world, HISTORY, **{"container_id": 14} | parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["adjustments"]
    return found


def sums(found: list[dict[str, Any]]) -> list[str]:
    return [row.get("credit") or f"-{row['debit']}" for row in found]


# ── balance history ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_row_has_exactly_the_documented_fields(traded: World) -> None:
    credit, shop, labs, main, deposit = await rows(traded)
    common = {"container": {"id": 14, "name": "Main", "is_active": True}, "currency": "EUR"}
    for row in (credit, shop, labs, main, deposit):
        assert datetime.strptime(row.pop("transaction_date"), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
        assert row.pop("id").isdigit()

    receipts = [row.pop("receipt_id") for row in (credit, shop, labs, main, deposit)]
    assert receipts[0] == "0"
    assert len(set(receipts)) == 5
    note = f"Order 2, credit note CN-{YEAR}-000001 for invoice INV-{YEAR}-000002"
    assert credit == common | {
        "credit": "177.31", "transaction_type": "Credit", "balance_after": "645.38", "order_id": "2", "note": note,
    }  # fmt: skip
    assert shop == common | {
        "debit": "177.31", "transaction_type": "Charge", "balance_after": "468.07", "order_id": "3",
        "order_source": "shop",
    }  # fmt: skip
    assert main == common | {
        "debit": "177.31", "transaction_type": "Charge", "balance_after": "822.69", "order_id": "1",
    }  # fmt: skip
    assert deposit == common | {
        "credit": "1000.00", "transaction_type": "Credit", "balance_after": "1000.00", "note": "Deposit, SEPA 88",
    }  # fmt: skip


async def test_a_deposit_by_card_is_called_so(traded: World) -> None:
    await traded.deliver("billing", a_deposit(700, method="credit_card"))

    assert (await rows(traded))[0]["transaction_type"] == "Credit Card Deposit"


async def test_a_payment_that_bounced_is_a_row_of_its_own_with_the_same_receipt(traded: World) -> None:
    [payment] = await traded.rows("billing", "SELECT id FROM payment")
    async with traded.billing.db.transaction() as tx:
        await actions.reverse_payment(tx, payment.id, "No cover", "ops", datetime.now(UTC))

    found = await rows(traded)
    told = (await ask(traded, f"/payment/{payment.id}")).json()

    assert (found[0]["transaction_type"], found[0]["debit"]) == ("Reversal", "1000.00")
    assert found[0]["receipt_id"] == found[-1]["receipt_id"] == told["receipt_id"]


async def test_other_debits_are_called_by_their_kind(traded: World) -> None:
    await book(traded, day(60), -700, "To Labs", "transfer")

    assert (await rows(traded))[0]["transaction_type"] == "Transfer"


@pytest.mark.parametrize(
    ("kind", "amount", "side", "type_"),
    [
        ("transfer", -700, "debit", "Transfer"),
        ("transfer", 700, "credit", "Credit"),
        ("opening", -60000, "debit", "Opening Balance"),
        ("opening", 60000, "credit", "Opening Balance"),
        ("adjustment", -5, "debit", "Adjustment"),
        ("adjustment", 5, "credit", "Credit"),
    ],
)
async def test_other_entries_are_a_debit_by_their_name_or_a_credit_with_a_note(
    traded: World, kind: str, amount: int, side: str, type_: str
) -> None:
    await book(traded, day(60), amount, "Says what it was", kind)

    row = (await rows(traded))[0]
    one = (await ask(traded, f"/adjustment/{row['id']}")).json()

    assert one == row
    assert (row["transaction_type"], row["note"]) == (type_, "Says what it was")
    assert ({"debit", "credit"} & set(row), row[side]) == ({side}, f"{abs(amount) / 100:.2f}")
    assert row["id"] in [r["id"] for r in await rows(traded, **{"filters[adjust_type]": type_.lower()})]


async def test_an_invoice_paid_from_the_funds_is_no_reversal(shop: World) -> None:
    await open_accounts(shop)
    usage_invoice = await a_usage_invoice(shop)
    async with shop.billing.db.transaction() as tx:
        total = Money(amount=17731, currency="EUR")
        at = datetime.now(UTC)
        paid = await actions.pay_from_funds(tx, 9001, 14, {usage_invoice: 17731}, total, "ann", at)
    assert (await rows(shop))[0]["transaction_type"] == "Sale from Account Balance"

    async with shop.billing.db.transaction() as tx:
        await actions.reverse_payment(tx, paid, "By mistake", "ops", datetime.now(UTC))
    assert [row["transaction_type"] for row in (await rows(shop))[:2]] == ["Credit", "Sale from Account Balance"]


async def a_usage_invoice(world: World) -> int:
    await terms(world, datetime(2026, 9, 2, tzinfo=UTC), negative_limit=eur(0), monthly_billing=True)
    await deposit(world, 20_000, datetime(2026, 9, 3, tzinfo=UTC))
    await order(world, datetime(2026, 9, 20, tzinfo=UTC), order_id=70, payment=ON_ACCOUNT)
    await close(world, date(2026, 9, 1), datetime(2026, 10, 1, tzinfo=UTC))
    [row] = await world.rows("billing", "SELECT id FROM invoice WHERE kind = 'usage'")
    return int(row.id)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["1.00", "-90.00", "5.00", "-40.00", "100.00"]),
        ({"container_id": "", "filters[container_id]": "14"}, ["1.00", "-90.00", "5.00", "-40.00", "100.00"]),
        ({"limit": 2}, ["1.00", "-90.00"]),
        ({"limit": 2, "offset": 2}, ["5.00", "-40.00"]),
        ({"limit": 2, "offset": 4}, ["100.00"]),
        ({"offset": 5}, []),
        ({"offset": 999_999_999}, []),
        ({"sort": "id"}, ["100.00", "-40.00", "5.00", "-90.00", "1.00"]),
        ({"sort": "-credit", "limit": 3}, ["100.00", "5.00", "1.00"]),
        ({"sort": "-debit", "limit": 2}, ["-90.00", "-40.00"]),
        ({"sort": "balance_after", "limit": 1}, ["-90.00"]),
        ({"sort": "transaction_date", "limit": 1, "offset": 1}, ["-40.00"]),
        ({"sort": "transaction_type,-id"}, ["1.00", "5.00", "100.00", "-90.00", "-40.00"]),
        ({"sort": "receipt_id,+order_id,expiration_date", "limit": 1}, ["1.00"]),
        ({"filters[adjust_type]": "credit"}, ["1.00", "5.00", "100.00"]),
        ({"filters[adjust_type]": "TRANSFER", "offset": 1}, ["-40.00"]),
        ({"filters[adjust_type][0]": "Transfer", "filters[adjust_type][1]": "Credit", "limit": 1}, ["1.00"]),
        ({"filters[transaction_date]": "2026-10-01...2026-10-31"}, ["-90.00", "5.00", "-40.00"]),
        ({"filters[transaction_date]": ">2026-10-31"}, ["1.00"]),
        ({"filters[transaction_date]": "<2026-10-01T00:00:00+00:00"}, ["100.00"]),
        ({"filters[expiration_date]": ">2026-01-01"}, []),
    ],
)
async def test_a_filter_a_sort_and_a_page_are_applied(
    shop: World, parameters: dict[str, Any], expected: list[str]
) -> None:
    await open_accounts(shop)
    await october(shop)

    assert sums(await rows(shop, **parameters)) == expected


async def test_the_total_counts_after_filters_and_before_the_limit(shop: World) -> None:
    await open_accounts(shop)
    await october(shop)

    plain = (await ask(shop, HISTORY, container_id=14, limit=2, offset=9)).json()["page"]
    some = (await ask(shop, HISTORY, container_id=14, limit=1, **{"filters[adjust_type]": "credit"})).json()["page"]

    assert plain == {"total": 5, "limit": 2, "offset": 9}
    assert some == {"total": 3, "limit": 1, "offset": 0}


@pytest.mark.parametrize("path", [HISTORY, PURCHASES])
@pytest.mark.parametrize(
    ("parameters", "status", "says"),
    [
        ({}, 400, "container_id is needed as soon as an account has more than one"),
        ({"container_id": "15"}, 404, "no container 15 that you may see"),
        ({"container_id": "x"}, 400, "container_id takes a number"),
        ({"container_id": "9" * 30}, 400, "container_id takes a number"),
        ({"container_id": "9" * 5_000}, 400, "container_id takes a number"),
        ({"filters[container_id][0]": "14", "filters[container_id][1]": "16"}, 400, "one division here"),
        ({"container_id": "14", "filters[colour]": "red"}, 400, 'no filter "colour"'),
        ({"container_id": "14", "filters[account_id]": "9002"}, 400, 'no filter "account_id"'),
        ({"container_id": "14", "sort": "colour"}, 400, 'no sort column "colour"'),
        ({"container_id": "14", "filters[transaction_date]": "yesterday"}, 400, "is no date"),
        ({"container_id": "14", "limit": "-1"}, 400, "limit is a whole number"),
    ],
)
async def test_what_cannot_be_listed_is_said_with_what_to_do(
    traded: World, path: str, parameters: dict[str, str], status: int, says: str
) -> None:
    answer = await ask(traded, path, **parameters)

    assert answer.status_code == status
    assert says in answer.json()["errors"][0]["message"]


async def test_an_expiration_that_is_no_date_is_said_though_nothing_expires(traded: World) -> None:
    answer = await ask(traded, HISTORY, container_id=14, **{"filters[expiration_date]": "soon"})

    assert answer.status_code == 400


async def test_an_account_with_one_division_need_not_name_it(traded: World) -> None:
    for path in (HISTORY, PURCHASES, "/statement"):
        assert (await ask(traded, path, "other")).status_code == 200


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("who", "says"),
    [
        ({"key_role": 100}, "restricted to orders, requests and certificates"),
        ({"key_role": 101}, "restricted to orders, domains and organizations"),
        ({"key_role": 103}, "restricted to user management"),
        ({"role": "standard_user"}, "may not see finances"),
        ({"role": "limited_user"}, "may not see finances"),
        ({"role": "service"}, "may not see finances"),
    ],
)
async def test_who_has_no_business_with_finance_is_told_so(
    traded: World, path: str, who: dict[str, Any], says: str
) -> None:
    await take_key(traded, "denied", **who)

    answer = await ask(traded, path, "denied", container_id=14)

    assert answer.status_code == 403
    assert says in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("role", ["finance_manager", "manager"])
async def test_other_finance_roles_and_keys_that_only_read_see_all_of_it(traded: World, role: str) -> None:
    await take_key(traded, "reader", role=role, key_role=102)

    for path in (HISTORY, PURCHASES, "/statement"):
        assert (await ask(traded, path, "reader", container_id=14)).status_code == 200


async def test_staff_see_any_division_and_have_to_say_which(traded: World) -> None:
    await take_key(traded, "staff", role="operator", account_id=0)

    assert (await ask(traded, HISTORY, "staff")).status_code == 400
    assert (await ask(traded, HISTORY, "staff", container_id=15)).json()["page"]["total"] == 0
    assert (await ask(traded, HISTORY, "staff", container_id=14)).json()["page"]["total"] == 5


async def test_who_sees_one_division_sees_the_sums_of_the_shared_funds_but_not_the_others_orders(
    traded: World,
) -> None:
    await take_key(traded, "labs", role="finance_manager", divisions=(16,))

    found = (await ask(traded, HISTORY, "labs", container_id=16)).json()["adjustments"]

    assert sums(found) == ["177.31", "-177.31", "-177.31", "-177.31", "1000.00"]
    assert [row.get("order_id") for row in found] == ["2", None, "2", None, None]
    assert [row["receipt_id"] == "0" for row in found] == [True, True, False, True, True]
    assert found[1]["note"] == "Of another division that shares these funds"
    assert (await ask(traded, HISTORY, "labs", container_id=14)).status_code == 404


# ── one adjustment ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_adjustment_is_the_row_of_the_list_and_its_number_is_unique_and_small(traded: World) -> None:
    found = await rows(traded)

    assert len({row["id"] for row in found}) == 5
    for row in found:
        assert int(row["id"]) < 2**31
        assert (await ask(traded, f"/adjustment/{row['id']}")).json() == row


@pytest.mark.parametrize("wanted", ["0", "999999", "99999999999999999999", "x", "-1"])
async def test_an_adjustment_that_is_not_there_is_said(traded: World, wanted: str) -> None:
    answer = await ask(traded, f"/adjustment/{wanted}")

    assert answer.status_code in (400, 404)
    assert answer.json()["errors"][0]["message"]


async def test_adjustments_of_others_do_not_exist(traded: World) -> None:
    await take_key(traded, "labs", divisions=(16,))
    credit, shop, *_ = await rows(traded)
    [revenue] = await traded.rows("billing", "SELECT id FROM posting WHERE division_id IS NULL ORDER BY id LIMIT 1")

    assert (await ask(traded, f"/adjustment/{credit['id']}", "other")).status_code == 404
    assert (await ask(traded, f"/adjustment/{shop['id']}", "labs")).status_code == 404
    assert (await ask(traded, f"/adjustment/{credit['id']}", "labs")).status_code == 200
    assert (await ask(traded, f"/adjustment/{revenue.id}")).status_code == 404


# ── purchases and receipts ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_purchase_says_what_was_bought_and_its_receipt(traded: World) -> None:
    newest, oldest = (await ask(traded, PURCHASES, container_id=14)).json()["order_transactions"]

    assert datetime.strptime(oldest.pop("transaction_date"), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    receipt = oldest.pop("receipt_id")
    assert oldest.pop("id") == receipt
    assert oldest == {
        "container": {"id": 14, "name": "Main", "is_active": True}, "order_id": "1", "amount": "177.31",
        "currency": "EUR", "payment_type": "balance", "transaction_type": "purchase",
        "product_name": "Standard DV certificate, 1 year",
    }  # fmt: skip
    assert (newest["order_id"], newest["order_source"]) == ("3", "shop")
    assert (await ask(traded, f"/receipt/{receipt}")).json()["acct_amount"] == "177.31"


@pytest.mark.parametrize(
    ("parameters", "orders"),
    [
        ({"container_id": 16}, ["2"]),
        ({"filters[container_id]": 16}, ["2"]),
        ({"container_id": 14}, ["3", "1"]),
        ({"container_id": 14, "sort": "id"}, ["1", "3"]),
        ({"container_id": 14, "sort": "-order_id,amount,transaction_date,receipt_id"}, ["3", "1"]),
        ({"container_id": 14, "limit": 1, "offset": 1}, ["1"]),
        ({"container_id": 14, "filters[order_id]": "1"}, ["1"]),
        ({"container_id": 14, "filters[order_id]": "3"}, []),
        ({"container_id": 14, "filters[receipt_id]": "999"}, []),
        ({"container_id": 14, "filters[transaction_date]": ">2020-01-01"}, ["3", "1"]),
        ({"container_id": 14, "filters[transaction_date]": "<2020-01-01"}, []),
    ],
)
async def test_purchases_are_filtered_and_sorted(traded: World, parameters: dict[str, Any], orders: list[str]) -> None:
    found = (await ask(traded, PURCHASES, **parameters)).json()["order_transactions"]

    assert [row["order_id"] for row in found] == orders


async def test_the_receipt_of_a_charge_is_the_documented_object(traded: World) -> None:
    [charge] = await traded.rows("billing", "SELECT id FROM charge WHERE order_id = 1")
    receipt = (await ask(traded, f"/receipt/{charge.id}")).json()

    assert datetime.strptime(receipt.pop("date_time"), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    assert receipt == {
        "id": str(charge.id), "acct_amount": "177.31", "gross_amount": "149.00", "tax_amount": "28.31",
        "currency": "EUR", "cc_amount": "0.00", "bill_name": "Acme Example GmbH", "bill_addr1": "Hauptstraße 1",
        "bill_city": "Berlin", "bill_zip": "10115", "bill_country": "DE", "bill_email": "ap@acme.example",
        "billing_entity_id": receipt["billing_entity_id"],
    }  # fmt: skip
    assert type(receipt["billing_entity_id"]) is int


async def test_a_deposit_has_a_receipt_in_the_same_series(traded: World) -> None:
    await traded.deliver("billing", a_deposit(700, method="credit_card"))
    card, *_, wire = await rows(traded)
    paid = [(await ask(traded, f"/receipt/{row['receipt_id']}")).json() for row in (wire, card)]

    assert [(one["acct_amount"], one["gross_amount"], one["tax_amount"], one["cc_amount"]) for one in paid] == [
        ("0.00", "1000.00", "0.00", "0.00"),
        ("0.00", "7.00", "0.00", "7.00"),
    ]
    assert paid[0]["bill_name"] == "Acme Example GmbH"


@pytest.mark.parametrize("wanted", ["0", "999999", "99999999999999999999", "x"])
async def test_a_receipt_that_is_not_there_is_said(traded: World, wanted: str) -> None:
    answer = await ask(traded, f"/receipt/{wanted}")

    assert answer.status_code in (400, 404)
    assert answer.json()["errors"][0]["message"]


async def test_receipts_of_others_do_not_exist(traded: World) -> None:
    await take_key(traded, "labs", divisions=(16,))
    _, shop, labs, _, deposit = await rows(traded)

    for row in (shop, deposit):
        for key in ("other", "labs"):
            assert (await ask(traded, f"/receipt/{row['receipt_id']}", key)).status_code == 404
    assert (await ask(traded, f"/receipt/{labs['receipt_id']}", "labs")).status_code == 200
