from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import CertificateOrder, TimelineEntry
from shared.db import append
from shared.ids import new_id

Kind = Literal["good", "wait", "bad", "plain"]


def note(
    tx: AsyncSession,
    order: CertificateOrder,
    at: datetime,
    kind: Kind,
    sentence: str,
    *,
    who: str = "Issuary",
    link: str | None = None,
) -> None:
    append(
        tx,
        TimelineEntry,
        id=new_id(),
        order_id=order.id,
        at=at,
        who=who,
        kind=kind,
        sentence=sentence,
        link=link,
    )
