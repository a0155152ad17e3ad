"""What is written and said for each document, once it has its number."""

from collections.abc import Callable, Hashable

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.book import post
from services.billing.actions.drafts import CreditNoteDraft, Draft, InvoiceDraft, Kind, RequestDraft, drafts, number
from services.billing.actions.requests import issue_request
from services.billing.actions.snapshots import buyer_of, to_render
from services.billing.models import Charge, CreditNote, Invoice, Line, TaxGroup
from services.billing.rules import Charged, printed, values_of
from shared.db import append, at_end
from shared.events.base import Money, OrderRef
from shared.events.billing import CreditNoteIssued, InvoiceIssued, OrderCharged
from shared.outbox import announce


def draft(tx: AsyncSession, document: Draft, about: Hashable) -> None:
    drafts(tx, type(document))[about] = document
    at_end(tx, issue_drafts)


async def issue_drafts(tx: AsyncSession) -> None:
    """The funds are written first: between drawing numbers and the commit stands only what carries them."""
    await tx.flush()
    await _issue(tx, InvoiceDraft, _issue_invoice)
    await _issue(tx, RequestDraft, issue_request)
    await _issue(tx, CreditNoteDraft, _issue_note)


async def _issue(tx: AsyncSession, kind: type[Kind], write: Callable[[AsyncSession, Kind], None]) -> None:
    waiting = list(drafts(tx, kind).values())
    drafts(tx, kind).clear()
    await number(tx, waiting)
    for one in waiting:
        write(tx, one)


def _issue_invoice(tx: AsyncSession, draft: InvoiceDraft) -> None:
    charge = draft.as_charge()
    append(tx, Charge, **values_of(charge))
    _write_invoice(tx, draft)
    _write_lines(tx, draft)
    text = f"Order {draft.order.id}, invoice {draft.number}"
    entries = [
        (f"funds:{draft.funds.division_id}", -charge.total, draft.receipt),
        (f"revenue:{charge.entity_id}", charge.net, None),
        (_vat_ledger(charge), charge.tax, None),
    ]
    key = (charge.source, charge.order_id)
    post(tx, draft.account.id, "charge", text, charge.currency, entries, draft.now, key, charge.id)
    to_render(tx, draft, "invoice")
    _say_invoice(tx, draft, charge)


def _vat_ledger(charge: Charged) -> str:
    return f"vat:{charge.entity_id}:{charge.category}:{charge.rate.normalize():f}"


def _write_invoice(tx: AsyncSession, draft: InvoiceDraft) -> None:
    day, quote, order = draft.now.date(), draft.quote, draft.order
    append(
        tx, Invoice, id=draft.id, entity_id=draft.seller.number, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, kind="order", account_id=draft.account.id, division_id=order.division_id,
        division_name=order.division_name, order_source=order.source, order_id=order.id, purchase_order_id=None,
        purchase_order_number=order.purchase_order_number, currency=quote.currency, net=quote.net, tax=quote.tax,
        total=quote.total, due_at_issue=0, issued_at=draft.now, issued_on=day, due_on=day,
        seller=draft.seller.printed, buyer=buyer_of(draft.account), receipt_id=draft.charge_id,
        payment_text=f"Charged to account funds on {day}, receipt {draft.charge_id}, amount due "
        f"{printed(0, quote.currency)} {quote.currency}.",
        notes=_notes(draft),
    )  # fmt: skip


def _notes(draft: InvoiceDraft) -> list[str]:
    group = draft.quote.group
    notes = [group.sentence] if group.sentence else []
    if group.category == "AE":
        notes.append(f"VAT numbers: seller {draft.seller.printed.get('vat_number')}, buyer {draft.account.vat_number}.")
    if group.accounting_currency and group.accounting_tax is not None:
        stated = printed(group.accounting_tax, group.accounting_currency)
        notes.append(f"VAT in {group.accounting_currency}: {stated} (rate {group.exchange_rate}).")
    return notes


