"""PostgreSQL in a container, durable: a kill loses nothing that was committed, and the same data are started again."""

from typing import Any

import asyncpg

from shared.devstack.containers import Postgres


class Database(Postgres):
    """As the harness asks it: a connection each time, so that a kill leaves nothing to mend here."""

    async def ask(self, database: str, statement: str, *given: Any) -> list[Any]:
        url = self.url(database).replace("+asyncpg", "")
        connection = await asyncpg.connect(url, timeout=5, command_timeout=120)
        try:
            return list(await connection.fetch(statement, *given))
        finally:
            await connection.close()
