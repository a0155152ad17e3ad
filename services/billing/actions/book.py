from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Journal, OrderKey, Posting, Receipt
from shared.db import append
from shared.ids import new_id

Entry = tuple[str, int, Receipt | None]  # ledger, amount, place in the funds' history


def post(
    tx: AsyncSession, account_id: int, kind: str, text: str, currency: str, entries: Iterable[Entry], now: datetime,
    order: OrderKey | tuple[None, None] = (None, None), subject_id: int | None = None,
) -> UUID:  # fmt: skip
    """One journal entry; its postings sum to zero, or the database refuses them all. What changed funds has its posting
    even where it is 0, for the places in their history are 1..n."""
    journal_id = new_id()
    append(
        tx, Journal, id=journal_id, account_id=account_id, at=now, kind=kind, text=text, order_source=order[0],
        order_id=order[1], subject_id=subject_id,
    )  # fmt: skip
    for line, (ledger, amount, receipt) in enumerate((e for e in entries if e[1] or e[2]), 1):
        append(
            tx, Posting, journal_id=journal_id, line=line, ledger=ledger, amount=amount, currency=currency,
            division_id=int(ledger.removeprefix("funds:")) if receipt else None,
            seq=receipt.seq if receipt else None, balance_after=receipt.balance_after if receipt else None,
        )  # fmt: skip
    return journal_id
