"""Random histories on PostgreSQL: after every step the book is in order and equals a model that knows no database."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import select

from services.billing import actions
from services.billing.actions import PurchaseOrderWish, Terms
from services.billing.actions.catalogue import CatalogueFile
from services.billing.models import Funds
from services.billing.queries.catalogue import newest_catalogue
from services.billing.worker import try_waiting_orders
from shared.db import utcnow
from shared.events.base import Event, Money
from shared.events.orders import AccountOpened, Division, OrderPlaced, OrderRejected
from tests.billing.book import Book, Key, assert_in_order
from tests.billing.makers import take_key
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_order

ACCOUNTS = {9001: 14, 9002: 15}
STEPS = 30
# Net prices of this test's own products, of which «late» has none at first; all are taxed with 19 %.
PRICES: dict[str, int | None] = {"small": 1000, "odd": 333, "large": 60001, "free": 0, "late": None}


def price_list(day: date, **net: int) -> CatalogueFile:
    rows = [
        {"product": name, "description": name, "years": 1, "currency": "EUR", "base": f"{minor / 100:.2f}",
         "valid_from": day}
        for name, minor in net.items()
    ]  # fmt: skip
    return CatalogueFile.model_validate({"price": rows})


def eur(minor: int) -> Money:
    return Money(amount=minor, currency="EUR")


class History:
    """Draws what happens next, tells it to billing and to the model."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.books = {account: Book(limit=5000 if account == 9001 else 0) for account in ACCOUNTS}
        self.prices, self.day = dict(PRICES), date(2026, 1, 2)
        self.products: dict[Key, str] = {}
        self.told: list[Event] = []
        self.placed: list[OrderPlaced] = []
        self.next_id = 1

    async def begin(self) -> None:
        async with self.world.billing.db.transaction() as tx:
            known = {name: minor for name, minor in self.prices.items() if minor is not None}
            await actions.load_catalogue(tx, price_list(date(2026, 1, 1), **known), "tests", NOW)
        for account, division in ACCOUNTS.items():
            opened = AccountOpened(
                occurred_at=NOW, account_id=account, account=an_account(id=account),
                division=Division(id=division, name="Main"),
            )  # fmt: skip
            await self.world.deliver("billing", opened)
            await self._set_limit(account, self.books[account].limit)

    async def step(self) -> None:
        doing: list[Callable[[], Any]] = [self.chunk] * 6 + [self.retry] * 2 + [self.limit, self.new_price, self.again]
        doing += [self.purchase_order, self.purchase_order, self.pay, self.pay, self.bounce]
        await self.chance.choice(doing)()

    async def chunk(self) -> None:
        """Several records at once, some of them twice, of both accounts and of two systems with the same numbers."""
        events = [
            self.chance.choice([self.place, self.place, self.end, self.deposit])()
            for _ in range(self.chance.randint(1, 9))
        ]
        await self._tell([*events, *self.chance.sample(events, self.chance.randint(0, len(events)))])

    async def again(self) -> None:
        """What was told long ago, once more, in any order; new ids for half of it, as a producer that lost its mind."""
        old = self.chance.sample(self.told, min(len(self.told), 12))
        await self._tell(
            [e if self.chance.random() < 0.5 else type(e).model_validate(e.model_dump(exclude={"id"})) for e in old]
        )

    async def _tell(self, events: list[Event]) -> None:
        """Topic by topic: between topics there is no order that a model could know."""
        self.told += events
        for _, same in groupby(events, lambda event: event.topic):
            batch = list(same)
            await self.world.deliver("billing", *batch)
            self._expect(batch)

    def _expect(self, events: list[Event]) -> None:
        for event in events:
            book = self.books[event.account_id]
            if isinstance(event, OrderPlaced):
                book.place(event, self.price_of((event.source, event.order_id)))
            elif event.type == "deposit_funds":
                book.deposit(event.amount.amount, event.reference)  # type: ignore[attr-defined]
            else:
                book.end(event)  # type: ignore[arg-type]
        for book in self.books.values():
            book.end_of_chunk()

    def place(self) -> OrderPlaced:
        account = self.chance.choice(list(ACCOUNTS))
        product = self.chance.choice(list(PRICES))
        number = self.next_id if self.chance.random() < 0.7 or self.next_id == 1 else self.next_id - 1
        source = self.chance.choice(["issuary/orders", "shop"])
        if (source, number) in self.products:
            number = self.next_id = self.next_id + 1
        self.next_id = max(self.next_id, number) + (number == self.next_id)
        order = an_order(
            source, order_id=number, account=an_account(id=account), product_name_id=product,
            division=Division(id=ACCOUNTS[account], name="Main"),
            placed_at=NOW + timedelta(seconds=self.chance.randint(0, 999), milliseconds=number),
        )  # fmt: skip
        self.products[source, number] = product
        self.placed.append(order)
        return order

    def end(self) -> Event:
        if not self.placed:
            return self.deposit()
        order = self.chance.choice(self.placed)
        if self.chance.random() < 0.7:
            return a_cancellation(order)
        return OrderRejected(
            source=order.source, occurred_at=NOW, account_id=order.account_id, order_id=order.order_id,
            rejected_by="ann", reason="No",
        )  # fmt: skip

    def deposit(self) -> Event:
        account = self.chance.choice(list(ACCOUNTS))
        return a_deposit(
            self.chance.choice([1, 1190, 5000, 80000, 0, -5]), account_id=account, division_id=ACCOUNTS[account],
            reference=f"transfer {self.chance.randint(1, 60)}",
        )  # fmt: skip

    async def retry(self) -> None:
        while await try_waiting_orders(self.world.billing.db):
            pass
        for book in self.books.values():
            book.retry({key: self.price_of(key) for key in self.products})

    async def limit(self) -> None:
        account = self.chance.choice(list(ACCOUNTS))
        self.books[account].limit = self.chance.choice([0, 5000, 100_000])
        await self._set_limit(account, self.books[account].limit)
        await self.retry()

    async def _set_limit(self, account: int, limit: int) -> None:
        terms = Terms(negative_limit=eur(limit), purchase_orders_allowed=True)
        async with self.world.billing.db.transaction() as tx:
            await actions.set_terms(tx, account, terms, "ops", NOW)

    async def purchase_order(self) -> None:
        """Asking for money moves none: the book is the same before its approval, after it and after a rejection."""
        account = self.chance.choice(list(ACCOUNTS))
        for _ in range(self.chance.randint(1, 4)):
            await self._one_purchase_order(account, self.chance.choice([1, 999, 30000]))

    async def _one_purchase_order(self, account: int, amount: int) -> None:
        wish = PurchaseOrderWish(ACCOUNTS[account], f"PO-{self.chance.randint(1, 9)}", eur(amount))
        async with self.world.billing.db.transaction() as tx:
            order = (await actions.submit_purchase_order(tx, account, wish, "ann", NOW)).id
        async with self.world.billing.db.transaction() as tx:
            if self.chance.random() < 0.3:
                await actions.reject_purchase_order(tx, order, "No", "ops", NOW)
                return
            issued = await actions.approve_purchase_order(tx, order, "ops", NOW, 30)
        self.books[account].owed[issued.id] = amount

    async def pay(self) -> None:
        """By what was announced, or by what a bank reports without a word; too little, just that, or too much."""
        account = self.chance.choice(list(ACCOUNTS))
        book = self.books[account]
        due = {invoice: left for invoice, left in book.owed.items() if left}
        named = self.chance.random() < 0.6
        wanted = dict(self.chance.sample(sorted(due.items()), self.chance.randint(1, len(due)))) if due else {}
        if self.chance.random() < 0.3:
            wanted = {invoice: (left + 1) // 2 for invoice, left in wanted.items()}
        received = max(1, sum(wanted.values()) + self.chance.choice([-500, -500, 0, 777]))
        async with self.world.billing.db.transaction() as tx:
            if wanted and named:
                total = eur(sum(wanted.values()))
                told = await actions.announce_payment(
                    tx, account, ACCOUNTS[account], wanted, total, "wire", "ann", utcnow()
                )
                payment = told.id
        async with self.world.billing.db.transaction() as tx:
            bank = f"bank {self.chance.random()}"
            if wanted and named:
                await actions.settle_payment(tx, payment, eur(received), bank, "ops", utcnow())
            else:
                wanted = due
                payment = await actions.record_payment(tx, account, eur(received), "wire", "x", bank, "bank", utcnow())
        book.pay(payment, received, wanted)
        await self.retry()

    async def bounce(self) -> None:
        book_of = {payment: account for account, book in self.books.items() for payment in book.paid}
        if not book_of:
            return
        payment = self.chance.choice(list(book_of))
        async with self.world.billing.db.transaction() as tx:
            await actions.reverse_payment(tx, payment, "No cover", "ops", utcnow())
        self.books[book_of[payment]].bounce(payment)

    async def new_price(self) -> None:
        """From the next day on, which is over, one product costs something else; what waits keeps its price."""
        product, self.day = self.chance.choice(list(PRICES)), self.day + timedelta(days=1)
        self.prices[product] = net = self.chance.choice([500, 1001, 45000])
        async with self.world.billing.db.transaction() as tx:
            await actions.load_catalogue(tx, price_list(self.day, **{product: net}), "tests", utcnow())
            await newest_catalogue(tx)  # as after the second that a new row may go unnoticed
        await self.retry()

    def price_of(self, key: Key) -> int | None:
        net = self.prices[self.products[key]]
        return None if net is None else net + (net * 19 + 50) // 100

    async def check(self) -> None:
        await assert_in_order(self.world.billing.db)
        async with self.world.billing.db.transaction() as tx:
            funds = {row.account_id: row for row in await tx.scalars(select(Funds))}
        for account, book in self.books.items():
            row = funds[account]
            assert (row.balance, row.seq, row.negative_limit) == (book.balance, book.seq, book.limit)
        owed = await self.world.rows("billing", "SELECT invoice_id, total - paid - credited FROM receivable")
        assert dict(map(tuple, owed)) == {key: due for book in self.books.values() for key, due in book.owed.items()}
        charged = {(r.source, r.order_id): r.total for r in await self.world.rows("billing", "SELECT * FROM charge")}
        assert charged == {key: total for book in self.books.values() for key, total in book.charged.items()}
        waiting = {(r.source, r.id): r.total for r in await self.world.rows("billing", "SELECT * FROM waiting_order")}
        assert waiting == {key: one.total for book in self.books.values() for key, one in book.waiting.items()}
        notes = await self.world.rows("billing", "SELECT order_source, order_id FROM credit_note")
        assert {tuple(row) for row in notes} == {key for book in self.books.values() for key in book.credited}
        released = await self.world.said("billing", "order_released")
        assert len(released) == sum(len(book.released) for book in self.books.values())
        assert await self.world.parked("billing") == []


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_the_book_is_in_order_and_equals_the_model(shop: World, seed: int) -> None:
    history = History(shop, seed)
    await history.begin()
    for account in ACCOUNTS:
        await take_key(shop, f"key-{account}", account_id=account)
    for _ in range(STEPS):
        await history.step()
        await history.check()
        await assert_balance_is_told(history)


async def assert_balance_is_told(history: History) -> None:
    account = history.chance.choice(list(ACCOUNTS))
    async with history.world.client(f"key-{account}") as http:
        answer = await http.get("/services/v2/finance/balance")
    assert answer.json() == history.books[account].as_balance()
