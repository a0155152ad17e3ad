from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import rules
from services.notifications.models import Message
from shared import audit
from shared.db import locked
from shared.events.notifications import EmailFailed, EmailSent
from shared.outbox import announce


async def claim_due(tx: AsyncSession, now: datetime, mail_domain: str, limit: int) -> Sequence[Message]:
    """The lease is longer than a worker needs for all of them, and is the next try if that worker dies."""
    query = select(Message).where(Message.due_at <= now).order_by(Message.due_at).limit(limit)
    due = (await tx.scalars(query.with_for_update(skip_locked=True))).all()
    for message in due:
        message.claim(now, mail_domain)
    return due


async def record_sent(tx: AsyncSession, message_id: UUID, now: datetime) -> None:
    message = await locked(tx, Message, message_id)
    if message.sent_at is None:
        message.mark_sent(now)
        announce(tx, EmailSent(**_about(message, now), internet_message_id=message.internet_message_id, sent_at=now))


async def record_failure(
    tx: AsyncSession, message_id: UUID, attempt: int, failure: rules.Undelivered, now: datetime
) -> None:
    message = await locked(tx, Message, message_id)
    if message.sent_at or message.final or message.attempts != attempt:  # another worker knows better since
        return
    message.mark_failed(failure.reason, failure.final, now)
    if message.final or attempt == 1:
        announce_failure(tx, message, now)


async def give_back(tx: AsyncSession, claimed: Sequence[Message], now: datetime) -> None:
    for one in claimed:
        message = await locked(tx, Message, one.id)
        if not message.sent_at and not message.final and message.attempts == one.attempts:
            message.unclaim(now)


async def resend(tx: AsyncSession, message_id: UUID, who: str, now: datetime) -> None:
    message = await locked(tx, Message, message_id)
    before = {"state": message.state, "reason": message.reason}
    message.resend(now)
    audit.note(tx, who, "message resent", f"message/{message.id}", before, {"state": message.state}, now)


def announce_failure(tx: AsyncSession, message: Message, now: datetime) -> None:
    announce(
        tx,
        EmailFailed(
            **_about(message, now), reason=message.reason or "", attempts=message.attempts, final=message.final
        ),
    )


def _about(message: Message, now: datetime) -> dict[str, Any]:
    return {
        "occurred_at": now,
        "account_id": message.account_id,
        "message_id": message.id,
        "document_id": message.document_id,
        "document_number": message.number,
        "template": message.template,
        "recipient": message.recipient,
    }
