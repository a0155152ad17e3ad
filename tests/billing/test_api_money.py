"""The balance and deposits over HTTP."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from shared.events.orders import Division, DivisionAdded
from tests.billing.makers import take_key
from tests.conftest import SERVICE_KEY, World
from tests.makers import NOW, a_deposit, an_account, an_opened_account

BALANCE, DEPOSIT = "/services/v2/finance/balance", "/services/v2/finance/deposit"
LABS = Division(id=16, name="Labs")
SENT = {"container_id": 14, "amount": "250.00", "currency": "EUR", "reference": "SEPA 88"}


async def ask(world: World, path: str, key: str | None, **more: Any) -> Any:
    async with world.client(key) as http:
        return await http.get(path, **more)


async def book_has(world: World, balance: int, limit: int, unlimited: bool = False) -> None:
    async with world.billing.db.transaction() as tx:
        values = {"balance": balance, "negative_limit": limit, "unlimited": unlimited}
        await tx.execute(
            text(
                "UPDATE funds SET balance = :balance, used_credit = greatest(0, -CAST(:balance AS bigint)), "
                "negative_limit = :negative_limit, unlimited = :unlimited"
            ),
            values,
        )


async def open_with(world: World, currency: str = "USD", **key: Any) -> None:
    await world.deliver("billing", an_opened_account(account=an_account(currency=currency)))
    await take_key(world, "key", **key)


async def nothing_written(world: World) -> bool:
    rows = await world.rows("billing", "SELECT 1 FROM payment UNION ALL SELECT 1 FROM idempotency_key")
    return rows == [] and await world.said("billing") == []


# ── the balance ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_documented_example_of_a_limited_account(shop: World) -> None:
    await open_with(shop)
    await book_has(shop, 45400, 200000)

    answer = await ask(shop, BALANCE, "key")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "balance": "454.00", "currency": "USD", "unpaid_invoice_balance": "0.00", "negative_balance_limit": "2000.00",
        "used_credit_from_other_containers": "0.00", "total_available_funds": "2454.00",
    }  # fmt: skip


async def test_the_documented_example_of_an_unlimited_account(shop: World) -> None:
    await open_with(shop)
    await book_has(shop, -100070, 200000, unlimited=True)

    assert (await ask(shop, BALANCE, "key")).json() == {
        "balance": "-1000.70", "currency": "USD", "unpaid_invoice_balance": "0.00",
        "used_credit_from_other_containers": "0.00", "unlimited_negative_balance": True,
    }  # fmt: skip


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "45400"), ("BHD", "45.400")])
async def test_a_balance_has_the_decimals_of_its_currency(shop: World, currency: str, shown: str) -> None:
    await open_with(shop, currency)
    await book_has(shop, 45400, 0)

    assert (await ask(shop, BALANCE, "key")).json()["balance"] == shown


async def test_the_division_must_be_named_as_soon_as_there_are_two(shop: World) -> None:
    await open_with(shop)
    assert (await ask(shop, BALANCE, "key")).status_code == 200

    await shop.deliver("billing", DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))

    answer = await ask(shop, BALANCE, "key")
    assert answer.status_code == 400
    assert "container_id" in answer.json()["errors"][0]["message"]
    for division in ("14", "16"):
        assert (await ask(shop, BALANCE, "key", params={"container_id": division})).status_code == 200


@pytest.mark.parametrize("container_id", ["15", "999", "2147483648", "99999999999999999999", "-1"])
async def test_a_division_that_is_not_mine_does_not_exist_for_me(shop: World, container_id: str) -> None:
    await open_with(shop)
    other = an_opened_account(account=an_account(id=9002)).model_copy(update={"division": Division(id=15, name="X")})
    await shop.deliver("billing", other)

    answer = await ask(shop, BALANCE, "key", params={"container_id": container_id})

    assert answer.status_code in (400, 404)
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("container_id", ["", "0"])
async def test_an_empty_division_and_0_are_none(shop: World, container_id: str) -> None:
    await open_with(shop)

    assert (await ask(shop, BALANCE, "key", params={"container_id": container_id})).status_code == 200


async def test_an_operator_has_to_say_whose_balance_is_asked_for(shop: World) -> None:
    await open_with(shop, role="operator", account_id=0)

    answer = await ask(shop, BALANCE, "key")

    assert answer.status_code == 400
    assert "container_id" in answer.json()["errors"][0]["message"]


async def test_what_is_no_number_is_refused_by_its_name(shop: World) -> None:
    await open_with(shop)

    answer = await ask(shop, BALANCE, "key", params={"container_id": "Main"})

    assert answer.status_code == 400
    assert "container_id" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"role": "administrator"}, 200),
        ({"role": "finance_manager"}, 200),
        ({"role": "manager"}, 200),
        ({"role": "standard_user"}, 403),
        ({"role": "limited_user"}, 403),
        ({"key_role": 100}, 200),
        ({"key_role": 101}, 200),
        ({"key_role": 102}, 200),
        ({"key_role": 103}, 403),
        ({"divisions": (14,)}, 200),
        ({"divisions": (16,)}, 404),
        ({"revoked_at": NOW}, 403),
        ({"account_id": 9002}, 404),
        ({"role": "operator", "account_id": 0}, 200),
    ],
)
async def test_who_sees_the_balance_of_a_division(shop: World, who: dict[str, Any], status: int) -> None:
    await open_with(shop, **who)

    answer = await ask(shop, BALANCE, "key", params={"container_id": "14"})

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("key", [None, "unknown", SERVICE_KEY])
async def test_without_a_key_of_a_user_there_is_no_balance(shop: World, key: str | None) -> None:
    await open_with(shop)

    answer = await ask(shop, BALANCE, key)

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "access_denied|missing_permission"


# ── deposits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def send(world: World, key: str = "key", **more: Any) -> Any:
    async with world.client(key) as http:
        return await http.post(DEPOSIT, **more)


@pytest.fixture
async def bank(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key", role="operator", account_id=0, email="ops@ca.example")
    return shop


async def test_a_deposit_of_staff_is_settled_booked_and_announced(bank: World) -> None:
    answer = await send(bank, json=SENT)

    assert answer.status_code == 201
    assert answer.json() | {"id": 0} == {
        "id": 0, "status": "settled", "amount": "250.00", "currency": "EUR", "reference": "SEPA 88"
    }  # fmt: skip
    [event] = await bank.said("billing", "payment_settled")
    assert (event["payment_id"], event["amount"]["amount"]) == (answer.json()["id"], 25000)
    [row] = await bank.rows("billing", "SELECT settled_by, method FROM payment")
    assert tuple(row) == ("ops@ca.example", "wire_transfer")


@pytest.mark.parametrize(
    "amount", ['"250.00"', "250.00", "250", '"250"', "250.0", '"250.000"'], ids=lambda text: text.replace('"', "'")
)
async def test_money_is_taken_as_integer_decimal_number_or_string(bank: World, amount: str) -> None:
    body = f'{{"container_id": "14", "amount": {amount}, "unknown": 1}}'

    answer = await send(bank, content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json().get("amount")) == (201, "250.00"), answer.text


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("-5", "more than 0"),
        ('"-0.01"', "more than 0"),
        ("0", "more than 0"),
        ('"0.00"', "more than 0"),
        ('"1.001"', "more decimals"),
        ("1.001", "more decimals"),
        ("0.1000000000000000055", "more decimals"),
        ("1.0000000000000000000000000000001", "no amount"),
        ("1e3", "no amount"),
        ('"1e3"', "no amount"),
        ("NaN", "no amount"),
        ('"NaN"', "no amount"),
        ("Infinity", "no amount"),
        ('"1,000.00"', "no amount"),
        ('"1_000"', "no amount"),
        ('"250 EUR"', "no amount"),
        ("1" + "0" * 14 + "1", "than can be booked"),
        ("9" * 5000, "not JSON"),
        ("true", "amount"),
        ("null", "amount"),
        ('""', "amount"),
        ("[250]", "amount"),
        ('{"value": 1}', "amount"),
    ],
)
async def test_an_amount_that_is_none_is_refused_with_a_sentence_and_nothing_is_written(
    bank: World, amount: str, says: str
) -> None:
    body = f'{{"container_id": 14, "amount": {amount}}}'

    answer = await send(bank, content=body, headers={"content-type": "application/json", "Idempotency-Key": "k"})

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["code"] == "bad_request_format"
    assert says in answer.json()["errors"][0]["message"]
    assert await nothing_written(bank)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"container_id": "x"}, 400, "bad_request_format"),
        ({"container_id": None}, 400, "bad_request_format"),
        ({"container_id": -1}, 400, "bad_request_format"),
        ({"container_id": 2**31}, 400, "bad_request_format"),
        ({"container_id": 999}, 404, "not_found|container"),
        ({"currency": "USD"}, 400, "bad_request_format"),
        ({"currency": "eur"}, 400, "bad_request_format"),
        ({"currency": "x" * 500}, 400, "bad_request_format"),
        ({"currency": 978}, 400, "bad_request_format"),
        ({"payment_method": "Wire Transfer"}, 400, "bad_request_format"),
        ({"reference": "x" * 256}, 400, "bad_request_format"),
        ({"reference": "a\0b"}, 400, "bad_request_format"),
        ({"reference": "\ud800"}, 400, "bad_request_format"),
    ],
)
async def test_a_deposit_with_a_wrong_field_is_refused_and_nothing_is_written(
    bank: World, changed: dict[str, Any], status: int, code: str
) -> None:
    body = json.dumps(SENT | changed).encode()

    answer = await send(bank, content=body, headers={"content-type": "application/json", "Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code), answer.text
    assert await nothing_written(bank)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"amount=250", "application/x-www-form-urlencoded", 400),
        (b"<deposit/>", "application/xml", 400),
        (b'{"container_id": 14, "amount": "1.00"}', "text/plain", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"", "application/json", 400),
        (b" " * (2 << 20), "application/json", 413),
    ],
)
async def test_a_body_that_is_none_is_refused(bank: World, content: bytes, kind: str, status: int) -> None:
    answer = await send(bank, content=content, headers={"content-type": kind})

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["errors"][0]["message"]
    assert await nothing_written(bank)


async def test_a_reference_counts_once_and_the_refusal_names_the_first_deposit(bank: World) -> None:
    first = await send(bank, json=SENT)

    again = await send(bank, json=SENT)

    assert (again.status_code, again.json()["errors"][0]["code"]) == (400, "duplicate_reference")
    assert f"payment ISS-{first.json()['id']}-" in again.json()["errors"][0]["message"]
    assert await bank.rows("billing", "SELECT balance, seq FROM funds") == [(25000, 1)]


async def test_the_same_reference_by_kafka_counts_with_the_one_by_http(bank: World) -> None:
    await bank.deliver("billing", a_deposit(25000, reference="SEPA 88"))

    assert (await send(bank, json=SENT)).status_code == 400


async def test_an_idempotency_key_gives_the_first_answer_again_and_refuses_another_body(bank: World) -> None:
    headers = {"Idempotency-Key": "k 1"}
    sent = {name: value for name, value in SENT.items() if name != "reference"}

    first = await send(bank, json=sent, headers=headers)
    again = await send(bank, json=sent, headers=headers)
    other = await send(bank, json=sent | {"amount": "1.00"}, headers=headers)

    assert again.json() == first.json()
    assert again.status_code == 201
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "idempotency_key_reused")
    assert await bank.rows("billing", "SELECT balance FROM funds") == [(25000,)]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_1_to_255_characters(bank: World, key: str) -> None:
    assert (await send(bank, json=SENT, headers={"Idempotency-Key": key})).status_code == 400
    assert await nothing_written(bank)


@pytest.mark.parametrize(
    "who",
    [
        {"role": "manager"},
        {"role": "standard_user"},
        {"role": "administrator", "key_role": 100},
        {"role": "operator", "account_id": 0, "key_role": 100},
        {"role": "operator", "account_id": 0, "key_role": 102},
        {"role": "operator", "account_id": 0, "key_role": 103},
    ],
)
async def test_only_who_works_with_finances_deposits(bank: World, who: Any) -> None:
    await take_key(bank, "other", **who)

    answer = await send(bank, "other", json=SENT)

    assert answer.status_code == 403
    assert await nothing_written(bank)


@pytest.mark.parametrize("role", ["administrator", "finance_manager"])
async def test_a_customers_deposit_settles_nothing(bank: World, role: str) -> None:
    await take_key(bank, "other", role=role)

    answer = await send(bank, "other", json=SENT)

    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    assert await bank.rows("billing", "SELECT balance, seq FROM funds") == [(0, 0)]
    assert await bank.said("billing") == []
