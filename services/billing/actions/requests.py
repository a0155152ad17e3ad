"""Purchase-order and amount-owed invoices: requests for payment, which book nothing until money arrives."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.drafts import RequestDraft
from services.billing.actions.snapshots import to_render
from services.billing.models import Invoice, Line, Receivable, TaxGroup
from services.billing.rules import isolated, printed
from shared.db import append
from shared.events.base import Money
from shared.events.billing import InvoiceIssued
from shared.outbox import announce

OUTSIDE_VAT = "O"  # EN 16931 BT-151
NOTE = "Payment request. VAT is charged on the invoices for orders paid from these funds."


def issue_request(tx: AsyncSession, draft: RequestDraft) -> None:
    _write_invoice(tx, draft)
    _write_line(tx, draft)
    _write_receivable(tx, draft)
    to_render(tx, draft, "invoice", silent=draft.silent)
    _say(tx, draft)


def _write_invoice(tx: AsyncSession, draft: RequestDraft) -> None:
    day, period = draft.now.date(), draft.period
    source, number, issued_on = draft.legacy
    append(
        tx, Invoice, id=draft.id, entity_id=draft.seller.number, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, kind=draft.kind, account_id=draft.account.id,
        division_id=draft.division_id, division_name=draft.division_name, order_source=None, order_id=None,
        request_id=0,
        purchase_order_id=draft.purchase_order_id, purchase_order_number=draft.purchase_order_number,
        period_first=period.first if period else None, period_last=period.last if period else None,
        legacy_source=source, legacy_number=number, legacy_issued_on=issued_on, currency=draft.currency,
        net=draft.amount, tax=0, total=draft.amount, due_at_issue=draft.amount - draft.paid_before,
        issued_at=draft.now, issued_on=day, due_on=draft.due_on, seller=draft.seller.printed,
        buyer=draft.buyer, receipt_id=None, payment_text=_how_to_pay(draft), notes=[NOTE, *_history(draft)],
    )  # fmt: skip


def _how_to_pay(draft: RequestDraft) -> str:
    if draft.paid_before == draft.amount:
        return "Nothing is due: it was paid before."
    return f"Please give the number {draft.number} with your payment."


def _history(draft: RequestDraft) -> list[str]:
    _, number, issued_on = draft.legacy
    if number is None:
        return []
    paid = f"; {printed(draft.paid_before, draft.currency)} {draft.currency} of it were paid before"
    before = f"Issued before as {isolated(number)} on {issued_on}{paid if draft.paid_before else ''}."
    return [before, draft.note] if draft.note else [before]


def _write_line(tx: AsyncSession, draft: RequestDraft) -> None:
    append(
        tx, Line, invoice_id=draft.id, position=1, description=draft.description, detail=[], quantity=1,
        unit_price=draft.amount, net=draft.amount, category=OUTSIDE_VAT, rate=Decimal(0), order_source=None,
        order_id=None,
    )  # fmt: skip
    append(
        tx, TaxGroup, invoice_id=draft.id, category=OUTSIDE_VAT, rate=Decimal(0), net=draft.amount, tax=0,
        sentence=None, accounting_currency=None, accounting_tax=None, exchange_rate=None,
    )  # fmt: skip


def _write_receivable(tx: AsyncSession, draft: RequestDraft) -> None:
    day = draft.now.date()
    append(
        tx, Receivable, invoice_id=draft.id, number=draft.number, kind=draft.kind, entity_id=draft.seller.number,
        account_id=draft.account.id, division_id=draft.division_id, currency=draft.currency,
        funds_division_id=draft.funds_division_id, issued_on=day, due_on=draft.due_on,
        settled_on=day if draft.paid_before == draft.amount else None, total=draft.amount,
        paid_before=draft.paid_before, paid=draft.paid_before, credited=0, returned=0, overdue_at=_told_before(draft),
    )  # fmt: skip


def _told_before(draft: RequestDraft) -> datetime | None:
    """An older system has reminded of what was late there: taking thousands over must not remind of all at once."""
    return draft.now if draft.silent and draft.due_on < draft.now.date() else None


def _say(tx: AsyncSession, draft: RequestDraft) -> None:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=draft.currency)

    announce(
        tx,
        InvoiceIssued(
            occurred_at=draft.now, account_id=draft.account.id, causation_id=draft.cause, invoice_id=draft.id,
            number=draft.number, kind=draft.kind, division_id=draft.division_id, issued_on=draft.now.date(),
            due_on=draft.due_on, net=money(draft.amount), tax=money(0), total=money(draft.amount),
            amount_due=money(draft.amount - draft.paid_before), purchase_order_number=draft.purchase_order_number,
            legacy_source=draft.legacy[0], legacy_number=draft.legacy[1],
        ),
    )  # fmt: skip
