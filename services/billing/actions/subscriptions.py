"""Subscriptions are charged in advance: at once for the month that runs, and at its close for the next one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, purse_of
from services.billing.actions.usage import record_days
from services.billing.models import Account, Division, Purse, Subscription, Usage
from services.billing.queries.catalogue import catalogue
from services.billing.rules import (
    LARGEST,
    LAST_DAY,
    Catalogue,
    Missing,
    Period,
    Quote,
    QuotedLine,
    days_by_month,
    decimals,
    isolated,
    month_of,
    part_of_month,
    printed,
    quote_lines,
)
from services.billing.rules.hidden import refuse_hidden
from shared.audit import note
from shared.db import locked
from shared.errors import Conflict, Denied, Rejected
from shared.events.base import Money

LONGEST_NAME = 64
LONGEST_TEXT = 200
MOST = 1_000_000
FEW = 5
DAY = timedelta(days=1)
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class SubscriptionWish:
    """`monthly_price`: net, for each of `quantity`. The same `name` in the account is the same subscription."""

    division_id: int
    name: str
    description: str
    quantity: int
    monthly_price: Money
    starts_on: date
    ends_on: date | None = None


async def set_subscription(
    tx: AsyncSession, account_id: int, wish: SubscriptionWish, who: str, now: datetime, *, only_new: bool = False
) -> Subscription:
    """New, changed or ended. More of it, or a higher price, is charged at once for the days that were charged before;
    less of it counts from the next charge on. Sent again it changes nothing; raises Conflict where it was to be new."""
    place = await _place(tx, account_id, wish.division_id)
    _refuse(place.account, wish)
    there = await _named(tx, account_id, wish.name.strip())
    if there and only_new:
        raise Conflict(
            f"The account has a subscription {there.name!r} already; change that one, or give another name.",
            "subscription_exists",
        )
    before = _told(there) if there else None
    there = _change(there, wish, now) if there else await _new(tx, place.account, wish, who, now)
    if before == _told(there):
        return there
    there.changed_at, there.changed_by = now, who
    await _charge_now(tx, place, there, now)
    note(tx, who, "subscription changed", f"account/{account_id}", before, _told(there), now)
    return there


@dataclass(frozen=True)
class _Place:
    account: Account
    division: Division
    purse: Purse


async def _place(tx: AsyncSession, account_id: int, division_id: int) -> _Place:
    """The account is read once more under its lock: its permission may have been withdrawn meanwhile."""
    account, division = await account_with(tx, account_id, division_id)
    purse = await purse_of(tx, account, division.id)
    return _Place(await locked(tx, Account, account_id), division, purse)


async def refuse_withdrawal(tx: AsyncSession, account_id: int) -> None:
    """Of monthly billing: what is still to be charged would have no month to be invoiced with."""
    over: Any = Subscription.ends_on < func.coalesce(Subscription.charged_until + 1, Subscription.starts_on)
    query = select(Subscription.name).where(
        Subscription.account_id == account_id, or_(Subscription.ends_on.is_(None), ~over)
    )
    if names := (await tx.scalars(query.order_by(Subscription.id).limit(FEW))).all():
        raise Conflict(
            f"Monthly billing cannot be withdrawn while subscriptions run ({', '.join(names)}); end them first.",
            "subscriptions_active",
        )


def _refuse(account: Account, wish: SubscriptionWish) -> None:
    if not account.monthly_billing:
        raise Denied(
            "Monthly billing is not agreed for this account; agree it in its terms first.",
            "access_denied|monthly_billing",
        )
    for what, text, longest in (("name", wish.name, LONGEST_NAME), ("description", wish.description, LONGEST_TEXT)):
        if not text.strip() or len(text.strip()) > longest:
            raise Rejected(f"A subscription's {what} has 1 to {longest} characters; send it so.")
        refuse_hidden(f"A subscription's {what}", text.strip())
    if not 1 <= wish.quantity <= MOST:
        raise Rejected(f"A subscription is for 1 to {MOST:,} of something; {wish.quantity} is not.")
    _refuse_price(wish.monthly_price, account.currency)
    if not EARLIEST <= wish.starts_on <= LAST_DAY or (wish.ends_on and wish.ends_on > LAST_DAY):
        raise Rejected(f"A subscription runs between {EARLIEST} and {LAST_DAY}; choose days in between.")
    if wish.ends_on and wish.ends_on < wish.starts_on - DAY:
        raise Rejected(f"The subscription ends on {wish.ends_on}, before it starts on {wish.starts_on}.")


def _refuse_price(price: Money, book: str) -> None:
    if price.currency != book:
        raise Rejected(f"The account keeps its book in {book}, not in {price.currency}; send the price in {book}.")
    if not 0 <= price.amount <= LARGEST * 10 ** decimals(book) // MOST:
        raise Rejected(f"A monthly price is from 0 up; {printed(price.amount, book)} {book} cannot be booked.")


async def _named(tx: AsyncSession, account_id: int, name: str) -> Subscription | None:
    query = select(Subscription).where(Subscription.account_id == account_id, Subscription.name == name)
    return (await tx.scalars(query.with_for_update())).first()


async def _new(tx: AsyncSession, account: Account, wish: SubscriptionWish, who: str, now: datetime) -> Subscription:
    _refuse_start(wish.starts_on, now)
    if wish.ends_on and wish.ends_on < wish.starts_on:
        raise Rejected(f"The subscription ends on {wish.ends_on}, before it starts on {wish.starts_on}.")
    row = Subscription(
        account_id=account.id, division_id=wish.division_id, name=wish.name.strip(),
        description=wish.description.strip(), quantity=wish.quantity, monthly_price=wish.monthly_price.amount,
        currency=account.currency, starts_on=wish.starts_on, ends_on=wish.ends_on, charged_until=None,
        charged_month=None, changed_at=now, changed_by=who,
    )  # fmt: skip
    tx.add(row)
    await tx.flush()
    return row


def _refuse_start(day: date, now: datetime) -> None:
    if day < month_of(now.date()).first:
        raise Rejected(f"A subscription starts in this month or later; {day} is over.")


def _change(there: Subscription, wish: SubscriptionWish, now: datetime) -> Subscription:
    charged = there.charged_until
    if there.division_id != wish.division_id:
        raise Conflict("A subscription stays in its division; end it there and start one with another name here.")
    if there.starts_on != wish.starts_on:
        if charged:
            raise Conflict(f"The subscription has begun on {there.starts_on}; its start cannot be moved any more.")
        _refuse_start(wish.starts_on, now)
    if there.ends_on and there.ends_on < now.date() and wish.ends_on != there.ends_on:
        raise Conflict(f"The subscription ended on {there.ends_on}; start a new one with another name.")
    if charged and wish.ends_on and wish.ends_on < charged and wish.ends_on != there.ends_on:
        raise Conflict(f"The subscription is charged until {charged}; it can end on that day or later.")
    there.description, there.quantity = wish.description.strip(), wish.quantity
    there.monthly_price, there.starts_on, there.ends_on = wish.monthly_price.amount, wish.starts_on, wish.ends_on
    return there


async def _charge_now(tx: AsyncSession, place: _Place, there: Subscription, now: datetime) -> None:
    """What is more for days that were charged already, then the days of the running month that were not."""
    sales, today = await catalogue(tx), now.date()
    if there.charged_until and there.charged_month is not None and (extra := there.month - there.charged_month) > 0:
        for days in days_by_month(max(today, there.starts_on), there.charged_until):
            quote = _quote(sales, place.account, place.division, there, days, extra, "Increase: ", today)
            await _record(tx, place, there, days, quote, now)
        there.charged_month = there.month
    for days, quote in quotes_ahead(sales, place.account, place.division, there, month_of(today).last, today):
        await charge(tx, place.account, place.purse, place.division, there, days, quote, now)


async def _record(
    tx: AsyncSession, place: _Place, there: Subscription, days: Period, quote: Quote, now: datetime
) -> Usage:
    division = (place.division.id, place.division.name)
    return await record_days(tx, place.account, place.purse, division, quote, there.id, (days.first, days.last), now)


def quotes_ahead(
    sales: Catalogue, account: Account, division: Division, subscription: Subscription, until: date, today: date
) -> Iterator[tuple[Period, Quote]]:
    """Month by month what was not charged yet, sold today. Raises Rejected where it cannot be priced."""
    for days in days_by_month(*subscription.uncharged(until)):
        yield days, _quote(sales, account, division, subscription, days, subscription.month, "", today)


def _quote(
    sales: Catalogue, account: Account, division: Division, subscription: Subscription, days: Period, month: int,
    what: str, today: date,
) -> Quote:  # fmt: skip
    net = part_of_month(month, days)
    lines = (QuotedLine(f"{what}{isolated(subscription.description)}", _detail(subscription, days), 1, net),)
    wanted = account.wanted(subscription.name, None, None, (), division)
    found = quote_lines(sales, wanted, lines, today)
    if isinstance(found, Missing):
        raise Rejected(found.message)
    return found


def _detail(subscription: Subscription, days: Period) -> tuple[str, ...]:
    price = f"{printed(subscription.monthly_price, subscription.currency)} {subscription.currency} a month"
    each = f"{subscription.quantity} at {price}" if subscription.quantity > 1 else price
    whole = month_of(days.first)
    part = "" if days == whole else f", {(days.last - days.first).days + 1} of {whole.last.day} days"
    return (f"{each}{part}",)


async def charge(
    tx: AsyncSession, account: Account, purse: Purse, division: Division, subscription: Subscription, days: Period,
    quote: Quote, now: datetime,
) -> Usage:  # fmt: skip
    subscription.charged_until, subscription.charged_month = days.last, subscription.month
    return await _record(tx, _Place(account, division, purse), subscription, days, quote, now)


def _told(row: Subscription) -> dict[str, object]:
    return {
        "division": row.division_id, "name": row.name, "description": row.description, "quantity": row.quantity,
        "monthly_price": printed(row.monthly_price, row.currency), "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat() if row.ends_on else None,
    }  # fmt: skip
