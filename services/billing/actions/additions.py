"""A reissue added names to an order: they are charged for the rest of its term, by themselves, or wait as orders do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.drafts import InvoiceDraft
from services.billing.actions.ending import charge_of, order_of, release_part
from services.billing.actions.orders import charge_in_line, misfit, quote_for
from services.billing.models import Account, AddedNames, Division, OrderKey, WaitingOrder
from services.billing.queries.parts import (
    ended_parts,
    lock_added,
    lock_usage,
    lock_waiting,
    note_part,
    parts_of,
    recorded_usage,
    remember,
)
from services.billing.rules import Added, Missing, Placed
from shared.db import add, locked, locked_or_none, the
from shared.events.orders import OrderNamesAdded

ORDER_OVER = "The order has ended, so nothing is charged for {what}."


async def add_names(tx: AsyncSession, event: OrderNamesAdded, now: datetime) -> None:
    order = await order_of(tx, event)
    part = (*order.key, event.request_id)
    if await locked_or_none(tx, AddedNames, part):
        return
    row = add(tx, _new(tx, order, event))
    note_part(tx, part)
    if _is_over(tx, order.key):
        row.cancelled_at = now
        release_part(tx, order, part, event, ORDER_OVER, now)
        return
    account, division = await the(tx, Account, order.account_id), await the(tx, Division, order.division_id)
    names = await with_added(tx, order, event.request_id)
    found = waits_behind(tx, names) or misfit(account, division, names) or await quote_for(tx, account, names, now)
    await charge_in_line(tx, account, names, found, now, event.told_id)


def _new(tx: AsyncSession, order: Placed, event: OrderNamesAdded) -> AddedNames:
    return AddedNames(
        source=order.source, order_id=order.id, request_id=event.request_id, account_id=order.account_id,
        names=list(event.added), names_before=len(order.names) + _added_before(tx, order.key),
        starts_on=event.starts_on, term_ends_on=event.term_ends_on, added_by=event.added_by, added_at=event.added_at,
    )  # fmt: skip


def _added_before(tx: AsyncSession, key: OrderKey) -> int:
    rows = (tx.info["locked", AddedNames].get(part) for part in parts_of(tx, key))
    return sum(len(row.names) for row in rows if row and not row.cancelled_at)


def _is_over(tx: AsyncSession, key: OrderKey) -> bool:
    itself = (*key, 0)
    if tx.info["locked", WaitingOrder].get(itself):
        return False
    usage = recorded_usage(tx).get(itself)
    bought = usage.released_at is None if usage else charge_of(tx, itself) is not None
    return not bought or itself in ended_parts(tx)


async def prepare_added(tx: AsyncSession, rows: Sequence[WaitingOrder]) -> None:
    """For names that wait: what became of their orders."""
    if rows:
        keys = {(row.source, row.id) for row in rows}
        await lock_waiting(tx, keys)
        await remember(tx, keys)
        await lock_usage(tx, keys)
        await lock_added(tx, [row.part for row in rows])


async def with_added(tx: AsyncSession, order: Placed, request_id: int) -> Placed:
    row = await locked(tx, AddedNames, (*order.key, request_id))
    added = Added(
        request_id, tuple(row.names), row.names_before, row.starts_on, row.term_ends_on, row.added_at,
        _first_priced_on(tx, order.key),
    )  # fmt: skip
    return replace(order, added=added)


def _first_priced_on(tx: AsyncSession, key: OrderKey) -> date | None:
    """None while the order itself waits."""
    if usage := recorded_usage(tx).get((*key, 0)):
        return date.fromisoformat(usage.quote["on"])
    if charged := charge_of(tx, (*key, 0)):
        return charged.quote.on if isinstance(charged, InvoiceDraft) else charged.priced_on
    return None


def waits_behind(tx: AsyncSession, order: Placed) -> Missing | None:
    """What is added to an order is never charged before it."""
    before = tx.info["locked", WaitingOrder].get((*order.key, 0)) if order.added else None
    return before and Missing(before.reason, BEHIND)


BEHIND = "The order itself is not charged yet; the added names follow by themselves as soon as it is."
