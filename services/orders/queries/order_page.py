"""What the page of one order shows beside its row: the newest of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import Certificate, OrderRequest, Revocation

MOST_SHOWN = 100


@dataclass(frozen=True)
class OfOrder:
    certificate: Certificate
    type: str  # of the request that brought it
    revocation: Revocation | None


async def certificates_of(tx: AsyncSession, order_id: int) -> Sequence[OfOrder]:
    query = (
        select(Certificate, OrderRequest.type, Revocation)
        .join(OrderRequest, OrderRequest.id == Certificate.request_id)
        .outerjoin(Revocation, Revocation.certificate_id == Certificate.id)
        .where(Certificate.order_id == order_id)
        .order_by(Certificate.id.desc())
        .limit(MOST_SHOWN)
    )
    return [OfOrder(*row) for row in await tx.execute(query)]


async def newest_requests(tx: AsyncSession, order_id: int) -> Sequence[OrderRequest]:
    query = select(OrderRequest).where(OrderRequest.order_id == order_id).order_by(OrderRequest.id.desc())
    return (await tx.scalars(query.limit(MOST_SHOWN))).all()
