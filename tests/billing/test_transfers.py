"""Funds moved between divisions, and added or removed by staff, over HTTP."""

from typing import Any

import pytest

from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import deposit, eur, standing, terms
from tests.billing.test_purchase_orders import call, code_of
from tests.conftest import World
from tests.makers import NOW, an_account, an_opened_account

TRANSFER = "/services/v2/finance/transfer"
MOVE = {"amount": "250.00", "from_container_id": "14", "to_container_id": "15"}


@pytest.fixture
async def market(shop: World) -> World:
    """Main with 1,000.00 and Labs with nothing, each with its own funds; another account has division 24."""
    other = an_opened_account(account=an_account(id=9002)).model_copy(update={"division": Division(id=24, name="X")})
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="Labs"))
    await shop.deliver("billing", an_opened_account(), labs, other)
    await terms(shop, NOW, negative_limit=eur(50_000), separate_funds=True)
    await deposit(shop, 100_000, NOW)
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email="ops@ca.example")
    return shop


async def send(world: World, key: str = "key", headers: Any = None, **changed: Any) -> Any:
    return await call(world, "POST", TRANSFER, key, json=MOVE | changed, headers=headers)


async def balances(world: World) -> tuple[str, str]:
    return (await standing(world))[0], (await standing(world, 15))[0]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"from_container_id": 14, "to_container_id": 15, "amount": 250},
        {"amount": 250.0},
        {"amount": "250", "currency": "EUR"},
    ],
)
async def test_a_transfer_moves_funds_and_answers_with_nothing(market: World, sent: dict[str, Any]) -> None:
    answer = await send(market, **sent)

    assert (answer.status_code, answer.content) == (204, b""), answer.text
    assert "content-type" not in answer.headers
    assert await balances(market) == ("750.00", "250.00")
    await assert_in_order(market.billing.db)


async def test_both_divisions_have_it_in_their_history(market: World) -> None:
    await send(market)

    rows = {}
    for division in (14, 15):
        path = f"/services/v2/finance/balance-history?container_id={division}"
        rows[division] = (await call(market, "GET", path)).json()["adjustments"][0]
    assert (rows[14]["debit"], rows[14]["transaction_type"], rows[14]["balance_after"]) == (
        "250.00", "Transfer", "750.00",
    )  # fmt: skip
    assert (rows[15]["credit"], rows[15]["transaction_type"], rows[15]["balance_after"]) == (
        "250.00", "Credit", "250.00",
    )  # fmt: skip
    assert rows[14]["note"] == rows[15]["note"] == "Transfer from Main to Labs"


async def test_what_is_available_may_be_moved_the_credit_of_the_account_included_and_not_a_cent_more(
    market: World,
) -> None:
    refused = await send(market, amount="1500.01")
    assert (refused.status_code, code_of(refused)) == (400, "insufficient_funds")
    assert "1500.00 EUR available" in refused.json()["errors"][0]["message"]

    assert (await send(market, amount="1500.00")).status_code == 204

    assert await standing(market) == ("-500.00", "0.00", "0.00")
    assert await standing(market, 15) == ("1500.00", "0.00", "1500.00")
    await assert_in_order(market.billing.db)


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        ({"to_container_id": "14"}, 400, "from one division to another"),
        ({"to_container_id": "24"}, 404, "no container 24"),
        ({"from_container_id": "24"}, 404, "no container 24"),
        ({"from_container_id": "999"}, 404, "no container 999"),
        ({"from_container_id": "0"}, 400, "from_container_id"),
        ({"from_container_id": ""}, 400, "from_container_id"),
        ({"to_container_id": "Labs"}, 400, "to_container_id"),
        ({"amount": "2000.00"}, 400, "available; transfer at most that"),
        ({"amount": "0"}, 400, "more than 0"),
        ({"amount": "-5"}, 400, "more than 0"),
        ({"amount": "1.001"}, 400, "more decimals"),
        ({"amount": "1e3"}, 400, "is no amount"),
        ({"amount": "99999999999999999"}, 400, "is no amount"),
        ({"amount": ""}, 400, "amount"),
        ({"amount": True}, 400, "amount"),
        ({"currency": "USD"}, 400, "keeps its book in EUR"),
        ({"currency": "XYZ1"}, 400, "no ISO 4217"),
    ],
)
async def test_a_transfer_that_cannot_be_says_why_and_moves_nothing(
    market: World, changed: dict[str, Any], status: int, says: str
) -> None:
    answer = await send(market, **changed)

    assert answer.status_code == status, answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert await balances(market) == ("1000.00", "0.00")


