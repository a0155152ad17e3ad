"""Which orders have another status since some time, for those who keep a copy."""

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import raiseload

from services.orders.models import Certificate, CertificateOrder
from services.orders.queries.order_filters import by_number, visible
from shared.access import Caller
from shared.listing import Listing, period

Changed = tuple[CertificateOrder, Certificate | None]
STATUS_CHANGE_FILTERS = ("container_id", "status_last_updated")


async def status_changes(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[Sequence[Changed], int]:
    """In the order of the changes."""
    spans = [period("status_last_updated", value) for value in listing.filters.get("status_last_updated", ())]
    changed = CertificateOrder.status_changed_at
    within = [
        and_(changed >= span.start if span.start else true(), changed < span.end if span.end else true())
        for span in spans
    ]
    divisions = [by_number(CertificateOrder.division_id, "container_id", value)
                 for value in listing.filters.get("container_id", ())]  # fmt: skip
    where = and_(visible(caller), or_(*within) if within else true(), or_(*divisions) if divisions else true())
    query = (
        select(CertificateOrder, Certificate)
        .options(raiseload("*"))
        .outerjoin(Certificate, Certificate.id == CertificateOrder.certificate_id)
        .where(where)
        .order_by(changed, CertificateOrder.id)
        .limit(listing.limit)
        .offset(listing.offset)
    )
    counted = await tx.scalar(select(func.count()).select_from(CertificateOrder).where(where))
    return [(order, certificate) for order, certificate in await tx.execute(query)], counted or 0
