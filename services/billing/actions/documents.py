"""The stored copies: claimed, rendered outside any transaction, recorded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import CreditNote, Document, Invoice
from shared.db import lock_all, locked
from shared.events.base import Money, OrderRef
from shared.events.billing import CreditNoteDocumentReady, InvoiceDocumentReady
from shared.outbox import announce

AT_ONCE = 20
LEASE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Claimed:
    document_id: UUID
    kind: str
    subject_id: int


async def claim_documents(tx: AsyncSession, now: datetime) -> list[Claimed]:
    """The due date moves on: lease and next try in one."""
    due = select(Document).where(Document.sha256.is_(None), Document.due_at <= now).order_by(Document.due_at)
    rows = list(await tx.scalars(due.limit(AT_ONCE).with_for_update(skip_locked=True)))
    for row in rows:
        row.attempts += 1
        row.due_at = now + min(LEASE * 2 ** (row.attempts - 1), LONGEST_PAUSE)
    return [Claimed(row.id, row.kind, row.subject_id) for row in rows]


async def store_documents(tx: AsyncSession, rendered: Sequence[tuple[Claimed, bytes]], now: datetime) -> None:
    await lock_all(tx, Document, [claimed.document_id for claimed, _ in rendered])
    invoices = await _by_id(tx, Invoice, rendered, "invoice")
    notes = await _by_id(tx, CreditNote, rendered, "credit_note")
    originals = {note.invoice_id: note for note in notes.values()}
    parents = {row.id: row for row in await tx.scalars(select(Invoice).where(Invoice.id.in_(originals)))}
    for claimed, pdf in rendered:
        document = await locked(tx, Document, claimed.document_id)
        if not document.store(pdf, hashlib.sha256(pdf).hexdigest(), now):
            continue
        if claimed.kind == "invoice":
            _say_invoice(tx, document, invoices[claimed.subject_id], pdf, now)
        else:
            note = notes[claimed.subject_id]
            _say_credit_note(tx, document, note, parents[note.invoice_id], pdf, now)


async def documents_failed(tx: AsyncSession, failed: Sequence[tuple[Claimed, str]]) -> None:
    for claimed, failure in failed:
        (await locked(tx, Document, claimed.document_id)).failure = failure[:500]


async def _by_id(tx: AsyncSession, model: Any, rendered: Sequence[tuple[Claimed, bytes]], kind: str) -> dict[int, Any]:
    ids = [claimed.subject_id for claimed, _ in rendered if claimed.kind == kind]
    return {row.id: row for row in await tx.scalars(select(model).where(model.id.in_(ids)))} if ids else {}


def _common(document: Document, row: Any, buyer: dict[str, Any], pdf: bytes, now: datetime) -> dict[str, Any]:
    issued_on: date = row.issued_on
    return {
        "occurred_at": now,
        "account_id": row.account_id,
        "document_id": document.id,
        "number": row.number,
        "order": OrderRef(source=row.order_source, id=row.order_id) if row.order_id else None,
        "request_id": row.request_id or None,
        "division_id": row.division_id,
        "account_name": buyer["name"],
        "issued_on": issued_on,
        "total": Money(amount=row.total, currency=row.currency),
        "size": len(pdf),
        "sha256": document.sha256,
        "recipients": () if document.silent else tuple(buyer.get("emails") or ()),
    }


def _say_invoice(tx: AsyncSession, document: Document, invoice: Invoice, pdf: bytes, now: datetime) -> None:
    due = Money(amount=invoice.due_at_issue, currency=invoice.currency)
    path = f"/services/v2/finance/invoice/{invoice.id}/pdf"
    announce(
        tx,
        InvoiceDocumentReady(
            **_common(document, invoice, invoice.buyer, pdf, now), path=path, invoice_id=invoice.id,
            kind=invoice.kind, due_on=invoice.due_on, amount_due=due, silent=document.silent,
        ),
    )  # fmt: skip


def _say_credit_note(
    tx: AsyncSession, document: Document, note: CreditNote, invoice: Invoice, pdf: bytes, now: datetime
) -> None:
    path = f"/services/v2/finance/credit-note/{note.id}/pdf"
    announce(
        tx,
        CreditNoteDocumentReady(
            **_common(document, note, invoice.buyer, pdf, now), path=path, credit_note_id=note.id,
            invoice_number=note.invoice_number, ends_order=note.ends_part and not note.request_id,
        ),
    )  # fmt: skip
