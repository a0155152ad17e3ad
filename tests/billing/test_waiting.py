"""Orders that wait: no chance to be charged is missed, and none is taken twice."""

from typing import Any

import pytest

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from services.billing.worker import try_waiting_orders
from shared.events.base import Money
from shared.events.orders import AccountChanged, AccountOpened, Division, DivisionAdded, OrderRejected
from tests.billing.book import assert_in_order
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_opened_account, an_order

STRANGER = 2**30 + 1


async def load_price(world: World, product: str) -> None:
    row = {"product": product, "description": "New", "years": 1, "currency": "EUR", "base": "10.00"}
    async with world.billing.db.transaction() as tx:
        file = CatalogueFile.model_validate({"price": [row | {"valid_from": "2026-01-01"}]})
        await actions.load_catalogue(tx, file, "tests", NOW)


async def reasons(world: World) -> list[str]:
    return [event["reason"] for event in await world.said("billing", "order_waiting")]


async def charged(world: World) -> list[int]:
    return [event["order"]["id"] for event in await world.said("billing", "order_charged")]


def a_change(**changed: Any) -> AccountChanged:
    return AccountChanged(occurred_at=NOW, account_id=9001, account=an_account(**changed))


async def test_a_waiting_order_cancelled_in_the_chunk_it_was_placed_in_is_released_with_it(shop: World) -> None:
    order, other = an_order(), an_order()
    await shop.deliver("billing", an_opened_account())
    before = shop.billing.door.stats.bisected

    await shop.deliver("billing", order, other, a_cancellation(order))

    assert shop.billing.door.stats.bisected == before
    [released] = await shop.said("billing", "order_released")
    assert released["order"]["id"] == order.order_id
    assert await shop.rows("billing", "SELECT id FROM waiting_order") == [(other.order_id,)]


async def test_a_price_that_is_added_charges_the_orders_that_waited_for_it_at_once(shop: World) -> None:
    order = an_order(product_name_id="brand_new")
    await shop.deliver("billing", an_opened_account(), order)
    await shop.deliver("billing", a_deposit(100_000))

    await load_price(shop, "brand_new")
    await shop.settle()

    assert await charged(shop) == [order.order_id]


async def test_an_order_placed_just_after_its_price_was_added_follows_the_older_one_that_waited_for_it(
    shop: World,
) -> None:
    older = an_order(product_name_id="brand_new")
    await shop.deliver("billing", an_opened_account(), older)
    await shop.deliver("billing", a_deposit(100_000))
    await load_price(shop, "brand_new")

    order = an_order(product_name_id="brand_new")
    await shop.deliver("billing", order)
    assert await charged(shop) == []
    await shop.settle()

    assert await charged(shop) == [older.order_id, order.order_id]


async def test_billing_details_that_are_added_charge_the_orders_that_waited_for_them(shop: World) -> None:
    nameless = an_account(address=None)
    first, second = an_order(account=nameless), an_order(account=nameless)
    await shop.deliver("billing", an_opened_account(account=nameless), first)
    await shop.deliver("billing", a_deposit(100_000))

    await shop.deliver("billing", second, a_change())  # in one chunk with an order that is not written yet
    await shop.settle()

    assert await reasons(shop) == ["billing_details"] * 2
    assert await charged(shop) == [first.order_id, second.order_id]


async def test_details_that_come_in_the_chunk_of_the_order_that_lacks_them_charge_it(shop: World) -> None:
    nameless = an_account(address=None)
    order = an_order(account=nameless)
    await shop.deliver("billing", an_opened_account(account=nameless))
    await shop.deliver("billing", a_deposit(100_000))

    await shop.deliver("billing", order, a_change())
    await shop.settle()

    assert await reasons(shop) == ["billing_details"]
    assert await charged(shop) == [order.order_id]


async def test_details_that_a_later_order_of_another_system_brings_serve_the_earlier_one_too(shop: World) -> None:
    first = an_order("shop", account=an_account(address=None))
    second = an_order("shop")
    await shop.deliver("billing", first)
    await shop.deliver("billing", a_deposit(100_000))
    await shop.settle()

    await shop.deliver("billing", second)
    await shop.settle()

    assert sorted(await charged(shop)) == [first.order_id, second.order_id]


async def test_an_account_that_is_opened_after_its_first_order_was_told_pays_that_order_with_its_limit(
    shop: World,
) -> None:
    order = an_order("shop", account=an_account(address=None))
    await shop.deliver("billing", order)
    await shop.deliver("billing", a_deposit(100_000))
    await shop.settle()

    await shop.deliver("billing", an_opened_account())
    await shop.settle()

    assert await charged(shop) == [order.order_id]


async def test_an_order_of_a_stranger_in_a_division_of_ours_waits_and_holds_up_nobody(shop: World) -> None:
    """A record of another system that names our division 14 for its own account."""
    strange = an_order("shop", account=an_account(id=STRANGER))
    ours = an_order(product_name_id="brand_new")
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))

    await shop.deliver("billing", strange)
    await shop.deliver("billing", ours)
    await load_price(shop, "brand_new")
    await shop.settle()

    assert await reasons(shop) == ["billing_details", "price"]
    assert await charged(shop) == [ours.order_id]
    assert await shop.parked("billing") == []


