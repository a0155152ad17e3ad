"""Random histories of what is owed on credit: at every instant both parts of a statement close with what View balance
said then, and aging and payment requests are as they were."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions import PurchaseOrderWish
from services.billing.models import Funds, Receivable
from services.billing.queries import invoices_on_account, prefetch
from services.billing.queries import statement as statements
from services.billing.rules import month_after
from shared.errors import DomainError
from shared.events.orders import Division, DivisionAdded, OrderPlaced
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, terms
from tests.billing.statements import ask
from tests.billing.test_statement_histories import STAFF, statement
from tests.conftest import World
from tests.makers import a_cancellation, an_opened_account

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
DIVISIONS = {14: "Main", 15: "Labs", 16: "Europe"}
STEPS = 45
LATER = timedelta(minutes=1)
WHOLE: dict[str, Any] = {"from": "2026-01-01", "to": "2026-11-30"}


@dataclass(frozen=True)
class Moment:
    """What stood in the tables then."""

    at: datetime
    funds: dict[int, tuple[int, int, int]]  # balance, due on invoices, recorded and not invoiced
    due: dict[int, dict[date, int]]  # by funds and due date
    asked: dict[int, tuple[int, int]]  # payment requests: paid and due


class Months:
    """Draws what happens to an account with three divisions over some months."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance, self.now = world, random.Random(seed), BEGIN
        self.orders: list[OrderPlaced] = []
        self.payments: list[int] = []
        self.separate, self.closed, self.moments = False, date(2025, 12, 1), list[Moment]()

    async def begin(self) -> None:
        more = [Division(id=key, name=name) for key, name in DIVISIONS.items() if key != 14]
        told = [DivisionAdded(occurred_at=BEGIN, account_id=9001, division=one) for one in more]
        await self.world.deliver("billing", an_opened_account(), *told)
        await terms(
            self.world, self.now, negative_limit=eur(0), unlimited=True, monthly_billing=True,
            purchase_orders_allowed=True,
        )  # fmt: skip
        await deposit(self.world, 1, self.now)

    async def step(self) -> None:
        self.now += timedelta(hours=self.chance.randint(1, 130))
        doing = [self.buy] * 5 + [self.end, self.deposit, self.ask_for, self.transfer] + [self.month] * 3
        doing += [self.pay] * 3 + [self.pay_from_funds, self.bounce, self.switch]
        await self.chance.choice(doing)()
        self.moments.append(await self._look())

    def _division(self) -> Division:
        key = self.chance.choice(list(DIVISIONS))
        return Division(id=key, name=DIVISIONS[key])

    async def buy(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            way = {"payment": ON_ACCOUNT} if self.chance.random() < 0.8 else {}
            self.orders.append(await order(self.world, self.now, division=self._division(), **way))

    async def end(self) -> None:
        if self.orders:
            event = a_cancellation(self.chance.choice(self.orders))
            async with self.world.billing.db.transaction() as tx:
                await prefetch.for_ended(tx, [event])
                await actions.end_order(tx, event, self.now)

    async def deposit(self) -> None:
        amount = self.chance.choice([100, 40_000])
        self.payments.append(await deposit(self.world, amount, self.now, self._division().id))

    async def ask_for(self) -> None:
        wish = PurchaseOrderWish(self._division().id, "PO-1", eur(self.chance.choice([500, 30_000])))
        async with self.world.billing.db.transaction() as tx:
            made = await actions.submit_purchase_order(tx, 9001, wish, "ann", self.now)
            await actions.approve_purchase_order(tx, made.id, "ops", self.now, 30)

    async def transfer(self) -> None:
        if self.separate:
            giver, taker = self.chance.sample(list(DIVISIONS), 2)
            async with self.world.billing.db.transaction() as tx:
                await actions.transfer(tx, 9001, giver, taker, eur(700), self.now)

    async def month(self) -> None:
        while (due := month_after(self.closed)).is_over(self.now):
            await close(self.world, due.first, self.now)
            self.closed = due.first

    async def pay(self) -> None:
        """The oldest first, of the whole account: too little, just some, or more than is due."""
        amount = eur(self.chance.choice([1, 17_731, 20_000, 300_000]))
        async with self.world.billing.db.transaction() as tx:
            bank = f"bank {self.now}"
            self.payments.append(
                await actions.record_payment(tx, 9001, amount, "wire", "", bank, "bank", self.now)
            )  # fmt: skip

    async def pay_from_funds(self) -> None:
        async with self.world.billing.db.transaction() as tx:
            rows = list(await tx.scalars(select(Receivable).where(Receivable.kind == "usage")))
        if owed := [row for row in rows if row.due]:
            one = self.chance.choice(owed)
            part = self.chance.choice([one.due, (one.due + 1) // 2])
            try:
                async with self.world.billing.db.transaction() as tx:
                    await actions.pay_from_funds(
                        tx, 9001, one.division_id, {one.invoice_id: part}, eur(part), "ann", self.now
                    )
            except DomainError:  # too little is there
                return

    async def bounce(self) -> None:
        if self.payments:
            payment = self.payments.pop(self.chance.randrange(len(self.payments)))
            async with self.world.billing.db.transaction() as tx:
                await actions.reverse_payment(tx, payment, "No cover", "ops", self.now)

    async def switch(self) -> None:
        self.separate = not self.separate
        await terms(self.world, self.now, separate_funds=self.separate)

    async def _look(self) -> Moment:
        async with self.world.billing.db.transaction() as tx:
            funds = {
                row.division_id: (row.balance, row.invoiced, row.accrued) for row in await tx.scalars(select(Funds))
            }
            rows = list(await tx.scalars(select(Receivable)))
        due: dict[int, dict[date, int]] = {}
        for row in rows:
            if row.kind == "usage" and row.due:
                of_funds = due.setdefault(row.funds_division_id or 0, {})
                of_funds[row.due_on] = of_funds.get(row.due_on, 0) + row.due
        asked = {row.invoice_id: (row.paid, row.due) for row in rows if row.kind != "usage"}
        return Moment(self.now, funds, due, asked)


@pytest.mark.parametrize("seed", range(6))
async def test_at_every_instant_both_parts_close_with_what_view_balance_said(shop: World, seed: int) -> None:
    months = Months(shop, seed)
    await months.begin()
    await take_key(shop, "staff", role="operator", account_id=0)
    for _ in range(STEPS):
        await months.step()
        await assert_closes_with_view_balance(shop, months.chance.choice(list(DIVISIONS)))
    await assert_in_order(shop.billing.db)

    async with shop.billing.db.transaction() as tx:
        for moment in months.moments:
            await assert_as_it_was(tx, moment)
        for _ in range(25):
            await assert_period(tx, months)


async def assert_closes_with_view_balance(world: World, division: int) -> None:
    view = (await ask(world, "/balance", "staff", container_id=division)).json()
    told = (await ask(world, "/statement", "staff", container_id=division, **WHOLE)).json()

    on_account = told["invoices_on_account"]
    assert told["closing_balance"] == view["balance"]
    assert on_account["closing_unpaid_invoice_balance"] == view["unpaid_invoice_balance"]
    assert on_account["opening_due"] == "0.00"


async def assert_as_it_was(tx: AsyncSession, moment: Moment) -> None:
    """Of every row of funds that there was, also of those that no division spends any more."""
    for key, (balance, invoiced, accrued) in moment.funds.items():
        funds = (await tx.execute(select(Funds).where(Funds.division_id == key))).scalar_one()
        owed = await invoices_on_account.invoices_on_account(tx, funds, BEGIN - LATER, moment.at + LATER)
        assert (owed.closing.due, owed.closing.accrued) == (invoiced, accrued)
        assert dict(await invoices_on_account.due_by_day(tx, owed)) == moment.due.get(key, {})
        if key == 14:
            of = await statement(tx, key, BEGIN - LATER, moment.at + LATER)
            assert (of.closing, of.invoices.closing) == (balance, owed.closing)


async def assert_period(tx: AsyncSession, months: Months) -> None:
    """Of whole days."""
    first, last = sorted(moment.at for moment in months.chance.sample(months.moments, 2))
    start, end = _midnight(first), _midnight(last) + timedelta(days=1)
    of = await statement(tx, months.chance.choice(list(DIVISIONS)), start, end)
    await assert_rows_add_up(tx, of)

    before = [moment for moment in months.moments if moment.at < start][-1:]
    seen = [*before, *(moment for moment in months.moments if start <= moment.at < end)]
    open_then = {key for moment in seen for key, (_, due) in moment.asked.items() if due}
    here = set(await tx.scalars(_requests_here(months, of.funds.division_id)))
    expected = {key: figures for key, figures in seen[-1].asked.items() if key in open_then & here}
    listed = await statements.requests_of(tx, STAFF, of, 0, 1000)
    assert {one.id: (one.paid, one.due) for one in listed} == expected
    assert len(listed) == of.asked_count


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0)


def _requests_here(months: Months, division: int) -> Any:
    query = select(Receivable.invoice_id).where(Receivable.account_id == 9001)
    if months.separate:
        query = query.where(func.coalesce(Receivable.funds_division_id, Receivable.division_id) == division)
    return query


async def assert_rows_add_up(tx: AsyncSession, of: statements.Statement) -> None:
    dues = await statements.dues_of(tx, STAFF, of, 0, 1000)
    debit, credit = await invoices_on_account.totals(tx, of.invoices)
    running = list(accumulate((due.amount for due in dues), initial=of.invoices.opening.due))

    assert running[-1] == of.invoices.opening.due + debit - credit == of.invoices.closing.due
    assert running[1:] == [due.due_after for due in dues]
    assert len(dues) == of.invoices.count
    assert all(due.paper and due.invoice for due in dues)
