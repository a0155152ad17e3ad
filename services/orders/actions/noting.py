"""What billing and validation said, noted on our own orders. Another system's orders are theirs to keep."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.asking import ask_when_ready
from services.orders.actions.issuing import fail_signing
from services.orders.actions.requesting import BLOCKED, is_blocked
from services.orders.actions.timeline import Kind, note
from services.orders.models import Account, CertificateOrder, MoneyFacts, OrderRequest, RequestName
from services.orders.rules.issuers import Issuer
from services.orders.rules.methods import METHODS
from services.orders.rules.money import money_text
from shared.db import locked, locked_or_none
from shared.events import billing, validation
from shared.events.base import OrderRef
from shared.events.orders import SOURCE, OrderReadyToIssue, VerifiedSubject
from shared.outbox import announce

IssuerOf: TypeAlias = Callable[[str], Issuer]  # by the product
Record: TypeAlias = validation.DomainSubmitted | validation.DcvMethodChanged  # to be published
AboutName: TypeAlias = Record | validation.DomainValidated | validation.DomainValidationFailed


async def note_charged(tx: AsyncSession, event: billing.OrderCharged, now: datetime) -> None:
    for order, paid in await _paid(tx, event):
        if paid.note_charged(event):
            sentence = f"{money_text(event.total)} charged{_what(event)}, invoice {event.invoice_number}"
            note(tx, order, event.occurred_at, "good", sentence, who="Billing")
            _ask(tx, order.open_requests, now)


async def note_on_account(tx: AsyncSession, event: billing.OrderOnAccount, now: datetime) -> None:
    for order, paid in await _paid(tx, event):
        if paid.note_on_account(event):
            after = "; the invoice follows when the month is closed"
            sentence = f"{money_text(event.total)} on account{_what(event)}{after}"
            note(tx, order, event.occurred_at, "good", sentence, who="Billing")
            _ask(tx, order.open_requests, now)


async def note_waiting(tx: AsyncSession, event: billing.OrderWaiting) -> None:
    for order, paid in await _paid(tx, event):
        if paid.note_waiting(event):
            note(tx, order, event.occurred_at, "wait", event.message, who="Billing")


async def _paid(tx: AsyncSession, event: billing.AboutCharge) -> list[tuple[CertificateOrder, MoneyFacts]]:
    """Our order with whatever the fact is about: itself, or the request that adds names to it, while that is open."""
    order = await _ours(tx, event.order)
    if order is None:
        return []
    paid = order.open_request(event.request_id) if event.request_id else order
    return [(order, paid)] if paid else []


def _what(event: billing.AboutCharge) -> str:
    return " for the names added" if event.request_id else ""


async def note_terms(tx: AsyncSession, event: billing.TermsChanged) -> None:
    """An account of another system is not ours to know."""
    account = await locked_or_none(tx, Account, event.account_id)
    if account is None:
        return
    account.may_go_on_account = event.monthly_billing
    account.negative_limit = event.negative_limit.amount if event.negative_limit else None
    if event.default_payment_method != "other":
        account.default_payment_method = event.default_payment_method


async def note_released(tx: AsyncSession, event: billing.OrderReleased) -> None:
    """That of a request comes when it is closed: it is history only."""
    order = await _ours(tx, event.order)
    if order and (event.request_id or order.note_released(event)):
        note(tx, order, event.occurred_at, "plain", event.message, who="Billing")


async def note_invoice(tx: AsyncSession, event: billing.InvoiceIssued) -> None:
    """The order's own; names that a request added to it have others."""
    order = await _ours(tx, event.order)
    if order and not event.request_id:
        order.note_invoice(event)


async def note_invoice_document(tx: AsyncSession, event: billing.InvoiceDocumentReady) -> None:
    order = await _ours(tx, event.order)
    if order and (event.request_id or order.note_invoice_document(event)):
        sentence = f"Invoice {event.number} is ready to download"
        note(tx, order, event.occurred_at, "plain", sentence, who="Billing", link=event.path)


async def note_credit_note(tx: AsyncSession, event: billing.CreditNoteIssued) -> None:
    order = await _ours(tx, event.order)
    if order and (order.note_credit_note(event) or not event.ends_order):
        sentence = f"{_credited(event)}, credit note {event.number}"
        note(tx, order, event.occurred_at, "good", sentence, who="Billing")


def _credited(event: billing.CreditNoteIssued) -> str:
    off, back = event.pre_payment, event.post_payment or event.total
    if off is None or not off.amount:
        return f"{money_text(back)} given back to the funds"
    taken = f"{money_text(off)} taken off what invoice {event.invoice_number} asks for"
    return f"{money_text(back)} given back to the funds, {taken}" if back.amount else taken


async def note_credit_note_document(tx: AsyncSession, event: billing.CreditNoteDocumentReady) -> None:
    order = await _ours(tx, event.order)
    if order and (order.note_credit_note_document(event) or not event.ends_order):
        sentence = f"Credit note {event.number} is ready to download"
        note(tx, order, event.occurred_at, "plain", sentence, who="Billing", link=event.path)


