from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import actions, queries
from shared.db import utcnow
from shared.door import Door
from shared.events import orders, validation
from shared.events.billing import (
    CreditNoteDocumentReady,
    FundsLow,
    InvoiceDocumentReady,
    OrderStillWaiting,
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


@door.on(FundsLow, prefetch=queries.lock_reminders)
async def on_funds_low(event: FundsLow, tx: AsyncSession) -> None:
    await actions.mail_low_funds(tx, event, utcnow())


@door.on(OrderStillWaiting, prefetch=queries.lock_reminders)
async def on_order_still_waiting(event: OrderStillWaiting, tx: AsyncSession) -> None:
    await actions.mail_waiting_order(tx, event, utcnow())


# ── who is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


@door.on(orders.AccountOpened, prefetch=queries.lock_accounts)
async def on_account_opened(event: orders.AccountOpened, tx: AsyncSession) -> None:
    await actions.learn_account(tx, event)


@door.on(orders.AccountChanged, prefetch=queries.lock_accounts)
async def on_account_changed(event: orders.AccountChanged, tx: AsyncSession) -> None:
    await actions.learn_account(tx, event)


@door.on(orders.UserChanged, prefetch=queries.lock_people)
async def on_user_changed(event: orders.UserChanged, tx: AsyncSession) -> None:
    await actions.learn_person(tx, event)


@door.on(orders.OrderPlaced, prefetch=queries.lock_orders)
async def on_order_placed(event: orders.OrderPlaced, tx: AsyncSession) -> None:
    await actions.learn_order(tx, event)


# ── orders and validation ────────────────────────────────────────────────────────────────────────────────────────────


@door.on(orders.CertificateIssued, prefetch=queries.prepare)
async def on_certificate_issued(event: orders.CertificateIssued, tx: AsyncSession) -> None:
    await actions.mail_certificate_issued(tx, event, utcnow())


@door.on(orders.CertificateExpiring, prefetch=queries.prepare)
async def on_certificate_expiring(event: orders.CertificateExpiring, tx: AsyncSession) -> None:
    await actions.mail_certificate_expiring(tx, event, utcnow())


@door.on(orders.CertificateRevoked, prefetch=queries.prepare)
async def on_certificate_revoked(event: orders.CertificateRevoked, tx: AsyncSession) -> None:
    await actions.mail_certificate_revoked(tx, event, utcnow())


@door.on(orders.RequestSubmitted, prefetch=queries.prepare)
async def on_request_submitted(event: orders.RequestSubmitted, tx: AsyncSession) -> None:
    await actions.mail_request_submitted(tx, event, utcnow())


@door.on(orders.RequestDecided, prefetch=queries.prepare)
async def on_request_decided(event: orders.RequestDecided, tx: AsyncSession) -> None:
    await actions.mail_request_decided(tx, event, utcnow())


@door.on(orders.OrderRejected, prefetch=queries.prepare)
async def on_order_rejected(event: orders.OrderRejected, tx: AsyncSession) -> None:
    await actions.mail_order_rejected(tx, event, utcnow())


@door.on(orders.OrganizationExpiring, prefetch=queries.prepare)
async def on_organization_expiring(event: orders.OrganizationExpiring, tx: AsyncSession) -> None:
    await actions.mail_organization_expiring(tx, event, utcnow())


@door.on(validation.DomainValidationExpiring, prefetch=queries.prepare)
async def on_domain_validation_expiring(event: validation.DomainValidationExpiring, tx: AsyncSession) -> None:
    await actions.mail_domain_expiry(tx, event, utcnow())


@door.on(validation.DomainValidationExpired, prefetch=queries.prepare)
async def on_domain_validation_expired(event: validation.DomainValidationExpired, tx: AsyncSession) -> None:
    await actions.mail_domain_expiry(tx, event, utcnow())
