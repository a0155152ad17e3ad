"""Purchase-order invoices: requests for payment, which book nothing until money arrives (billing-rules.md 4.2)."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.drafts import RequestDraft
from services.billing.actions.snapshots import buyer_of, to_render
from services.billing.models import Invoice, Line, Receivable, TaxGroup
from shared.db import append
from shared.events.base import Money
from shared.events.billing import InvoiceIssued
from shared.outbox import announce

KIND = "purchase_order"
OUTSIDE_VAT = "O"  # EN 16931 BT-151
NOTE = "Payment request. VAT is charged on the invoices for orders paid from these funds."


def issue_request(tx: AsyncSession, draft: RequestDraft) -> None:
    _write_invoice(tx, draft)
    _write_line(tx, draft)
    _write_receivable(tx, draft)
    to_render(tx, draft, "invoice")
    _say(tx, draft)


def _write_invoice(tx: AsyncSession, draft: RequestDraft) -> None:
    wish, day = draft.purchase_order, draft.now.date()
    append(
        tx, Invoice, id=draft.id, entity_id=draft.seller.number, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, kind=KIND, account_id=draft.account.id, division_id=wish.division_id,
        division_name=wish.division_name, order_source=None, order_id=None, purchase_order_id=wish.id,
        purchase_order_number=wish.number, currency=wish.currency, net=wish.amount, tax=0, total=wish.amount,
        due_at_issue=wish.amount, issued_at=draft.now, issued_on=day, due_on=draft.due_on,
        seller=draft.seller.printed, buyer=buyer_of(draft.account), receipt_id=None,
        payment_text=f"Please give the number {draft.number} with your payment.", notes=[NOTE],
    )  # fmt: skip


def _write_line(tx: AsyncSession, draft: RequestDraft) -> None:
    amount = draft.purchase_order.amount
    append(
        tx, Line, invoice_id=draft.id, position=1, description="Account funds", detail=[], quantity=1,
        unit_price=amount, net=amount, category=OUTSIDE_VAT, rate=Decimal(0),
    )  # fmt: skip
    append(
        tx, TaxGroup, invoice_id=draft.id, category=OUTSIDE_VAT, rate=Decimal(0), net=amount, tax=0, sentence=None,
        accounting_currency=None, accounting_tax=None, exchange_rate=None,
    )  # fmt: skip


def _write_receivable(tx: AsyncSession, draft: RequestDraft) -> None:
    wish = draft.purchase_order
    append(
        tx, Receivable, invoice_id=draft.id, number=draft.number, kind=KIND, account_id=draft.account.id,
        division_id=wish.division_id, currency=wish.currency, due_on=draft.due_on, total=wish.amount, paid=0,
        credited=0, overdue_at=None,
    )  # fmt: skip


def _say(tx: AsyncSession, draft: RequestDraft) -> None:
    wish = draft.purchase_order
    whole, nothing = Money(amount=wish.amount, currency=wish.currency), Money(amount=0, currency=wish.currency)
    announce(
        tx,
        InvoiceIssued(
            occurred_at=draft.now, account_id=draft.account.id, causation_id=draft.cause, invoice_id=draft.id,
            number=draft.number, kind=KIND, division_id=wish.division_id, issued_on=draft.now.date(),
            due_on=draft.due_on, net=whole, tax=nothing, total=whole, amount_due=whole,
            purchase_order_number=wish.number,
        ),
    )  # fmt: skip
