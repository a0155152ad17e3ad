"""Many at once on connections of their own: exactly one wins, and nobody waits for a deadlock to be found."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions import PurchaseOrderWish, Terms
from shared.errors import DomainError
from shared.events.base import Money
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.test_races import count, open_accounts

ACCOUNT = 9001
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def euros(amount: int) -> Money:
    return Money(amount=amount * 100, currency="EUR")


async def at_once(service: Service, *works: Callable[[AsyncSession], Awaitable[Any]]) -> list[Any]:
    """Each in a transaction of its own; a refusal is an answer like another."""

    async def one(work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        try:
            async with service.db.transaction() as tx:
                return await work(tx)
        except DomainError as refused:
            return refused.code

    return list(await asyncio.gather(*map(one, works)))


async def invoices(service: Service, number: int, amount: int = 10) -> list[int]:
    made = []
    for n in range(number):
        async with service.db.transaction() as tx:
            wish = PurchaseOrderWish(ACCOUNT, f"PO-{n}", euros(amount))
            order = await actions.submit_purchase_order(tx, ACCOUNT, wish, "ann", NOW)
            made.append((await actions.approve_purchase_order(tx, order.id, "ops", NOW, 30)).id)
    return made


async def opened(service: Service) -> None:
    await open_accounts(service, 0)
    async with service.db.transaction() as tx:
        await actions.set_terms(tx, ACCOUNT, Terms(purchase_orders_allowed=True), "ops", NOW)


async def test_of_two_approvals_at_once_both_name_the_one_invoice(alone: Service) -> None:
    await opened(alone)
    async with alone.db.transaction() as tx:
        wish = PurchaseOrderWish(ACCOUNT, "PO-1", euros(10))
        order = (await actions.submit_purchase_order(tx, ACCOUNT, wish, "ann", NOW)).id

    answers = await at_once(
        alone, *[lambda tx: actions.approve_purchase_order(tx, order, "ops", NOW, 30) for _ in range(6)]
    )

    assert len(set(answers)) == 1
    assert await count(alone, "invoice") == 1
    await assert_in_order(alone.db)


async def test_of_an_approval_and_a_cancellation_at_once_one_wins(alone: Service) -> None:
    await opened(alone)
    for n in range(5):
        async with alone.db.transaction() as tx:
            wish = PurchaseOrderWish(ACCOUNT, f"PO-{n}", euros(10))
            order = (await actions.submit_purchase_order(tx, ACCOUNT, wish, "ann", NOW)).id
        await at_once(
            alone,
            lambda tx, order=order: actions.approve_purchase_order(tx, order, "ops", NOW, 30),  # type: ignore[misc]
            lambda tx, order=order: actions.cancel_purchase_order(tx, order, "ann", NOW),  # type: ignore[misc]
        )

    assert await count(alone, "invoice") == await count(alone, "purchase_order", "approved_at IS NOT NULL")
    await assert_in_order(alone.db)


async def test_a_payment_settled_by_many_at_once_is_settled_once(alone: Service) -> None:
    await opened(alone)
    [invoice] = await invoices(alone, 1)
    async with alone.db.transaction() as tx:
        announced = await actions.announce_payment(
            tx, ACCOUNT, ACCOUNT, {invoice: 1000}, euros(10), "wire_transfer", "ann", NOW
        )
        payment = announced.id

    answers = await at_once(
        alone,
        *[lambda tx, n=n: actions.settle_payment(tx, payment, euros(10), f"B-{n}", "ops", NOW) for n in range(6)],
    )

    assert answers.count("payment_settled") == 5
    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = 1000") == 1
    await assert_in_order(alone.db)


async def test_two_payments_of_the_same_invoices_in_opposite_orders_never_deadlock_nor_pay_twice(
    alone: Service,
) -> None:
    await opened(alone)
    hot = await invoices(alone, 10)
    settled: list[Callable[[AsyncSession], Awaitable[Any]]] = []
    for order in (hot, hot[::-1], hot[::2] + hot[1::2]):
        wanted = dict.fromkeys(order, 1000)

        async def pay(tx: AsyncSession, wanted: dict[int, int] = wanted, n: int = len(settled)) -> int:
            return await actions.record_payment(tx, ACCOUNT, euros(100), "wire_transfer", "all", f"B-{n}", "bank", NOW)

        settled.append(pay)

    started = asyncio.get_running_loop().time()
    await at_once(alone, *settled)

    assert asyncio.get_running_loop().time() - started < 5
    assert await count(alone, "receivable", "paid = total") == 10
    assert await count(alone, "allocation") == 10
    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = 30000") == 1
    await assert_in_order(alone.db)


async def test_of_two_who_announce_the_same_invoice_at_once_one_payment_stays_pending(alone: Service) -> None:
    await opened(alone)
    [invoice] = await invoices(alone, 1)

    await at_once(
        alone,
        *[
            lambda tx: actions.announce_payment(
                tx, ACCOUNT, ACCOUNT, {invoice: 1000}, euros(10), "wire_transfer", "ann", NOW
            )
            for _ in range(5)
        ],
    )

    assert await count(alone, "payment", "canceled_at IS NULL") == 1
    assert await count(alone, "payment") == 5


async def test_the_same_transfer_reported_by_many_at_once_counts_once(alone: Service) -> None:
    await opened(alone)

    answers = await at_once(
        alone,
        *[
            lambda tx: actions.record_payment(tx, ACCOUNT, euros(5), "wire_transfer", "x", "B-1", "bank", NOW)
            for _ in range(6)
        ],
    )

    assert answers.count("duplicate_reference") == 5
    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = 500") == 1
    await assert_in_order(alone.db)
