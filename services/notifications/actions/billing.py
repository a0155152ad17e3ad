"""What billing told, mailed to whom billing named."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import rules
from services.notifications.actions.letters import Letter, Party, mail
from services.notifications.queries import Told
from shared.events.billing import (
    AboutPurchaseOrder,
    CreditNoteDocumentReady,
    DocumentReady,
    FundsLow,
    InvoiceDocumentReady,
    OrderStillWaiting,
)


async def mail_invoice(tx: AsyncSession, ready: InvoiceDocumentReady, now: datetime) -> None:
    if ready.silent:
        return
    told = {"kind": ready.kind, "due_on": ready.due_on.isoformat(), "amount_due": ready.amount_due.amount}
    await _mail(tx, ready, _with_document(ready, "invoice", told), now)


async def mail_credit_note(tx: AsyncSession, ready: CreditNoteDocumentReady, now: datetime) -> None:
    await _mail(tx, ready, _with_document(ready, "credit_note", {"invoice_number": ready.invoice_number}), now)


async def mail_purchase_order(tx: AsyncSession, told: AboutPurchaseOrder, now: datetime) -> None:
    content = {
        "currency": told.amount.currency,
        "total": told.amount.amount,
        "order": None,
        "reason": getattr(told, "reason", ""),
    }
    await _mail(tx, told, Letter(told.subject, told.type, _party(told), told.number, content), now)


async def mail_low_funds(tx: AsyncSession, told: FundsLow, now: datetime) -> None:
    content = {
        "currency": told.available.currency,
        "total": told.available.amount,
        "threshold": told.threshold.amount,
        "unlimited": told.unlimited,
        "order": None,
    }
    await _mail(tx, told, Letter(rules.about(told), told.type, _party(told), told.division_name, content), now)


async def mail_waiting_order(tx: AsyncSession, told: OrderStillWaiting, now: datetime) -> None:
    """Only to whoever can do something about it: prices and taxes are the CA's own business."""
    if told.acts != "customer":
        return
    content = {
        "currency": told.total.currency if told.total else None,
        "total": told.total.amount if told.total else None,
        "shortfall": told.shortfall.amount if told.shortfall else None,
        "since": told.waiting_since.date().isoformat(),
        "days": told.days,
        "message": told.message,
        "order": told.order.model_dump(),
    }
    await _mail(tx, told, Letter(rules.about(told), told.type, _party(told), _called(told), content), now)


def _with_document(ready: DocumentReady, template: str, told: dict[str, Any]) -> Letter:
    content = {
        "issued_on": ready.issued_on.isoformat(),
        "currency": ready.total.currency,
        "total": ready.total.amount,
        "order": ready.order.model_dump() if ready.order else None,
    }
    attached = ready.model_dump(include={"document_id", "path", "sha256", "size"})
    return Letter(str(ready.document_id), template, _party(ready), ready.number, content | told, attached)


def _called(told: OrderStillWaiting) -> str:
    return f"Order {told.order.id}, added names" if told.request_id else f"Order {told.order.id}"


async def _mail(tx: AsyncSession, told: Told, letter: Letter, now: datetime) -> None:
    await mail(tx, letter, rules.recipients(told.recipients) or [""], now)


def _party(told: Told) -> Party:
    return Party(told.account_id, told.account_name, told.division_id)
