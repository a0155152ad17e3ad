"""Random histories on PostgreSQL: after every step the book is in order and equals a model that knows no database."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from hypothesis import given
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions import PurchaseOrderWish, Terms
from services.billing.actions.catalogue import CatalogueFile
from services.billing.models import Funds
from services.billing.queries.catalogue import newest_catalogue
from services.billing.worker import try_waiting_orders
from shared.db import at_last, utcnow
from shared.errors import DomainError
from shared.events.base import Event, Money
from shared.events.orders import AccountOpened, Division, OrderPlaced, OrderRejected
from tests.billing.book import Book, Key, assert_in_order, gross
from tests.billing.makers import take_key
from tests.billing.playing import Steps, played, steps, undone
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_order

ACCOUNTS = {9001: 14, 9002: 15}
STEPS = 30
WEIGHTS = {
    "chunk": 6, "retry": 2, "limit": 1, "new_price": 1, "again": 1, "purchase_order": 2, "pay": 2, "bounce": 1,
    "credit": 2, "credit_request": 1, "crash": 1,
}  # fmt: skip
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


class Crash(Exception):
    pass


async def crash(_: AsyncSession) -> None:
    raise Crash


class History:
    """Draws what happens next, tells it to billing and to the model."""

    def __init__(self, world: World, seed: int = 0) -> None:
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
        names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
        await self.do(self.chance.choice(names))

    async def do(self, name: str) -> None:
        step: Callable[[], Any] = getattr(self, name)
        await step()

    async def chunk(self) -> None:
        """Several records at once, some of them twice, of both accounts and of two systems with the same numbers."""
        events = [
            self.chance.choice([self.place, self.place, self.end, self.deposit])()
            for _ in range(self.chance.randint(1, 9))
        ]
        await self._tell([*events, *self.chance.sample(events, self.chance.randint(0, len(events)))])

    async def crash(self) -> None:
        """The process ends when everything is written and nothing is committed: nothing of it ever was."""
        events = [event for event in (self.chance.choice([self.place, self.end, self.deposit])() for _ in range(4))]
        for event in events:
            if isinstance(event, OrderPlaced):
                self.placed.remove(event)
        with suppress(Crash):
            async with self.world.billing.db.transaction() as tx:
                at_last(tx, crash)
                for event in events:
                    await self._apply(tx, event)
        self.world.billing.db._given["kept"].clear()

    async def _apply(self, tx: AsyncSession, event: Event) -> None:
        listener = self.world.billing.door.door.listeners[type(event)]
        with suppress(DomainError):
            async with tx.begin_nested():
                if listener.prefetch:
                    await listener.prefetch(tx, [event])
                await listener.apply(event, tx)

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

    async def credit(self) -> None:
        """Some of what is left of orders that were charged, whether they ended or not; nothing is left of those."""
        book = self.books[self.chance.choice(list(ACCOUNTS))]
        open_ones = [key for key in book.charged if book.left_of(key)]
        for key in self.chance.sample(open_ones, min(len(open_ones), 3)):
            left = book.left_of(key)
            part = self.chance.choice([1, left, (left + 1) // 2])
            await self._credit(await self._invoice_of(key), None if part == left else {1: part})
            book.credit(key, part)
        await self.retry()

    async def _invoice_of(self, key: Key) -> int:
        sql = "SELECT invoice_id FROM charge WHERE source = :source AND order_id = :id"
        [row] = await self.world.rows("billing", sql, source=key[0], id=key[1])
        return int(row.invoice_id)

    async def _credit(self, invoice: int, lines: dict[int, int] | None) -> None:
        async with self.world.billing.db.transaction() as tx:
            await actions.credit_invoice(tx, invoice, lines, "Goodwill", "ops", utcnow())

    async def credit_request(self) -> None:
        """What is asked for is less, and no money moves."""
        book = self.books[self.chance.choice(list(ACCOUNTS))]
        due = {invoice: left for invoice, left in book.owed.items() if left}
        for invoice in self.chance.sample(sorted(due), min(len(due), 2)):
            part = self.chance.choice([due[invoice], (due[invoice] + 1) // 2])
            await self._credit(invoice, None if part == due[invoice] else {1: part})
            book.owed[invoice] -= part

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
        return None if net is None else gross(net)

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
        notes = await self.world.rows("billing", "SELECT order_source, order_id FROM credit_note WHERE ends_part")
        assert {tuple(row) for row in notes} == {key for book in self.books.values() for key in book.credited}
        released = await self.world.said("billing", "order_released")
        assert len(released) == sum(len(book.released) for book in self.books.values())
        assert await self.world.parked("billing") == []


@played(5)
@given(steps(WEIGHTS, STEPS))
async def test_whatever_happens_the_book_is_in_order_and_equals_the_model(shop: World, story: Steps) -> None:
    async with undone(shop):
        history = History(shop)
        await history.begin()
        for account in ACCOUNTS:
            await take_key(shop, f"key-{account}", account_id=account)
        for name, seed in story:
            history.chance = random.Random(seed)
            await history.do(name)
            await history.check()
            await assert_balance_is_told(history)


async def assert_balance_is_told(history: History) -> None:
    account = history.chance.choice(list(ACCOUNTS))
    async with history.world.client(f"key-{account}") as http:
        answer = await http.get("/services/v2/finance/balance")
    assert answer.json() == history.books[account].as_balance()
