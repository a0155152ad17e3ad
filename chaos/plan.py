"""A run's whole traffic from a seed, and what must be there in the end."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple
from uuid import UUID

from chaos.poison import ALL, Poison, poisons
from chaos.traffic import (
    PRICED,
    SHOP,
    UNPRICED,
    Record,
    accounts,
    as_record,
    cancelled,
    name_of,
    opened,
    placed,
    rejected,
    today,
)
from shared.events.orders import AboutOrder, Account, OrderPlaced
from shared.inbox import foreign_id

SHARE_OF_ENDS, SHARE_OF_SECOND_ENDS = 0.25, 0.02
UNPRICED_EACH = 10  # every tenth account orders what has no price: its orders wait, and are released when they end
LATEST_REPEAT = 200


class Deed(NamedTuple):
    order_id: int
    kind: str  # charge, credit; wait, release


@dataclass(frozen=True)
class Size:
    events: int = 100_000
    accounts: int = 200
    mailed: int = 20
    repeats: int = 1_000
    poison: int = 200


@dataclass
class Plan:
    size: Size
    seed: int
    accounts: list[Account] = field(default_factory=list)
    opened: list[Record] = field(default_factory=list)
    said: list[Record] = field(default_factory=list)
    openings: dict[UUID, str] = field(default_factory=dict)  # by inbox id, what is to take effect: accounts
    labels: dict[UUID, str] = field(default_factory=dict)  # and orders
    deeds: dict[int, list[Deed]] = field(default_factory=lambda: defaultdict(list))  # by account, in order
    needs: Counter[tuple[int, str]] = field(default_factory=Counter)  # open orders by account and name
    parked: dict[str, dict[bytes, bool]] = field(default_factory=lambda: {name: {} for name in ALL})
    kinds: Counter[str] = field(default_factory=Counter)
    behind: int = 0

    @classmethod
    def make(cls, size: Size, seed: int) -> "Plan":
        return _Planning(cls(size, seed), Random(seed)).whole()

    @property
    def emails(self) -> dict[int, tuple[str, ...]]:
        return {account.id: account.billing_emails for account in self.accounts}

    def of(self, account_id: int, *kinds: str) -> list[Deed]:
        return [deed for deed in self.deeds[account_id] if deed.kind in kinds]

    def count(self, *kinds: str) -> int:
        return sum(deed.kind in kinds for deeds in self.deeds.values() for deed in deeds)


class _Planning:
    def __init__(self, plan: Plan, rng: Random) -> None:
        self.plan, self.rng, self.now = plan, rng, today()
        self.orders = 0
        self.open: dict[int, list[int]] = defaultdict(list)
        self.over: dict[int, list[int]] = defaultdict(list)

    def whole(self) -> Plan:
        plan, size = self.plan, self.plan.size
        plan.accounts = accounts(size.accounts, size.mailed)
        plan.opened = [self._open(account) for account in plan.accounts]
        good = [self._next() for _ in range(size.events)]
        plan.said = self._with_poison(self._with_repeats(good))
        return plan

    def _open(self, account: Account) -> Record:
        event = opened(account, self.rng, self.now)
        label = f"{event.type} of account {account.id}"
        self.plan.openings[event.id] = label
        return as_record(event, label)

    def _next(self) -> Record:
        account = self.rng.choice(self.plan.accounts)
        chance = self.rng.random()
        if self.open[account.id] and chance < SHARE_OF_ENDS:
            return self._end(account)
        if self.over[account.id] and chance > 1 - SHARE_OF_SECOND_ENDS:
            return self._end_of(account, self.rng.choice(self.over[account.id]))
        return self._place(account)

    def _place(self, account: Account) -> Record:
        self.orders += 1
        priced = not self._is_unpriced(account)
        event = placed(account, self.orders, PRICED if priced else UNPRICED, self.rng, self.now)
        self.open[account.id].append(self.orders)
        self.plan.needs[account.id, name_of(account.id, self.orders)] += 1
        self.plan.deeds[account.id].append(Deed(self.orders, "charge" if priced else "wait"))
        return self._labelled(event)

    def _end(self, account: Account) -> Record:
        mine = self.open[account.id]
        order_id = mine.pop(self.rng.randrange(len(mine)))
        self.over[account.id].append(order_id)
        self.plan.needs[account.id, name_of(account.id, order_id)] -= 1
        kind = "release" if self._is_unpriced(account) else "credit"
        self.plan.deeds[account.id].append(Deed(order_id, kind))
        return self._end_of(account, order_id)

    def _end_of(self, account: Account, order_id: int) -> Record:
        make = rejected if self.rng.random() < 0.3 else cancelled
        return self._labelled(make(account.id, order_id, self.rng, self.now))

    def _is_unpriced(self, account: Account) -> bool:
        return account.id % UNPRICED_EACH == 0

    def _labelled(self, event: AboutOrder | OrderPlaced) -> Record:
        label = f"{event.type} of order {event.order_id} of account {event.account_id}"
        self.plan.labels[foreign_id(SHOP, str(event.id))] = label
        return as_record(event, label)

    def _with_repeats(self, good: Sequence[Record]) -> list[Record]:
        """Some are said again, under the same id and with the same bytes, a little later."""
        said = list(good)
        for at in sorted(self.rng.sample(range(len(good)), self.plan.size.repeats), reverse=True):
            said.insert(min(len(said), at + self.rng.randint(1, LATEST_REPEAT)), good[at])
        return said

    def _with_poison(self, said: list[Record]) -> list[Record]:
        for poison in poisons(self.plan.size.poison, self.plan.accounts, self.rng, self.now):
            self._expect(poison)
            at = sorted(self.rng.randint(0, len(said)) for _ in range(1 + len(poison.behind)))
            for place, record in reversed(list(zip(at, (poison.record, *poison.behind), strict=True))):
                said.insert(place, record)
        return said

    def _expect(self, poison: Poison) -> None:
        self.plan.kinds[poison.kind] += 1
        self.plan.behind += len(poison.behind)
        for service in poison.parked_by:
            self.plan.parked[service][poison.record.value] = False
            self.plan.parked[service] |= {record.value: True for record in poison.waits_at(service)}
