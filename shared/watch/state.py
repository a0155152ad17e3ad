"""What only the database knows. Every member is asked by every scrape, so nothing here reads more than 10,000 rows,
and an index leads to each age."""

from dataclasses import dataclass

from sqlalchemy import text

from shared.db import Database

STATE = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 10000) AS o) AS pending,
       (SELECT extract(epoch FROM now() - created_at) FROM outbox ORDER BY id LIMIT 1) AS oldest_pending,
       (SELECT count(*) FROM (SELECT 1 FROM parked_event LIMIT 10000) AS p) AS parked,
       (SELECT count(*) FROM (SELECT 1 FROM parked_scope LIMIT 10000) AS s) AS scopes,
       (SELECT extract(epoch FROM now() - parked_at) FROM parked_event ORDER BY seq LIMIT 1) AS oldest_parked,
       (SELECT extract(epoch FROM now() - min(xact_start)) FROM pg_stat_activity
        WHERE datname = current_database()) AS oldest_transaction
"""


@dataclass(frozen=True)
class State:
    """Counts, and ages in seconds; an age is 0 where there is nothing."""

    pending: float
    oldest_pending: float
    parked: float
    scopes: float
    oldest_parked: float
    oldest_transaction: float


async def read_state(db: Database) -> State:
    async with db.transaction() as tx:
        row = (await tx.execute(text(STATE))).one()
    return State(*(max(0.0, float(value or 0)) for value in row))
