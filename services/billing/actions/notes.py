"""What is written and said for a credit note, once it has its number."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.book import Entry, note_owed, post
from services.billing.actions.drafts import CreditNoteDraft
from services.billing.actions.snapshots import to_render
from services.billing.models import CreditNote, CreditNoteLine, CreditNoteTax
from services.billing.rules import Original, money_went, vat_ledger
from shared.db import append
from shared.events.base import Money, OrderRef
from shared.events.billing import CreditNoteIssued
from shared.outbox import announce


def issue_note(tx: AsyncSession, draft: CreditNoteDraft) -> None:
    invoice = draft.invoice
    _write_note(tx, draft, invoice)
    _write_lines(tx, draft, invoice.id)
    _write_taxes(tx, draft, invoice.id)
    _book(tx, draft, invoice)
    to_render(tx, draft, "credit_note")
    _say(tx, draft, invoice)


def _write_note(tx: AsyncSession, draft: CreditNoteDraft, invoice: Original) -> None:
    day, credit = draft.now.date(), draft.credit
    source, order_id = draft.order or (None, None)
    append(
        tx, CreditNote, id=draft.id, entity_id=draft.seller.number, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, invoice_id=invoice.id, invoice_number=invoice.number,
        account_id=draft.account.id, division_id=invoice.division_id, order_source=source, order_id=order_id,
        request_id=draft.request_id, ends_part=draft.ends_part, exhausts=credit.exhausts,
        currency=invoice.currency, net=credit.net, tax=credit.tax, total=credit.total, pre_payment=draft.pre_payment,
        post_payment=draft.post_payment, issued_at=draft.now, issued_on=day, issued_by=draft.issued_by,
        reason=draft.reason, how_paid=invoice.how_paid, money_went=money_went(draft.pre_payment, draft.post_payment,
        draft.due_after, invoice, day),
    )  # fmt: skip


def _write_lines(tx: AsyncSession, draft: CreditNoteDraft, invoice_id: int) -> None:
    for position, credited in enumerate(draft.credit.lines, 1):
        line = credited.line
        append(
            tx, CreditNoteLine, credit_note_id=draft.id, position=position, invoice_id=invoice_id, line=line.position,
            description=line.description, detail=list(line.detail), quantity=credited.quantity,
            unit_price=credited.unit_price, net=credited.net, category=line.category, rate=line.rate,
        )  # fmt: skip


def _write_taxes(tx: AsyncSession, draft: CreditNoteDraft, invoice_id: int) -> None:
    for credited in draft.credit.groups:
        group = credited.before
        append(
            tx, CreditNoteTax, credit_note_id=draft.id, category=group.category, rate=group.rate,
            invoice_id=invoice_id, net=credited.net, tax=credited.tax, sentence=group.sentence,
            accounting_currency=group.accounting_currency, accounting_tax=credited.accounting_tax,
            exchange_rate=group.exchange_rate,
        )  # fmt: skip


def _book(tx: AsyncSession, draft: CreditNoteDraft, invoice: Original) -> None:
    """Nothing where the invoice only asked for money: it had booked nothing."""
    purse, credit = draft.purse, draft.credit
    if purse is None:
        return
    entity, what = invoice.entity_id, f"note {draft.number} for invoice {invoice.number}"
    text = f"Order {draft.order[1]}, credit {what}" if draft.order else f"Credit {what}"
    entries: list[Entry] = [(f"revenue:{entity}", -credit.net, None)]
    entries += [(vat_ledger(entity, g.before.category, g.before.rate), -g.tax, None) for g in credit.groups]
    entries += [(f"receivable:{purse.division_id}", draft.pre_payment, None)]
    entries += [(f"funds:{purse.division_id}", draft.post_payment, draft.receipt)]
    order = draft.order or (None, None)
    journal_id = post(tx, draft.account.id, "credit", text, invoice.currency, entries, draft.now, order, draft.id)
    if draft.owed:
        note_owed(
            tx, draft.owed, "credit_note", text, invoice.currency, journal_id, draft.now, invoice.division_id,
            invoice_id=invoice.id, credit_note_id=draft.id,
        )  # fmt: skip


def _say(tx: AsyncSession, draft: CreditNoteDraft, invoice: Original) -> None:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=invoice.currency)

    credit, total = draft.credit, money(draft.credit.total)
    announce(
        tx,
        CreditNoteIssued(
            occurred_at=draft.now, account_id=draft.account.id, causation_id=draft.cause, credit_note_id=draft.id,
            number=draft.number, invoice_id=invoice.id, invoice_number=invoice.number,
            order=OrderRef(source=draft.order[0], id=draft.order[1]) if draft.order else None,
            request_id=draft.request_id or None, ends_order=draft.ends_part and not draft.request_id,
            division_id=invoice.division_id, issued_on=draft.now.date(),
            net=money(credit.net), tax=money(credit.tax), total=total, pre_payment=money(draft.pre_payment),
            post_payment=money(draft.post_payment) if draft.pre_payment else total,
        ),
    )  # fmt: skip
