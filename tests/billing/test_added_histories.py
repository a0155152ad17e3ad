"""Random histories of orders and of names that reissues add to them: after every step the book is in order and holds
just what a model of some lines says that each order and each reissue costs."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given

from services.billing.worker import try_waiting_orders
from shared.events.base import Event
from shared.events.orders import OrderPlaced, Payment
from tests.billing.book import assert_in_order, gross
from tests.billing.months import terms
from tests.billing.playing import Steps, played, steps, undone
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_cancelled_reissue, a_deposit, an_opened_account, an_order, names_added

Part = tuple[int, int]  # order, request or 0
STEPS = 30
WEIGHTS = {"place": 3, "add": 5, "cancel": 4, "end": 2, "deposit": 3, "again": 2, "chunk": 3}
BASE, NAME, WILDCARD = 14900, 4900, 29900  # of docs/catalogue.toml, with one name included


@dataclass
class Model:
    balance: int = 0
    owed: int = 0
    price: dict[Part, int] = field(default_factory=dict)
    on_account: set[int] = field(default_factory=set)
    waiting: list[Part] = field(default_factory=list)  # in the order in which they are tried
    bought: set[Part] = field(default_factory=set)
    over: set[Part] = field(default_factory=set)
    deposits: set[str] = field(default_factory=set)

    def deposit(self, amount: int, reference: str) -> None:
        if reference not in self.deposits:
            self.deposits.add(reference)
            self.balance += amount

    def want(self, part: Part, net: int) -> None:
        if part in self.price:
            return
        self.price[part] = gross(net)
        if part[1] and (part[0], 0) in self.over:
            self.over.add(part)
        else:
            self.waiting.append(part)
            self.try_one(part)

    def try_one(self, part: Part) -> None:
        order, request = part
        behind = request and (order, 0) in self.waiting
        if behind or self.price[part] > self.balance - self.owed:
            return
        self.waiting.remove(part)
        self.bought.add(part)
        self._move(part, -self.price[part])

    def _move(self, part: Part, amount: int) -> None:
        if part[0] in self.on_account:
            self.owed -= amount
        else:
            self.balance += amount

    def end(self, part: Part) -> None:
        if part not in self.price or part in self.over:
            return
        self.over.add(part)
        if part in self.waiting:
            self.waiting.remove(part)
        else:
            self._move(part, self.price[part])

    def end_all(self, order: int) -> None:
        for part in sorted(self.price):
            if part[0] == order:
                self.end(part)

    def retry(self) -> None:
        for part in list(self.waiting):
            self.try_one(part)


class History:
    def __init__(self, world: World) -> None:
        self.world, self.model, self.chance = world, Model(), random.Random(0)
        self.orders: list[OrderPlaced] = []
        self.added: list[Part] = []
        self.told: list[Event] = []
        self.requests = 0
        self.now = NOW

    async def begin(self) -> None:
        await self.world.deliver("billing", an_opened_account())
        await terms(self.world, NOW, monthly_billing=True)

    def _later(self) -> None:
        self.now += timedelta(seconds=1)

    def place(self) -> Event:
        self._later()
        payment = Payment(method=self.chance.choice(["balance", "balance", "on_account"]))
        order = an_order(order_id=len(self.orders) + 1, payment=payment, placed_at=self.now)
        self.orders.append(order)
        if payment.method == "on_account":
            self.model.on_account.add(order.order_id)
        return order

    def add(self) -> Event:
        if not self.orders:
            return self.place()
        self._later()
        self.requests += 1
        order, some = self.chance.choice(self.orders), self.chance.randint(1, 3)
        names = [f"{self.chance.choice(['', '*.'])}n{n}.acme.example" for n in range(some)]
        self.added.append((order.order_id, self.requests))
        return names_added(order, *names, request_id=self.requests, added_at=self.now)

    def cancel(self) -> Event:
        if not self.added:
            return self.add()
        order, request = self.chance.choice(self.added)
        return a_cancelled_reissue(self.orders[order - 1], request)

    def end(self) -> Event:
        return a_cancellation(self.chance.choice(self.orders)) if self.orders else self.place()

    def deposit(self) -> Event:
        self._later()
        return a_deposit(self.chance.choice([5831, 17731, 50_000]), reference=str(self.now.timestamp()))

    async def step(self, name: str) -> None:
        if name == "chunk":
            makes = [self.place, self.add, self.add, self.cancel, self.end]
            events = [self.chance.choice(makes)() for _ in range(self.chance.randint(2, 7))]
        elif name == "again":
            events = self.chance.sample(self.told, min(len(self.told), 5))
        else:
            events = [getattr(self, name)()]
        await self._tell(events)

    async def _tell(self, events: list[Event]) -> None:
        """With money for everything where several come at once, for who follows whom then is told elsewhere."""
        if len(events) > 1:
            self._later()
            await self._one(a_deposit(10_000_000, reference=f"much {self.now.timestamp()}"))
        self.told += [event for event in events if event not in self.told]
        await self.world.deliver("billing", *events)
        for event in events:
            self._expect(event)
        await self._retry()

    async def _one(self, event: Event) -> None:
        await self.world.deliver("billing", event)
        self._expect(event)
        await self._retry()

    async def _retry(self) -> None:
        while await try_waiting_orders(self.world.billing.db):
            pass
        self.model.retry()

    def _expect(self, event: Event) -> None:
        match event.type:
            case "order_placed":
                self.model.want((event.order_id, 0), BASE)  # type: ignore[attr-defined]
            case "order_names_added":
                names = event.added  # type: ignore[attr-defined]
                net = sum(WILDCARD if name.startswith("*.") else NAME for name in names)
                self.model.want((event.order_id, event.request_id), net)  # type: ignore[attr-defined]
            case "reissue_cancelled":
                self.model.end((event.order_id, event.request_id))  # type: ignore[attr-defined]
            case "order_cancelled":
                self.model.end_all(event.order_id)  # type: ignore[attr-defined]
            case _:
                self.model.deposit(event.amount.amount, event.reference)  # type: ignore[attr-defined]

    async def check(self) -> None:
        await assert_in_order(self.world.billing.db)
        assert await self.world.parked("billing") == []
        model = self.model
        [funds] = await self.world.rows("billing", "SELECT balance, accrued FROM funds")
        assert (funds.balance, funds.accrued) == (model.balance, model.owed)
        bought = await self.world.rows(
            "billing",
            "SELECT order_id, request_id, total FROM charge UNION ALL SELECT order_id, request_id, total FROM usage",
        )
        assert {(row.order_id, row.request_id): row.total for row in bought} == {
            part: model.price[part] for part in model.bought
        }
        waiting = await self.world.rows("billing", "SELECT id, request_id FROM waiting_order")
        assert {tuple(row) for row in waiting} == set(model.waiting)


@played(8)
@given(steps(WEIGHTS, STEPS))
async def test_whatever_is_added_and_cancelled_the_book_holds_what_it_costs(shop: World, story: Steps) -> None:
    async with undone(shop):
        history = History(shop)
        await history.begin()
        for name, seed in story:
            history.chance = random.Random(seed)
            await history.step(name)
            await history.check()
