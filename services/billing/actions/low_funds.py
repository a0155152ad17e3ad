"""Once a transaction: was what a division may spend at or above the threshold before it, and is it below after it?"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Purse
from services.billing.rules.low_funds import Seen, fell_below
from shared.db import at_end, known, utcnow
from shared.events.base import Money
from shared.events.billing import FundsLow
from shared.outbox import announce


def watch_funds(tx: AsyncSession, account: Account, purse: Purse) -> None:
    """Asked under the lock, before anything changes them; asked again it keeps what it saw first."""
    if account.low_funds is None:
        return
    watched: dict[int, Any] = tx.info.setdefault("watched_funds", {})
    if purse.division_id not in watched:
        watched[purse.division_id] = (account, purse, purse.seen)
    at_end(tx, _tell)


async def _tell(tx: AsyncSession) -> None:
    for account, purse, before in tx.info.pop("watched_funds").values():
        after, threshold = purse.seen, account.low_funds
        if threshold is not None and fell_below(before, after, threshold):
            division = await known(tx, Division, purse.division_id)
            announce(tx, _fact(account, division, purse, after, threshold))


def _fact(account: Account, division: Division | None, purse: Purse, after: Seen, threshold: int) -> FundsLow:
    return FundsLow(
        occurred_at=utcnow(), account_id=account.id, division_id=purse.division_id,
        division_name=division.name if division else "", unlimited=after.unlimited,
        available=Money(amount=after.amount, currency=purse.currency),
        threshold=Money(amount=threshold, currency=purse.currency),
        account_name=account.legal_name or account.name, recipients=tuple(account.emails_for(division)),
    )  # fmt: skip
