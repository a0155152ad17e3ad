"""Estimates and price lists over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from shared.db import utcnow
from shared.events.orders import Term
from tests.billing.makers import take_key
from tests.conftest import World
from tests.makers import NOW, a_deposit, an_account, an_opened_account, an_order

ORDER_PRICING, PRICING = "/services/v2/finance/order-pricing", "/services/v2/product/pricing"
PRICE_LIST = "/services/v2/finance/price-list"
SENT: dict[str, Any] = {
    "certificate": {"dns_names": ["www.acme.example", "*.acme.example"]}, "product_name_id": "ssl_basic",
    "order_validity": {"years": 1}, "is_out_of_contract": 0,
    "billing_address": {"country": "us", "city": "Lehi", "state": "UT", "zip": "84043"},
}  # fmt: skip
BASIC = {
    "product": "ssl_basic", "description": "Basic", "years": 1, "currency": "USD", "base": "238.00",
    "extra_name": "100.00", "extra_wildcard": "544.00", "valid_from": "2026-01-01",
}  # fmt: skip


async def with_prices(world: World, *rows: dict[str, Any]) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate({"price": rows}), "tests", NOW)


@pytest.fixture
async def open_shop(shop: World) -> World:
    """An American account in USD, one of its keys, and the price of the documented example."""
    address = {"line1": "1 Main Street", "postcode": "84043", "city": "Lehi", "country": "US"}
    await shop.deliver("billing", an_opened_account(account=an_account(currency="USD", address=address)))
    await take_key(shop, "key")
    await take_key(shop, "op", role="operator", account_id=0)
    await with_prices(shop, BASIC)
    return shop


async def post(world: World, path: str, body: Any, key: str = "key", **headers: str) -> Any:
    async with world.client(key, **headers) as http:
        return await http.post(path, **({"content": body} if isinstance(body, bytes | str) else {"json": body}))


async def get(world: World, path: str, key: str = "key", **params: Any) -> Any:
    async with world.client(key) as http:
        return await http.get(path, params=params)


# ── order-pricing ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_documented_example_is_answered_as_documented(open_shop: World) -> None:
    answer = await post(open_shop, ORDER_PRICING, SENT)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        '{"base_price":782,"total_price":782,"addons_price":0,"san_package_price":0,"benefits_discount_total":0,'
        '"fqdns":{"subtotal":238,"units":1},"wildcards":{"subtotal":544,"units":1},"balance":0,"currency":"USD",'
        '"tax":"0.00","tax_error":false}'
    )


async def test_an_unknown_estimate_is_0_and_no_error_while_the_order_itself_waits(open_shop: World) -> None:
    answer = await post(open_shop, ORDER_PRICING, SENT | {"product_name_id": "unheard_of"})
    account = an_account(currency="USD")
    await open_shop.deliver("billing", an_order(product_name_id="unheard_of", account=account))

    assert answer.status_code == 200
    assert (answer.json()["total_price"], answer.json()["tax_error"]) == (0, False)
    [waiting] = await open_shop.said("billing", "order_waiting")
    assert waiting["reason"] == "price"


@pytest.mark.parametrize("names", [("www.acme.example",), ("*.acme.example", "acme.example", "a.acme.example")])
async def test_an_order_is_charged_what_was_estimated(shop: World, names: tuple[str, ...]) -> None:
    await shop.deliver("billing", an_opened_account(), a_deposit(100_000))
    await take_key(shop, "key")
    body = SENT | {"product_name_id": "ssl_dv_geotrust", "billing_address": {}, "certificate": {"dns_names": names}}

    estimate = (await post(shop, ORDER_PRICING, body)).json()
    await shop.deliver("billing", an_order(names=names))

    [charged] = await shop.said("billing", "order_charged")
    assert round(estimate["total_price"] * 100) == charged["total"]["amount"]
    assert estimate["balance"] == 1000


async def test_prices_have_decimals_only_when_needed_and_the_tax_always(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    body = SENT | {"product_name_id": "ssl_dv_geotrust", "certificate": {"dns_names": ["a.example"]}}

    answer = (await post(shop, ORDER_PRICING, body | {"billing_address": None})).text

    assert '"base_price":149,"total_price":177.31,' in answer
    assert '"tax":"28.31"' in answer


async def test_the_address_that_is_sent_decides_the_vat_of_the_estimate(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    body = SENT | {"product_name_id": "ssl_dv_geotrust", "certificate": {"dns_names": ["a.example"]}}

    answer = (await post(shop, ORDER_PRICING, body | {"billing_address": {"country": "at"}})).json()

    assert (answer["tax"], answer["total_price"]) == ("29.80", 178.8)


async def test_a_price_without_a_billing_address_is_estimated_and_the_vat_is_said_to_be_unknown(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(account=an_account(address=None)))
    await take_key(shop, "key")
    body = SENT | {"product_name_id": "ssl_dv_geotrust", "billing_address": {}}

    answer = (await post(shop, ORDER_PRICING, body)).json()

    assert (answer["base_price"], answer["tax"], answer["tax_error"]) == (448, "0.00", True)


TODAY = utcnow().date()


@pytest.mark.parametrize(
    ("term", "costs"),
    [
        ({"order_validity": {"years": 2}}, 279),
        ({"order_validity": {"years": "2"}}, 279),
        ({"order_validity": {"days": 366}}, 279),
        ({"order_validity": {"days": 365}}, 149),
        ({"order_validity": {"years": 0, "custom_expiration_date": str(TODAY + timedelta(days=400))}}, 279),
        ({"order_validity": None, "validity_years": 2}, 279),
        ({"validity_years": 2, "order_validity": {"years": 1}}, 149),
        ({"order_validity": {"years": 5}}, 0),
    ],
)
async def test_a_term_is_given_in_years_days_or_by_its_last_day_and_order_validity_wins(
    shop: World, term: dict[str, Any], costs: int
) -> None:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    body = SENT | {"product_name_id": "ssl_dv_geotrust", "certificate": {"dns_names": ["a.example"]}} | term

    assert (await post(shop, ORDER_PRICING, body)).json()["base_price"] == costs


async def test_each_name_counts_once_as_it_would_be_ordered(open_shop: World) -> None:
    names = ["www.acme.example", "WWW.acme.example.", "*.acme.example"]
    body = SENT | {"certificate": {"common_name": "www.acme.example", "dns_names": names}}

    assert (await post(open_shop, ORDER_PRICING, body)).json()["base_price"] == 782


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"certificate": {"dns_names": []}}, "dns_names"),
        ({"certificate": None}, "certificate"),
        ({"certificate": {"dns_names": ["a.example"] * 251}}, "dns_names"),
        ({"product_name_id": ""}, "product_name_id"),
        ({"order_validity": {}}, "no validity"),
        ({"order_validity": {"years": -1}}, "years"),
        ({"order_validity": {"custom_expiration_date": "2020-01-01"}}, "not after today"),
        ({"billing_address": {"country": "USA"}}, "country"),
    ],
)
async def test_what_cannot_be_estimated_is_refused_with_a_sentence(
    open_shop: World, change: dict[str, Any], says: str
) -> None:
    answer = await post(open_shop, ORDER_PRICING, SENT | change)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == "bad_request_format"
    assert says in error["message"]
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"role": "finance_manager"}, 200),
        ({"role": "manager"}, 200),
        ({"role": "administrator", "key_role": 100}, 200),
        ({"role": "administrator", "key_role": 101}, 200),
        ({"role": "administrator", "key_role": 102}, 403),
        ({"role": "administrator", "key_role": 103}, 403),
        ({"role": "standard_user"}, 403),
        ({"role": "limited_user"}, 403),
        ({"account_id": 9009}, 404),
    ],
)
async def test_who_may_ask_for_an_estimate(open_shop: World, who: dict[str, Any], status: int) -> None:
    await take_key(open_shop, "other", **who)

    assert (await post(open_shop, ORDER_PRICING, SENT, "other")).status_code == status


async def test_an_operator_says_for_whom(open_shop: World) -> None:
    assert (await post(open_shop, ORDER_PRICING, SENT, "op")).status_code == 400
    assert (await post(open_shop, ORDER_PRICING, SENT | {"account_id": 9001}, "op")).json()["base_price"] == 782
    assert (await post(open_shop, ORDER_PRICING, SENT | {"account_id": 4711}, "op")).status_code == 404


# ── product/pricing ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_pricing_lists_what_the_account_pays_today_its_own_prices_first(open_shop: World) -> None:
    tomorrow = str(TODAY + timedelta(days=1))
    own = BASIC | {"account_id": 9001, "base": "199.50", "valid_from": "2026-02-01"}
    await with_prices(open_shop, own, own | {"valid_from": tomorrow}, BASIC | {"years": 2, "valid_from": tomorrow})

    mine = (await get(open_shop, PRICING)).json()["products"]

    assert [row for row in mine if row["name_id"] == "ssl_basic"] == [
        {"name_id": "ssl_basic", "name": "Basic", "validity_years": 1, "price": 199.5, "included_names": 1,
         "additional_san_price": 100, "additional_wildcard_price": 544, "currency": "USD", "valid_from": "2026-02-01"}
    ]  # fmt: skip
    assert {row["currency"] for row in mine} == {"USD"}


@pytest.mark.parametrize(
    ("key", "who", "status"),
    [("std", {"role": "standard_user"}, 403), ("far", {"account_id": 9009}, 404), ("view", {"key_role": 102}, 200)],
)
async def test_who_may_see_prices(open_shop: World, key: str, who: dict[str, Any], status: int) -> None:
    await take_key(open_shop, key, **who)

    assert (await get(open_shop, PRICING, key)).status_code == status


async def test_an_operator_sees_an_accounts_prices_by_its_number(open_shop: World) -> None:
    assert (await get(open_shop, PRICING, "op")).status_code == 400
    assert (await get(open_shop, PRICING, "op", account_id=9001)).status_code == 200


# ── price-list ───────────────────────────────────────────────────────────────────────────────────────────────────────

NEXT = BASIC | {"valid_from": "2027-01-01"}


async def prices_there(world: World) -> int:
    return int((await world.rows("billing", "SELECT count(*) FROM price"))[0].count)


async def test_a_preview_says_what_would_happen_and_changes_nothing(open_shop: World) -> None:
    before = await prices_there(open_shop)
    rows = [BASIC, NEXT, NEXT | {"base": "-1"}, BASIC | {"base": 1}, BASIC | {"valid_from": "2025-01-01"}]

    answer = await post(open_shop, PRICE_LIST, {"prices": rows, "preview": True}, "op")

    assert answer.status_code == 200
    found = answer.json()
    assert found["new"] == [{"row": 2}, {"row": 5, "outdated_by": "2026-01-01"}]
    assert found["unchanged"] == 1
    assert [one["row"] for one in found["refused"]] == [3, 4]
    assert await prices_there(open_shop) == before


async def test_a_list_is_added_whole_and_twice_adds_nothing(open_shop: World) -> None:
    rows = [NEXT | {"base": 250}, NEXT | {"years": 2, "base": 450.5}]

    first = await post(open_shop, PRICE_LIST, {"prices": rows}, "op")
    again = await post(open_shop, PRICE_LIST, {"prices": rows}, "op")

    assert (first.status_code, first.json()) == (201, {"added": 2, "unchanged": 0})
    assert (again.status_code, again.json()) == (201, {"added": 0, "unchanged": 2})
    [noted] = await open_shop.rows("billing", "SELECT * FROM audit_log WHERE what = 'prices added'")
    assert noted.after == {"rows": 2, "unchanged": 0}


async def test_the_same_request_twice_has_the_first_answer(open_shop: World) -> None:
    sent = {"prices": [NEXT]}

    answers = [await post(open_shop, PRICE_LIST, sent, "op", **{"Idempotency-Key": "k"}) for _ in range(2)]
    other = await post(open_shop, PRICE_LIST, {"prices": [BASIC]}, "op", **{"Idempotency-Key": "k"})

    assert [answer.json() for answer in answers] == [{"added": 1, "unchanged": 0}] * 2
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "prices"),
        ([NEXT, NEXT | {"base": "1.001"}, NEXT | {"years": 2, "colour": "red"}], 'Row 3: There is no "colour"'),
        ([NEXT | {"base": "x"}] * 7, "So are 2 further rows."),
        ([NEXT, NEXT], "Row 2: It repeats row 1"),
        ([NEXT | {"account_id": 4711}], "Row 1: There is no account 4711"),
        ([NEXT] * 1001, "more than 1,000 rows"),
        ([7], "prices"),
    ],
)
async def test_one_row_that_is_refused_keeps_all_out(open_shop: World, rows: list[Any], says: str) -> None:
    before = await prices_there(open_shop)

    answer = await post(open_shop, PRICE_LIST, {"prices": rows}, "op")

    assert answer.status_code == 400
    assert says in answer.json()["errors"][0]["message"]
    assert await prices_there(open_shop) == before


async def test_only_staff_may_add_prices(open_shop: World) -> None:
    await take_key(open_shop, "orders only", role="operator", account_id=0, key_role=100)

    for key in ("key", "orders only"):
        assert (await post(open_shop, PRICE_LIST, {"prices": [NEXT]}, key)).status_code == 403


async def test_an_order_that_waits_for_its_accounts_price_is_charged_at_it(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(), a_deposit(100_000))
    await take_key(shop, "op", role="operator", account_id=0)
    await shop.deliver("billing", an_order(product_name_id="ssl_own", term=Term(years=1)))
    general = BASIC | {"product": "ssl_own", "currency": "EUR"}
    own = general | {"account_id": 9001, "base": "100.00"}

    assert (await post(shop, PRICE_LIST, {"prices": [general, own]}, "op")).status_code == 201
    await shop.settle()

    [charged] = await shop.said("billing", "order_charged")
    assert charged["total"] == {"amount": 11900, "currency": "EUR"}
