"""Kafka in: what billing and validation say, and what other systems ask of orders."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import actions, queries
from services.orders.models import (
    Account,
    AppUser,
    BlockedKey,
    CertificateOrder,
    Division,
    OrderRequest,
    Organization,
)
from services.orders.rules.csr import key_of
from services.orders.rules.intake import Wish
from services.orders.rules.organizations import Details, OrganizationWish
from services.orders.rules.products import level_of
from services.orders.rules.validity import Span
from shared.db import lock_all, read_all, utcnow
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
AboutName: TypeAlias = validation.DomainValidated | validation.DomainValidationFailed | validation.DcvMethodChanged


async def lock_orders(tx: AsyncSession, events: Sequence[AboutOrder]) -> None:
    await queries.lock_our_orders(tx, [event.order for event in events])


async def lock_orders_to_issue(tx: AsyncSession, events: Sequence[validation.IssuanceAuthorized]) -> None:
    await queries.lock_orders_to_issue(tx, [event.order for event in events])


async def lock_accounts(tx: AsyncSession, events: Sequence[billing.TermsChanged]) -> None:
    await lock_all(tx, Account, {event.account_id for event in events})


async def lock_orders_with_name(tx: AsyncSession, events: Sequence[AboutName]) -> None:
    await queries.lock_orders_with_names(tx, [(event.account_id, event.name) for event in events])


async def lock_orders_submitted(tx: AsyncSession, events: Sequence[validation.DomainSubmitted]) -> None:
    """Of a domain that somebody submitted for no order, all that wait for it."""
    await lock_orders(tx, events)
    for_none = [(event.account_id, event.name) for event in events if event.order is None]
    await queries.lock_orders_with_names(tx, for_none)


async def lock_orders_asked_for(tx: AsyncSession, events: Sequence[orders.AboutOurOrder]) -> None:
    await queries.lock_orders(tx, [event.order_id for event in events])


async def get_organizations(tx: AsyncSession, events: Sequence[orders.PlaceOrder]) -> None:
    """Those named, those that are the same as the details given, and the only ones of their accounts; locked are those
    that the staff have to be asked about."""
    if not events:
        return
    wishes = [(event, wished_organization(event.organization)) for event in events if event.organization]
    keys = [(event.account_id, wish.details.match_key) for event, wish in wishes if wish.details]
    await read_all(tx, Organization, [wish.id for _, wish in wishes if wish.id])
    await queries.lock_alike(tx, keys)
    await queries.remember_only_active(tx, [event.account_id for event in events if event.organization is None])
    await queries.reserve_ids(tx, Organization, len(keys))
    await queries.lock_to_ask(tx, utcnow())


async def get_ready_to_place(tx: AsyncSession, events: Sequence[orders.PlaceOrder]) -> None:
    await queries.remember_divisions(tx, [event.division.id for event in events])
    await queries.reserve_ids(tx, CertificateOrder, len(events))
    await get_organizations(tx, [event for event in events if level_of(event.product_name_id)])
    await queries.reserve_ids(tx, OrderRequest, len(events))
    await read_all(tx, BlockedKey, {found for event in events if (found := key_of(event.csr))})


async def get_ready_to_open(tx: AsyncSession, events: Sequence[orders.OpenAccount]) -> None:
    for model in (Account, Division, AppUser):
        await queries.reserve_ids(tx, model, len(events))
    await queries.lock_emails(tx, [event.administrator.email for event in events if event.administrator])


# ── billing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@door.on(billing.OrderCharged, prefetch=lock_orders)
async def on_order_charged(event: billing.OrderCharged, tx: AsyncSession) -> None:
    await actions.note_charged(tx, event, utcnow())


@door.on(billing.OrderOnAccount, prefetch=lock_orders)
async def on_order_on_account(event: billing.OrderOnAccount, tx: AsyncSession) -> None:
    await actions.note_on_account(tx, event, utcnow())


@door.on(billing.OrderWaiting, prefetch=lock_orders)
async def on_order_waiting(event: billing.OrderWaiting, tx: AsyncSession) -> None:
    await actions.note_waiting(tx, event)


@door.on(billing.TermsChanged, prefetch=lock_accounts)
async def on_terms_changed(event: billing.TermsChanged, tx: AsyncSession) -> None:
    await actions.note_terms(tx, event)


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


@door.on(validation.DomainSubmitted, prefetch=lock_orders_submitted)
async def on_domain_submitted(event: validation.DomainSubmitted, tx: AsyncSession) -> None:
    await actions.note_submitted(tx, event)


@door.on(validation.DcvMethodChanged, prefetch=lock_orders_with_name)
async def on_dcv_method_changed(event: validation.DcvMethodChanged, tx: AsyncSession) -> None:
    await actions.note_published_elsewhere(tx, event)


@door.on(validation.DomainValidated, prefetch=lock_orders_with_name)
async def on_domain_validated(event: validation.DomainValidated, tx: AsyncSession) -> None:
    await actions.note_validated(tx, event, utcnow())


@door.on(validation.DomainValidationFailed, prefetch=lock_orders_with_name)
async def on_domain_validation_failed(event: validation.DomainValidationFailed, tx: AsyncSession) -> None:
    await actions.note_failed(tx, event)


@door.on(validation.IssuanceAuthorized, prefetch=lock_orders_to_issue)
async def on_issuance_authorized(event: validation.IssuanceAuthorized, tx: AsyncSession) -> None:
    await actions.note_authorized(tx, event, tx.info["settings"].issuer_of, utcnow())


@door.on(validation.IssuanceDenied, prefetch=lock_orders)
async def on_issuance_denied(event: validation.IssuanceDenied, tx: AsyncSession) -> None:
    await actions.note_denied(tx, event, utcnow())


# ── what other systems ask ───────────────────────────────────────────────────────────────────────────────────────────


@door.on(orders.OpenAccount, prefetch=get_ready_to_open)
async def on_open_account(event: orders.OpenAccount, tx: AsyncSession) -> None:
    await actions.open_account_as_told(tx, event, utcnow())


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


@door.on(orders.RecordIssuedCertificate, prefetch=lock_orders_asked_for)
async def on_record_issued_certificate(event: orders.RecordIssuedCertificate, tx: AsyncSession) -> None:
    order = await actions.order_of_command(tx, event.account_id, event.order_id)
    await actions.receive_certificate(tx, order, event, utcnow())


@door.on(orders.RecordRevokedCertificate, prefetch=lock_orders_asked_for)
async def on_record_revoked_certificate(event: orders.RecordRevokedCertificate, tx: AsyncSession) -> None:
    order = await actions.order_of_command(tx, event.account_id, event.order_id)
    await actions.receive_revocation(tx, order, event, utcnow())


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
        organization=wished_organization(event.organization) if event.organization else None,
    )


def wished_organization(told: orders.WishedOrganization) -> OrganizationWish:
    if told.id:
        return OrganizationWish(told.id)
    place = told.address
    details = Details(
        name=told.name or "",
        assumed_name=told.assumed_name or "",
        address=place.line1 if place else "",
        address2=place.line2 or "" if place else "",
        zip=place.postcode if place else "",
        city=place.city if place else "",
        state=place.region or "" if place else "",
        country=place.country if place else "",
        telephone=told.telephone or "",
    )
    return OrganizationWish(None, details)
