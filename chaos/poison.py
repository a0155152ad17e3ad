"""Records that cannot be applied, of every kind the door knows, and what follows them on the same order."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Self

from chaos.traffic import PRICED, Record, as_record, cancelled, placed, rejected, uuid7
from shared.events.orders import Account

ALL, BILLING = ("billing", "validation", "notifications"), ("billing",)
FIRST_ORDER = 1_000_001


@dataclass(frozen=True)
class Poison:
    """`parked_by`: the services that cannot apply it; `behind`: what comes later on the same order, in its order."""

    kind: str
    record: Record
    parked_by: Sequence[str] = ALL
    behind: Sequence[Record] = ()

    def waits_at(self, service: str) -> list[Record]:
        """Of what comes behind, what this service hears: notifications hears of no cancelled order."""
        return [one for one in self.behind if service != "notifications" or one.type == b"order_rejected"]


@dataclass(frozen=True)
class Given:
    account: Account
    other: Account
    order_id: int
    rng: Random
    now: datetime
    fine: Record

    @classmethod
    def of(cls, account: Account, other: Account, order_id: int, rng: Random, now: datetime) -> Self:
        order = placed(account, order_id, PRICED, rng, now)
        return cls(account, other, order_id, rng, now, as_record(order, f"poison {order_id}"))

    def body(self, **changed: Any) -> bytes:
        kept = json.loads(self.fine.value) | changed
        return json.dumps({name: value for name, value in kept.items() if value is not None}).encode()

    def ends(self, *makes: Callable[[int, int, Random, datetime], Any]) -> list[Record]:
        about = (self.account.id, self.order_id, self.rng, self.now)
        return [as_record(make(*about), f"behind poison {self.order_id}") for make in makes]


def no_json(given: Given) -> Poison:
    return Poison("no JSON", replace(given.fine, value=f"order {given.order_id}: {{".encode()))


def no_object(given: Given) -> Poison:
    return Poison("no object", replace(given.fine, value=json.dumps(["order", given.order_id]).encode()))


def no_id(given: Given) -> Poison:
    return Poison("no id", replace(given.fine, value=given.body(id=None), headers=given.fine.headers[1:]))


def no_type(given: Given) -> Poison:
    return Poison("no type", replace(given.fine, value=given.body(type=None), headers=given.fine.headers[:1]))


def not_utf8(given: Given) -> Poison:
    return Poison("header not UTF-8", replace(given.fine, headers=(("ce_type", b"\xff\xfe"), *given.fine.headers[:1])))


def null_header(given: Given) -> Poison:
    return Poison("header without value", replace(given.fine, headers=(("ce_source", None),)))


def two_ids(given: Given) -> Poison:
    return Poison("two ids", replace(given.fine, headers=(("ce_id", b"another"), *given.fine.headers[1:])))


def nul(given: Given) -> Poison:
    return Poison("NUL", replace(given.fine, value=given.body(placed_by="sho\0p")))


def too_old(given: Given) -> Poison:
    """Of our own, so that its id tells its age; older than any inbox."""
    old = str(uuid7(given.now - timedelta(days=60), given.rng))
    headers = (("ce_id", old.encode()), ("ce_type", b"order_placed"), ("ce_source", b"issuary/orders"))
    return Poison("too old", replace(given.fine, value=given.body(id=old, source="issuary/orders"), headers=headers))


def as_if_ours(given: Given) -> Poison:
    return Poison("our name in the body", replace(given.fine, value=given.body(source="issuary/orders"), headers=()))


def wrong_shape(given: Given) -> Poison:
    record = replace(given.fine, value=given.body(term=None))
    return Poison("wrong shape", record, ALL, given.ends(cancelled, rejected))


def another_account(given: Given) -> Poison:
    record = replace(given.fine, value=given.body(account=json.loads(given.other.model_dump_json())))
    return Poison("another account", record, ALL, given.ends(rejected))


def wrong_key(given: Given) -> Poison:
    """Nothing follows: the order's own records would be on another partition."""
    return Poison("wrong key", replace(given.fine, key=str(given.other.id).encode()))


def unknown_order(given: Given) -> Poison:
    """Billing cannot end what it never heard of; validation has nothing to do for it."""
    [end, later] = given.ends(cancelled, rejected)
    return Poison("unknown order", end, BILLING, [later])


KINDS: Sequence[Callable[[Given], Poison]] = (
    no_json, no_object, no_id, no_type, not_utf8, null_header, two_ids, nul, too_old, as_if_ours, wrong_shape,
    another_account, wrong_key, unknown_order,
)  # fmt: skip


def poisons(count: int, accounts: Sequence[Account], rng: Random, now: datetime) -> list[Poison]:
    made = []
    for n in range(count):
        account, other = rng.sample(list(accounts), 2)
        made.append(KINDS[n % len(KINDS)](Given.of(account, other, FIRST_ORDER + n, rng, now)))
    return made
