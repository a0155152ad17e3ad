"""The mails of attempts: who confirmed, and how each stands."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Account, Attempt, DcvMail, Mailing
from services.validation.rules.contacts import Confirmed
from services.validation.rules.methods import CONSTRUCTED
from services.validation.rules.tokens import fingerprint


async def confirmations(tx: AsyncSession, token_ids: Collection[UUID]) -> dict[UUID, Confirmed]:
    """Of each the one to be judged by: of a constructed address, which nothing can undo, else the newest."""
    if not token_ids:
        return {}
    found: dict[UUID, Confirmed] = {}
    rows = await tx.scalars(
        select(DcvMail)
        .where(DcvMail.token_id.in_(token_ids), DcvMail.confirmed_at.is_not(None))
        .order_by(DcvMail.section == CONSTRUCTED, DcvMail.confirmed_at)
    )
    for row in rows:
        if confirmed := row.confirmation:
            found[row.token_id] = confirmed
    return found


async def mails_of(tx: AsyncSession, attempt: Attempt) -> Sequence[DcvMail]:
    """Of the token that lives."""
    query = select(DcvMail).where(DcvMail.attempt_id == attempt.id, DcvMail.token_id == attempt.token_id)
    return (await tx.scalars(query.order_by(DcvMail.section, DcvMail.id))).all()


async def mailing_of(tx: AsyncSession, attempt: Attempt) -> Mailing | None:
    return await tx.get(Mailing, attempt.token_id)


async def mail_with(tx: AsyncSession, value: str) -> DcvMail | None:
    query = select(DcvMail).where(DcvMail.sha256 == fingerprint(value))
    return (await tx.scalars(query)).first()


async def account_name(tx: AsyncSession, account_id: int) -> str:
    account = await tx.get(Account, account_id)
    return account.name if account else str(account_id)
