from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, purse_of
from services.billing.actions.book import Entry, post
from services.billing.rules import isolated, refuse_unbookable
from shared.events.base import Money


async def remove_funds(tx: AsyncSession, account_id: int, division_id: int, amount: Money, now: datetime) -> None:
    """Staff take funds away again. Raises Rejected where less is available."""
    account, division = await account_with(tx, account_id, division_id)
    refuse_unbookable(amount.amount, amount.currency, account.currency)
    purse = await purse_of(tx, account, division_id)
    purse.refuse_beyond(amount.amount, division.name, "remove")
    entries: list[Entry] = [
        (f"funds:{purse.division_id}", -amount.amount, purse.change(-amount.amount)),
        ("adjustments", amount.amount, None),
    ]
    text = f"Taken from the funds of {isolated(division.name)} by the certificate authority"
    post(tx, account.id, "adjustment", text, account.currency, entries, now)
