from collections import deque

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import Base

NEXT_IDS = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")


async def reserve_ids(tx: AsyncSession, model: type[Base], count: int) -> None:
    """Public ids are told in the announcement of their row, so they are drawn first; gaps are harmless."""
    with tx.no_autoflush:
        drawn = await tx.scalars(NEXT_IDS, {"table": model.__tablename__, "count": count})
    _kept(tx, model).extend(drawn)


async def take_id(tx: AsyncSession, model: type[Base]) -> int:
    if not _kept(tx, model):
        await reserve_ids(tx, model, 1)
    return _kept(tx, model).popleft()


def _kept(tx: AsyncSession, model: type[Base]) -> deque[int]:
    kept: deque[int] = tx.info.setdefault(("ids", model), deque())
    return kept
