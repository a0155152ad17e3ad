"""Kafka in: what billing and validation say, and what other systems ask of orders."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import actions, queries
from services.orders.models import CertificateOrder, OrderRequest
from services.orders.rules.intake import Wish
from services.orders.rules.validity import Span
from shared.db import utcnow
from shared.door import Door
from shared.events import billing, orders, validation

door = Door("orders", refused=orders.OrdersCommandRefused)

AboutOrder: TypeAlias = (
    billing.AboutCharge
    | billing.InvoiceIssued
    | billing.CreditNoteIssued
    | billing.DocumentReady
    | validation.DomainSubmitted
    | validation.IssuanceAuthorized
    | validation.IssuanceDenied
)
AboutName: TypeAlias = validation.DomainValidated | validation.DomainValidationFailed


async def lock_orders(tx: AsyncSession, events: Sequence[AboutOrder]) -> None:
    await queries.lock_our_orders(tx, [event.order for event in events])


async def lock_orders_with_name(tx: AsyncSession, events: Sequence[AboutName]) -> None:
    await queries.lock_orders_with_names(tx, [(event.account_id, event.name) for event in events])


async def lock_orders_asked_for(tx: AsyncSession, events: Sequence[orders.AboutOurOrder]) -> None:
    await queries.lock_orders(tx, [event.order_id for event in events])


async def get_ready_to_place(tx: AsyncSession, events: Sequence[orders.PlaceOrder]) -> None:
    await queries.remember_divisions(tx, [event.division.id for event in events])
    await queries.reserve_ids(tx, CertificateOrder, len(events))
    await queries.reserve_ids(tx, OrderRequest, len(events))


# ── billing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@door.on(billing.OrderCharged, prefetch=lock_orders)
async def on_order_charged(event: billing.OrderCharged, tx: AsyncSession) -> None:
    await actions.note_charged(tx, event, utcnow())


@door.on(billing.OrderWaiting, prefetch=lock_orders)
async def on_order_waiting(event: billing.OrderWaiting, tx: AsyncSession) -> None:
    await actions.note_waiting(tx, event)


@door.on(billing.OrderReleased, prefetch=lock_orders)
async def on_order_released(event: billing.OrderReleased, tx: AsyncSession) -> None:
    await actions.note_released(tx, event)


@door.on(billing.InvoiceIssued, prefetch=lock_orders)
async def on_invoice_issued(event: billing.InvoiceIssued, tx: AsyncSession) -> None:
    await actions.note_invoice(tx, event)


@door.on(billing.InvoiceDocumentReady, prefetch=lock_orders)
async def on_invoice_document_ready(event: billing.InvoiceDocumentReady, tx: AsyncSession) -> None:
    await actions.note_invoice_document(tx, event)


@door.on(billing.CreditNoteIssued, prefetch=lock_orders)
async def on_credit_note_issued(event: billing.CreditNoteIssued, tx: AsyncSession) -> None:
    await actions.note_credit_note(tx, event)


@door.on(billing.CreditNoteDocumentReady, prefetch=lock_orders)
async def on_credit_note_document_ready(event: billing.CreditNoteDocumentReady, tx: AsyncSession) -> None:
    await actions.note_credit_note_document(tx, event)


# ── validation ───────────────────────────────────────────────────────────────────────────────────────────────────────


@door.on(validation.DomainSubmitted, prefetch=lock_orders)
async def on_domain_submitted(event: validation.DomainSubmitted, tx: AsyncSession) -> None:
    await actions.note_submitted(tx, event)


@door.on(validation.DomainValidated, prefetch=lock_orders_with_name)
async def on_domain_validated(event: validation.DomainValidated, tx: AsyncSession) -> None:
    await actions.note_validated(tx, event, utcnow())


@door.on(validation.DomainValidationFailed, prefetch=lock_orders_with_name)
async def on_domain_validation_failed(event: validation.DomainValidationFailed, tx: AsyncSession) -> None:
    await actions.note_failed(tx, event)


@door.on(validation.IssuanceAuthorized, prefetch=lock_orders)
async def on_issuance_authorized(event: validation.IssuanceAuthorized, tx: AsyncSession) -> None:
    await actions.note_authorized(tx, event, utcnow())


@door.on(validation.IssuanceDenied, prefetch=lock_orders)
async def on_issuance_denied(event: validation.IssuanceDenied, tx: AsyncSession) -> None:
    await actions.note_denied(tx, event, utcnow())


# ── what other systems ask ───────────────────────────────────────────────────────────────────────────────────────────


@door.on(orders.PlaceOrder, prefetch=get_ready_to_place)
async def on_place_order(event: orders.PlaceOrder, tx: AsyncSession) -> None:
    division = await actions.division_of_command(tx, event.account_id, event.division.id)
    by = actions.Placer(event.placed_by, approves=True, causation_id=event.told_id)
    await actions.place_order(tx, wish(event), division, by, utcnow())


@door.on(orders.ApproveOrder, prefetch=lock_orders_asked_for)
async def on_approve_order(event: orders.ApproveOrder, tx: AsyncSession) -> None:
    order = await actions.order_of_command(tx, event.account_id, event.order_id)
    actions.approve_order(tx, order, event.approved_by, utcnow())


@door.on(orders.RejectOrder, prefetch=lock_orders_asked_for)
async def on_reject_order(event: orders.RejectOrder, tx: AsyncSession) -> None:
    order = await actions.order_of_command(tx, event.account_id, event.order_id)
    actions.reject_order(tx, order, event.rejected_by, event.reason, utcnow())


@door.on(orders.CancelOrder, prefetch=lock_orders_asked_for)
async def on_cancel_order(event: orders.CancelOrder, tx: AsyncSession) -> None:
    order = await actions.order_of_command(tx, event.account_id, event.order_id)
    actions.cancel_order(tx, order, event.cancelled_by, event.note, utcnow())


def wish(event: orders.PlaceOrder) -> Wish:
    return Wish(
        product_name_id=event.product_name_id,
        common_name=event.common_name or event.names[0],
        dns_names=event.names,
        csr=event.csr,
        term=Span(event.term.years, event.term.days),
        payment_method=event.payment.method,
        purchase_order_number=event.payment.purchase_order_number,
        dcv_method=event.dcv_method,
    )
