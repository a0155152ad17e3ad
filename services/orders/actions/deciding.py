from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.actions.asking import ask_when_ready
from services.orders.actions.granting import WORDS, grant
from services.orders.actions.requesting import tell_decided
from services.orders.actions.revocations import carry_out
from services.orders.actions.timeline import note
from services.orders.models import NEW, REVOKE, CertificateOrder, OrderRequest, ask_why
from shared import audit
from shared.events import orders as facts
from shared.outbox import announce

FINISHED_AT_ONCE = 50


@dataclass(frozen=True)
class Decider:
    who: str
    user_id: int | None = None
    comment: str | None = None


def approve_order(tx: AsyncSession, order: CertificateOrder, who: str, now: datetime) -> None:
    """An issued order was approved; approving it again changes nothing."""
    if request := order.new_request:
        _approve(tx, request, Decider(who), now)
    elif not order.issued_at:
        order.refuse_when_closed("approved")


async def approve_request(tx: AsyncSession, request: OrderRequest, by: Decider, now: datetime) -> None:
    if _approve(tx, request, by, now) and request.type == REVOKE:
        await carry_out(tx, request, by.who, now)


def _approve(tx: AsyncSession, request: OrderRequest, by: Decider, now: datetime) -> bool:
    if not grant(tx, request, by.who, now):
        return False
    request.processor_id, request.processor_comment = by.user_id, by.comment
    _keep(tx, request.order, by.who, f"{_named(request)} approved", {"request": request.status}, now)
    tell_decided(tx, request, "approved", by.who, now)
    ask_when_ready(tx, request, now)
    return True


def reject_order(
    tx: AsyncSession, order: CertificateOrder, who: str, reason: str, now: datetime, user_id: int | None = None
) -> None:
    request = order.new_request
    if not order.reject(who, reason, now):
        return
    _keep(tx, order, who, "order rejected", {"status": order.status, "reason": reason}, now)
    note(tx, order, now, "bad", f"Rejected: {reason}", who=who)
    announce(
        tx,
        facts.OrderRejected(
            account_id=order.account_id,
            order_id=order.id,
            occurred_at=now,
            rejected_by=who[:255],
            reason=reason[:255],
        ),
    )
    if request:
        request.processor_id = user_id
        tell_decided(tx, request, "rejected", who, now)


def reject_request(tx: AsyncSession, request: OrderRequest, by: Decider, reason: str, now: datetime) -> None:
    """The order goes with the request that placed it; it stays as it is without any other."""
    if request.type == NEW:
        return reject_order(tx, request.order, by.who, reason, now, by.user_id)
    if request.cancel_wanted_at or request.cancel_later(by.who, reason, now, rejects=True):
        return _note_cancel_wanted(tx, request, now, by.user_id)
    return _reject(tx, request, by, reason, now)


def _reject(tx: AsyncSession, request: OrderRequest, by: Decider, reason: str, now: datetime) -> None:
    if not request.reject(by.who, reason, now):
        return
    request.processor_id = by.user_id
    _keep(tx, request.order, by.who, f"{_named(request)} rejected", {"request": request.status, "reason": reason}, now)
    note(tx, request.order, now, "bad", f"{WORDS[request.type]} rejected: {reason}", who=by.who)
    tell_decided(tx, request, "rejected", by.who, now)
    _give_back(tx, request, by.who, reason, now)


def cancel_order(tx: AsyncSession, order: CertificateOrder, who: str, why: str, now: datetime) -> None:
    """Where it is being reissued, the reissue only; the order stays as it was (contract 4.4). Where an outside CA may
    have issued already, only once it has answered or its time is over."""
    request = order.reissue or order.new_request
    if request and (request.cancel_wanted_at or request.cancel_later(who, why, now)):
        return _note_cancel_wanted(tx, request, now)
    return _cancel(tx, order, who, why, now)


