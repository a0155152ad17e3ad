from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from services.orders import queries
from services.orders.actions.requesting import BLOCKED, is_blocked
from services.orders.actions.timeline import note
from services.orders.models import DUPLICATE, Certificate, CertificateOrder, Expiry, OrderRequest
from services.orders.rules import validity
from services.orders.rules.expiry import next_notice, reissue_at
from services.orders.rules.issuance import Issued, Wanted
from services.orders.rules.issuers import ACME, BUILT_IN, Issuer, named
from services.orders.rules.products import issuing_level
from shared.db import locked
from shared.events.orders import CertificateIssued
from shared.outbox import announce

TRY_AGAIN = timedelta(minutes=10)
RESTS = timedelta(seconds=20)
LEASES: Mapping[str, timedelta] = {BUILT_IN: timedelta(minutes=1), ACME: timedelta(minutes=5)}


@dataclass(frozen=True)
class Signing:
    order_id: int
    request_id: int
    wanted: Wanted


async def claim_signing(tx: AsyncSession, now: datetime, issuer: Issuer = BUILT_IN) -> Signing | None:
    """The next request that may be issued; the lease keeps others off while it is signed outside any transaction."""
    request = await tx.scalar(_next_to_sign(issuer, now))
    if request is None:
        return None
    life = validity.lifetime(request.certificate_span, request.order.ends_on(now.date()), now)
    if life is None:
        fail_signing(tx, request, "the term of the order, or the validity asked for, is over", now)
        return None
    if not request.order.is_vetted(now):
        fail_signing(tx, request, "the organization is not validated any more", now)
        return None
    if await is_blocked(tx, request):
        fail_signing(tx, request, BLOCKED, now)
        return None
    request.claim_signing(LEASES[issuer], now)
    order, signature_hash = request.order, request.signature_hash or "sha256"
    level = issuing_level(order.product_name_id)
    wanted = Wanted(request.csr or "", request.dns_names, *life, signature_hash, level, order.subject)
    return Signing(request.order_id, request.id, wanted)


def _next_to_sign(issuer: Issuer, now: datetime) -> Select[OrderRequest]:
    """Locked with its order. The request is locked too, for another's lease on it is to be seen."""
    return (
        select(OrderRequest)
        .join(OrderRequest.order)
        .options(contains_eager(OrderRequest.order))
        .where(
            OrderRequest.issue_before > now,
            OrderRequest.issuer == issuer,
            OrderRequest.closed_at.is_(None),
            or_(OrderRequest.signing_until.is_(None), OrderRequest.signing_until <= now),
        )
        .order_by(OrderRequest.issue_before)
        .limit(1)
        .with_for_update(skip_locked=True, of=(CertificateOrder, OrderRequest))
    )


async def record_issued(tx: AsyncSession, signing: Signing, issued: Issued, now: datetime) -> bool:
    """The world may have moved on while it was signed: canceled, issued by another, the permission ran out, or the key
    became known."""
    order = await locked(tx, CertificateOrder, signing.order_id)
    request = order.open_request(signing.request_id)
    if request is None or not request.may_issue(now) or await is_blocked(tx, request):
        sentence = f"Certificate {issued.serial_number} was signed too late and is not handed out"
        note(tx, order, now, "bad", sentence, who=named(BUILT_IN))
        return False
    hand_out(tx, request, await keep_certificate(tx, request, issued, now), now)
    return True


async def keep_certificate(
    tx: AsyncSession, request: OrderRequest, issued: Issued, now: datetime, irregularity: str | None = None
) -> Certificate:
    """Written at once: what is kept beside it refers to it."""
    certificate = Certificate(id=await queries.take_id(tx, Certificate), **_row(request, issued, irregularity, now))
    tx.add(certificate)
    await tx.flush()
    return certificate


def hand_out(tx: AsyncSession, request: OrderRequest, certificate: Certificate, now: datetime) -> None:
    request.record_issued(certificate.id, now)
    request.order.note_issued(request, certificate.valid_till, now)
    tx.add(_expiry(request, certificate, now))
    sentence = f"Certificate issued, serial {certificate.serial_number}, valid until {certificate.valid_till}"
    link = f"/orders/{request.order_id}/certificate.pem"
    note(tx, request.order, now, "good", sentence, who=named(request.issuer), link=link)
    announce(tx, _certificate_issued(request, certificate, now))


async def record_failure(tx: AsyncSession, signing: Signing, reason: str, now: datetime) -> None:
    order = await locked(tx, CertificateOrder, signing.order_id)
    if request := order.open_request(signing.request_id):
        fail_signing(tx, request, reason, now)


async def rest_signing(tx: AsyncSession, signing: Signing, now: datetime) -> None:
    """The CA has not finished; it is asked again soon, and nothing is wrong."""
    order = await locked(tx, CertificateOrder, signing.order_id)
    if request := order.open_request(signing.request_id):
        request.signing_until = now + RESTS


def fail_signing(tx: AsyncSession, request: OrderRequest, reason: str, now: datetime) -> None:
    if request.issue_failure != reason:
        note(tx, request.order, now, "bad", f"Could not be issued: {reason}", who=named(request.issuer))
    request.issue_failure, request.signing_until = reason, now + TRY_AGAIN


def _row(request: OrderRequest, issued: Issued, irregularity: str | None, now: datetime) -> dict[str, Any]:
    return {
        "order_id": request.order_id,
        "request_id": request.id,
        "common_name": request.common_name,
        "dns_names": list(request.dns_names),
        "csr": request.csr,
        "key": request.key,
        "key_sha256": request.key_sha256,
        "signature_hash": issued.signature_hash,
        "server_platform_id": request.server_platform_id,
        "pem": issued.pem,
        "intermediate_pem": issued.intermediate,
        "root_pem": issued.root,
        "serial_number": issued.serial_number,
        "thumbprint": issued.thumbprint,
        "valid_from": issued.valid_from,
        "valid_till": issued.valid_till,
        "not_before": issued.not_before,
        "not_after": issued.not_after,
        "issued_at": now,
        "issuer": request.issuer,
        "issuer_key": issued.issuer_key,
        "irregularity": irregularity,
    }


def _expiry(request: OrderRequest, certificate: Certificate, now: datetime) -> Expiry:
    """A duplicate is not replaced by itself: the order's own certificate is."""
    valid_from, valid_till, term_ends_on = certificate.valid_from, certificate.valid_till, request.order.valid_till
    is_own = request.type != DUPLICATE
    return Expiry(
        certificate_id=certificate.id,
        order_id=request.order_id,
        common_name=request.common_name,
        valid_from=valid_from,
        valid_till=valid_till,
        due_at=next_notice(valid_till, now),
        reissue_at=reissue_at(valid_from, valid_till, term_ends_on) if is_own and term_ends_on else None,
    )


def _certificate_issued(request: OrderRequest, certificate: Certificate, now: datetime) -> CertificateIssued:
    return CertificateIssued(
        account_id=request.order.account_id,
        occurred_at=now,
        order_id=request.order_id,
        request_id=request.id,
        certificate_id=certificate.id,
        common_name=request.common_name,
        names=request.dns_names,
        serial_number=certificate.serial_number,
        thumbprint=certificate.thumbprint,
        valid_from=certificate.valid_from,
        valid_till=certificate.valid_till,
        pem=certificate.pem,
    )
