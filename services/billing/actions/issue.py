"""What is written and said for each document, once it has its number."""

from collections.abc import Callable, Hashable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.book import post
from services.billing.actions.drafts import (
    CreditNoteDraft,
    Draft,
    InvoiceDraft,
    Kind,
    RequestDraft,
    UsageDraft,
    drafts,
    number,
)
from services.billing.actions.notes import issue_note
from services.billing.actions.requests import issue_request
from services.billing.actions.snapshots import notes_of, to_render
from services.billing.actions.usage_invoices import issue_usage
from services.billing.models import Charge, Invoice, Line, TaxGroup
from services.billing.rules import Charged, printed, values_of, vat_ledger
from shared.db import append, at_end
from shared.events.base import Money, OrderRef
from shared.events.billing import InvoiceIssued, OrderCharged
from shared.outbox import announce


def draft(tx: AsyncSession, document: Draft, about: Hashable) -> None:
    drafts(tx, type(document))[about] = document
    at_end(tx, issue_drafts)


async def issue_drafts(tx: AsyncSession) -> None:
    """The funds are written first: between drawing numbers and the commit stands only what carries them."""
    await tx.flush()
    await _issue(tx, InvoiceDraft, _issue_invoice)
    await _issue(tx, RequestDraft, issue_request)
    await _issue(tx, CreditNoteDraft, issue_note)
    await issue_usage(tx, await _numbered(tx, UsageDraft))


async def _issue(tx: AsyncSession, kind: type[Kind], write: Callable[[AsyncSession, Kind], None]) -> None:
    for one in await _numbered(tx, kind):
        write(tx, one)


async def _numbered(tx: AsyncSession, kind: type[Kind]) -> list[Kind]:
    waiting = list(drafts(tx, kind).values())
    drafts(tx, kind).clear()
    await number(tx, waiting)
    return waiting


def _issue_invoice(tx: AsyncSession, draft: InvoiceDraft) -> None:
    charge = draft.as_charge()
    append(tx, Charge, **values_of(charge))
    _write_invoice(tx, draft)
    _write_lines(tx, draft)
    text = f"{draft.order.called}, invoice {draft.number}"
    entries = [
        (f"funds:{draft.purse.division_id}", -charge.total, draft.receipt),
        (f"revenue:{charge.entity_id}", charge.net, None),
        (vat_ledger(charge.entity_id, charge.category, charge.rate), charge.tax, None),
    ]
    key = (charge.source, charge.order_id)
    post(tx, draft.account.id, "charge", text, charge.currency, entries, draft.now, key, charge.id)
    to_render(tx, draft, "invoice")
    _say_invoice(tx, draft, charge)


def _write_invoice(tx: AsyncSession, draft: InvoiceDraft) -> None:
    day, quote, order = draft.now.date(), draft.quote, draft.order
    append(
        tx, Invoice, id=draft.id, entity_id=draft.seller.number, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, kind="order", account_id=draft.account.id, division_id=order.division_id,
        division_name=order.division_name, order_source=order.source, order_id=order.id,
        request_id=order.request_id, purchase_order_id=None, purchase_order_number=order.purchase_order_number,
        period_first=None, period_last=None, legacy_source=None, legacy_number=None, legacy_issued_on=None,
        currency=quote.currency, net=quote.net, tax=quote.tax, total=quote.total, due_at_issue=0, issued_at=draft.now,
        issued_on=day, due_on=day, seller=draft.seller.printed, buyer=draft.buyer, receipt_id=draft.charge_id,
        payment_text=f"Charged to account funds on {day}, receipt {draft.charge_id}, amount due "
        f"{printed(0, quote.currency)} {quote.currency}.",
        notes=notes_of([draft.quote.group], draft.seller, draft.account),
    )  # fmt: skip


def _write_lines(tx: AsyncSession, draft: InvoiceDraft) -> None:
    group = draft.quote.group
    for position, line in enumerate(draft.quote.lines, 1):
        append(
            tx, Line, invoice_id=draft.id, position=position, description=line.description, detail=list(line.detail),
            quantity=line.quantity, unit_price=line.unit_price, net=line.net, category=group.category, rate=group.rate,
            order_source=draft.order.source, order_id=draft.order.id,
        )  # fmt: skip
    append(
        tx, TaxGroup, invoice_id=draft.id, category=group.category, rate=group.rate, net=group.net, tax=group.tax,
        sentence=group.sentence, accounting_currency=group.accounting_currency, accounting_tax=group.accounting_tax,
        exchange_rate=group.exchange_rate,
    )  # fmt: skip


def _say_invoice(tx: AsyncSession, draft: InvoiceDraft, charge: Charged) -> None:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=charge.currency)

    day = draft.now.date()
    same: dict[str, Any] = {
        "occurred_at": draft.now, "account_id": draft.account.id, "causation_id": draft.cause,
        "order": OrderRef(source=charge.source, id=charge.order_id), "request_id": charge.request_id or None,
        "division_id": charge.division_id,
        "invoice_id": draft.id, "net": money(charge.net), "tax": money(charge.tax), "total": money(charge.total),
    }  # fmt: skip
    announce(tx, OrderCharged(**same, receipt_id=charge.id, invoice_number=draft.number))
    issued = InvoiceIssued(
        **same, number=draft.number, kind="order", issued_on=day, due_on=day, amount_due=money(0)
    )  # fmt: skip
    announce(tx, issued)
