"""Mails that are due: claimed with their words in one transaction, recorded in another, SMTP between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Account, Attempt, DcvMail
from services.validation.rules.contacts import source_of
from services.validation.rules.letter import Delivered, Letter, Matter, Undelivered, subject_of, text_of
from services.validation.rules.methods import CONSTRUCTED
from shared.db import known, lock_all, locked, read_all

# Longer than a delivery may take, whatever servers it tries.
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where links lead to, and the domain that our mails are from."""

    console: str
    domain: str


async def claim_letters(tx: AsyncSession, desk: Desk, now: datetime, limit: int) -> list[Letter]:
    """The words are written once: a mail that is sent again is the same (EM4)."""
    query = (
        select(DcvMail)
        .where(DcvMail.due_at <= now, DcvMail.value.is_not(None))
        .order_by(DcvMail.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    mails = (await tx.scalars(query)).all()
    await _write(tx, desk, [mail for mail in mails if mail.text is None])
    for mail in mails:
        mail.tries += 1
        mail.due_at = now + LEASE
    return [_letter(mail) for mail in mails]


async def _write(tx: AsyncSession, desk: Desk, mails: Sequence[DcvMail]) -> None:
    await read_all(tx, Account, {mail.account_id for mail in mails})
    await read_all(tx, Attempt, {mail.attempt_id for mail in mails})
    for mail in mails:
        account, attempt = await known(tx, Account, mail.account_id), await known(tx, Attempt, mail.attempt_id)
        matter = Matter(
            account.name if account else str(mail.account_id), mail.adn,
            tuple(attempt.requested if attempt else ()) or (mail.name,), _why(mail),
            f"{desk.console}/dcv/confirm/{mail.value}", mail.expires_at,
        )  # fmt: skip
        mail.subject, mail.text = subject_of(matter), text_of(matter)
        mail.message_id = f"<{mail.id}@{desk.domain}>"


def _why(mail: DcvMail) -> str:
    if mail.section == CONSTRUCTED:
        return f"this address is one of those that speak for {mail.adn} by the rules"
    return f"the DNS names this address as a contact of {mail.adn} ({source_of(mail.section, mail.adn)})"


def _letter(mail: DcvMail) -> Letter:
    return Letter(
        mail.id, mail.recipient, mail.subject or "", mail.text or "", mail.message_id or "", mail.created_at, mail.tries
    )


async def record_deliveries(
    tx: AsyncSession, told: Sequence[tuple[Letter, Delivered | Undelivered]], now: datetime
) -> None:
    await lock_all(tx, DcvMail, [letter.id for letter, _ in told])
    for letter, outcome in told:
        await _record(tx, letter, outcome, now)


async def _record(tx: AsyncSession, letter: Letter, outcome: Delivered | Undelivered, now: datetime) -> None:
    """A mail that somebody confirmed, or that died, while it was on its way stays so; of a claim that ran out, whoever
    has the next one knows better."""
    mail = await locked(tx, DcvMail, letter.id)
    if isinstance(outcome, Delivered):
        due_at = mail.due_at
        mail.mark_sent(outcome.began_at, outcome.server, outcome.encrypted)
        if mail.tries != letter.tries:
            mail.due_at = due_at
    elif mail.tries == letter.tries and mail.due_at:
        mail.mark_failed(outcome.reason, outcome.final, now)