async def note_submitted(tx: AsyncSession, event: validation.DomainSubmitted) -> None:
    if event.order is None:
        await note_published_elsewhere(tx, event)
    elif order := await _ours(tx, event.order):
        _note_record(tx, order, _names_of(order.meant(event.request_id), event), event)


async def note_published_elsewhere(tx: AsyncSession, event: Record) -> None:
    """Somebody changed the domain itself: what was to be published before is dead for every order that waits for it."""
    for order in await queries.open_orders_with(tx, event.account_id, event.name):
        waiting = [name for name in _names_of(order.open_requests, event) if name.usable_until is None]
        _note_record(tx, order, waiting, event)


def _note_record(tx: AsyncSession, order: CertificateOrder, names: Iterable[RequestName], event: Record) -> None:
    for name in [name for name in names if name.note_submitted(event)]:
        sentence = f"{name.name}: {_to_be_done(event)}"
        note(tx, order, event.occurred_at, "wait", sentence, who="Validation")


def _to_be_done(event: Record) -> str:
    if event.record_type == "MAIL":
        return f"mails go to addresses of {event.record_name}; one of them has to confirm"
    return f"publish the {event.record_type} record at {event.record_name}"


async def note_validated(tx: AsyncSession, event: validation.DomainValidated, now: datetime) -> None:
    for order in await queries.open_orders_with(tx, event.account_id, event.name):
        for request in order.open_requests:
            changed = [name for name in _names_of([request], event) if name.note_validated(event)]
            for name in changed:
                note(tx, order, event.occurred_at, "good", _proven(name, event), who="Validation")
            if changed:
                request.note_evidence(now)
                ask_when_ready(tx, request, now)


async def note_failed(tx: AsyncSession, event: validation.DomainValidationFailed) -> None:
    for order in await queries.open_orders_with(tx, event.account_id, event.name):
        news = [name for name in _names_of(order.open_requests, event) if name.note_failed(event)]
        for name in news:
            kind: Kind = "bad" if event.final else "wait"
            note(tx, order, event.occurred_at, kind, f"{name.name}: {event.message}", who="Validation")


async def note_authorized(
    tx: AsyncSession, event: validation.IssuanceAuthorized, issuer_of: IssuerOf, now: datetime
) -> None:
    order = await _ours(tx, event.order)
    for request in order.meant(event.request_id) if order else ():
        if await is_blocked(tx, request):
            fail_signing(tx, request, BLOCKED, now)
        elif request.note_authorized(event, now):
            until = f"{request.issue_before:%Y-%m-%d %H:%M} UTC"
            sentence = f"Every name's evidence is usable; may be issued before {until}"
            note(tx, request.order, now, "good", sentence, who="Validation")
            request.note_ready(issuer_of(request.order.product_name_id), now)
            announce(tx, _ready_to_issue(request, event, now))


async def note_denied(tx: AsyncSession, event: validation.IssuanceDenied, now: datetime) -> None:
    order = await _ours(tx, event.order)
    for request in order.meant(event.request_id) if order else ():
        if request.note_denied(event, now):
            for refused in event.refused:
                note(tx, request.order, now, "bad", f"{refused.name}: {refused.message}", who="Validation")
            ask_when_ready(tx, request, now)


def _ask(tx: AsyncSession, requests: Iterable[OrderRequest], now: datetime) -> None:
    for request in requests:
        ask_when_ready(tx, request, now)


def _ready_to_issue(request: OrderRequest, event: validation.IssuanceAuthorized, now: datetime) -> OrderReadyToIssue:
    order = request.order
    return OrderReadyToIssue(
        account_id=order.account_id,
        occurred_at=now,
        causation_id=event.told_id,
        order_id=order.id,
        request_id=request.id,
        product_name_id=order.product_name_id,
        common_name=request.common_name,
        names=request.dns_names,
        csr=request.csr or "",
        signature_hash=request.signature_hash,
        issuer=request.issuer,
        issue_before=request.issue_before or event.issue_before,
        subject_to_certify=_subject(order),
    )


def _subject(order: CertificateOrder) -> VerifiedSubject | None:
    subject = order.subject
    return VerifiedSubject.model_validate({**vars(subject), "level": order.level}) if subject else None


async def _ours(tx: AsyncSession, ref: OrderRef | None) -> CertificateOrder | None:
    if ref is None or ref.source != SOURCE:
        return None
    return await locked(tx, CertificateOrder, ref.id)


def _names_of(requests: Iterable[OrderRequest], event: AboutName) -> list[RequestName]:
    return [name for request in requests for name in request.names if name.domain == event.name]


def _proven(name: RequestName, event: validation.DomainValidated) -> str:
    method, test = METHODS.get(event.method, event.method), " (test mode)" if event.test_mode else ""
    return f"{name.name} is proven by {method}, usable until {event.usable_until:%Y-%m-%d}{test}"
