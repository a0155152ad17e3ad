"""Subscriptions are charged in advance, by days, once: raised, lowered, ended, and the permission they stand on."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.queries.papers import snapshots
from services.billing.rules import Period, days_by_month, month_of, part_of_month, printed
from shared.errors import Conflict, Rejected
from shared.events.base import Money
from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close, eur, order, standing, subscribe, terms
from tests.conftest import World
from tests.makers import NOW, an_opened_account

NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)
LAST_OF_NOV = date(2026, 11, 30)
AFTER_NOV, AFTER_DEC = datetime(2026, 12, 1, 0, 5, tzinfo=UTC), datetime(2027, 1, 1, 0, 5, tzinfo=UTC)


def november(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=UTC)


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, november(1), negative_limit=eur(200_000), monthly_billing=True)
    return shop


async def charges(world: World) -> list[tuple[str, str, int]]:
    rows = await world.rows("billing", "SELECT first_day, last_day, net FROM usage ORDER BY id")
    return [(f"{row.first_day:%m-%d}", f"{row.last_day:%m-%d}", row.net) for row in rows]


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────────────────────────

MONTHS = st.dates(date(2000, 1, 1), date(2100, 12, 31)).map(month_of)
PRICES = st.integers(0, 10**12)


@given(MONTHS, PRICES, st.data())
def test_the_parts_of_a_month_add_up_to_its_price_however_it_is_cut(month: Period, price: int, data: Any) -> None:
    cuts = data.draw(st.sets(st.integers(1, month.last.day - 1)))
    ends = [*sorted(cuts), month.last.day]
    starts = [1, *[end + 1 for end in ends[:-1]]]

    parts = [
        part_of_month(price, Period(month.first.replace(day=start), month.first.replace(day=end)))
        for start, end in zip(starts, ends, strict=True)
    ]

    assert sum(parts) == price
    assert min(parts) >= 0


@given(MONTHS, PRICES, st.integers(1, 31), st.integers(1, 31))
def test_a_part_costs_its_share_of_days_and_at_most_a_unit_more_or_less(
    month: Period, price: int, one: int, two: int
) -> None:
    """A unit of 0, 2 or 3 decimals alike: the rule knows only minor units."""
    first, last = sorted((min(one, month.last.day), min(two, month.last.day)))
    part = part_of_month(price, Period(month.first.replace(day=first), month.first.replace(day=last)))

    assert abs(part * month.last.day - price * (last - first + 1)) <= month.last.day


@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(0, 400))
def test_a_run_of_days_is_cut_into_months_without_a_gap(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    parts = list(days_by_month(first, last))

    assert (parts[0].first, parts[-1].last) == (first, last)
    assert all(part.first.month == part.last.month for part in parts)
    assert all(b.first == a.last + timedelta(days=1) for a, b in pairwise(parts))


@pytest.mark.parametrize(
    ("currency", "price", "parts"),
    [("JPY", 1000, ["333", "334", "333"]), ("EUR", 1000, ["3.33", "3.34", "3.33"]),
     ("BHD", 1000, ["0.333", "0.334", "0.333"])],
)  # fmt: skip
def test_currencies_of_0_2_and_3_decimals_are_cut_in_their_own_units(
    currency: str, price: int, parts: list[str]
) -> None:
    thirds = [(1, 10), (11, 20), (21, 30)]
    days = [Period(NOV.replace(day=first), NOV.replace(day=last)) for first, last in thirds]
    assert [printed(part_of_month(price, part), currency) for part in days] == parts


# ── charges ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_charged_at_once_for_the_running_month_and_at_each_close_for_the_next(market: World) -> None:
    await subscribe(market, november(12), starts_on=date(2026, 11, 12))
    assert await charges(market) == [("11-12", "11-30", 6333)]

    await close(market, NOV, AFTER_NOV)
    await close(market, DEC, AFTER_DEC)

    assert await charges(market) == [("11-12", "11-30", 6333), ("12-01", "12-31", 10_000), ("01-01", "01-31", 10_000)]
    await assert_in_order(market.billing.db)


async def test_sent_again_it_changes_nothing(market: World) -> None:
    for _ in range(3):
        await subscribe(market, november(12))

    assert await charges(market) == [("11-01", "11-30", 10_000)]


async def test_one_that_starts_on_the_last_day_is_charged_for_that_day(market: World) -> None:
    await subscribe(market, november(12), starts_on=LAST_OF_NOV)
    assert await charges(market) == [("11-30", "11-30", 333)]

    await close(market, NOV, AFTER_NOV)
    assert (await charges(market))[1:] == [("12-01", "12-31", 10_000)]


async def test_one_of_the_future_is_charged_by_the_close_before_it(market: World) -> None:
    await subscribe(market, november(12), starts_on=date(2027, 1, 16))
    assert await charges(market) == []

    await close(market, NOV, AFTER_NOV)
    assert await charges(market) == []
    await close(market, DEC, AFTER_DEC)
    assert await charges(market) == [("01-16", "01-31", 5161)]


async def test_more_of_it_is_charged_from_today_for_what_was_charged_already(market: World) -> None:
    await subscribe(market, november(1))
    await subscribe(market, november(16), quantity=3)

    assert await charges(market) == [("11-01", "11-30", 10_000), ("11-16", "11-30", 10_000)]
    await close(market, NOV, AFTER_NOV)
    assert (await charges(market))[2:] == [("12-01", "12-31", 30_000)]
    await assert_in_order(market.billing.db)


async def test_less_of_it_counts_from_the_next_charge_on(market: World) -> None:
    await subscribe(market, november(1), quantity=3)
    await subscribe(market, november(16), quantity=1)

    await close(market, NOV, AFTER_NOV)

    assert await charges(market) == [("11-01", "11-30", 30_000), ("12-01", "12-31", 10_000)]


async def test_lowered_and_raised_again_the_same_days_are_charged_once(market: World) -> None:
    await subscribe(market, november(1), quantity=3)
    await subscribe(market, november(10), quantity=1)
    await subscribe(market, november(11), quantity=3)
    assert await charges(market) == [("11-01", "11-30", 30_000)]

    await subscribe(market, november(16), quantity=4)
    assert (await charges(market))[1:] == [("11-16", "11-30", 5000)]


async def test_an_ended_one_is_charged_until_its_last_day(market: World) -> None:
    await subscribe(market, november(1))
    await subscribe(market, november(20), ends_on=date(2026, 12, 10))

    await close(market, NOV, AFTER_NOV)
    await close(market, DEC, AFTER_DEC)

    assert await charges(market) == [("11-01", "11-30", 10_000), ("12-01", "12-10", 3226)]
    await assert_in_order(market.billing.db)


async def test_one_that_has_not_begun_can_be_moved_or_taken_back(market: World) -> None:
    await subscribe(market, november(1), starts_on=DEC)
    await subscribe(market, november(2), starts_on=date(2026, 12, 16))
    await subscribe(market, november(3), starts_on=date(2026, 12, 16), ends_on=date(2026, 12, 15))

    await close(market, NOV, AFTER_NOV)

    assert await charges(market) == []


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"ends_on": date(2026, 11, 29)}, "charged until 2026-11-30"),
        ({"starts_on": date(2026, 11, 2)}, "has begun on 2026-11-01"),
        ({"division_id": 15}, "stays in its division"),
    ],
)
async def test_what_was_charged_stands(market: World, wish: dict[str, Any], says: str) -> None:
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="Labs"))
    await market.deliver("billing", labs)
    await subscribe(market, november(1))

    with pytest.raises(Conflict, match=says):
        await subscribe(market, november(20), **wish)


async def test_an_ended_one_is_not_taken_up_again(market: World) -> None:
    await subscribe(market, november(1), ends_on=LAST_OF_NOV)

    with pytest.raises(Conflict, match="ended on 2026-11-30"):
        await subscribe(market, datetime(2027, 2, 1, tzinfo=UTC))


async def test_a_start_is_not_moved_into_what_is_over(market: World) -> None:
    await subscribe(market, november(1), starts_on=DEC)

    with pytest.raises(Rejected, match="is over"):
        await subscribe(market, november(1), starts_on=date(2026, 10, 31))


async def test_its_charge_passes_the_limit_and_an_order_on_account_then_waits(market: World) -> None:
    await terms(market, november(1), negative_limit=eur(10_000))

    await order(market, november(2), payment=ON_ACCOUNT)
    assert (await standing(market))[1] == "0.00"
    await subscribe(market, november(2), quantity=2)
    assert await standing(market) == ("0.00", "238.00", "-138.00")

    [waiting] = await market.rows("billing", "SELECT reason FROM waiting_order")
    assert waiting.reason == "funds"
    await assert_in_order(market.billing.db)


# ── the permission ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_monthly_billing_is_not_withdrawn_while_a_subscription_runs(market: World) -> None:
    await subscribe(market, november(1), name="pki")

    with pytest.raises(Conflict, match=r"while subscriptions run \(pki\); end them first"):
        await terms(market, november(2), monthly_billing=False)

    await subscribe(market, november(3), name="pki", ends_on=LAST_OF_NOV)
    await terms(market, november(4), monthly_billing=False)


async def test_withdrawn_what_is_recorded_is_still_invoiced_and_new_orders_wait(market: World) -> None:
    await order(market, november(1), payment=ON_ACCOUNT)
    await terms(market, november(2), monthly_billing=False)

    await order(market, november(3), payment=ON_ACCOUNT)
    [waiting] = await market.rows("billing", "SELECT reason, message FROM waiting_order")
    assert (waiting.reason, "not agreed" in waiting.message) == ("billing_details", True)

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    await assert_in_order(market.billing.db)


async def test_a_price_in_another_currency_is_refused(market: World) -> None:
    with pytest.raises(Rejected, match="in EUR, not in USD"):
        await subscribe(market, november(1), monthly_price=Money(amount=1, currency="USD"))


@pytest.mark.parametrize(
    ("starts", "has_order", "first", "last"),
    [
        (date(2027, 1, 1), True, "2026-11-01", "2026-11-30"),
        (date(2026, 11, 1), True, "2026-11-01", "2026-12-31"),
        (date(2026, 12, 5), True, "2026-11-01", "2026-12-31"),
        (date(2026, 12, 5), False, "2026-12-05", "2026-12-31"),
    ],
)
async def test_the_service_period_of_an_invoice_holds_what_its_lines_are_for(
    market: World, starts: date, has_order: bool, first: str, last: str
) -> None:
    await subscribe(market, november(1), starts_on=starts)
    if has_order:
        await order(market, november(20), payment=ON_ACCOUNT)
    await close(market, NOV, AFTER_NOV)

    [invoice] = await market.rows("billing", "SELECT id FROM invoice WHERE kind = 'usage'")
    async with market.billing.db.transaction() as tx:
        [paper] = (await snapshots(tx, [("invoice", invoice.id)])).values()
    assert paper["period"] == [first, last]
