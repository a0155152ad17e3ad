from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.timeline import note
from services.orders.models import Certificate, CertificateOrder
from services.orders.rules import validity
from services.orders.rules.issuance import Issued, Wanted
from shared.db import append, locked
from shared.events.orders import CertificateIssued
from shared.outbox import announce

TRY_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Signing:
    order_id: int
    wanted: Wanted


async def claim_signing(tx: AsyncSession, now: datetime) -> Signing | None:
    """The next order that may be issued; the lease keeps others off while it is signed outside any transaction."""
    order = await tx.scalar(_next_to_sign(now))
    if order is None:
        return None
    life = validity.lifetime(order.certificate_span, order.term.end(now.date()), now)
    if life is None:
        fail_signing(tx, order, "the term of the order, or the validity asked for, is over", now)
        return None
    order.claim_signing(now)
    return Signing(order.id, Wanted(order.csr, order.dns_names, *life, order.signature_hash))


def _next_to_sign(now: datetime) -> Select[CertificateOrder]:
    return (
        select(CertificateOrder)
        .where(
            CertificateOrder.issue_before > now,
            CertificateOrder.closed_at.is_(None),
            or_(CertificateOrder.signing_until.is_(None), CertificateOrder.signing_until <= now),
        )
        .order_by(CertificateOrder.issue_before)
        .limit(1)
        .with_for_update(skip_locked=True, of=CertificateOrder)
    )


async def record_issued(tx: AsyncSession, order_id: int, issued: Issued, now: datetime) -> bool:
    """The world may have moved on while it was signed: canceled, issued by another, or the permission ran out."""
    order = await locked(tx, CertificateOrder, order_id)
    if not order.may_issue(now):
        sentence = f"Certificate {issued.serial_number} was signed too late and is not handed out"
        note(tx, order, now, "bad", sentence, who="Test CA")
        return False
    certificate_id = await queries.take_id(tx, Certificate)
    order.record_issued(certificate_id, now)
    append(tx, Certificate, **_row(certificate_id, order_id, issued, now))
    sentence = f"Certificate issued, serial {issued.serial_number}, valid until {issued.valid_till}"
    note(tx, order, now, "good", sentence, who="Test CA", link=f"/orders/{order.id}/certificate.pem")
    announce(tx, _certificate_issued(order, certificate_id, issued, now))
    return True


async def record_failure(tx: AsyncSession, order_id: int, reason: str, now: datetime) -> None:
    fail_signing(tx, await locked(tx, CertificateOrder, order_id), reason, now)


def fail_signing(tx: AsyncSession, order: CertificateOrder, reason: str, now: datetime) -> None:
    if order.issue_failure != reason:
        note(tx, order, now, "bad", f"Could not be issued: {reason}", who="Test CA")
    order.issue_failure, order.signing_until = reason, now + TRY_AGAIN


def _row(certificate_id: int, order_id: int, issued: Issued, now: datetime) -> dict[str, object]:
    return {
        "id": certificate_id,
        "order_id": order_id,
        "pem": issued.pem,
        "intermediate_pem": issued.intermediate,
        "root_pem": issued.root,
        "serial_number": issued.serial_number,
        "thumbprint": issued.thumbprint,
        "valid_from": issued.valid_from,
        "valid_till": issued.valid_till,
        "issued_at": now,
    }


def _certificate_issued(
    order: CertificateOrder, certificate_id: int, issued: Issued, now: datetime
) -> CertificateIssued:
    return CertificateIssued(
        account_id=order.account_id,
        occurred_at=now,
        order_id=order.id,
        certificate_id=certificate_id,
        common_name=order.common_name,
        names=order.dns_names,
        serial_number=issued.serial_number,
        thumbprint=issued.thumbprint,
        valid_from=issued.valid_from,
        valid_till=issued.valid_till,
        pem=issued.pem,
    )
