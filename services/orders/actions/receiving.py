"""What another CA says it has issued, believed only after a look at it."""

import logging
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.deciding import finish_cancellation
from services.orders.actions.issuing import hand_out, keep_certificate
from services.orders.actions.requesting import is_blocked
from services.orders.actions.revoking import request_revocation
from services.orders.actions.timeline import note
from services.orders.models import Certificate, CertificateOrder, OrderRequest
from services.orders.rules.issuance import Issued
from services.orders.rules.issuers import EVENTS, named
from services.orders.rules.reasons import KEY_COMPROMISE
from services.orders.rules.received import Asked, check_received, irregularity
from shared import audit
from shared.errors import NotFound, Rejected
from shared.events.orders import RecordIssuedCertificate

log = logging.getLogger(__name__)


async def receive_certificate(
    tx: AsyncSession, order: CertificateOrder, event: RecordIssuedCertificate, now: datetime
) -> None:
    request = await _request_of(tx, order, event.request_id)
    if request.issuer != EVENTS:
        raise Rejected(
            f"Request {request.id} was not given to an outside CA; only order_ready_to_issue with issuer events is an "
            "order to issue.",
            "invalid_state",
        )
    await record_received(tx, request, event.certificate, event.chain, now)


async def _request_of(tx: AsyncSession, order: CertificateOrder, request_id: int | None) -> OrderRequest:
    """Closed ones too: a certificate may arrive after a cancellation. Its order is locked by the caller."""
    number = request_id or order.request_id
    request = order.open_request(number) or await queries.request(tx, number)
    if request is None or request.order_id != order.id or not request.issues:
        raise NotFound(f"There is no request {number} for a certificate on order {order.id}.", "not_found|request")
    return request


async def record_received(
    tx: AsyncSession, request: OrderRequest, pem: str, chain: tuple[str, ...], now: datetime
) -> None:
    permission = request.permission
    if permission is None:
        raise Rejected(f"Request {request.id} was never ready to issue, so no CA may have issued it.", "invalid_state")
    issued = check_received(pem, chain, _asked(request), now)
    if await _is_known(tx, request, issued):
        return
    irregular = irregularity(issued.not_before, permission)
    certificate = await keep_certificate(tx, request, issued, now, irregular)
    if irregular:
        _alarm(tx, request, certificate.id, irregular, now)
    if await is_blocked(tx, request):
        await _record_unwanted(tx, request, certificate, KEY_COMPROMISE, now)
    elif request.closed_at or request.cancel_wanted_at:
        await _record_unwanted(tx, request, certificate, "cessationOfOperation", now)
    else:
        hand_out(tx, request, certificate, now)


def _asked(request: OrderRequest) -> Asked:
    subject = request.order.subject
    return Asked(request.key_sha256 or "", request.dns_names, subject.organization if subject else "")


async def _is_known(tx: AsyncSession, request: OrderRequest, issued: Issued) -> bool:
    """Said twice is as good as once; another certificate than the one on record is not."""
    same = or_(Certificate.thumbprint == issued.thumbprint, Certificate.serial_number == issued.serial_number)
    query = select(Certificate).where(or_(same, Certificate.request_id == request.id)).order_by(Certificate.id)
    for known in (await tx.scalars(query.limit(3))).all():
        if known.thumbprint == issued.thumbprint and known.request_id == request.id:
            return True
        if known.request_id == request.id:
            raise Rejected(
                f"Request {request.id} has certificate {known.id}, serial {known.serial_number}, already; one request "
                f"is issued once. Revoke serial {issued.serial_number}.",
                "invalid_state",
            )
        raise Rejected(
            f"Serial {issued.serial_number} is that of certificate {known.id} of another request; a serial is used "
            "once. Send the certificate of this request.",
            "invalid_state",
        )
    return False


def _alarm(tx: AsyncSession, request: OrderRequest, certificate_id: int, irregular: str, now: datetime) -> None:
    sentence = f"Certificate {certificate_id} is irregular: {irregular}. CA staff has to look at it"
    note(tx, request.order, now, "bad", sentence, who=named(request.issuer))
    told = {"request": request.id, "irregularity": irregular}
    audit.note(tx, named(request.issuer), "irregular certificate", f"certificate/{certificate_id}", None, told, now)
    log.error(f"certificate {certificate_id} of order {request.order_id} is irregular: {irregular}")


async def _record_unwanted(
    tx: AsyncSession, request: OrderRequest, certificate: Certificate, reason: str, now: datetime
) -> None:
    """It arrived although nobody wants it any more, or may have it. It is valid nonetheless: it is recorded, and
    revoked."""
    order = request.order
    sentence = f"Certificate {certificate.id}, serial {certificate.serial_number}, arrived when it was no longer wanted"
    note(tx, order, now, "bad", sentence, who=named(request.issuer))
    if request.cancel_wanted_at and not request.closed_at:
        finish_cancellation(tx, request, now)
    await request_revocation(tx, order, certificate, reason, "Issuary", now)
