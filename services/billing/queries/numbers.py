from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

DRAW = text("""
INSERT INTO number_counter AS c (entity_id, series, year, last) VALUES (:entity_id, :series, :year, :count)
ON CONFLICT (entity_id, series, year) DO UPDATE SET last = c.last + :count RETURNING last
""")


async def draw_numbers(tx: AsyncSession, entity_id: int, series: str, year: int, count: int) -> range:
    """Gapless: the counter's row stays locked until this transaction ends, so this comes last but the outbox."""
    given = {"entity_id": entity_id, "series": series, "year": year, "count": count}
    last = (await tx.execute(DRAW, given)).scalar_one()
    return range(last - count + 1, last + 1)


async def take_ids(tx: AsyncSession, count: int, *sequences: str) -> Sequence[Row[Any]]:
    """Integer ids in one statement for a whole chunk; gaps in them are harmless, unlike gaps in numbers."""
    series = func.generate_series(1, count).table_valued("n")
    return (await tx.execute(select(*(func.nextval(name) for name in sequences)).select_from(series))).all()
