"""Certificates as the caller may see them."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import Certificate, CertificateOrder, Revocation
from services.orders.queries.order_filters import visible
from shared.access import Caller


@dataclass(frozen=True)
class Delivered:
    certificate: Certificate
    product_name_id: str
    revoked_at: datetime | None

    def status(self, today: date) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.certificate.valid_till < today else "issued"


async def certificate_to_deliver(tx: AsyncSession, caller: Caller, certificate_id: int) -> Delivered | None:
    query = (
        select(Certificate, CertificateOrder.product_name_id, Revocation.revoked_at)
        .join(CertificateOrder, CertificateOrder.id == Certificate.order_id)
        .outerjoin(Revocation, Revocation.certificate_id == Certificate.id)
        .where(Certificate.id == certificate_id, visible(caller))
    )
    found = (await tx.execute(query)).first()
    return Delivered(*found) if found else None


async def certificate(tx: AsyncSession, certificate_id: int) -> Certificate:
    return await tx.get_one(Certificate, certificate_id)


async def certificate_of(
    tx: AsyncSession, order_id: int, certificate_id: int | None, serial_number: str | None
) -> Certificate | None:
    """Of the order, by its id or by its serial; where both are told, both have to fit."""
    if certificate_id is None and serial_number is None:
        return None
    query = select(Certificate).where(Certificate.order_id == order_id)
    if certificate_id is not None:
        query = query.where(Certificate.id == certificate_id)
    if serial_number is not None:
        query = query.where(Certificate.serial_number == serial_number.upper().replace(":", "").zfill(32))
    found: Certificate | None = await tx.scalar(query)
    return found


async def certificate_by_number(tx: AsyncSession, caller: Caller, number: str) -> Certificate | None:
    """By id or serial; a serial of digits only is longer than any id."""
    if not number.isprintable():
        return None
    if number.isascii() and number.isdigit() and len(number) <= 10:
        wanted = Certificate.id == int(number)
    else:
        wanted = Certificate.serial_number == number.upper().replace(":", "").zfill(32)
    query = select(Certificate).join(CertificateOrder, CertificateOrder.id == Certificate.order_id)
    found: Certificate | None = await tx.scalar(query.where(wanted, visible(caller)))
    return found


async def has_valid_certificate(tx: AsyncSession, order_id: int) -> bool:
    """One that is not revoked."""
    query = (
        select(Certificate.id)
        .outerjoin(Revocation, Revocation.certificate_id == Certificate.id)
        .where(Certificate.order_id == order_id, Revocation.revoked_at.is_(None))
        .limit(1)
    )
    return await tx.scalar(query) is not None
