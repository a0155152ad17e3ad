from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import rules
from services.notifications.models import Message
from shared.access import Caller
from shared.db import lock_all
from shared.events.billing import (
    AboutPurchaseOrder,
    CreditNoteDocumentReady,
    DocumentReady,
    FundsLow,
    InvoiceDocumentReady,
    OrderStillWaiting,
)

Told = DocumentReady | AboutPurchaseOrder | FundsLow | OrderStillWaiting
STATES: dict[str, ColumnElement[bool]] = {
    "sent": Message.sent_at.is_not(None),
    "failed": Message.final.is_(True),
    "retrying": and_(Message.failed_at.is_not(None), ~Message.final, Message.sent_at.is_(None)),
    "waiting": and_(Message.failed_at.is_(None), Message.sent_at.is_(None)),
}


async def lock_invoice_messages(tx: AsyncSession, events: Sequence[InvoiceDocumentReady]) -> None:
    await _lock_messages(tx, events, "invoice")


async def lock_credit_note_messages(tx: AsyncSession, events: Sequence[CreditNoteDocumentReady]) -> None:
    await _lock_messages(tx, events, "credit_note")


async def lock_purchase_order_messages(tx: AsyncSession, events: Sequence[AboutPurchaseOrder]) -> None:
    await _lock(tx, ((event, event.subject, event.type) for event in events))


async def lock_reminders(tx: AsyncSession, events: Sequence[FundsLow | OrderStillWaiting]) -> None:
    await _lock(tx, ((event, rules.about(event), event.type) for event in events))


async def _lock_messages(tx: AsyncSession, events: Sequence[DocumentReady], template: str) -> None:
    await _lock(tx, ((event, str(event.document_id), template) for event in events))


async def _lock(tx: AsyncSession, wanted: Iterable[tuple[Told, str, str]]) -> None:
    keys = [
        rules.message_id(about, template, recipient)
        for event, about, template in wanted
        for recipient in rules.recipients(event.recipients) or [""]
    ]
    await lock_all(tx, Message, keys)


@dataclass(frozen=True)
class Filter:
    state: str = ""
    search: str = ""
    account_id: int | None = None


@dataclass(frozen=True)
class Page:
    rows: Sequence[Message]
    total: int
    more: bool


async def messages(
    tx: AsyncSession, caller: Caller, wanted: Filter, before: tuple[datetime, UUID] | None, size: int
) -> Page:
    """Newest first; `before` is the last row of the page already seen."""
    query = _visible(select(Message), caller, wanted)
    total = await tx.scalar(_visible(select(func.count()).select_from(Message), caller, wanted))
    if before:
        query = query.where(tuple_(Message.created_at, Message.id) < before)
    rows = (await tx.scalars(query.order_by(Message.created_at.desc(), Message.id.desc()).limit(size + 1))).all()
    return Page(rows[:size], total or 0, len(rows) > size)


def _visible(query: Select[Any], caller: Caller, wanted: Filter) -> Select[Any]:
    if not caller.is_operator:
        query = query.where(Message.account_id == caller.account_id)
        if caller.divisions:
            query = query.where(Message.division_id.in_(caller.divisions))
    elif wanted.account_id is not None:
        query = query.where(Message.account_id == wanted.account_id)
    if wanted.state:
        query = query.where(STATES[wanted.state])
    if wanted.search:
        found = Message.number.icontains(wanted.search, autoescape=True)
        query = query.where(found | Message.recipient.icontains(wanted.search, autoescape=True))
    return query