async def test_where_funds_are_shared_there_is_nothing_to_transfer(market: World) -> None:
    await terms(market, NOW, separate_funds=False)

    assert code_of(await send(market)) == "not_separate"


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"role": "administrator"}, 204),
        ({"role": "finance_manager"}, 204),
        ({"role": "finance_manager", "divisions": (14, 15)}, 204),
        ({"role": "finance_manager", "divisions": (14,)}, 404),
        ({"role": "finance_manager", "divisions": (15,)}, 404),
        ({"role": "manager"}, 403),
        ({"role": "standard_user"}, 403),
        ({"role": "limited_user"}, 403),
        ({"key_role": 100}, 403),
        ({"key_role": 101}, 403),
        ({"key_role": 102}, 403),
        ({"key_role": 103}, 403),
        ({"account_id": 9002}, 404),
        ({"role": "operator", "account_id": 0}, 204),
    ],
)
async def test_who_may_pay_in_both_divisions_may_transfer(market: World, who: dict[str, Any], status: int) -> None:
    await take_key(market, "other", **{"user_id": 3} | who)

    answer = await send(market, "other")

    assert answer.status_code == status, answer.text
    assert await balances(market) == (("750.00", "250.00") if status == 204 else ("1000.00", "0.00"))


async def test_staff_move_nothing_between_accounts(market: World) -> None:
    answer = await send(market, "staff", to_container_id="24")

    assert (answer.status_code, code_of(answer)) == (404, "not_found|container")


async def test_a_repeated_transfer_moves_once_and_another_one_needs_another_key(market: World) -> None:
    again = {"Idempotency-Key": "t-1"}
    for _ in range(2):
        answer = await send(market, headers=again)
        assert (answer.status_code, answer.content) == (204, b"")

    reused = await send(market, headers=again, amount="1.00")

    assert (reused.status_code, code_of(reused)) == (409, "idempotency_key_reused")
    assert await balances(market) == ("750.00", "250.00")


async def test_who_moved_what_is_in_the_audit_log(market: World) -> None:
    await send(market)

    [row] = await market.rows("billing", "SELECT * FROM audit_log WHERE what = 'funds transferred'")
    assert (row.who, row.subject) == ("ann@acme.example", "account/9001")


# ── staff ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def subaccount(division: int = 15) -> str:
    return f"/services/v2/account/subaccount/{division}/balance"


async def put(world: World, key: str = "staff", division: int = 15, **body: Any) -> Any:
    given = {"amount": 500, "transaction_type": "deposit"}
    return await call(world, "PUT", subaccount(division), key, json=given | body)


async def test_the_balance_of_a_subaccount_is_a_number(market: World) -> None:
    assert (await call(market, "GET", subaccount(14))).text == '{"amount":1000,"currency":"EUR"}'

    await send(market, amount="0.55")

    assert (await call(market, "GET", subaccount(14))).text == '{"amount":999.45,"currency":"EUR"}'
    assert (await call(market, "GET", subaccount(15))).text == '{"amount":0.55,"currency":"EUR"}'
    assert (await call(market, "GET", subaccount(24))).status_code == 404


async def test_a_deposit_of_staff_adds_and_anything_else_removes(market: World) -> None:
    answer = await put(market)
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    assert await standing(market, 15) == ("500.00", "0.00", "1000.00")

    assert (await put(market, amount="120.50", transaction_type="withdrawal")).status_code == 204

    assert await standing(market, 15) == ("379.50", "0.00", "879.50")
    path = "/services/v2/finance/balance-history?container_id=15"
    removed, added = (await call(market, "GET", path)).json()["adjustments"]
    assert (removed["debit"], removed["transaction_type"], removed["receipt_id"]) == ("120.50", "Adjustment", "0")
    assert removed["note"] == "Taken from the funds of Labs by the certificate authority"
    assert (added["credit"], added["transaction_type"]) == ("500.00", "Credit")
    assert len(await market.rows("billing", "SELECT 1 FROM audit_log WHERE what = 'funds changed'")) == 2
    await assert_in_order(market.billing.db)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"transaction_type": "withdrawal", "amount": "500.01"}, 400, "500.00 EUR available; remove at most that"),
        ({"amount": 0}, 400, "more than 0"),
        ({"amount": -5}, 400, "more than 0"),
        ({"amount": "1.001"}, 400, "more decimals"),
        ({"currency": "USD"}, 400, "keeps its book in EUR"),
        ({"transaction_type": ""}, 400, "transaction_type"),
        ({"amount": ""}, 400, "amount"),
        ({"division": 999}, 404, "no container 999"),
    ],
)
async def test_a_change_that_cannot_be_says_why_and_changes_nothing(
    market: World, body: dict[str, Any], status: int, says: str
) -> None:
    answer = await put(market, **body)

    assert answer.status_code == status, answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert await balances(market) == ("1000.00", "0.00")


@pytest.mark.parametrize("role", ["administrator", "finance_manager", "standard_user"])
async def test_no_customer_settles_money_by_it(market: World, role: str) -> None:
    await take_key(market, "other", user_id=3, role=role)

    assert (await put(market, "other")).status_code == 403
    assert await balances(market) == ("1000.00", "0.00")


async def test_a_removal_past_what_is_available_says_the_code_of_the_contract(market: World) -> None:
    assert code_of(await put(market, transaction_type="fee", amount=501)) == "insufficient_funds"
