"""An account is told that its funds are low when they become so: once for each time, and never for each order."""

from typing import Any

import pytest

from services.billing import actions
from services.billing.actions import Terms
from services.billing.rules.low_funds import Seen, fell_below
from shared.events.base import Money
from shared.events.orders import Division, DivisionAdded
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_deposit, an_opened_account, an_order

PRICE = 17731  # with VAT


def euros(minor: int) -> Money:
    return Money(amount=minor, currency="EUR")


async def agree(world: World, **wish: Any) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.set_terms(tx, 9001, Terms(**wish), "ops@ca.example", NOW)


async def told(world: World) -> list[int]:
    return [event["available"]["amount"] for event in await world.said("billing", "funds_low")]


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await agree(shop, low_funds=euros(50_000))
    return shop


async def test_the_order_that_takes_the_funds_below_the_threshold_says_so_and_the_next_one_does_not(
    market: World,
) -> None:
    await market.deliver("billing", an_order())
    await market.deliver("billing", an_order())
    assert await told(market) == []

    await market.deliver("billing", an_order())
    await market.deliver("billing", an_order())

    [said] = await market.said("billing", "funds_low")
    assert said["available"] == {"amount": 100_000 - 3 * PRICE, "currency": "EUR"}
    assert said["threshold"] == {"amount": 50_000, "currency": "EUR"}
    assert (said["division_id"], said["division_name"], said["unlimited"]) == (14, "Main", False)
    assert (said["recipients"], said["account_name"]) == (["ap@acme.example"], "Acme Example GmbH")


async def test_many_orders_of_one_chunk_cross_it_once(market: World) -> None:
    await market.deliver("billing", *(an_order() for _ in range(5)))

    assert await told(market) == [100_000 - 5 * PRICE]


async def test_risen_above_and_fallen_again_it_is_said_again(market: World) -> None:
    await market.deliver("billing", *(an_order() for _ in range(3)))
    await market.deliver("billing", a_deposit(20_000))  # above again
    await market.deliver("billing", an_order())

    assert await told(market) == [46_807, 49_076]


async def test_what_falls_and_rises_in_one_chunk_was_never_low(market: World) -> None:
    orders = [an_order() for _ in range(3)]

    await market.deliver("billing", *orders, a_cancellation(orders[0]))

    assert await told(market) == []


async def test_exactly_the_threshold_is_not_below_it(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(PRICE + 5000))
    await agree(shop, low_funds=euros(5000))

    await shop.deliver("billing", an_order())

    assert await told(shop) == []


async def test_the_limit_counts_and_lowering_it_is_a_fall_too(market: World) -> None:
    await agree(market, negative_limit=euros(100_000))
    await market.deliver("billing", *(an_order() for _ in range(4)))
    assert await told(market) == []

    await agree(market, negative_limit=euros(0))

    assert await told(market) == [100_000 - 4 * PRICE]


async def test_without_a_limit_the_balance_counts(market: World) -> None:
    await agree(market, unlimited=True)

    await market.deliver("billing", *(an_order() for _ in range(6)))

    [said] = await market.said("billing", "funds_low")
    assert (said["available"]["amount"], said["unlimited"]) == (100_000 - 6 * PRICE, True)


async def test_to_be_freed_of_a_limit_is_no_fall(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await agree(shop, low_funds=euros(50_000), negative_limit=euros(200_000))

    await agree(shop, unlimited=True)

    assert await told(shop) == []


async def test_a_threshold_set_above_what_there_is_says_nothing_by_itself(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await agree(shop, low_funds=euros(50_000))
    await agree(shop, low_funds=euros(90_000))

    assert await told(shop) == []


async def test_without_a_threshold_nothing_is_said(market: World) -> None:
    await agree(market, low_funds_alert=False)
    await market.deliver("billing", *(an_order() for _ in range(5)))

    assert await told(market) == []


async def test_where_funds_are_separate_each_division_is_told_of_its_own(market: World) -> None:
    labs = Division(id=16, name="Labs")
    await market.deliver("billing", DivisionAdded(occurred_at=NOW, account_id=9001, division=labs))
    await agree(market, separate_funds=True, low_funds=euros(20_000))
    await market.deliver("billing", a_deposit(40_000, division_id=16))

    await market.deliver("billing", an_order(division=labs), an_order(division=labs))

    [said] = await market.said("billing", "funds_low")
    assert (said["division_id"], said["division_name"], said["available"]["amount"]) == (16, "Labs", 4538)


async def test_what_goes_on_account_lowers_the_funds_too(market: World) -> None:
    await agree(market, monthly_billing=True)
    on_account = {"method": "on_account"}

    await market.deliver("billing", *(an_order(payment=on_account) for _ in range(3)))

    assert await told(market) == [100_000 - 3 * PRICE]


async def test_the_billing_contacts_are_mailed_once_for_each_fall(market: World) -> None:
    await market.deliver("billing", *(an_order() for _ in range(3)))
    await market.settle(steps=False)
    await market.deliver("billing", a_deposit(20_000), an_order())
    await market.deliver("billing", an_order())
    await market.settle(steps=False)

    mails = await market.rows("notifications", "SELECT * FROM message WHERE template = 'funds_low' ORDER BY created_at")
    assert [(mail.recipient, mail.number) for mail in mails] == [("ap@acme.example", "Main")] * 2


@pytest.mark.parametrize(
    ("before", "after", "low"),
    [
        (Seen(100, False), Seen(99, False), True),
        (Seen(100, False), Seen(100, False), False),
        (Seen(99, False), Seen(1, False), False),
        (Seen(5, False), Seen(200, False), False),
        (Seen(500, False), Seen(-5, True), False),
        (Seen(500, True), Seen(50, False), True),
        (Seen(500, True), Seen(50, True), True),
    ],
)
def test_low_is_the_crossing_of_the_threshold_from_above(before: Seen, after: Seen, low: bool) -> None:
    assert fell_below(before, after, 100) is low
