"""Divisions with funds of their own: each spends its own balance, and all share the account's one limit."""

from datetime import UTC, datetime

import pytest

from services.billing import actions
from shared.errors import Rejected
from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, deposit, eur, order, standing, terms
from tests.conftest import World
from tests.makers import NOW, an_opened_account

LATER = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
async def market(shop: World) -> World:
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="Labs"))
    await shop.deliver("billing", an_opened_account(), labs)
    await terms(shop, NOW, negative_limit=eur(200_000), monthly_billing=True)
    return shop


async def move(world: World, minor: int, giver: int = 14, taker: int = 15) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.transfer(tx, 9001, giver, taker, eur(minor), LATER)


async def test_separating_leaves_all_money_at_the_top(market: World) -> None:
    await deposit(market, 10_000, NOW)

    await terms(market, NOW, separate_funds=True)

    assert await standing(market) == ("100.00", "0.00", "2100.00")
    assert await standing(market, 15) == ("0.00", "0.00", "2000.00")
    await assert_in_order(market.billing.db)


async def test_what_a_division_uses_of_the_limit_is_missing_for_the_others(market: World) -> None:
    await deposit(market, 10_000, NOW)
    await terms(market, NOW, separate_funds=True)

    await order(market, LATER, division=Division(id=15, name="Labs"))
    await order(market, LATER, division=Division(id=15, name="Labs"), payment=ON_ACCOUNT)

    assert await standing(market, 15) == ("-177.31", "177.31", "1645.38")
    assert await standing(market) == ("100.00", "0.00", "1745.38")  # 100 + 2000 - 354.62 used elsewhere
    await assert_in_order(market.billing.db)


async def test_a_transfer_moves_what_is_available_and_no_more(market: World) -> None:
    await deposit(market, 10_000, NOW)
    with pytest.raises(Rejected, match="share their funds"):
        await move(market, 100)
    await terms(market, NOW, negative_limit=eur(0), separate_funds=True)

    await move(market, 4_000)
    with pytest.raises(Rejected, match=r"60\.00 EUR available"):
        await move(market, 6_001)

    assert (await standing(market), await standing(market, 15)) == (
        ("60.00", "0.00", "60.00"), ("40.00", "0.00", "40.00"),
    )  # fmt: skip
    await assert_in_order(market.billing.db)


async def test_joining_moves_every_balance_and_what_is_owed_to_the_top(market: World) -> None:
    await terms(market, NOW, separate_funds=True)
    await deposit(market, 10_000, NOW, division=15)
    await order(market, LATER, division=Division(id=15, name="Labs"), payment=ON_ACCOUNT)

    await terms(market, LATER, separate_funds=False)

    assert await standing(market, 15) == await standing(market) == ("100.00", "177.31", "1922.69")
    await assert_in_order(market.billing.db)


async def test_a_bounced_payment_goes_back_where_its_money_is(market: World) -> None:
    await terms(market, NOW, separate_funds=True)
    payment = await deposit(market, 10_000, NOW, division=15)
    await terms(market, LATER, separate_funds=False)

    async with market.billing.db.transaction() as tx:
        await actions.reverse_payment(tx, payment, "No cover", "ops", LATER)

    assert await standing(market) == ("0.00", "0.00", "2000.00")
    await assert_in_order(market.billing.db)
