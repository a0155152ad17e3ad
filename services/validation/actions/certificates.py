"""Certificates that orders got: what they relied on is asked for by their serial number (EV9)."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.orders import end_need
from services.validation.models import IssuedCertificate
from services.validation.rules.serials import as_stored
from shared.db import add, locked_or_none
from shared.events.orders import CertificateIssued


async def note_issued(tx: AsyncSession, issued: CertificateIssued, now: datetime) -> None:
    await end_need(tx, issued.order, issued.request_id, now)
    if await locked_or_none(tx, IssuedCertificate, (issued.source, issued.certificate_id)):
        return
    certificate = IssuedCertificate(
        source=issued.source,
        certificate_id=issued.certificate_id,
        order_id=issued.order_id,
        request_id=issued.request_id,
        account_id=issued.account_id,
        serial_number=as_stored(issued.serial_number),
        issued_at=issued.occurred_at,
    )
    add(tx, certificate)