def _write_lines(tx: AsyncSession, draft: InvoiceDraft) -> None:
    group = draft.quote.group
    for position, line in enumerate(draft.quote.lines, 1):
        append(
            tx, Line, invoice_id=draft.id, position=position, description=line.description, detail=list(line.detail),
            quantity=line.quantity, unit_price=line.unit_price, net=line.net, category=group.category, rate=group.rate,
        )  # fmt: skip
    append(
        tx, TaxGroup, invoice_id=draft.id, category=group.category, rate=group.rate, net=group.net, tax=group.tax,
        sentence=group.sentence, accounting_currency=group.accounting_currency, accounting_tax=group.accounting_tax,
        exchange_rate=group.exchange_rate,
    )  # fmt: skip


def _say_invoice(tx: AsyncSession, draft: InvoiceDraft, charge: Charged) -> None:
    net, tax, total, nothing = (
        Money(amount=a, currency=charge.currency) for a in (charge.net, charge.tax, charge.total, 0)
    )
    order = OrderRef(source=charge.source, id=charge.order_id)
    about = {"occurred_at": draft.now, "account_id": draft.account.id, "causation_id": draft.cause, "order": order}
    announce(
        tx,
        OrderCharged(
            **about, division_id=charge.division_id, receipt_id=charge.id, net=net, tax=tax, total=total,
            invoice_id=draft.id, invoice_number=draft.number,
        ),
    )  # fmt: skip
    day = draft.now.date()
    announce(
        tx,
        InvoiceIssued(
            **about, invoice_id=draft.id, number=draft.number, kind="order", division_id=charge.division_id,
            issued_on=day, due_on=day, net=net, tax=tax, total=total, amount_due=nothing,
        ),
    )  # fmt: skip


def _issue_note(tx: AsyncSession, draft: CreditNoteDraft) -> None:
    charge = draft.charge
    _write_credit_note(tx, draft, charge)
    entries = [
        (f"revenue:{charge.entity_id}", -charge.net, None),
        (_vat_ledger(charge), -charge.tax, None),
        (f"funds:{draft.funds.division_id}", charge.total, draft.receipt),
    ]
    text = f"Order {charge.order_id}, credit note {draft.number} for invoice {charge.invoice_number}"
    key = (charge.source, charge.order_id)
    post(tx, draft.account.id, "credit", text, charge.currency, entries, draft.now, key, draft.id)
    to_render(tx, draft, "credit_note")
    _say_credit_note(tx, draft, charge)


def _write_credit_note(tx: AsyncSession, draft: CreditNoteDraft, charge: Charged) -> None:
    day = draft.now.date()
    append(
        tx, CreditNote, id=draft.id, entity_id=charge.entity_id, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, invoice_id=charge.invoice_id, invoice_number=charge.invoice_number,
        account_id=draft.account.id, division_id=charge.division_id, order_source=charge.source,
        order_id=charge.order_id, currency=charge.currency, net=charge.net, tax=charge.tax, total=charge.total,
        issued_at=draft.now, issued_on=day,
        reason=draft.reason,
        how_paid=f"Charged to account funds on {charge.charged_at.date()}, receipt {charge.id}.",
        money_went=f"Returned to the account funds on {day}.",
    )  # fmt: skip


def _say_credit_note(tx: AsyncSession, draft: CreditNoteDraft, charge: Charged) -> None:
    net, tax, total = (Money(amount=a, currency=charge.currency) for a in (charge.net, charge.tax, charge.total))
    announce(
        tx,
        CreditNoteIssued(
            occurred_at=draft.now, account_id=draft.account.id, causation_id=draft.cause, credit_note_id=draft.id,
            number=draft.number, invoice_id=charge.invoice_id, invoice_number=charge.invoice_number,
            order=OrderRef(source=charge.source, id=charge.order_id), division_id=charge.division_id,
            issued_on=draft.now.date(), net=net, tax=tax, total=total,
        ),
    )  # fmt: skip
