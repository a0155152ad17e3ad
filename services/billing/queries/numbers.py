from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# The counter's row stays locked until the transaction ends, so this comes last but what is written with the numbers.
DRAW = """
WITH drawn AS (
  INSERT INTO number_counter AS c (entity_id, series, year, last) VALUES (:entity_id, :series, :year, :count)
  ON CONFLICT (entity_id, series, year) DO UPDATE SET last = c.last + :count RETURNING last
)
SELECT last - :count + n, {ids} FROM drawn, generate_series(1, :count) AS n ORDER BY n
"""


async def draw_numbers(
    tx: AsyncSession, entity_id: int, series: str, year: int, count: int, *sequences: str
) -> Sequence[Sequence[int]]:
    """Gapless numbers, and with each an integer id of every sequence named; gaps in those are harmless."""
    ids = ", ".join(f"nextval('{name}')" for name in sequences)
    given = {"entity_id": entity_id, "series": series, "year": year, "count": count}
    return [tuple(row) for row in await tx.execute(text(DRAW.format(ids=ids)), given)]
