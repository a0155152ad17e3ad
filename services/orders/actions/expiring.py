"""The end of a certificate: told in time, and met by a reissue where the order says so."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.reissuing import reissue_order
from services.orders.actions.requesting import Placer
from services.orders.actions.timeline import note
from services.orders.models import CertificateOrder, Expiry, Revocation
from services.orders.queries import EndingOrder
from services.orders.rules.expiry import ENDED, reissue_at
from services.orders.rules.reissue import ReissueWish
from shared.db import attempt, locked
from shared.errors import DomainError
from shared.events.orders import CertificateExpired, CertificateExpiring
from shared.outbox import announce

TOLD_AT_ONCE = 100
ITSELF = "Automatic reissue"


async def tell_expiries(tx: AsyncSession, now: datetime) -> bool:
    """What is told is written down in the same commit, so that a restart neither forgets nor repeats it."""
    query = (
        select(Expiry)
        .where(Expiry.due_at <= now)
        .order_by(Expiry.due_at)
        .limit(TOLD_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    due: Sequence[Expiry] = (await tx.scalars(query)).all()
    orders = await queries.ending_orders(tx, due)
    for expiry in due:
        days = expiry.claim(now)
        order = orders[expiry.certificate_id]
        if days is not None and not order.is_revoked:
            _tell(tx, expiry, order, days, now)
    return bool(due)


def _tell(tx: AsyncSession, expiry: Expiry, order: EndingOrder, days: int, now: datetime) -> None:
    told = {
        "account_id": order.account_id,
        "occurred_at": now,
        "order_id": expiry.order_id,
        "certificate_id": expiry.certificate_id,
        "common_name": expiry.common_name,
        "valid_till": expiry.valid_till,
    }
    if days == ENDED:
        announce(tx, CertificateExpired.model_validate(told))
    elif not order.is_quiet:
        announce(tx, CertificateExpiring.model_validate(told | {"days": days}))


async def reissue_next(tx: AsyncSession, now: datetime) -> bool:
    """One at a time, locked with its order."""
    query = (
        select(Expiry)
        .join(CertificateOrder, CertificateOrder.id == Expiry.order_id)
        .where(Expiry.reissue_at <= now)
        .order_by(Expiry.reissue_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=(CertificateOrder, Expiry))
    )
    expiry = await tx.scalar(query)
    if expiry is None:
        return False
    expiry.reissue_at = None
    order = await locked(tx, CertificateOrder, expiry.order_id)
    revocation = await tx.get(Revocation, expiry.certificate_id)
    if order.reissues_itself(expiry.certificate_id) and not revocation and not await queries.renewal_of(tx, order.id):
        await _reissue(tx, order, now)
    return True


async def _reissue(tx: AsyncSession, order: CertificateOrder, now: datetime) -> None:
    """With the same names and key. What refuses it is said on the order's page, where somebody can do it by hand."""
    try:
        async with attempt(tx):
            await reissue_order(tx, order, ReissueWish(), Placer(ITSELF, approves=True), now)
    except DomainError as refusal:
        note(tx, order, now, "bad", f"Could not be reissued by itself: {refusal.message}", who=ITSELF)


async def set_auto_reissue(tx: AsyncSession, order: CertificateOrder, on: bool, now: datetime) -> None:
    """Where the time for it has begun, it is reissued at once."""
    order.auto_reissue = on
    expiry = await tx.get(Expiry, order.certificate_id) if order.certificate_id else None
    if on and expiry and order.valid_till and not order.reissue_id:
        expiry.reissue_at = reissue_at(expiry.valid_from, expiry.valid_till, order.valid_till)
