"""What has to be known of the orders whose certificates end."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import CertificateOrder, Expiry, Revocation
from services.orders.queries.order_filters import renewal


@dataclass(frozen=True)
class EndingOrder:
    account_id: int
    is_revoked: bool
    is_quiet: bool  # nobody wants to be reminded, or there is something in its place already


async def ending_orders(tx: AsyncSession, due: Sequence[Expiry]) -> dict[int, EndingOrder]:
    """By certificate. One that is older than its order's own was replaced."""
    query = (
        select(
            Expiry.certificate_id,
            CertificateOrder.account_id,
            Revocation.revoked_at.is_not(None),
            CertificateOrder.disable_renewal_notifications
            | (Expiry.certificate_id < CertificateOrder.certificate_id)
            | renewal(CertificateOrder.id).exists(),
        )
        .join(CertificateOrder, CertificateOrder.id == Expiry.order_id)
        .outerjoin(Revocation, Revocation.certificate_id == Expiry.certificate_id)
        .where(Expiry.certificate_id.in_([expiry.certificate_id for expiry in due]))
    )
    return {row[0]: EndingOrder(*row[1:]) for row in await tx.execute(query)}
