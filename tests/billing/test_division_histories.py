"""Random histories of an account whose divisions have their own funds, share them, and have their own again: in every
state View balance is the four terms of its formula, and equals a model that knows no database."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from services.billing import actions
from services.billing.rules import month_after, month_of, printed
from shared.errors import Rejected
from shared.events.base import Money
from shared.events.orders import Division, DivisionAdded, OrderPlaced, Payment
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, terms
from tests.billing.playing import Steps, played, steps, undone
from tests.billing.test_histories import price_list
from tests.billing.test_purchase_orders import call
from tests.conftest import World
from tests.makers import NOW, a_cancellation, an_opened_account

TOP = 14
DIVISIONS = {TOP: "Main", 15: "Labs", 16: "Shops"}
NET = {"small": 1_000, "odd": 333, "large": 60_001}
STEPS = 45
WEIGHTS = {
    "buy": 7, "bring": 3, "transfer": 4, "close": 2, "pay": 4, "reverse": 2, "switch": 2, "agree": 1, "cancel": 2
}  # fmt: skip
PAST_THE_LIMIT = {"close", "reverse", "agree"}  # these may pass it; nothing else makes it worse


def gross(net: int) -> int:
    return net + (net * 19 + 50) // 100


@dataclass
class Row:
    balance: int = 0
    unpaid: int = 0

    @property
    def used(self) -> int:
        return max(0, self.unpaid - self.balance)


@dataclass
class Bought:
    placed: OrderPlaced
    division: int
    on_account: bool
    net: int
    place: int = 0  # where it was charged, or where it counts as unpaid
    state: str = "waiting"  # … open, invoiced, ended


@dataclass
class Invoice:
    id: int
    division: int
    place: int
    due: int


@dataclass
class Paid:
    id: int
    invoice: Invoice
    amount: int
    from_funds: bool


@dataclass
class Model:
    limit: int = 50_000
    unlimited: bool = False
    separate: bool = False
    rows: dict[int, Row] = field(default_factory=lambda: {division: Row() for division in DIVISIONS})
    bought: list[Bought] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)

    def place(self, division: int) -> int:
        return division if self.separate else TOP

    @property
    def used(self) -> int:
        return sum(row.used for row in self.rows.values())

    def available(self, division: int) -> int:
        own = self.rows[self.place(division)]
        return own.balance + self.limit - own.unpaid - (self.used - own.used)

    def covers(self, division: int, amount: int) -> bool:
        return self.unlimited or amount <= self.available(division)

    def try_order(self, one: Bought) -> None:
        if self.covers(one.division, gross(one.net)):
            one.state, one.place = "open", self.place(one.division)
            row = self.rows[one.place]
            if one.on_account:
                row.unpaid += gross(one.net)
            else:
                row.balance -= gross(one.net)

    def retry(self) -> None:
        waiting = [one for one in self.bought if one.state == "waiting"]
        for one in sorted(waiting, key=lambda one: (one.placed.placed_at, one.placed.order_id)):
            self.try_order(one)

    def join(self) -> None:
        top = self.rows[TOP]
        for division, row in self.rows.items():
            if division != TOP:
                top.balance, top.unpaid = top.balance + row.balance, top.unpaid + row.unpaid
                row.balance = row.unpaid = 0
        for invoice in self.invoices:
            invoice.place = TOP
        for one in self.bought:
            one.place = TOP if one.on_account else one.place
        self.separate = False

    def as_balance(self, division: int) -> dict[str, Any]:
        own = self.rows[self.place(division)]
        told = {
            "balance": own.balance, "unpaid_invoice_balance": own.unpaid,
            "used_credit_from_other_containers": self.used - own.used,
        }  # fmt: skip
        if not self.unlimited:
            told |= {"negative_balance_limit": self.limit, "total_available_funds": self.available(division)}
        flag = {"unlimited_negative_balance": True} if self.unlimited else {}
        return {name: printed(minor, "EUR") for name, minor in told.items()} | {"currency": "EUR"} | flag


class History:
    def __init__(self, world: World) -> None:
        self.world, self.chance, self.model = world, random.Random(0), Model()
        self.now = datetime(2026, 2, 10, 8, tzinfo=UTC)

    async def begin(self) -> None:
        added = [
            DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=number, name=name))
            for number, name in DIVISIONS.items()
            if number != TOP
        ]
        await self.world.deliver("billing", an_opened_account(), *added)
        await take_key(self.world, "key")
        async with self.world.billing.db.transaction() as tx:
            await actions.load_catalogue(tx, price_list(date(2026, 1, 1), **NET), "tests", self.now)
        await terms(self.world, self.now, negative_limit=eur(self.model.limit), monthly_billing=True)

    async def step(self, name: str, seed: int) -> None:
        self.chance = random.Random(seed)
        step: Callable[[], Any] = getattr(self, name)
        self.now += timedelta(hours=self.chance.randint(1, 30))
        before = self.model.used
        await step()
        await self.retry()
        await self.check(name, before)

    def division(self) -> int:
        return self.chance.choice(list(DIVISIONS))

    async def buy(self) -> None:
        product, division, on_account = self.chance.choice(list(NET)), self.division(), self.chance.random() < 0.5
        placed = await order(
            self.world, self.now, product_name_id=product, placed_at=self.now,
            division=Division(id=division, name=DIVISIONS[division]),
            payment=ON_ACCOUNT if on_account else Payment(method="balance"),
        )  # fmt: skip
        self.model.bought.append(Bought(placed, division, on_account, NET[product]))
        self.model.try_order(self.model.bought[-1])

    async def bring(self) -> None:
        division, amount = self.division(), self.chance.choice([1, 1_190, 30_000, 120_000])
        await deposit(self.world, amount, self.now, division)
        self.model.rows[self.model.place(division)].balance += amount

    async def transfer(self) -> None:
        giver, taker = self.chance.sample(list(DIVISIONS), 2)
        amount = max(1, self.chance.choice([500, self.model.available(giver), self.model.available(giver) + 1]))
        fits = self.model.separate and self.model.covers(giver, amount)
        async with self.world.billing.db.transaction() as tx:
            if not fits:
                with pytest.raises(Rejected):
                    await actions.transfer(tx, 9001, giver, taker, eur(amount), self.now)
                return
            await actions.transfer(tx, 9001, giver, taker, eur(amount), self.now)
        self.model.rows[giver].balance -= amount
        self.model.rows[taker].balance += amount

    async def close(self) -> None:
        """The month that is running, a few minutes after its end."""
        month = month_of(self.now.date())
        self.now = month.end + timedelta(minutes=5)
        known = {row.id for row in await self.world.rows("billing", "SELECT id FROM invoice")}
        first = date(2026, 2, 1)
        while first <= month.first:  # whatever was not closed yet, in its order
            await close(self.world, first, self.now)
            first = month_after(first).first
        fresh = await self.world.rows("billing", "SELECT id, division_id FROM invoice WHERE kind = 'usage' ORDER BY id")
        ids = {row.division_id: row.id for row in fresh if row.id not in known}
        for division in DIVISIONS:
            self._invoice(division, ids.get(division))

    def _invoice(self, division: int, number: int | None) -> None:
        recorded = [b for b in self.model.bought if b.on_account and b.state == "open" and b.division == division]
        assert bool(recorded) == (number is not None)
        if number is None:
            return
        for one in recorded:
            self.model.rows[one.place].unpaid -= gross(one.net)
            one.state = "invoiced"
        place, total = self.model.place(division), gross(sum(one.net for one in recorded))
        self.model.rows[place].unpaid += total
        self.model.invoices.append(Invoice(number, division, place, total))

    async def pay(self) -> None:
        due = [one for one in self.model.invoices if one.due]
        if not due:
            return
        invoice, from_funds = self.chance.choice(due), self.chance.random() < 0.6
        amount = self.chance.choice([invoice.due, (invoice.due + 1) // 2])
        given = 9001, invoice.division, {invoice.id: amount}, eur(amount)
        own = self.model.place(invoice.division)
        if from_funds and (own != invoice.place or self.model.rows[own].balance < amount):
            async with self.world.billing.db.transaction() as tx:
                with pytest.raises(Rejected):
                    await actions.pay_from_funds(tx, *given, "ann", self.now)
            return
        payment = await (self._from_funds if from_funds else self._by_wire)(*given)
        self._book(Paid(payment, invoice, amount, from_funds), 1)

    async def _from_funds(self, account: int, division: int, wanted: dict[int, int], total: Money) -> int:
        async with self.world.billing.db.transaction() as tx:
            return await actions.pay_from_funds(tx, account, division, wanted, total, "ann", self.now)

    async def _by_wire(self, account: int, division: int, wanted: dict[int, int], total: Money) -> int:
        async with self.world.billing.db.transaction() as tx:
            given = (account, division, wanted, total, "wire", "ann", self.now)
            announced = (await actions.announce_payment(tx, *given)).id
        async with self.world.billing.db.transaction() as tx:
            bank = f"bank {announced}"
            await actions.settle_payment(tx, announced, total, bank, "ops", self.now)
        return announced

    def _book(self, paid: Paid, sign: int) -> None:
        row = self.model.rows[paid.invoice.place]
        row.unpaid -= sign * paid.amount
        paid.invoice.due -= sign * paid.amount
        if paid.from_funds:
            row.balance -= sign * paid.amount
        (self.model.paid.append if sign > 0 else self.model.paid.remove)(paid)

    async def reverse(self) -> None:
        if self.model.paid:
            paid = self.chance.choice(self.model.paid)
            async with self.world.billing.db.transaction() as tx:
                await actions.reverse_payment(tx, paid.id, "No cover", "ops", self.now)
            self._book(paid, -1)

    async def switch(self) -> None:
        wish = not self.model.separate
        await terms(self.world, self.now, separate_funds=wish)
        if wish:
            self.model.separate = True
        else:
            self.model.join()

    async def agree(self) -> None:
        self.model.limit, self.model.unlimited = self.chance.choice([0, 50_000, 200_000]), self.chance.random() < 0.2
        wish: dict[str, Any] = {"negative_limit": eur(self.model.limit), "unlimited": self.model.unlimited}
        await terms(self.world, self.now, **wish)

    async def cancel(self) -> None:
        standing = [one for one in self.model.bought if one.state in ("waiting", "open")]
        if not standing:
            return
        one = self.chance.choice(standing)
        await self.world.deliver("billing", a_cancellation(one.placed))
        if one.state == "open" and one.on_account:
            self.model.rows[one.place].unpaid -= gross(one.net)
        elif one.state == "open":
            self.model.rows[self.model.place(one.division)].balance += gross(one.net)
        one.state = "ended"

    async def retry(self) -> None:
        while True:
            async with self.world.billing.db.transaction() as tx:
                if not await actions.retry_waiting(tx, self.now):
                    break
        self.model.retry()

    async def check(self, step: str, before: int) -> None:
        await assert_in_order(self.world.billing.db)
        for division in DIVISIONS:
            path = f"/services/v2/finance/balance?container_id={division}"
            told = (await call(self.world, "GET", path)).json()
            assert told == self.model.as_balance(division), (step, division)
            if not self.model.unlimited:
                assert_formula(told)
        if not self.model.unlimited and step not in PAST_THE_LIMIT:
            assert self.model.used <= max(self.model.limit, before), step


def assert_formula(told: dict[str, Any]) -> None:
    names = ("balance", "negative_balance_limit", "unpaid_invoice_balance", "used_credit_from_other_containers")
    balance, limit, unpaid, elsewhere = (Decimal(told[name]) for name in names)
    assert Decimal(told["total_available_funds"]) == balance + limit - unpaid - elsewhere


@played(6)
@given(steps(WEIGHTS, STEPS))
async def test_whatever_happens_view_balance_is_its_formula_for_each_division(shop: World, story: Steps) -> None:
    async with undone(shop):
        history = History(shop)
        await history.begin()
        for name, seed in story:
            await history.step(name, seed)
