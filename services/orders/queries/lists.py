"""What the built-in CA publishes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import Authority, Revocation, RevocationList
from services.orders.rules.revocation import Entry


async def revoked_by(tx: AsyncSession, key_id: str, since: datetime) -> Sequence[Entry]:
    """All of one authority, for a list is complete; those that expired before `since` are left out."""
    query = (
        select(Revocation.serial_number, Revocation.revoked_at, Revocation.reason)
        .where(Revocation.issuer_key == key_id, Revocation.not_after >= since, Revocation.revoked_at.is_not(None))
        .order_by(Revocation.revoked_at, Revocation.certificate_id)
    )
    return [Entry(serial, at, reason) for serial, at, reason in await tx.execute(query) if at]


async def newest_list(tx: AsyncSession, key_id: str) -> RevocationList | None:
    query = select(RevocationList).where(RevocationList.authority == key_id)
    found: RevocationList | None = await tx.scalar(query.order_by(RevocationList.number.desc()).limit(1))
    return found


async def authority(tx: AsyncSession, key_id: str) -> Authority | None:
    return await tx.get(Authority, key_id)
