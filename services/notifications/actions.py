from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import rules
from services.notifications.models import Message
from shared import audit
from shared.db import add, locked, locked_or_none
from shared.events.billing import AboutPurchaseOrder, CreditNoteDocumentReady, DocumentReady, InvoiceDocumentReady
from shared.events.notifications import EmailFailed, EmailSent
from shared.outbox import announce


@dataclass(frozen=True)
class Letter:
    """What a mail says and to whom; `document` is what is attached: its id, path, hash and size."""

    about: str
    template: str
    told_by: DocumentReady | AboutPurchaseOrder
    content: dict[str, Any]
    document: dict[str, Any]


async def mail_invoice(tx: AsyncSession, ready: InvoiceDocumentReady, now: datetime) -> None:
    told = {"kind": ready.kind, "due_on": ready.due_on.isoformat(), "amount_due": ready.amount_due.amount}
    await _mail(tx, _with_document(ready, "invoice", told), now)


async def mail_credit_note(tx: AsyncSession, ready: CreditNoteDocumentReady, now: datetime) -> None:
    await _mail(tx, _with_document(ready, "credit_note", {"invoice_number": ready.invoice_number}), now)


async def mail_purchase_order(tx: AsyncSession, told: AboutPurchaseOrder, now: datetime) -> None:
    content = {
        "currency": told.amount.currency,
        "total": told.amount.amount,
        "order": None,
        "reason": getattr(told, "reason", ""),
    }
    await _mail(tx, Letter(told.subject, told.type, told, content, {}), now)


def _with_document(ready: DocumentReady, template: str, told: dict[str, Any]) -> Letter:
    content = {
        "issued_on": ready.issued_on.isoformat(),
        "currency": ready.total.currency,
        "total": ready.total.amount,
        "order": ready.order.model_dump() if ready.order else None,
    }
    attached = ready.model_dump(include={"document_id", "path", "sha256", "size"})
    return Letter(str(ready.document_id), template, ready, content | told, attached)


async def _mail(tx: AsyncSession, letter: Letter, now: datetime) -> None:
    """One message per recipient; without any, one that says so to whoever looks for the mail."""
    for recipient in rules.recipients(letter.told_by.recipients) or [""]:
        key = rules.message_id(letter.about, letter.template, recipient)
        if await locked_or_none(tx, Message, key):
            continue
        fault = rules.why_unusable(recipient) if recipient else rules.NOBODY
        message = add(tx, _new_message(key, letter, recipient, fault, now))
        if fault and recipient:
            _announce_failure(tx, message, now)


def _new_message(key: UUID, letter: Letter, recipient: str, fault: str | None, now: datetime) -> Message:
    told = letter.told_by
    message = Message(
        id=key, about=letter.about, template=letter.template, recipient=recipient, content=letter.content,
        account_id=told.account_id, division_id=told.division_id, number=told.number, account_name=told.account_name,
        created_at=now, give_up_at=now + rules.GIVE_UP_AFTER, due_at=now, attempts=0, final=False, **letter.document,
    )  # fmt: skip
    if fault:
        message.mark_failed(fault, final=True, now=now)
    return message


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
        _announce_failure(tx, message, now)


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


def _announce_failure(tx: AsyncSession, message: Message, now: datetime) -> None:
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
