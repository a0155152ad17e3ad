"""Divisions at once on connections of their own: one limit, one winner, and nobody waits for a deadlock to be found."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions import Terms
from services.billing.rules import month_after, month_of
from shared.db import utcnow
from shared.events.base import Money
from shared.events.orders import AccountOpened, Division, DivisionAdded, Payment
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.months import work_off
from tests.billing.test_payment_races import at_once
from tests.billing.test_races import PRICE, count, retry_all, tell
from tests.makers import NOW, a_deposit, an_account, an_order

Work = Callable[[AsyncSession], Awaitable[Any]]
MAIN, LABS = Division(id=14, name="Main"), Division(id=15, name="Labs")
ON_ACCOUNT = Payment(method="on_account")


def cents(minor: int) -> Money:
    return Money(amount=minor, currency="EUR")


async def opened(service: Service, limit: int = 0, **agreed: Any) -> None:
    account = an_account()
    await tell(service, AccountOpened(occurred_at=NOW, account_id=9001, account=account, division=MAIN))
    await tell(service, DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))
    await agree(service, **{"negative_limit": cents(limit), "separate_funds": True, "monthly_billing": True} | agreed)


async def agree(service: Service, **wish: Any) -> None:
    async with service.db.transaction() as tx:
        await actions.set_terms(tx, 9001, Terms(**wish), "ops", NOW)


async def rows(service: Service, sql: str) -> list[Any]:
    async with service.db.transaction() as tx:
        return list(await tx.execute(text(sql)))


async def balances(service: Service) -> dict[int, int]:
    return {row.division_id: row.balance for row in await rows(service, "SELECT division_id, balance FROM funds")}


async def invoiced(service: Service, division: Division = MAIN, months: int = 1) -> list[int]:
    """A monthly invoice of each month from now on."""
    made, period = list[int](), month_of(utcnow().date())
    for _ in range(months):
        await tell(service, an_order(division=division, payment=ON_ACCOUNT))
        await rows(service, f"UPDATE usage SET recorded_at = '{period.first}' WHERE invoice_id IS NULL RETURNING id")
        async with service.db.transaction() as tx:
            await actions.close_period(tx, period.first, "ops", period.end)
        await work_off(service.db, period.end)
        made += [row.id for row in await rows(service, f"SELECT id FROM invoice WHERE period_first = '{period.first}'")]
        period = month_after(period.first)
    return made


@pytest.mark.parametrize("number", [2, 9])
async def test_of_divisions_that_spend_the_last_of_the_limit_at_once_as_many_win_as_fit(
    alone: Service, number: int
) -> None:
    fit = number // 2
    await opened(alone, limit=PRICE * fit + 100)
    kinds = [(MAIN, Payment(method="balance")), (LABS, ON_ACCOUNT), (LABS, Payment(method="balance"))]

    await tell(alone, *[an_order(division=kinds[n % 3][0], payment=kinds[n % 3][1]) for n in range(number)])

    assert await count(alone, "charge") + await count(alone, "usage") == fit
    assert await count(alone, "waiting_order", "reason = 'funds'") == number - fit
    [top] = await rows(alone, "SELECT used_credit FROM funds WHERE division_id = 14")
    assert top.used_credit == PRICE * fit
    await assert_in_order(alone.db)

    await tell(alone, a_deposit(PRICE, division_id=15))
    await retry_all(alone)

    assert await count(alone, "waiting_order") == number - fit - 1


async def test_transfers_in_opposite_directions_never_deadlock_nor_lose_a_cent(alone: Service) -> None:
    await opened(alone)
    await tell(alone, a_deposit(10_000, division_id=14), a_deposit(10_000, division_id=15))
    works: list[Work] = []
    for n in range(20):
        giver, taker = (14, 15) if n % 2 else (15, 14)

        async def move(tx: AsyncSession, giver: int = giver, taker: int = taker, n: int = n) -> None:
            await actions.transfer(tx, 9001, giver, taker, cents(100 + n), NOW)

        works.append(move)

    started = asyncio.get_running_loop().time()
    answers = await at_once(alone, *works)

    assert asyncio.get_running_loop().time() - started < 5
    assert answers == [None] * 20
    assert await balances(alone) == {14: 10_000 - 10, 15: 10_000 + 10}  # odd ones leave Main and move a cent more each
    await assert_in_order(alone.db)


async def test_of_transfers_that_together_are_too_much_only_as_many_happen_as_fit(alone: Service) -> None:
    await opened(alone, limit=500)
    await tell(alone, a_deposit(1_000, division_id=14))

    answers = await at_once(alone, *[lambda tx: actions.transfer(tx, 9001, 14, 15, cents(400), NOW) for _ in range(6)])

    assert sorted(map(str, answers)) == ["None"] * 3 + ["insufficient_funds"] * 3
    assert await balances(alone) == {14: -200, 15: 1_200}
    await assert_in_order(alone.db)


async def test_funds_are_shared_and_separated_again_while_orders_and_transfers_stream_in(alone: Service) -> None:
    await opened(alone, limit=100_000_000)
    await tell(alone, a_deposit(PRICE * 10, division_id=14), a_deposit(PRICE * 10, division_id=15))

    async def stream() -> None:
        for n in range(15):
            kinds = [ON_ACCOUNT, Payment(method="balance")]
            await tell(alone, *[an_order(division=where, payment=kinds[n % 2]) for where in (MAIN, LABS)])

    async def switch() -> None:
        for n in range(10):
            await agree(alone, separate_funds=bool(n % 2))
            await asyncio.sleep(0.02)

    async def move() -> None:
        for _ in range(15):
            await at_once(alone, lambda tx: actions.transfer(tx, 9001, 15, 14, cents(1), NOW))

    await asyncio.gather(stream(), stream(), switch(), move())
    await agree(alone, separate_funds=False)

    assert await count(alone, "charge") + await count(alone, "usage") == 60
    assert await count(alone, "waiting_order") == 0
    charged = await count(alone, "charge")
    assert await balances(alone) == {14: PRICE * (20 - charged), 15: 0}
    await assert_in_order(alone.db)


async def test_a_division_that_is_added_while_funds_are_separated_has_its_row(alone: Service) -> None:
    await opened(alone, separate_funds=False)
    added = [
        DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=n, name=f"Branch {n}"))
        for n in range(20, 40)
    ]

    await asyncio.gather(agree(alone, separate_funds=True), *[tell(alone, one) for one in added])

    assert await count(alone, "funds") == await count(alone, "division") == 22
    for event in added:
        await tell(alone, a_deposit(PRICE, division_id=event.division.id))
        await tell(alone, an_order(division=event.division))
    assert await count(alone, "charge") == 20
    await assert_in_order(alone.db)


async def test_of_two_who_pay_the_same_monthly_invoice_from_the_funds_one_pays_and_the_other_is_told(
    alone: Service,
) -> None:
    await opened(alone, limit=100_000_000)
    [invoice] = await invoiced(alone)
    await tell(alone, a_deposit(PRICE * 10, division_id=14))
    due = cents(PRICE)

    answers = await at_once(
        alone, *[lambda tx: actions.pay_from_funds(tx, 9001, 14, {invoice: PRICE}, due, "ann", NOW) for _ in range(6)]
    )

    assert answers.count("invoice_settled") == 5
    assert await balances(alone) == {14: PRICE * 9, 15: 0}
    assert await count(alone, "payment", "method = 'balance'") == 1
    await assert_in_order(alone.db)


async def test_of_two_invoices_that_the_balance_is_enough_for_only_once_one_is_paid(alone: Service) -> None:
    await opened(alone, limit=100_000_000)
    first, second = await invoiced(alone, months=2)
    await tell(alone, a_deposit(PRICE + 5, division_id=14))

    answers = await at_once(
        alone,
        lambda tx: actions.pay_from_funds(tx, 9001, 14, {first: PRICE}, cents(PRICE), "ann", NOW),
        lambda tx: actions.pay_from_funds(tx, 9001, 14, {second: PRICE}, cents(PRICE), "bob", NOW),
    )

    assert answers.count("insufficient_funds") == 1
    assert await balances(alone) == {14: 5, 15: 0}
    await assert_in_order(alone.db)


async def test_paying_from_the_funds_and_by_a_transfer_that_arrives_at_once_pays_once(alone: Service) -> None:
    await opened(alone, limit=100_000_000)
    [invoice] = await invoiced(alone)
    await tell(alone, a_deposit(PRICE, division_id=14))
    async with alone.db.transaction() as tx:
        given = (tx, 9001, 14, {invoice: PRICE}, cents(PRICE))
        announced = (await actions.announce_payment(*given, "wire_transfer", "ann", NOW)).id

    await at_once(
        alone,
        lambda tx: actions.pay_from_funds(tx, 9001, 14, {invoice: PRICE}, cents(PRICE), "ann", NOW),
        lambda tx: actions.settle_payment(tx, announced, cents(PRICE), "B-1", "ops", NOW),
    )

    assert await count(alone, "receivable", "paid = total AND kind = 'usage'") == 1
    assert (await balances(alone))[14] in (0, PRICE)  # the transfer came first, or found its payment replaced
    await assert_in_order(alone.db)


async def test_many_invoices_are_paid_in_opposite_orders_from_funds_and_bank_without_a_deadlock(
    alone: Service,
) -> None:
    await opened(alone, limit=100_000_000)
    hot = await invoiced(alone, months=6)
    await tell(alone, a_deposit(PRICE * 20, division_id=14))
    works: list[Work] = []
    for n, wanted in enumerate((hot, hot[::-1], hot[::2] + hot[1::2], hot[3:] + hot[:3])):
        total, amounts = cents(100 * len(hot)), dict.fromkeys(wanted, 100)

        async def pay(tx: AsyncSession, amounts: dict[int, int] = amounts, total: Money = total, n: int = n) -> Any:
            if n % 2:
                return await actions.pay_from_funds(tx, 9001, 14, amounts, total, "ann", NOW)
            return await actions.record_payment(tx, 9001, total, "wire_transfer", "", f"B-{n}", "bank", NOW)

        works.append(pay)

    started = asyncio.get_running_loop().time()
    answers = await at_once(alone, *works)

    assert asyncio.get_running_loop().time() - started < 5
    assert all(isinstance(answer, int) for answer in answers), answers
    paid = (await rows(alone, "SELECT sum(paid) AS paid FROM receivable WHERE kind = 'usage'"))[0].paid
    assert paid == 4 * 100 * len(hot)
    await assert_in_order(alone.db)


async def test_a_bounce_and_a_switch_at_once_leave_each_cent_where_its_invoice_is(alone: Service) -> None:
    await opened(alone, limit=100_000_000)
    [invoice] = await invoiced(alone, LABS)
    await tell(alone, a_deposit(PRICE * 2, division_id=15))
    async with alone.db.transaction() as tx:
        payment = await actions.pay_from_funds(tx, 9001, 15, {invoice: PRICE}, cents(PRICE), "ann", NOW)

    await asyncio.gather(
        agree(alone, separate_funds=False),
        at_once(alone, lambda tx: actions.reverse_payment(tx, payment, "Wrong", "ops", NOW)),
    )

    assert await balances(alone) == {14: PRICE * 2, 15: 0}
    await assert_in_order(alone.db)