async def test_a_strangers_account_never_spends_the_funds_of_the_division_it_named(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", an_order("shop", account=an_account(id=STRANGER)))

    own = an_order("shop", account=an_account(id=STRANGER), division=Division(id=STRANGER, name="Own"))
    await shop.deliver("billing", own)
    await shop.settle()

    assert await charged(shop) == []
    assert await reasons(shop) == ["billing_details", "funds"]
    money = await shop.rows("billing", "SELECT division_id, balance FROM funds ORDER BY division_id")
    assert money == [(14, 100_000), (STRANGER, 0)]


async def test_an_order_in_a_division_of_another_account_waits(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    other = AccountOpened(
        occurred_at=NOW, account_id=9002, account=an_account(id=9002), division=Division(id=15, name="Other")
    )
    await shop.deliver("billing", other, an_order(division=Division(id=15, name="Other")))

    [waiting] = await shop.said("billing", "order_waiting")
    assert "Division 15 belongs to another account" in waiting["message"]


async def test_every_division_spends_the_money_of_the_top_level_one(shop: World) -> None:
    labs = Division(id=16, name="Labs")
    await shop.deliver("billing", an_opened_account())
    added = DivisionAdded(occurred_at=NOW, account_id=9001, division=labs)
    await shop.deliver("billing", added, an_order(division=labs))

    await shop.deliver("billing", a_deposit(17731, division_id=16))
    await shop.settle()

    [event] = await shop.said("billing", "order_charged")
    assert event["division_id"] == 16
    assert await shop.rows("billing", "SELECT division_id, balance, seq FROM funds") == [(14, 0, 2)]
    assert await shop.rows("billing", "SELECT division_name FROM invoice") == [("Labs",)]


async def test_a_price_found_once_stays_while_the_order_waits(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account(), order)
    row = {"product": "ssl_dv_geotrust", "description": "DV", "years": 1, "currency": "EUR", "base": "999.00"}
    async with shop.billing.db.transaction() as tx:
        file = CatalogueFile.model_validate({"price": [row | {"valid_from": "2026-06-01"}]})
        await actions.load_catalogue(tx, file, "tests", NOW)

    await shop.deliver("billing", a_deposit(17731))
    await shop.settle()

    [event] = await shop.said("billing", "order_charged")
    assert event["total"]["amount"] == 17731


async def test_more_waiting_orders_than_fit_one_page_are_all_tried_even_where_two_systems_share_a_moment(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.actions.retry.AT_ONCE", 3)
    orders = [an_order(source, order_id=n) for n in range(1, 6) for source in ("issuary/orders", "shop")]
    await shop.deliver("billing", an_opened_account(), *orders)

    await shop.deliver("billing", a_deposit(17731 * 10))
    await shop.settle()

    assert len(await charged(shop)) == 10
    assert await shop.rows("billing", "SELECT 1 FROM waiting_order") == []
    await assert_in_order(shop.billing.db)


async def test_a_rejected_order_gets_its_money_back_like_a_cancelled_one(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(20_000))
    await shop.deliver("billing", order)
    rejected = OrderRejected(
        occurred_at=NOW, account_id=9001, order_id=order.order_id, rejected_by="Max", reason="Wrong name"
    )

    await shop.deliver("billing", rejected, a_cancellation(order))

    [note] = await shop.said("billing", "credit_note_issued")
    [row] = await shop.rows("billing", "SELECT reason, how_paid, money_went, invoice_number FROM credit_note")
    assert row.reason == "Order rejected: Wrong name"
    assert row.how_paid.startswith("Charged to account funds on ")
    assert row.money_went.startswith("Returned to the account funds on ")
    assert note["invoice_number"] == row.invoice_number
    await assert_in_order(shop.billing.db)


async def test_money_that_comes_back_serves_the_next_order_that_waits(shop: World) -> None:
    first, second = an_order(), an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(17731))
    await shop.deliver("billing", first, second)

    await shop.deliver("billing", a_cancellation(first))
    await shop.settle()

    assert await charged(shop) == [first.order_id, second.order_id]


async def test_a_cancellation_that_comes_first_is_parked_and_its_order_behind_it(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(20_000))

    await shop.deliver("billing", a_cancellation(order), order)

    assert len(await shop.parked("billing")) == 2
    assert await charged(shop) == []


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"amount": Money(amount=0, currency="EUR")}, "bad_request_format", "more than 0"),
        ({"amount": Money(amount=-500, currency="EUR")}, "bad_request_format", "more than 0"),
        ({"amount": Money(amount=500, currency="ZZZ")}, "bad_request_format", "no ISO 4217"),
        ({"division_id": 77}, "not_found|container", "no division 77"),
        ({"account_id": 4711}, "not_found|container", "in account 4711"),
    ],
)
async def test_a_deposit_that_no_rule_allows_is_answered_and_books_nothing(
    shop: World, changed: dict[str, Any], code: str, says: str
) -> None:
    await shop.deliver("billing", an_opened_account())

    await shop.deliver("billing", a_deposit(500, **changed))

    [refused] = await shop.said("billing", "command_refused")
    assert refused["code"] == code
    assert says in refused["message"]
    assert await shop.rows("billing", "SELECT 1 FROM journal") == []


async def test_nothing_to_try_is_nothing_done(shop: World) -> None:
    assert not await try_waiting_orders(shop.billing.db)
