"""A month closed by several at once, killed and resumed, while orders stream in: on connections of their own."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.billing import actions
from services.billing.queries import prefetch
from services.billing.worker import close_month
from shared.events.orders import AccountOpened, Division, OrderCancelled, OrderPlaced, Payment
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close_in, eur, start_close, work_off
from tests.billing.test_races import apply, count
from tests.makers import NOW, a_cancellation, an_account, an_order

NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)
IN_NOV, END_OF_NOV = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 30, 23, 59, 59, 999_000, tzinfo=UTC)
AFTER_NOV, AFTER_DEC = datetime(2026, 12, 1, 0, 5, tzinfo=UTC), datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
ACCOUNTS = 30


@pytest.fixture
async def market(alone: Service) -> Service:
    """30 accounts with one order on account each; every third is in debt, and every second has separate funds and a
    second division with an order."""
    async with alone.db.transaction() as tx:
        for number in range(9001, 9001 + ACCOUNTS):
            account, division = an_account(id=number), Division(id=number, name="Main")
            await apply(tx, AccountOpened(occurred_at=NOW, account_id=number, account=account, division=division))
    async with alone.db.transaction() as tx:
        await tx.execute(text("UPDATE account SET monthly_billing = true"))
        await tx.execute(text("UPDATE funds SET unlimited = true"))
    everyone, second = range(9001, 9001 + ACCOUNTS), range(9002, 9001 + ACCOUNTS, 2)
    await place(alone, IN_NOV, *map(an_order_of, everyone))
    await place(alone, IN_NOV, *[an_order_of(number, on_account=False) for number in everyone if number % 3 == 0])
    await place(alone, IN_NOV, *[an_order_of(number, number + 1000) for number in second])
    await separate(alone, *second)
    await place(alone, IN_NOV, *[an_order_of(number, number + 1000) for number in second])
    return alone


def an_order_of(number: int, division: int = 0, on_account: bool = True) -> OrderPlaced:
    account, place = an_account(id=number), Division(id=division or number, name="Main")
    return an_order(account=account, division=place, payment=ON_ACCOUNT if on_account else Payment())


async def place(service: Service, now: datetime, *orders: OrderPlaced) -> None:
    async with service.db.transaction() as tx:
        await prefetch.for_placed(tx, orders)
        for placed in orders:
            await actions.take_order(tx, placed, now)


async def separate(service: Service, *accounts: int) -> None:
    async with service.db.transaction() as tx:
        for account_id in accounts:
            await actions.set_terms(tx, account_id, actions.Terms(separate_funds=True), "ops", IN_NOV)


async def assert_each_once(service: Service) -> None:
    """Whatever was recorded stands on exactly one line of one invoice, and the month's totals are its invoices'."""
    lines = """
        SELECT u.id FROM usage AS u
        LEFT JOIN invoice_line AS l ON l.invoice_id = u.invoice_id AND l.order_id = u.order_id
        WHERE u.released_at IS NULL GROUP BY u.id HAVING count(l.invoice_id) <> 1"""
    totals = """
        SELECT 1 FROM period_total AS t FULL JOIN (
          SELECT period_first, kind, currency, count(*) AS invoices, sum(total) AS total FROM invoice
          WHERE period_first IS NOT NULL GROUP BY 1, 2, 3) AS i
        ON i.period_first = t.first_day AND i.kind = t.kind AND i.currency = t.currency
        WHERE t.invoices IS DISTINCT FROM i.invoices OR t.total IS DISTINCT FROM i.total"""
    counts = """
        SELECT 1 FROM period_close AS p JOIN (SELECT first_day, count(*) AS listed, count(done_at) AS done FROM closing
          GROUP BY 1) AS c USING (first_day) WHERE p.listed <> c.listed OR p.done <> c.done"""
    async with service.db.transaction() as tx:
        for sql in (lines, totals, counts):
            assert list(await tx.execute(text(sql))) == [], sql
    await assert_in_order(service.db)


async def test_two_workers_at_once_make_every_invoice_once(market: Service) -> None:
    await start_close(market.db, NOV, AFTER_NOV)

    await asyncio.gather(*[in_small_chunks(market, 3) for _ in range(4)])
    await work_off(market.db, AFTER_NOV)

    assert await count(market, "invoice", "kind = 'usage'") == ACCOUNTS + ACCOUNTS // 2
    assert await count(market, "invoice", "kind = 'amount_owed'") == ACCOUNTS // 3
    assert await count(market, "period_close", "finished_at IS NOT NULL") == 1
    await assert_each_once(market)


async def in_small_chunks(service: Service, most: int) -> None:
    while True:
        async with service.db.transaction() as tx:
            month = await actions.list_divisions(tx, AFTER_NOV)
        if month is None:
            return
        if month.listed_at:
            async with service.db.transaction() as tx:
                if not await actions.close_divisions(tx, NOV, 30, AFTER_NOV, most):
                    return


async def test_a_month_started_by_many_at_once_is_started_once(market: Service) -> None:
    started = await asyncio.gather(*[start_close(market.db, NOV, AFTER_NOV) for _ in range(6)])

    assert {one.first_day for one in started} == {NOV}
    assert await count(market, "period_close") == 1
    assert await count(market, "audit_log", "what = 'period closed'") == 1


class Killed(Exception):
    pass


async def begin_and_be_killed(service: Service) -> None:
    async with service.db.transaction() as tx:
        await actions.close_divisions(tx, NOV, 30, AFTER_NOV, 7)
        raise Killed


@pytest.mark.parametrize("after", ["listing", "a chunk", "a chunk that did not commit"])
async def test_a_close_that_was_killed_goes_on_where_it_was(market: Service, after: str) -> None:
    await start_close(market.db, NOV, AFTER_NOV)
    async with market.db.transaction() as tx:
        await actions.list_divisions(tx, AFTER_NOV)
    if after != "listing":
        async with market.db.transaction() as tx:
            assert await actions.close_divisions(tx, NOV, 30, AFTER_NOV, 7) == 7
    if after == "a chunk that did not commit":
        with pytest.raises(Killed):
            await begin_and_be_killed(market)

    await work_off(market.db, AFTER_NOV)

    assert await count(market, "invoice", "kind = 'usage'") == ACCOUNTS + ACCOUNTS // 2
    await assert_each_once(market)


async def test_workers_killed_again_and_again_make_every_invoice_once(market: Service) -> None:
    chance = random.Random(5)
    await start_close(market.db, NOV, AFTER_NOV)

    for _ in range(12):
        workers = [asyncio.create_task(in_small_chunks(market, 2)) for _ in range(2)]
        await asyncio.sleep(chance.uniform(0.0, 0.06))
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    await work_off(market.db, AFTER_NOV)

    assert await count(market, "invoice", "kind = 'usage'") == ACCOUNTS + ACCOUNTS // 2
    await assert_each_once(market)


async def test_while_orders_stream_in_nothing_is_lost_and_nothing_billed_twice(market: Service) -> None:
    """Some are recorded in the last moment of November and committed while it is being closed."""
    await start_close(market.db, NOV, AFTER_NOV)
    placed: list[OrderPlaced] = []

    async def stream(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(30):
            number = 9001 + chance.randrange(ACCOUNTS)
            made = an_order_of(number, number + 1000 if number % 2 == 0 and chance.random() < 0.5 else 0)
            await place(market, chance.choice((END_OF_NOV, AFTER_NOV + timedelta(minutes=1))), made)
            placed.append(made)
            if chance.random() < 0.3:
                await cancel(market, made)

    await asyncio.gather(*[stream(n) for n in range(3)], *[in_small_chunks(market, 4) for _ in range(2)])
    await work_off(market.db, AFTER_NOV)
    november = await count(market, "usage", "invoice_id IS NOT NULL")
    await close_in(market.db, DEC, AFTER_DEC)

    assert len(placed) == 90
    assert november >= 2 * ACCOUNTS
    assert await count(market, "usage", "invoice_id IS NULL AND released_at IS NULL") == 0
    assert await count(market, "usage", "invoice_id IS NOT NULL AND released_at IS NOT NULL") == 0
    await assert_each_once(market)


async def cancel(service: Service, placed: OrderPlaced) -> None:
    told: OrderCancelled = a_cancellation(placed)
    async with service.db.transaction() as tx:
        await apply(tx, told)


async def test_a_close_and_money_that_comes_at_once_ask_for_no_debt_twice(market: Service) -> None:
    await start_close(market.db, NOV, AFTER_NOV)

    async def pay(number: int) -> Any:
        async with market.db.transaction() as tx:
            return await actions.deposit_funds(
                tx, number, number, eur(10_000), "wire", f"B-{number}", "bank", AFTER_NOV
            )

    await asyncio.gather(
        *[in_small_chunks(market, 3) for _ in range(2)], *[pay(n) for n in range(9003, 9001 + ACCOUNTS, 3)]
    )
    await work_off(market.db, AFTER_NOV)

    await assert_each_once(market)


async def test_the_steps_of_a_service_close_beside_each_other(market: Service) -> None:
    await start_close(market.db, NOV, AFTER_NOV)

    async def step() -> None:
        while await close_month(market.db, 30, lambda: AFTER_NOV):
            pass

    await asyncio.gather(step(), step(), step())
    await work_off(market.db, AFTER_NOV)

    assert await count(market, "invoice", "kind = 'usage'") == ACCOUNTS + ACCOUNTS // 2
    await assert_each_once(market)
