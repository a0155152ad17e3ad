"""From an approved wish to revoke a certificate to the fact that it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.timeline import note
from services.orders.models import Authority, Certificate, CertificateOrder, Revocation
from services.orders.rules.issuers import BUILT_IN, EVENTS, named
from services.orders.rules.revocation import REASONS
from shared import audit
from shared.db import add, locked, locked_or_none
from shared.errors import NotFound, Rejected
from shared.events.orders import CertificateRevocationRequested, CertificateRevoked, RecordRevokedCertificate
from shared.outbox import announce

FUTURE = timedelta(minutes=10)  # clocks of others that run ahead


@dataclass(frozen=True)
class Revoking:
    order_id: int
    certificate_id: int
    issuer: str
    pem: str
    reason: str


async def request_revocation(
    tx: AsyncSession,
    order: CertificateOrder,
    certificate: Certificate,
    reason: str,
    who: str,
    now: datetime,
    request_id: int | None = None,
) -> Revocation:
    """Once it is approved, if it needs that. Whoever issued the certificate revokes it: this process's CA and the ACME
    CA by the worker, an outside CA because it is told. A repeat changes nothing."""
    known = await locked_or_none(tx, Revocation, certificate.id)
    if known:
        return known
    revocation = add(tx, _wanted(certificate, _checked(reason), who, now, request_id))
    note(tx, order, now, "wait", f"Revocation of certificate {certificate.id} asked for: {reason}", who=who)
    audit.note(tx, who, "revocation requested", f"certificate/{certificate.id}", None, {"reason": reason}, now)
    announce(
        tx,
        CertificateRevocationRequested(
            account_id=order.account_id,
            occurred_at=now,
            order_id=order.id,
            request_id=request_id,
            certificate_id=certificate.id,
            serial_number=certificate.serial_number,
            reason=reason,
            requested_by=who[:255],
            issuer=certificate.issuer,
        ),
    )
    return revocation


def _wanted(certificate: Certificate, reason: str, who: str, now: datetime, request_id: int | None) -> Revocation:
    return Revocation(
        certificate_id=certificate.id,
        order_id=certificate.order_id,
        request_id=request_id,
        issuer=certificate.issuer,
        issuer_key=certificate.issuer_key,
        serial_number=certificate.serial_number,
        not_after=certificate.not_after,
        reason=reason,
        requested_at=now,
        requested_by=who,
        due_at=None if certificate.issuer == EVENTS else now,
    )


def _checked(reason: str) -> str:
    if reason not in REASONS:
        raise Rejected(f'There is no revocation reason "{reason[:40]}"; use one of {", ".join(REASONS)}.')
    return reason


async def claim_revocation(tx: AsyncSession, issuers: Sequence[str], now: datetime) -> Revoking | None:
    query = (
        select(Revocation)
        .where(Revocation.due_at <= now, Revocation.revoked_at.is_(None), Revocation.issuer.in_(issuers))
        .order_by(Revocation.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    revocation = await tx.scalar(query)
    if revocation is None:
        return None
    revocation.claim(now)
    pem = (await queries.certificate(tx, revocation.certificate_id)).pem
    return Revoking(revocation.order_id, revocation.certificate_id, revocation.issuer, pem, revocation.reason)


async def record_revoked(tx: AsyncSession, revoking: Revoking, now: datetime) -> None:
    order = await locked(tx, CertificateOrder, revoking.order_id)
    await _record(tx, order, await locked(tx, Revocation, revoking.certificate_id), now, revoking.reason, now)


async def record_not_revoked(tx: AsyncSession, revoking: Revoking, why: str, now: datetime) -> None:
    order = await locked(tx, CertificateOrder, revoking.order_id)
    revocation = await locked(tx, Revocation, revoking.certificate_id)
    if revocation.revoked_at is None and revocation.fail(why, now):
        sentence = f"Certificate {revocation.certificate_id} could not be revoked: {why}. It is tried again"
        note(tx, order, now, "bad", sentence, who=named(revocation.issuer))


async def receive_revocation(
    tx: AsyncSession, order: CertificateOrder, event: RecordRevokedCertificate, now: datetime
) -> None:
    """Asked for or not: the CA says that it is done."""
    certificate = await queries.certificate_of(tx, order.id, event.certificate_id, event.serial_number)
    if certificate is None:
        raise NotFound(f"Order {order.id} has no such certificate; name its certificate_id or its serial_number.",
                       "not_found|certificate")  # fmt: skip
    if certificate.issuer != EVENTS:
        raise Rejected(
            f"Certificate {certificate.id} was not issued by an outside CA; revoke it here.", "invalid_state"
        )
    if not certificate.issued_at <= event.revoked_at <= now + FUTURE:
        raise Rejected(f"Certificate {certificate.id} cannot have been revoked at {event.revoked_at.isoformat()}.")
    revocation = await locked_or_none(tx, Revocation, certificate.id)
    if revocation is None:
        revocation = add(tx, _wanted(certificate, _checked(event.reason), event.revoked_by, now, None))
    await _record(tx, order, revocation, event.revoked_at, _checked(event.reason), now)
    if order.issued_at and not await queries.has_valid_certificate(tx, order.id):
        order.note_revoked(now)


async def _record(
    tx: AsyncSession, order: CertificateOrder, revocation: Revocation, at: datetime, reason: str, now: datetime
) -> None:
    if not revocation.record(at, reason):
        return
    if order.revoking_at and not await queries.has_valid_certificate(tx, order.id):
        order.note_revoked(now)
    if revocation.issuer == BUILT_IN and (authority := await locked_or_none(tx, Authority, revocation.issuer_key)):
        authority.note_revoked(now)
    sentence = f"Certificate {revocation.certificate_id} is revoked: {reason}"
    note(tx, order, now, "bad", sentence, who=named(revocation.issuer))
    announce(
        tx,
        CertificateRevoked(
            account_id=order.account_id,
            occurred_at=now,
            order_id=order.id,
            request_id=revocation.request_id,
            certificate_id=revocation.certificate_id,
            serial_number=revocation.serial_number,
            reason=reason,
            revoked_at=at,
        ),
    )
