from sqlalchemy import func, select, text
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


async def take_ids(tx: AsyncSession, sequence: str, count: int) -> list[int]:
    """Integer ids in one statement for a whole chunk; gaps in them are harmless, unlike gaps in numbers."""
    found = await tx.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count)))
    return list(found)
