from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import actions, queries
from shared.db import utcnow
from shared.door import Door
from shared.events.billing import (
    CreditNoteDocumentReady,
    InvoiceDocumentReady,
    PurchaseOrderApproved,
    PurchaseOrderRejected,
    PurchaseOrderSubmitted,
)

door = Door("notifications")


@door.on(InvoiceDocumentReady, prefetch=queries.lock_invoice_messages)
async def on_invoice_document_ready(event: InvoiceDocumentReady, tx: AsyncSession) -> None:
    await actions.mail_invoice(tx, event, utcnow())


@door.on(CreditNoteDocumentReady, prefetch=queries.lock_credit_note_messages)
async def on_credit_note_document_ready(event: CreditNoteDocumentReady, tx: AsyncSession) -> None:
    await actions.mail_credit_note(tx, event, utcnow())


@door.on(PurchaseOrderSubmitted, prefetch=queries.lock_purchase_order_messages)
async def on_purchase_order_submitted(event: PurchaseOrderSubmitted, tx: AsyncSession) -> None:
    await actions.mail_purchase_order(tx, event, utcnow())


@door.on(PurchaseOrderApproved, prefetch=queries.lock_purchase_order_messages)
async def on_purchase_order_approved(event: PurchaseOrderApproved, tx: AsyncSession) -> None:
    await actions.mail_purchase_order(tx, event, utcnow())


@door.on(PurchaseOrderRejected, prefetch=queries.lock_purchase_order_messages)
async def on_purchase_order_rejected(event: PurchaseOrderRejected, tx: AsyncSession) -> None:
    await actions.mail_purchase_order(tx, event, utcnow())
