"""An order was cancelled or rejected, with all that was added to it, or a reissue with the names that it added: what
was charged or invoiced comes back, one credit note for each invoice; what was not is released without a document."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.crediting import Wish, write_note
from services.billing.actions.drafts import InvoiceDraft, drafts
from services.billing.actions.usage import release
from services.billing.actions.waiting import count_waiting
from services.billing.models import Account, AddedNames, EndedOrder, PartKey, Receivable, Usage, WaitingOrder
from services.billing.queries.creditable import open_invoices
from services.billing.queries.parts import ended_parts, parts_of, recorded_usage
from services.billing.queries.prefetch import lines_of_usage, placed_order
from services.billing.rules import Charged, OpenInvoice, Original, Placed, charged_original, how_paid, isolated
from shared.db import append, locked, locked_or_none, the
from shared.errors import NotFound, Rejected
from shared.events.base import OrderRef
from shared.events.billing import OrderReleased
from shared.events.orders import OrderCancelled, OrderNamesAdded, OrderRejected, ReissueCancelled
from shared.outbox import announce

Ended = OrderCancelled | OrderRejected | ReissueCancelled


async def end_order(tx: AsyncSession, event: OrderCancelled | OrderRejected, now: datetime) -> None:
    order = await order_of(tx, event)
    for part in parts_of(tx, order.key):
        await _end(tx, order, part, event, now)


async def cancel_reissue(tx: AsyncSession, event: ReissueCancelled, now: datetime) -> None:
    """One that had added no names cost nothing."""
    part = (event.source, event.order_id, event.request_id)
    added = await locked_or_none(tx, AddedNames, part)
    if added is None or added.cancelled_at:
        return
    order = await order_of(tx, event)
    added.cancelled_at = now
    await _end(tx, order, part, event, now)


async def order_of(tx: AsyncSession, event: Ended | OrderNamesAdded) -> Placed:
    order = await placed_order(tx, (event.source, event.order_id))
    if order is None:
        raise NotFound(
            f"There is no {event.subject}; publish its order_placed first, then retry this event.", "not_found|order"
        )
    if order.account_id != event.account_id:
        raise Rejected(
            f"The {event.subject} is of account {order.account_id}, not of {event.account_id}; check the ids."
        )
    return order


async def _end(tx: AsyncSession, order: Placed, part: PartKey, event: Ended, now: datetime) -> None:
    if waiting := await locked_or_none(tx, WaitingOrder, part):
        await _forget(tx, waiting)
        release_part(tx, order, part, event, NOTHING_CHARGED, now)
    elif part not in ended_parts(tx):
        await _take_back(tx, order, part, event, now)


async def _forget(tx: AsyncSession, waiting: WaitingOrder) -> None:
    """It may have begun to wait in this very transaction."""
    count_waiting(tx, waiting.account_id, -1)
    if waiting in tx.new:
        tx.expunge(waiting)
    else:
        await tx.delete(waiting)
    tx.info[("locked", WaitingOrder)][waiting.part] = None


async def _take_back(tx: AsyncSession, order: Placed, part: PartKey, event: Ended, now: datetime) -> None:
    if usage := recorded_usage(tx).get(part):
        if usage.invoice_id:
            await _credit_usage(tx, order, usage, event, now)
        elif usage.released_at is None:
            await release(tx, await the(tx, Account, order.account_id), usage, now)
            release_part(tx, order, part, event, NOT_INVOICED, now)
    elif charged := charge_of(tx, part):
        await _credit_charge(tx, order, charged, event, now)


def charge_of(tx: AsyncSession, part: PartKey) -> Charged | InvoiceDraft | None:
    """Of this very transaction, where placing and cancelling came in one chunk."""
    charge: Charged | None = tx.info["charges"].get(part)
    return charge or drafts(tx, InvoiceDraft).get(part)


async def _credit_charge(
    tx: AsyncSession, order: Placed, charged: Charged | InvoiceDraft, event: Ended, now: datetime
) -> None:
    if isinstance(charged, InvoiceDraft):
        left, original = OpenInvoice.of_quote(charged.quote, order.key), charged
        part, entity_id = charged.order.part, charged.seller.number
        wish = await _wish(tx, order, part, original, entity_id, None, event, now)
    else:
        left = open_invoices(tx)[charged.invoice_id]
        wish = await _wish(tx, order, charged.part, charged_original(charged), charged.entity_id, None, event, now)
    await _credit(tx, order, wish, left, list(left.lines), event)


async def _credit_usage(tx: AsyncSession, order: Placed, usage: Usage, event: Ended, now: datetime) -> None:
    part = (*order.key, usage.request_id)
    invoice_id, first, last = lines_of_usage(usage)
    receivable = await locked(tx, Receivable, invoice_id)
    paid = how_paid(tx.info["paid"].get(invoice_id, ()), receivable.due, usage.currency)
    original = Original(invoice_id, receivable.number, usage.entity_id, receivable.division_id, usage.currency, paid)
    wish = await _wish(tx, order, part, original, usage.entity_id, receivable, event, now)
    await _credit(tx, order, wish, open_invoices(tx)[invoice_id], list(range(first, last + 1)), event)


async def _wish(
    tx: AsyncSession, order: Placed, part: PartKey, original: Original | InvoiceDraft, entity_id: int,
    receivable: Receivable | None, event: Ended, now: datetime,
) -> Wish:  # fmt: skip
    return Wish(
        account=await the(tx, Account, order.account_id), original=original, entity_id=entity_id,
        division_id=order.division_id, receivable=receivable, order=order.key, request_id=part[2], ends_part=True,
        reason=_reason(event), who=None, now=now, cause=event.told_id,
    )  # fmt: skip


async def _credit(
    tx: AsyncSession, order: Placed, wish: Wish, left: OpenInvoice, positions: list[int], event: Ended
) -> None:
    """What is left of its lines: parts of them may have been credited before."""
    part = (*order.key, wish.request_id)
    ended_parts(tx).add(part)
    if wanted := left.all_left(positions):
        await write_note(tx, wish, left.credit(wanted), part)
    else:
        append(tx, EndedOrder, source=order.source, order_id=order.id, request_id=wish.request_id, ended_at=wish.now)
        release_part(tx, order, part, event, NOTHING_LEFT, wish.now)


def _reason(event: Ended) -> str:
    if isinstance(event, OrderRejected):
        return f"Order rejected: {isolated(event.reason)}"
    what = "Reissue cancelled" if isinstance(event, ReissueCancelled) else "Order cancelled"
    return f"{what}: {isolated(event.note)}" if event.note else what


NOTHING_CHARGED = "Nothing was charged for {what}, so nothing is returned and there is no document."
NOT_INVOICED = (
    "What was on account for {what} is not invoiced yet: it is taken off what the account owes, without a document."
)
NOTHING_LEFT = (
    "What was invoiced for {what} had all been credited before, so nothing is left to return and there is no further "
    "credit note."
)


def release_part(
    tx: AsyncSession, order: Placed, part: PartKey, event: Ended | OrderNamesAdded, message: str, now: datetime
) -> None:
    what = f"the names that request {part[2]} added to this order" if part[2] else "this order"
    announce(
        tx,
        OrderReleased(
            occurred_at=now,
            account_id=order.account_id,
            causation_id=event.told_id,
            order=OrderRef(source=order.source, id=order.id),
            request_id=part[2] or None,
            division_id=order.division_id,
            message=message.format(what=what),
        ),
    )