def _cancel(tx: AsyncSession, order: CertificateOrder, who: str, why: str, now: datetime) -> None:
    if order.reissue:
        _cancel_reissue(tx, order.reissue, who, why, now)
    elif order.cancel(who, why, now):
        _tell_cancelled(tx, order, who, why, now)


def finish_cancellation(tx: AsyncSession, request: OrderRequest, now: datetime) -> None:
    who, why = request.cancel_wanted_by or "", request.cancel_wanted_note or ""
    if request.cancel_rejects:
        _reject(tx, request, Decider(who, request.processor_id), why, now)
    else:
        _cancel(tx, request.order, who, why, now)


def _note_cancel_wanted(
    tx: AsyncSession, request: OrderRequest, now: datetime, processor_id: int | None = None
) -> None:
    if request.cancel_wanted_at != now or request.cancel_due_at is None:
        return
    request.processor_id = processor_id or request.processor_id
    who, why = request.cancel_wanted_by or "", request.cancel_wanted_note or ""
    _keep(tx, request.order, who, "cancellation asked for", {"request": request.status, "reason": why}, now)
    what = "Cancellation" if request.type == NEW else f"{WORDS[request.type]}: cancellation"
    until = f"{request.cancel_due_at:%Y-%m-%d %H:%M} UTC"
    note(
        tx, request.order, now, "wait", f"{what} waits until the CA has answered, at most until {until}: {why}", who=who
    )


async def finish_cancellations(tx: AsyncSession, now: datetime) -> bool:
    query = (
        select(CertificateOrder)
        .join(OrderRequest, OrderRequest.order_id == CertificateOrder.id)
        .where(OrderRequest.cancel_due_at <= now, OrderRequest.closed_at.is_(None))
        .order_by(OrderRequest.cancel_due_at)
        .limit(FINISHED_AT_ONCE)
        .with_for_update(skip_locked=True, of=CertificateOrder)
    )
    orders = (await tx.scalars(query)).all()
    for order in dict.fromkeys(orders):
        for request in order.open_requests:
            if request.cancel_due_at and request.cancel_due_at <= now:
                finish_cancellation(tx, request, now)
    return len(orders) == FINISHED_AT_ONCE


def _tell_cancelled(tx: AsyncSession, order: CertificateOrder, who: str, why: str, now: datetime) -> None:
    _keep(tx, order, who, "order canceled", {"status": order.status, "reason": why}, now)
    note(tx, order, now, "bad", f"Canceled: {why}", who=who)
    cancelled = facts.OrderCancelled(
        account_id=order.account_id, order_id=order.id, occurred_at=now, cancelled_by=who[:255], note=why
    )
    return announce(tx, cancelled)


def _cancel_reissue(tx: AsyncSession, request: OrderRequest, who: str, why: str, now: datetime) -> None:
    ask_why(why, "reissue is canceled")
    request.close_rejected(who, why, now)
    _keep(tx, request.order, who, "reissue canceled", {"request": request.status, "reason": why}, now)
    note(tx, request.order, now, "bad", f"Reissue canceled: {why}", who=who)
    announce(tx, _reissue_cancelled(request, who, why, now))


def _give_back(tx: AsyncSession, request: OrderRequest, who: str, why: str, now: datetime) -> None:
    """A reissue that is rejected after its approval may have been charged for names."""
    if request.approved_at and request.names_added:
        announce(tx, _reissue_cancelled(request, who, why, now))


def _reissue_cancelled(request: OrderRequest, who: str, why: str, now: datetime) -> facts.ReissueCancelled:
    return facts.ReissueCancelled(
        account_id=request.account_id,
        order_id=request.order_id,
        request_id=request.id,
        occurred_at=now,
        cancelled_by=who[:255],
        note=why,
    )


def _keep(tx: AsyncSession, order: CertificateOrder, who: str, what: str, after: dict[str, str], now: datetime) -> None:
    audit.note(tx, who, what, f"order/{order.id}", None, after, now)


def _named(request: OrderRequest) -> str:
    return "order" if request.type == NEW else request.type
