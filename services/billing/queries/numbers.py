from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

# The counter's row stays locked until the transaction ends, so this comes last but what is written with the numbers.
DRAW = """
WITH drawn AS (
  INSERT INTO number_counter AS c (entity_id, series, year, last) VALUES ($1, $2, $3, $4)
  ON CONFLICT (entity_id, series, year) DO UPDATE SET last = c.last + $4 RETURNING last
)
SELECT last - $4 + n, {ids} FROM drawn, generate_series(1, $4) AS n ORDER BY n
"""


async def draw_numbers(
    tx: AsyncSession, entity_id: int, series: str, year: int, count: int, *sequences: str
) -> Sequence[Sequence[int]]:
    """Gapless numbers, and with each an integer id of every sequence named; gaps in those are harmless."""
    ids = ", ".join(f"nextval('{name}')" for name in sequences)
    connection = await tx.connection()
    drawn = await connection.exec_driver_sql(DRAW.format(ids=ids), (entity_id, series, year, count))
    return [tuple(row) for row in drawn]


async def take_usage_id(tx: AsyncSession) -> int:
    """Drawn in runs that double, for a chunk records much or little; gaps are harmless."""
    kept: list[int] = tx.info.setdefault("usage_ids", [])
    if not kept:
        tx.info["usage_drawn"] = count = min(512, 2 * tx.info.get("usage_drawn", 1))
        connection = await tx.connection()
        drawn = await connection.exec_driver_sql(USAGE_IDS, (count,))
        kept.extend(row[0] for row in drawn)
    return kept.pop(0)


USAGE_IDS = "SELECT nextval('charge_id_seq') FROM generate_series(1, $1)"
