"""Story 6: what is on account is owed from its recording, and invoiced once when the month is closed."""

from datetime import UTC, date, datetime

import pytest

from services.billing import actions
from shared.errors import Conflict, Rejected
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, standing, subscribe, terms
from tests.conftest import World
from tests.makers import a_cancellation, an_opened_account

NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)
IN_NOV, AFTER_NOV = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, IN_NOV, negative_limit=eur(200_000), monthly_billing=True)
    return shop


async def test_an_order_on_account_is_owed_at_once_invoiced_at_the_close_and_owed_no_more_when_paid(
    market: World,
) -> None:
    await deposit(market, 135_000, IN_NOV)
    assert await standing(market) == ("1350.00", "0.00", "3350.00")

    await order(market, IN_NOV, payment=ON_ACCOUNT)
    assert await standing(market) == ("1350.00", "177.31", "3172.69")

    await close(market, NOV, AFTER_NOV)
    assert await standing(market) == ("1350.00", "177.31", "3172.69")
    invoice = (await market.rows("billing", "SELECT * FROM invoice WHERE kind = 'usage'"))[0]
    assert (invoice.net, invoice.tax, invoice.total, invoice.due_at_issue) == (14900, 2831, 17731, 17731)
    assert (invoice.period_first, invoice.period_last, invoice.due_on) == (NOV, date(2026, 11, 30), date(2026, 12, 31))

    async with market.billing.db.transaction() as tx:
        text = "no word"
        await actions.record_payment(tx, 9001, eur(17731), "wire", text, "B-1", "bank", AFTER_NOV)
    assert await standing(market) == ("1350.00", "0.00", "3350.00")
    await assert_in_order(market.billing.db)


async def test_closing_again_changes_nothing(market: World) -> None:
    await order(market, IN_NOV, payment=ON_ACCOUNT)
    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    before = await market.rows("billing", "SELECT * FROM invoice")

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}

    assert await market.rows("billing", "SELECT * FROM invoice") == before
    await assert_in_order(market.billing.db)


async def test_vat_of_a_month_is_rounded_once_and_what_is_owed_follows(market: World) -> None:
    for _ in range(3):
        await order(market, IN_NOV, payment=ON_ACCOUNT)
    assert (await standing(market))[1] == "531.93"  # 3 x 177.31

    await close(market, NOV, AFTER_NOV)

    assert (await standing(market))[1] == "531.93"
    await assert_in_order(market.billing.db)


async def test_what_comes_after_the_cut_off_goes_into_the_next_month(market: World) -> None:
    await deposit(market, 100, IN_NOV)
    await order(market, AFTER_NOV, payment=ON_ACCOUNT)

    assert await close(market, NOV, AFTER_NOV) == {}

    assert await close(market, DEC, datetime(2027, 1, 1, tzinfo=UTC)) == {"usage": 1}
    assert len(await market.rows("billing", "SELECT * FROM invoice WHERE kind = 'usage'")) == 1


async def test_a_month_that_is_not_over_or_comes_too_early_is_not_closed(market: World) -> None:
    await order(market, IN_NOV, payment=ON_ACCOUNT)

    with pytest.raises(Rejected, match="November 2026 is not over"):
        await close(market, NOV, IN_NOV)
    with pytest.raises(Conflict, match="November 2026 is still open"):
        await close(market, DEC, datetime(2027, 1, 1, tzinfo=UTC))


async def test_who_is_in_debt_is_asked_for_it_once(market: World) -> None:
    await order(market, IN_NOV)
    assert (await standing(market))[0] == "-177.31"

    await close(market, NOV, AFTER_NOV)
    owed = await market.rows("billing", "SELECT kind, total, tax, series FROM invoice WHERE kind <> 'order'")
    assert [tuple(row) for row in owed] == [("amount_owed", 17731, 0, "payment_request")]
    assert await standing(market) == ("-177.31", "0.00", "1822.69")

    await close(market, DEC, datetime(2027, 1, 1, tzinfo=UTC))
    assert len(await market.rows("billing", "SELECT * FROM invoice WHERE kind = 'amount_owed'")) == 1

    await deposit(market, 10_000, datetime(2027, 1, 2, tzinfo=UTC))  # without a word: it settles what is asked too much
    due = await market.rows("billing", "SELECT total - paid AS due FROM receivable WHERE kind = 'amount_owed'")
    assert due[0].due == 7731
    await assert_in_order(market.billing.db)


async def test_an_order_on_account_that_is_cancelled_before_the_close_is_taken_off(market: World) -> None:
    placed = await order(market, IN_NOV, payment=ON_ACCOUNT)

    await market.deliver("billing", a_cancellation(placed))

    assert await standing(market) == ("0.00", "0.00", "2000.00")
    assert await close(market, NOV, AFTER_NOV) == {}
    await assert_in_order(market.billing.db)


async def test_a_subscription_is_charged_for_its_days_and_then_in_advance(market: World) -> None:
    await subscribe(market, IN_NOV, quantity=3, starts_on=date(2026, 11, 12))
    assert (await standing(market))[1] == "226.10"  # 300.00 x 19/30 = 190.00, and 19 % VAT

    await close(market, NOV, AFTER_NOV)

    invoice = (await market.rows("billing", "SELECT * FROM invoice WHERE kind = 'usage'"))[0]
    assert (invoice.net, invoice.total) == (49_000, 58_310)
    await assert_in_order(market.billing.db)
