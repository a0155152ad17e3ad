"""Whenever available funds rise, or a missing thing appears, an account's waiting orders are tried, oldest first."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import at_end

ASK = text("""
INSERT INTO retry (account_id, asked_at)
SELECT DISTINCT account_id, now() FROM waiting_order WHERE account_id = ANY (:accounts)
ON CONFLICT (account_id) DO UPDATE SET asked_at = now(), after_placed_at = NULL, after_id = NULL, after_source = NULL
""")
ASK_ALL = text("""
INSERT INTO retry (account_id, asked_at)
SELECT DISTINCT account_id, now() FROM waiting_order WHERE reason <> 'funds'
ON CONFLICT (account_id) DO UPDATE SET asked_at = now(), after_placed_at = NULL, after_id = NULL, after_source = NULL
""")


def ask_retry(tx: AsyncSession, account_id: int) -> None:
    tx.info.setdefault("retry", set()).add(account_id)
    at_end(tx, _ask)


def is_retrying(tx: AsyncSession, account_id: int) -> bool:
    """Older orders wait and are about to be tried: asked for by an earlier transaction, or earlier in this one."""
    asked = account_id in tx.info.get("retry", ()) or account_id in tx.info.get("retrying", ())
    return asked and tx.info.get("waiting_orders", {}).get(account_id, 0) > 0


def count_waiting(tx: AsyncSession, account_id: int, change: int) -> None:
    counts = tx.info.setdefault("waiting_orders", {})
    counts[account_id] = counts.get(account_id, 0) + change


async def _ask(tx: AsyncSession) -> None:
    await tx.execute(ASK, {"accounts": sorted(tx.info["retry"])})


async def ask_all_unpriced(tx: AsyncSession) -> None:
    await tx.execute(ASK_ALL)
