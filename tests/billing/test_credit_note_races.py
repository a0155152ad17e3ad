"""Many at once on connections of their own: a line is credited once, and money and credit never pass the invoice."""

from typing import Any

import pytest

from services.billing import actions
from services.billing.actions import Terms
from shared.db import utcnow
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, work_off
from tests.billing.test_payment_races import ACCOUNT, at_once, euros, invoices, opened
from tests.billing.test_races import PRICE, apply, count, open_accounts, order_of, tell
from tests.makers import NOW, a_cancellation

NET = 14_900


def crediting(invoice: int, lines: dict[int, int] | None = None) -> Any:
    return lambda tx: actions.credit_invoice(tx, invoice, lines, "Goodwill", "ops", utcnow())


def told(event: Any) -> Any:
    return lambda tx: apply(tx, event)


async def charged(service: Service) -> tuple[Any, int]:
    await open_accounts(service, PRICE)
    order = order_of(ACCOUNT)
    await tell(service, order)
    return order, await one(service, "SELECT invoice_id FROM charge")


async def one(service: Service, sql: str) -> int:
    async with service.db.transaction() as tx:
        return int((await (await tx.connection()).exec_driver_sql(sql)).scalar_one())


async def month(service: Service, orders: int) -> tuple[list[Any], int]:
    await open_accounts(service, PRICE)
    async with service.db.transaction() as tx:
        await actions.set_terms(tx, ACCOUNT, Terms(monthly_billing=True, unlimited=True), "ops", NOW)
    placed = [order_of(ACCOUNT, payment=ON_ACCOUNT) for _ in range(orders)]
    await tell(service, *placed)
    later = utcnow().replace(year=utcnow().year + 1)
    async with service.db.transaction() as tx:
        await actions.close_period(tx, utcnow().date().replace(day=1), "ops", later)
    await work_off(service.db, later)
    return placed, await one(service, "SELECT id FROM invoice WHERE kind = 'usage'")


async def test_of_two_credit_notes_over_the_same_line_at_once_one_is_written(alone: Service) -> None:
    _, invoice = await charged(alone)

    answers = await at_once(alone, *[crediting(invoice, {1: NET}) for _ in range(6)])

    assert answers.count("nothing_left") == 5
    assert await count(alone, "credit_note") == 1
    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = {PRICE}") == 1
    await assert_in_order(alone.db)


async def test_parts_of_a_line_at_once_come_to_no_more_than_it_has(alone: Service) -> None:
    _, invoice = await charged(alone)

    answers = await at_once(alone, *[crediting(invoice, {1: 4000}) for _ in range(6)])

    assert answers.count("more_than_left") == 3
    assert await count(alone, "credit_note") == 3
    await assert_in_order(alone.db)


@pytest.mark.parametrize("lines", [None, {1: 900}])
async def test_staff_credit_an_order_while_it_is_cancelled(alone: Service, lines: dict[int, int] | None) -> None:
    order, invoice = await charged(alone)

    await at_once(alone, *[told(a_cancellation(order)), crediting(invoice, lines)] * 2)

    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = {PRICE}") == 1
    assert await count(alone, "credit_note", "ends_part") + await count(alone, "ended_order") == 1
    await assert_in_order(alone.db)


async def test_a_payment_and_credit_notes_of_a_month_at_once(alone: Service) -> None:
    placed, invoice = await month(alone, 4)
    due = euros(PRICE * 4 // 100)

    await at_once(
        alone,
        lambda tx: actions.record_payment(tx, ACCOUNT, due, "wire_transfer", "x", "B-1", "bank", utcnow()),
        crediting(invoice, {1: NET}),
        lambda tx: actions.record_payment(tx, ACCOUNT, due, "wire_transfer", "x", "B-2", "bank", utcnow()),
        crediting(invoice, {1: 100, 2: 100}),
        *[told(a_cancellation(order)) for order in placed],
        crediting(invoice),
    )

    assert await count(alone, "credit_note", "exhausts") == 1
    assert await count(alone, "receivable", "paid + credited = total AND credited + returned = total") == 1
    money = PRICE + due.amount * 2
    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = {money} AND invoiced = 0") == 1
    await assert_in_order(alone.db)


async def test_a_request_is_paid_and_credited_at_once_and_never_both(alone: Service) -> None:
    await opened(alone)
    for invoice in await invoices(alone, 5):
        items, total = {invoice: 1000}, euros(10)
        async with alone.db.transaction() as tx:
            announced = await actions.announce_payment(tx, ACCOUNT, ACCOUNT, items, total, "wire", "ann", utcnow())
            payment = announced.id
        await at_once(
            alone,
            crediting(invoice),
            lambda tx, n=payment: actions.settle_payment(tx, n, euros(10), f"B-{n}", "ops", utcnow()),  # type: ignore[misc]
        )

    assert await count(alone, "receivable", "paid + credited = total") == 5
    assert await count(alone, "funds", f"account_id = {ACCOUNT} AND balance = 5000") == 1
    await assert_in_order(alone.db)
