"""What a division's month comes to: the subscriptions' next days, its usage invoices, and its debt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import purse_of
from services.billing.actions.drafts import RequestDraft, UsageDraft
from services.billing.actions.issue import draft
from services.billing.actions.subscriptions import charge, quotes_ahead
from services.billing.actions.usage_invoices import move_owed
from services.billing.models import Account, Division, Purse, Subscription, Usage
from services.billing.rules import (
    Catalogue,
    Missing,
    Period,
    Quote,
    QuotedTax,
    SellerRow,
    month_after,
    seller_for,
    tax_group,
)
from shared.db import the
from shared.errors import Rejected

AGAIN = "Then close the month again."


@dataclass
class Chunk:
    """What some divisions have, read and locked in few queries; `issued`: kind, currency and total of each invoice."""

    tx: AsyncSession
    period: Period
    catalogue: Catalogue
    payment_days: int
    now: datetime
    most_lines: int
    usage: dict[int, list[Any]]
    subscriptions: dict[int, list[Subscription]]
    asked: dict[int, int]
    issued: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def today(self) -> date:
        return self.now.date()

    def due_on(self, account: Account) -> date:
        days = self.payment_days if account.payment_days is None else account.payment_days
        return self.today + timedelta(days=days)


@dataclass
class _Plan:
    """What is to be written for a division; made before anything is."""

    account: Account
    division: Division
    purse: Purse
    charges: list[tuple[Subscription, Period, Quote]]
    groups: dict[int, list[QuotedTax]]  # by selling entity
    debt: int
    asks: SellerRow | None  # for the debt


async def close_division(chunk: Chunk, account_id: int, division_id: int) -> str | None:
    """A sentence where it cannot be; nothing is written for the division then."""
    try:
        plan = await _plan(chunk, account_id, division_id)
    except Rejected as error:
        return error.message
    usage = [*chunk.usage.get(division_id, ()), *[await _charge(chunk, plan, *one) for one in plan.charges]]
    for entity_id, groups in plan.groups.items():
        await _invoice(chunk, plan, entity_id, groups, [one for one in usage if one.entity_id == entity_id])
    if plan.asks:
        _ask_for_debt(chunk, plan, plan.asks)
    return None


async def _plan(chunk: Chunk, account_id: int, division_id: int) -> _Plan:
    account, division = await the(chunk.tx, Account, account_id), await the(chunk.tx, Division, division_id)
    purse = await purse_of(chunk.tx, account, division.id)
    charges = list(_charges(chunk, account, division))
    groups = _groups(chunk, division, account.currency, [quote for _, _, quote in charges])
    debt = _debt(chunk, purse) if purse.division_id == division.id else 0
    return _Plan(account, division, purse, charges, groups, debt, _asks(chunk, account, division) if debt > 0 else None)


def _charges(chunk: Chunk, account: Account, division: Division) -> Iterable[tuple[Subscription, Period, Quote]]:
    until = month_after(chunk.period.first).last
    for one in chunk.subscriptions.get(division.id, ()):
        for days, quote in quotes_ahead(chunk.catalogue, account, division, one, until, chunk.today):
            yield one, days, quote


def _debt(chunk: Chunk, purse: Purse) -> int:
    """What the balance is below zero, less what open invoices ask for already."""
    return max(0, -purse.own.balance) - chunk.asked.get(purse.division_id, 0)


Sold = tuple[int, str, Decimal]  # by which entity, with which VAT


def _groups(chunk: Chunk, division: Division, currency: str, ahead: Sequence[Quote]) -> dict[int, list[QuotedTax]]:
    """VAT once per category and rate on the sum of what each selling entity sold (EN 16931 BR-S-08). An entity that
    sold for nothing waits for a month in which it sold for something."""
    usage = chunk.usage.get(division.id, [])
    if len(usage) > chunk.most_lines:
        raise Rejected(
            f"More than {chunk.most_lines:,} orders of one month are on account here, which is more than one invoice "
            f"can list. Find out what orders so much, and cancel what was not meant. {AGAIN}"
        )
    made: dict[int, list[QuotedTax]] = {}
    for key, (net, sentences) in _sums(usage, ahead).items():
        made.setdefault(key[0], []).append(_group(chunk, currency, key, " ".join(sentences) or None, net))
    return {entity: groups for entity, groups in made.items() if any(group.net for group in groups)}


def _sums(usage: Sequence[Usage], ahead: Sequence[Quote]) -> dict[Sold, tuple[int, dict[str, None]]]:
    """The net, and each sentence once in the order it came."""
    sold = [((one.entity_id, one.category, one.rate), one.quote["group"][4], one.net) for one in usage]
    sold += [((q.seller.number, q.group.category, q.group.rate), q.group.sentence, q.net) for q in ahead]
    sums: dict[Sold, tuple[int, dict[str, None]]] = {}
    for key, sentence, net in sold:
        so_far, sentences = sums.get(key, (0, {}))
        if sentence:
            sentences[sentence] = None
        sums[key] = so_far + net, sentences
    return sums


def _group(chunk: Chunk, currency: str, key: Sold, sentence: str | None, net: int) -> QuotedTax:
    entity_id, category, rate = key
    seller = chunk.catalogue.entity(entity_id, chunk.today)
    found = tax_group(chunk.catalogue, seller, category, rate, sentence, net, currency, chunk.today)
    if isinstance(found, Missing):
        raise Rejected(f"{found.message} {AGAIN}")
    return found


def _asks(chunk: Chunk, account: Account, division: Division) -> SellerRow:
    address = account.address_for(division)
    return seller_for(chunk.catalogue, address, account.currency, chunk.today, "close the month again")


async def _charge(chunk: Chunk, plan: _Plan, subscription: Subscription, days: Period, quote: Quote) -> Any:
    return await charge(chunk.tx, plan.account, plan.purse, plan.division, subscription, days, quote, chunk.now)


async def _invoice(chunk: Chunk, plan: _Plan, entity_id: int, groups: list[QuotedTax], usage: Sequence[Any]) -> None:
    seller = chunk.catalogue.entity(entity_id, chunk.today)
    made = UsageDraft(
        account=plan.account, seller=seller, prefix=seller.invoice_prefix, now=chunk.now, cause=None, purse=plan.purse,
        division_id=plan.division.id, division_name=plan.division.name, period=chunk.period,
        due_on=chunk.due_on(plan.account), usage=usage, groups=groups, buyer=plan.account.as_buyer(plan.division),
    )  # fmt: skip
    await move_owed(chunk.tx, made)
    draft(chunk.tx, made, (plan.division.id, entity_id))
    chunk.issued.append(("usage", plan.account.currency, made.total))


def _ask_for_debt(chunk: Chunk, plan: _Plan, seller: SellerRow) -> None:
    made = RequestDraft(
        account=plan.account, seller=seller, prefix=seller.request_prefix, now=chunk.now, cause=None,
        kind="amount_owed", division_id=plan.division.id, division_name=plan.division.name,
        currency=plan.account.currency, amount=plan.debt,
        description=f"Amount owed at the end of {chunk.period}", due_on=chunk.due_on(plan.account),
        funds_division_id=plan.division.id, period=chunk.period, buyer=plan.account.as_buyer(plan.division),
    )  # fmt: skip
    draft(chunk.tx, made, ("amount_owed", plan.division.id))
    chunk.issued.append(("amount_owed", plan.account.currency, plan.debt))
