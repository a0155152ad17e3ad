"""What is published: records as bytes, and the orders of another system, the shop, that they tell of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from shared.events.orders import (
    TOPIC,
    Account,
    AccountOpened,
    Address,
    Division,
    OrderCancelled,
    OrderPlaced,
    OrderRejected,
    OrdersFact,
    Term,
)

SHOP = "shop"
PRICED, UNPRICED = "ssl_dv_geotrust", "not_in_the_catalogue"
NAMES_EACH = 5
HAS_TWO_ADDRESSES = 4  # every fourth of the accounts with mail addresses


@dataclass(frozen=True, slots=True)
class Record:
    """`label` is what a report calls it."""

    label: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str = TOPIC

    @property
    def type(self) -> bytes | None:
        return dict(self.headers).get("ce_type")


def accounts(count: int, mailed: int) -> list[Account]:
    """The first `mailed` have addresses."""
    address = Address(line1="Hauptstraße 1", postcode="10115", city="Berlin", country="DE")
    return [
        Account(id=n, name=f"Customer {n}", legal_name=f"Customer {n} GmbH", address=address, currency="EUR",
                billing_emails=_emails(n, at) if at < mailed else ())
        for at, n in enumerate(range(20_001, 20_001 + count))
    ]  # fmt: skip


def _emails(number: int, at: int) -> tuple[str, ...]:
    all_of_them = (f"ap@customer-{number}.example", f"books@customer-{number}.example")
    return all_of_them if at % HAS_TWO_ADDRESSES == 0 else all_of_them[:1]


def division(account: Account) -> Division:
    return Division(id=account.id, name="Main")


def opened(account: Account, rng: Random, now: datetime) -> AccountOpened:
    """Told by orders, under a UUID of version 7 as our own services have them."""
    own = uuid7(now, rng)
    return AccountOpened(id=own, occurred_at=now, account_id=account.id, account=account, division=division(account))


def uuid7(now: datetime, rng: Random) -> UUID:
    stamp, chance = int(now.timestamp() * 1000), rng.getrandbits(74)
    return UUID(int=stamp << 80 | 7 << 76 | chance >> 62 << 64 | 2 << 62 | chance & (1 << 62) - 1)


def placed(account: Account, order_id: int, product: str, rng: Random, now: datetime) -> OrderPlaced:
    return OrderPlaced(
        id=_uuid4(rng), source=SHOP, occurred_at=now, account_id=account.id, account=account,
        division=division(account), order_id=order_id, product_name_id=product, term=Term(years=1),
        names=(name_of(account.id, order_id),), placed_by="shop", placed_at=now,
    )  # fmt: skip


def name_of(account_id: int, order_id: int) -> str:
    return f"www{order_id % NAMES_EACH}.customer-{account_id}.example.com"


def cancelled(account_id: int, order_id: int, rng: Random, now: datetime) -> OrderCancelled:
    return OrderCancelled(
        id=_uuid4(rng), source=SHOP, occurred_at=now, account_id=account_id, order_id=order_id, cancelled_by="shop"
    )


def rejected(account_id: int, order_id: int, rng: Random, now: datetime) -> OrderRejected:
    return OrderRejected(
        id=_uuid4(rng), source=SHOP, occurred_at=now, account_id=account_id, order_id=order_id, rejected_by="shop",
        reason="refused by the shop",
    )  # fmt: skip


def _uuid4(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def as_record(event: OrdersFact, label: str) -> Record:
    headers = (
        ("ce_id", str(event.id).encode()), ("ce_type", event.type.encode()), ("ce_source", event.source.encode()),
    )  # fmt: skip
    return Record(label, event.key.encode(), event.model_dump_json().encode(), headers)


def today() -> datetime:
    return datetime.now(UTC)
