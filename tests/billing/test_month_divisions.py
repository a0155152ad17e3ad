"""Whose funds a month's usage counts in, and who is asked for a debt, with shared funds and with separate ones."""

from datetime import UTC, date, datetime

import pytest

from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, standing, terms
from tests.conftest import World
from tests.makers import NOW, a_cancellation, an_opened_account

NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)
AFTER_NOV, AFTER_DEC = datetime(2026, 12, 1, 0, 5, tzinfo=UTC), datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
LABS = Division(id=15, name="Labs")


def november(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=UTC)


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account(), DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))
    await terms(shop, november(1), negative_limit=eur(200_000), monthly_billing=True)
    return shop


async def test_funds_separated_between_recording_and_close(market: World) -> None:
    await order(market, november(1), division=LABS, payment=ON_ACCOUNT)
    await terms(market, november(2), separate_funds=True)
    await order(market, november(3), division=LABS, payment=ON_ACCOUNT)
    assert (await standing(market), await standing(market, 15)) == (
        ("0.00", "177.31", "1645.38"), ("0.00", "177.31", "1645.38"),
    )  # fmt: skip

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}

    assert (await standing(market), await standing(market, 15)) == (
        ("0.00", "0.00", "1645.38"), ("0.00", "354.62", "1645.38"),
    )  # fmt: skip
    await assert_in_order(market.billing.db)


async def test_funds_joined_between_recording_and_close(market: World) -> None:
    await terms(market, november(1), separate_funds=True)
    await order(market, november(2), division=LABS, payment=ON_ACCOUNT)
    await terms(market, november(3), separate_funds=False)
    await order(market, november(4), division=LABS, payment=ON_ACCOUNT)

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}

    assert await standing(market) == ("0.00", "354.62", "1645.38")
    await assert_in_order(market.billing.db)


async def test_a_shared_debt_is_asked_for_once_at_the_top_and_separate_ones_each_at_its_division(
    market: World,
) -> None:
    await order(market, november(1), division=LABS)
    await close(market, NOV, AFTER_NOV)
    await terms(market, AFTER_NOV, separate_funds=True)
    await order(market, AFTER_NOV, division=LABS)
    await close(market, DEC, AFTER_DEC)

    asked = await market.rows(
        "billing", "SELECT division_id, total FROM invoice WHERE kind = 'amount_owed' ORDER BY id"
    )
    assert [tuple(row) for row in asked] == [(14, 17731), (15, 17731)]
    await assert_in_order(market.billing.db)


async def test_a_debt_that_grew_is_asked_for_by_the_difference(market: World) -> None:
    await order(market, november(1))
    await close(market, NOV, AFTER_NOV)
    await order(market, AFTER_NOV)
    await deposit(market, 5000, AFTER_NOV)  # settles what is asked too much: nothing is, for the debt grew

    await close(market, DEC, AFTER_DEC)

    asked = await market.rows("billing", "SELECT total FROM invoice WHERE kind = 'amount_owed' ORDER BY id")
    assert [row.total for row in asked] == [17731, 12731]
    await assert_in_order(market.billing.db)


async def test_a_cancelled_order_settles_what_was_asked_for_it(market: World) -> None:
    placed = await order(market, november(1))
    await close(market, NOV, AFTER_NOV)
    await market.deliver("billing", a_cancellation(placed))

    [asked] = await market.rows("billing", "SELECT total - paid AS due FROM receivable WHERE kind = 'amount_owed'")
    assert asked.due == 0
    assert [said["kind"] for said in await market.said("billing", "invoice_paid")] == ["amount_owed"]
    await assert_in_order(market.billing.db)


async def test_an_account_without_the_permission_is_asked_for_its_debt_too(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, november(1), negative_limit=eur(200_000))
    await order(shop, november(1))

    assert await close(shop, NOV, AFTER_NOV) == {"amount_owed": 1}
