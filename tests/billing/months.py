"""Orders, money and closes at a time of one's choice."""

from datetime import date, datetime
from typing import Any

from services.billing import actions
from services.billing.actions import SubscriptionWish, Terms
from services.billing.models import PeriodClose, Subscription
from services.billing.queries import closing, prefetch
from services.billing.queries.balance import purse_behind, visible_division
from services.billing.rules import printed
from services.billing.worker import close_month
from shared.access import Caller
from shared.db import Database
from shared.events.base import Money
from shared.events.orders import OrderPlaced, Payment
from tests.conftest import World
from tests.makers import an_order

ON_ACCOUNT = Payment(method="on_account")
STAFF = "ops@ca.example"


def eur(minor: int) -> Money:
    return Money(amount=minor, currency="EUR")


async def terms(world: World, now: datetime, account_id: int = 9001, **wish: Any) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.set_terms(tx, account_id, Terms(**wish), STAFF, now)


async def order(world: World, now: datetime, **changed: Any) -> OrderPlaced:
    placed = an_order(**changed)
    async with world.billing.db.transaction() as tx:
        await prefetch.for_placed(tx, [placed])
        await actions.take_order(tx, placed, now)
    return placed


async def deposit(world: World, minor: int, now: datetime, division: int = 14) -> int:
    async with world.billing.db.transaction() as tx:
        reference = f"deposit {now} {minor} {division}"
        return await actions.deposit_funds(tx, 9001, division, eur(minor), "wire_transfer", reference, "bank", now)


async def start_close(db: Database, first_day: date, now: datetime) -> PeriodClose:
    async with db.transaction() as tx:
        return await actions.close_period(tx, first_day, STAFF, now)


async def work_off(db: Database, now: datetime) -> None:
    while await close_month(db, 30, lambda: now):
        pass


async def close(world: World, first_day: date, now: datetime) -> dict[str, int]:
    """How many invoices of each kind the month has."""
    return await close_in(world.billing.db, first_day, now)


async def close_in(db: Database, first_day: date, now: datetime) -> dict[str, int]:
    await start_close(db, first_day, now)
    await work_off(db, now)
    async with db.transaction() as tx:
        return {row.kind: row.invoices for row in (await closing.totals(tx, [first_day]))[first_day]}


async def failures(db: Database, first_day: date) -> dict[int, str]:
    async with db.transaction() as tx:
        return {row.division_id: row.failure for row in await closing.parked(tx, first_day, 0, 1000)}


async def subscribe(world: World, now: datetime, account_id: int = 9001, **changed: Any) -> Subscription:
    """Managed PKI for 100.00 a month from 1 November 2026 in division 14, unless told otherwise."""
    given: dict[str, Any] = {
        "division_id": 14, "name": "pki", "description": "Managed PKI", "quantity": 1, "monthly_price": eur(10_000),
        "starts_on": date(2026, 11, 1),
    }  # fmt: skip
    async with world.billing.db.transaction() as tx:
        return await actions.set_subscription(tx, account_id, SubscriptionWish(**given | changed), STAFF, now)


async def standing(world: World, division: int = 14) -> tuple[str, str, str]:
    """Balance, unpaid, available: what View balance says."""
    async with world.billing.db.transaction() as tx:
        purse = await purse_behind(tx, await visible_division(tx, STAFF_CALLER, division))
    balance, unpaid, available = (printed(n, "EUR") for n in (purse.own.balance, purse.own.unpaid, purse.available))
    return balance, unpaid, available


STAFF_CALLER = Caller("ops", "user", 0, "", 7, "Ops", STAFF, "operator")
