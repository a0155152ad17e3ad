"""Copies of what is told of accounts, divisions and organizations: names for lists, and whose they are."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import at_end
from shared.events.orders import Account, Division, Organization

# Several doors may hear of one account at once; what orders announced wins over what an order says.
KEEP_ACCOUNTS = """
INSERT INTO account AS kept (id, name, announced)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[]) AS told (id, name, announced) ORDER BY id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, announced = excluded.announced
WHERE (kept.name, kept.announced) <> (excluded.name, excluded.announced) AND excluded.announced >= kept.announced
"""
KEEP_DIVISIONS = """
INSERT INTO division AS kept (id, account_id, name, is_active, announced)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[], $5::boolean[])
  AS told (id, account_id, name, is_active, announced)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, is_active = excluded.is_active, announced = excluded.announced
WHERE (kept.name, kept.is_active, kept.announced) <> (excluded.name, excluded.is_active, excluded.announced)
  AND excluded.announced >= kept.announced AND kept.account_id = excluded.account_id
"""
KEEP_ORGANIZATIONS = """
INSERT INTO organization AS kept (id, account_id, name, assumed_name)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS told (id, account_id, name, assumed_name)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, assumed_name = excluded.assumed_name
WHERE (kept.name, kept.assumed_name) IS DISTINCT FROM (excluded.name, excluded.assumed_name)
  AND kept.account_id = excluded.account_id
"""
KEPT = (("accounts", KEEP_ACCOUNTS), ("divisions", KEEP_DIVISIONS), ("organizations", KEEP_ORGANIZATIONS))


def know_account(tx: AsyncSession, account: Account, *, announced: bool) -> None:
    _learn(tx, "accounts", account.id, (account.name, announced), announced)


def know_division(tx: AsyncSession, account_id: int, division: Division, *, announced: bool) -> None:
    _learn(tx, "divisions", division.id, (account_id, division.name, division.is_active, announced), announced)


def know_organization(tx: AsyncSession, account_id: int, told: Organization) -> None:
    _learn(tx, "organizations", told.id, (account_id, told.name, told.assumed_name), announced=True)


def _learn(tx: AsyncSession, what: str, key: int, told: tuple[Any, ...], announced: bool) -> None:
    learnt = tx.info.setdefault(("told", what), {})
    if announced or key not in learnt or not learnt[key][-1]:
        learnt[key] = told
    at_end(tx, write_down)


async def write_down(tx: AsyncSession) -> None:
    """Once for all that a transaction heard."""
    connection = await tx.connection()
    for what, statement in KEPT:
        learnt: dict[int, tuple[Any, ...]] = tx.info.pop(("told", what), {})
        if learnt:
            columns = zip(*((key, *told) for key, told in learnt.items()), strict=True)
            await connection.exec_driver_sql(statement, tuple(map(list, columns)))
