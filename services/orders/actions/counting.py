from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MANY = 10_000
# Rows that another transaction is folding are left to it; what is summed is gone in the same statement.
FOLD = text("""
WITH gone AS (
    DELETE FROM order_count WHERE id IN (SELECT id FROM order_count ORDER BY id LIMIT :many FOR UPDATE SKIP LOCKED)
    RETURNING division_id, state, n
)
INSERT INTO order_count (division_id, state, n)
SELECT division_id, state, sum(n) FROM gone GROUP BY division_id, state HAVING sum(n) <> 0
""")


async def fold_counts(tx: AsyncSession) -> None:
    await tx.execute(FOLD, {"many": MANY})
