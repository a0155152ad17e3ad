"""Tables so full that PostgreSQL chooses as it does in a large book."""

from collections.abc import Iterable

from benchmarks.large_book import recounts
from tests.conftest import World


async def fill(world: World, statements: Iterable[str]) -> None:
    """Without foreign keys, which are checked row by row and by the plan that the connection made when it saw the table
    empty; then with what the planner needs to know."""
    async with world.billing.db.transaction() as tx:
        connection = await tx.connection()
        await connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")  # as on a solid-state disk
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for sql in (*statements, *recounts(), "ANALYZE"):
            await connection.exec_driver_sql(sql)
        await connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
