from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.actions.asking import ask_when_ready
from services.orders.actions.placing import approve_placed
from services.orders.actions.timeline import note
from services.orders.models import CertificateOrder
from shared import audit
from shared.events import orders as facts
from shared.outbox import announce


def approve_order(tx: AsyncSession, order: CertificateOrder, who: str, now: datetime) -> None:
    if approve_placed(tx, order, who, now):
        _keep(tx, order, who, "order approved", None, now)
        ask_when_ready(tx, order, now)


def reject_order(tx: AsyncSession, order: CertificateOrder, who: str, reason: str, now: datetime) -> None:
    if not order.reject(who, reason, now):
        return
    _keep(tx, order, who, "order rejected", reason, now)
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


def cancel_order(tx: AsyncSession, order: CertificateOrder, who: str, why: str, now: datetime) -> None:
    if not order.cancel(who, why, now):
        return
    _keep(tx, order, who, "order canceled", why, now)
    note(tx, order, now, "bad", f"Canceled: {why}", who=who)
    announce(
        tx,
        facts.OrderCancelled(
            account_id=order.account_id, order_id=order.id, occurred_at=now, cancelled_by=who[:255], note=why
        ),
    )


def _keep(tx: AsyncSession, order: CertificateOrder, who: str, what: str, why: str | None, now: datetime) -> None:
    after = {"status": order.status, "reason": why} if why else {"request": order.request_status}
    audit.note(tx, who, what, f"order/{order.id}", None, after, now)
