"""The wish to have certificates revoked, until it is approved; what follows is in revoking.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from services.orders import queries
from services.orders.actions.granting import grant
from services.orders.actions.requesting import Placer, new_request, tell_decided, tell_submitted
from services.orders.actions.revoking import request_revocation
from services.orders.actions.timeline import note
from services.orders.models import REISSUE, REVOKE, BlockedKey, Certificate, CertificateOrder, OrderRequest, Revocation
from services.orders.rules.reasons import KEY_COMPROMISE, RevocationWish
from shared import audit
from shared.db import add, locked_or_none
from shared.errors import Rejected
from shared.events.orders import ReissueCancelled
from shared.outbox import announce

UNDECIDED_FOR = timedelta(hours=12)
ESCALATED_AT_ONCE = 50
NO_LONGER = "All certificates of the order are revoked"


@dataclass(frozen=True)
class AskedRevocation:
    request: OrderRequest
    with_same_key: Sequence[Certificate] = ()


async def ask_revocation(
    tx: AsyncSession,
    order: CertificateOrder,
    certificate: Certificate | None,
    wish: RevocationWish,
    by: Placer,
    now: datetime,
) -> AskedRevocation:
    """Of one certificate, or of all on the order. A key that others may have is no matter of approval (BR 4.9.1.1), nor
    does it wait behind another wish that does."""
    compromised = wish.reason == KEY_COMPROMISE
    at_once = compromised or (wish.skip_approval and by.approves)
    _refuse_repeat(order, certificate, at_once)
    standing = await _standing(tx, order.id, certificate.id if certificate else None)
    if not standing:
        raise Rejected(f"{_what(order, certificate)} is revoked already, or about to be.", "invalid_state")
    request = await _new_request(tx, order, certificate, wish, by, now)
    order.take_request(request, now)
    note(tx, order, now, "plain", f"Revocation asked for: {wish.reason}, request {request.id}", who=by.who)
    tell_submitted(tx, request, needs_approval=not at_once)
    others = await _block(tx, order, standing, by.who, now) if compromised else ()
    if at_once:
        grant(tx, request, by.who, now)
        _overtake(tx, order, request, by.who, now)
        await carry_out(tx, request, by.who, now)
    else:
        note(tx, order, now, "wait", "Waits for the approval of a manager or administrator of the account")
    return AskedRevocation(request, others)


def _refuse_repeat(order: CertificateOrder, certificate: Certificate | None, at_once: bool) -> None:
    if order.issued_at is None:
        raise Rejected(
            f"Order {order.id} is {order.status} and has no certificate to revoke; cancel it instead.", "invalid_state"
        )
    for each in () if at_once else order.open_requests:
        if each.type == REVOKE and each.revokes_id in (None, certificate and certificate.id):
            raise Rejected(f"The revocation asked for by request {each.id} waits to be decided.", "invalid_state")


def _overtake(tx: AsyncSession, order: CertificateOrder, request: OrderRequest, who: str, now: datetime) -> None:
    """What waits for a decision about the same needs none any more."""
    for each in order.open_requests:
        if each.type == REVOKE and each is not request and each.revokes_id == request.revokes_id:
            each.close_rejected(who, f"Overtaken by request {request.id}, which needs no approval", now)
            tell_decided(tx, each, "rejected", who, now)


async def _new_request(
    tx: AsyncSession,
    order: CertificateOrder,
    certificate: Certificate | None,
    wish: RevocationWish,
    by: Placer,
    now: datetime,
) -> OrderRequest:
    request = await new_request(tx, REVOKE, order.account_id, order.id, wish.comments, by, now)
    request.common_name = certificate.common_name if certificate else order.common_name
    request.revokes_id, request.revocation_reason = certificate.id if certificate else None, wish.reason
    return request


async def carry_out(tx: AsyncSession, request: OrderRequest, who: str, now: datetime) -> None:
    """Approved: each certificate is handed to whoever issued it, and the request is done."""
    order = request.order
    for certificate in await _standing(tx, order.id, request.revokes_id):
        await request_revocation(tx, order, certificate, request.revocation_reason or "", who, now, request.id)
    request.closed_at = now
    if request.revokes_id is None:
        _end_wishes(tx, order, who, now)
        order.want_revoked(now)


def _end_wishes(tx: AsyncSession, order: CertificateOrder, who: str, now: datetime) -> None:
    """What was still to be issued on the order is not issued any more."""
    for request in order.open_requests:
        request.close_rejected(who, NO_LONGER, now)
        tell_decided(tx, request, "rejected", who, now)
        if request.type == REISSUE:
            cancelled = ReissueCancelled(
                account_id=order.account_id, occurred_at=now, order_id=order.id, request_id=request.id,
                cancelled_by=who[:255], note=NO_LONGER,
            )  # fmt: skip
            announce(tx, cancelled)


async def _standing(tx: AsyncSession, order_id: int, certificate_id: int | None) -> Sequence[Certificate]:
    """Neither revoked nor about to be."""
    query = (
        select(Certificate)
        .outerjoin(Revocation, Revocation.certificate_id == Certificate.id)
        .where(Certificate.order_id == order_id, Revocation.certificate_id.is_(None))
        .order_by(Certificate.id)
    )
    return (await tx.scalars(query.where(Certificate.id == certificate_id) if certificate_id else query)).all()


async def _block(
    tx: AsyncSession, order: CertificateOrder, compromised: Sequence[Certificate], who: str, now: datetime
) -> Sequence[Certificate]:
    """The keys, for good. Others with them are listed: those of the account to it, all to the staff."""
    for certificate in compromised:
        if await locked_or_none(tx, BlockedKey, certificate.key_sha256) is None:
            add(tx, BlockedKey(key_sha256=certificate.key_sha256, certificate_id=certificate.id, blocked_at=now,
                               blocked_by=who))  # fmt: skip
    await tx.flush()
    others = await queries.certificates_with_keys(tx, compromised, now.date())
    told = {"certificates": [each.certificate.id for each in others]}
    audit.note(tx, who, "key blocked", f"certificate/{compromised[0].id}", None, told, now)
    own = [each.certificate for each in others if each.account_id == order.account_id]
    if own:
        named = ", ".join(f"{each.id} of order {each.order_id}" for each in own)
        note(tx, order, now, "bad", f"The key is compromised, and other certificates have it: {named}; revoke them too")
    return own


def _what(order: CertificateOrder, certificate: Certificate | None) -> str:
    return f"Certificate {certificate.id}" if certificate else f"Order {order.id}"


async def escalate_revocations(tx: AsyncSession, now: datetime) -> bool:
    """What the account left undecided for 12 hours is for the CA's staff: the CA answers for it within a day
    (BR 4.9.1.1)."""
    query = (
        select(OrderRequest)
        .join(OrderRequest.order)
        .options(contains_eager(OrderRequest.order))
        .where(
            OrderRequest.type == REVOKE,
            OrderRequest.closed_at.is_(None),
            OrderRequest.approved_at.is_(None),
            OrderRequest.escalated_at.is_(None),
            OrderRequest.requested_at <= now - UNDECIDED_FOR,
        )
        .order_by(OrderRequest.requested_at)
        .limit(ESCALATED_AT_ONCE)
        .with_for_update(skip_locked=True, of=(CertificateOrder, OrderRequest))
    )
    requests = (await tx.scalars(query)).all()
    for request in requests:
        request.escalated_at = now
        sentence = f"Nobody decided request {request.id} for 12 hours; the staff of the certificate authority does"
        note(tx, request.order, now, "wait", sentence)
        audit.note(tx, "Issuary", "revocation left undecided", f"request/{request.id}", None, None, now)
    return len(requests) == ESCALATED_AT_ONCE
