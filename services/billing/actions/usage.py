"""What is bought on account: owed from the moment it is recorded, invoiced when its month is closed."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import own_funds
from services.billing.actions.book import note_owed, post
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Funds, OrderKey, Purse, Usage
from services.billing.queries.numbers import take_usage_id
from services.billing.queries.parts import recorded_usage
from services.billing.rules import Placed, Quote, isolated
from shared.db import locked
from shared.events.base import Money, OrderRef
from shared.events.billing import OrderOnAccount
from shared.outbox import announce


async def record_order(
    tx: AsyncSession, account: Account, purse: Purse, order: Placed, quote: Quote, now: datetime, cause: str | None
) -> None:
    usage = _new(account, purse, order.division_id, order.division_name, quote, now)
    usage.source, usage.order_id, usage.request_id = order.part
    usage.purchase_order_number = order.purchase_order_number
    text = f"{order.called}, on account" if order.added else f"{order.called} on account"
    await _record(tx, purse, usage, text, order.key, now)
    recorded_usage(tx)[order.part] = usage
    _say(tx, usage, order, now, cause)


async def record_days(
    tx: AsyncSession, account: Account, purse: Purse, division: tuple[int, str], quote: Quote, subscription_id: int,
    days: tuple[date, date], now: datetime,
) -> Usage:  # fmt: skip
    """A subscription's charge for the days, both included. It may pass the limit: charges wait then."""
    usage = _new(account, purse, *division, quote, now)
    usage.subscription_id, (usage.first_day, usage.last_day) = subscription_id, days
    await _record(
        tx, purse, usage, f"{isolated(quote.lines[0].description)}, {days[0]} to {days[1]}", (None, None), now
    )
    return usage


def _new(account: Account, purse: Purse, division_id: int, name: str, quote: Quote, now: datetime) -> Usage:
    return Usage(
        account_id=account.id, division_id=division_id, division_name=name, funds_division_id=purse.division_id,
        entity_id=quote.seller.number, currency=quote.currency, net=quote.net, tax=quote.tax, total=quote.total,
        category=quote.group.category, rate=quote.group.rate, quote=quote.as_json(), recorded_at=now, request_id=0,
    )  # fmt: skip


async def _record(
    tx: AsyncSession, purse: Purse, usage: Usage, text: str, order: OrderKey | tuple[None, None], now: datetime
) -> None:
    usage.id = await take_usage_id(tx)
    tx.add(usage)
    _book(tx, purse, usage, usage.total, "usage", text, order, now)


async def release(tx: AsyncSession, account: Account, usage: Usage, now: datetime) -> None:
    """Taken off again before it was invoiced; available funds rise."""
    usage.released_at = now
    top = await own_funds(tx, account)
    own = await locked(tx, Funds, usage.funds_division_id)
    names = f", names added by request {usage.request_id}," if usage.request_id else ""
    text = f"Order {usage.order_id}{names} taken off the account"
    order = (usage.source, usage.order_id) if usage.source and usage.order_id else (None, None)
    _book(tx, Purse(own, top or own), usage, -usage.total, "released", text, order, now)
    ask_retry(tx, usage.account_id)


def _book(
    tx: AsyncSession, purse: Purse, usage: Usage, amount: int, kind: str, text: str,
    order: OrderKey | tuple[None, None], now: datetime,
) -> None:  # fmt: skip
    entries = [
        (f"accrued:{purse.division_id}", -amount, None),
        (f"deferred:{usage.entity_id}", amount, None),
    ]
    journal_id = post(tx, usage.account_id, kind, text, usage.currency, entries, now, order, usage.id)
    owed = purse.owe(accrued=amount)
    note_owed(tx, owed, kind, text, usage.currency, journal_id, now, usage.division_id, usage_id=usage.id)


def _say(tx: AsyncSession, usage: Usage, order: Placed, now: datetime, cause: str | None) -> None:
    net, tax, total = (Money(amount=a, currency=usage.currency) for a in (usage.net, usage.tax, usage.total))
    announce(
        tx,
        OrderOnAccount(
            occurred_at=now, account_id=usage.account_id, causation_id=cause,
            order=OrderRef(source=order.source, id=order.id), request_id=order.request_id or None,
            division_id=usage.division_id, net=net, tax=tax, total=total,
        ),
    )  # fmt: skip
