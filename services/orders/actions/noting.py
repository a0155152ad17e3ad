"""What billing and validation said, noted on our own orders. Another system's orders are theirs to keep."""

from datetime import datetime
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.asking import ask_when_ready
from services.orders.actions.timeline import Kind, note
from services.orders.models import CertificateOrder, OrderName
from services.orders.rules.money import money_text
from shared.db import locked
from shared.events import billing, validation
from shared.events.base import OrderRef
from shared.events.orders import SOURCE, OrderReadyToIssue
from shared.outbox import announce

METHODS = {"dns-txt-token": "DNS TXT"}
AboutName: TypeAlias = validation.DomainSubmitted | validation.DomainValidated | validation.DomainValidationFailed


async def note_charged(tx: AsyncSession, event: billing.OrderCharged, now: datetime) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_charged(event):
        sentence = f"{money_text(event.total)} charged, invoice {event.invoice_number}"
        note(tx, order, event.occurred_at, "good", sentence, who="Billing")
        ask_when_ready(tx, order, now)


async def note_waiting(tx: AsyncSession, event: billing.OrderWaiting) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_waiting(event):
        note(tx, order, event.occurred_at, "wait", event.message, who="Billing")


async def note_released(tx: AsyncSession, event: billing.OrderReleased) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_released(event):
        note(tx, order, event.occurred_at, "plain", event.message, who="Billing")


async def note_invoice(tx: AsyncSession, event: billing.InvoiceIssued) -> None:
    if order := await _ours(tx, event.order):
        order.note_invoice(event)


async def note_invoice_document(tx: AsyncSession, event: billing.InvoiceDocumentReady) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_invoice_document(event):
        sentence = f"Invoice {event.number} is ready to download"
        note(tx, order, event.occurred_at, "plain", sentence, who="Billing", link=event.path)


async def note_credit_note(tx: AsyncSession, event: billing.CreditNoteIssued) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_credit_note(event):
        sentence = f"{money_text(event.total)} given back to the funds, credit note {event.number}"
        note(tx, order, event.occurred_at, "good", sentence, who="Billing")


async def note_credit_note_document(tx: AsyncSession, event: billing.CreditNoteDocumentReady) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_credit_note_document(event):
        sentence = f"Credit note {event.number} is ready to download"
        note(tx, order, event.occurred_at, "plain", sentence, who="Billing", link=event.path)


async def note_submitted(tx: AsyncSession, event: validation.DomainSubmitted) -> None:
    order = await _ours(tx, event.order)
    for name in _names_on(order, event) if order else ():
        if order and name.note_submitted(event):
            sentence = f"{name.name}: publish the {event.record_type} record at {event.record_name}"
            note(tx, order, event.occurred_at, "wait", sentence, who="Validation")


async def note_validated(tx: AsyncSession, event: validation.DomainValidated, now: datetime) -> None:
    for order in await queries.open_orders_with(tx, event.account_id, event.name):
        changed = [name for name in _names_on(order, event) if name.note_validated(event)]
        for name in changed:
            note(tx, order, event.occurred_at, "good", _proven(name, event), who="Validation")
        if changed:
            order.note_evidence(now)
            ask_when_ready(tx, order, now)


async def note_failed(tx: AsyncSession, event: validation.DomainValidationFailed) -> None:
    for order in await queries.open_orders_with(tx, event.account_id, event.name):
        news = [name for name in _names_on(order, event) if name.note_failed(event)]
        for name in news:
            kind: Kind = "bad" if event.final else "wait"
            note(tx, order, event.occurred_at, kind, f"{name.name}: {event.message}", who="Validation")


async def note_authorized(tx: AsyncSession, event: validation.IssuanceAuthorized, now: datetime) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_authorized(event, now):
        until = f"{event.issue_before:%Y-%m-%d %H:%M} UTC"
        note(tx, order, now, "good", f"Every name's evidence is usable; may be issued before {until}", who="Validation")
        announce(tx, _ready_to_issue(order, event, now))


async def note_denied(tx: AsyncSession, event: validation.IssuanceDenied, now: datetime) -> None:
    order = await _ours(tx, event.order)
    if order and order.note_denied(event, now):
        for refused in event.refused:
            note(tx, order, now, "bad", f"{refused.name}: {refused.message}", who="Validation")
        ask_when_ready(tx, order, now)


def _ready_to_issue(order: CertificateOrder, event: validation.IssuanceAuthorized, now: datetime) -> OrderReadyToIssue:
    return OrderReadyToIssue(
        account_id=order.account_id,
        occurred_at=now,
        causation_id=event.told_id,
        order_id=order.id,
        product_name_id=order.product_name_id,
        common_name=order.common_name,
        names=order.dns_names,
        csr=order.csr,
        issue_before=event.issue_before,
    )


async def _ours(tx: AsyncSession, ref: OrderRef | None) -> CertificateOrder | None:
    if ref is None or ref.source != SOURCE:
        return None
    return await locked(tx, CertificateOrder, ref.id)


def _names_on(order: CertificateOrder, event: AboutName) -> list[OrderName]:
    return [name for name in order.names if name.domain == event.name]


def _proven(name: OrderName, event: validation.DomainValidated) -> str:
    method, test = METHODS.get(event.method, event.method), " (test mode)" if event.test_mode else ""
    return f"{name.name} is proven by {method}, usable until {event.usable_until:%Y-%m-%d}{test}"
