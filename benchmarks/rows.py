"""The rows and facts of one charged order as plain values, for both contenders; a test compares them with Issuary's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.billing import models
from services.billing.rules import Quote
from shared.events.base import Money, OrderRef
from shared.events.billing import InvoiceIssued, OrderCharged
from shared.events.orders import OrderPlaced
from shared.ids import new_id

Row = tuple[Any, dict[str, Any]]


@dataclass
class Sale:
    """One order with everything that was drawn and read for it."""

    event: OrderPlaced
    buyer: dict[str, Any]
    funds_division: int
    quote: Quote
    funds_seq: int
    balance_after: int
    invoice_id: int
    receipt_id: int
    seq: int
    now: datetime

    @property
    def number(self) -> str:
        return f"{self.quote.seller.invoice_prefix}-{self.now.year}-{self.seq:06d}"


def rows_of(sale: Sale) -> list[Row]:
    journal_id = new_id()
    return [_order(sale), _charge(sale), _invoice(sale), *_lines(sale), _tax(sale), _journal(sale, journal_id),
            *_postings(sale, journal_id), _document(sale)]  # fmt: skip


def _order(sale: Sale) -> Row:
    event = sale.event
    return models.Order, {
        "source": event.source, "id": event.order_id, "account_id": event.account_id, "division_id": event.division.id,
        "division_name": event.division.name, "currency": event.account.currency,
        "product_name_id": event.product_name_id, "years": event.term.years, "days": event.term.days,
        "names": list(event.names), "payment_method": event.payment.method,
        "purchase_order_number": event.payment.purchase_order_number,
        "placed_by": event.placed_by, "placed_by_user": event.placed_by_user, "placed_at": event.placed_at,
    }  # fmt: skip


def _charge(sale: Sale) -> Row:
    event, quote = sale.event, sale.quote
    return models.Charge, {
        "id": sale.receipt_id, "source": event.source, "order_id": event.order_id, "request_id": 0,
        "account_id": event.account_id, "division_id": event.division.id, "currency": quote.currency,
        "net": quote.net, "tax": quote.tax,
        "total": quote.total, "entity_id": quote.seller.number, "category": quote.group.category,
        "rate": quote.group.rate, "invoice_id": sale.invoice_id, "invoice_number": sale.number, "charged_at": sale.now,
        "priced_on": quote.on,
    }  # fmt: skip


def _invoice(sale: Sale) -> Row:
    event, quote, day = sale.event, sale.quote, sale.now.date()
    paid = f"Charged to account funds on {day}, receipt {sale.receipt_id}, amount due 0.00 {quote.currency}."
    return models.Invoice, {
        "id": sale.invoice_id, "entity_id": quote.seller.number, "series": "invoice", "year": sale.now.year,
        "seq": sale.seq, "number": sale.number, "kind": "order", "account_id": event.account_id,
        "division_id": event.division.id, "division_name": event.division.name, "order_source": event.source,
        "order_id": event.order_id, "request_id": 0, "purchase_order_id": None,
        "purchase_order_number": event.payment.purchase_order_number, "period_first": None, "period_last": None,
        "legacy_source": None, "legacy_number": None, "legacy_issued_on": None, "currency": quote.currency,
        "net": quote.net, "tax": quote.tax, "total": quote.total, "due_at_issue": 0,
        "issued_at": sale.now, "issued_on": day, "due_on": day, "seller": quote.seller.printed, "buyer": sale.buyer,
        "receipt_id": sale.receipt_id, "payment_text": paid, "notes": [],
    }  # fmt: skip


def _lines(sale: Sale) -> list[Row]:
    group = sale.quote.group
    return [
        (models.Line, {
            "invoice_id": sale.invoice_id, "position": position, "description": line.description,
            "detail": list(line.detail), "quantity": line.quantity, "unit_price": line.unit_price, "net": line.net,
            "category": group.category, "rate": group.rate, "order_source": sale.event.source,
            "order_id": sale.event.order_id,
        })
        for position, line in enumerate(sale.quote.lines, 1)
    ]  # fmt: skip


def _tax(sale: Sale) -> Row:
    group = sale.quote.group
    return models.TaxGroup, {
        "invoice_id": sale.invoice_id, "category": group.category, "rate": group.rate, "net": group.net,
        "tax": group.tax, "sentence": group.sentence, "accounting_currency": group.accounting_currency,
        "accounting_tax": group.accounting_tax, "exchange_rate": group.exchange_rate,
    }  # fmt: skip


def _journal(sale: Sale, journal_id: UUID) -> Row:
    return models.Journal, {
        "id": journal_id, "account_id": sale.event.account_id, "at": sale.now, "kind": "charge",
        "text": f"Order {sale.event.order_id}, invoice {sale.number}", "order_source": sale.event.source,
        "order_id": sale.event.order_id, "subject_id": sale.receipt_id,
    }  # fmt: skip


def _postings(sale: Sale, journal_id: UUID) -> list[Row]:
    quote, entity = sale.quote, sale.quote.seller.number
    division = sale.funds_division
    vat = f"vat:{entity}:{quote.group.category}:{quote.group.rate.normalize():f}"
    entries: list[tuple[str, int, int | None, int | None, int | None]] = [
        (f"funds:{division}", -quote.total, division, sale.funds_seq, sale.balance_after),
        (f"revenue:{entity}", quote.net, None, None, None),
        (vat, quote.tax, None, None, None),
    ]
    return [
        (models.Posting, {
            "journal_id": journal_id, "line": line, "ledger": ledger, "amount": amount, "currency": quote.currency,
            "division_id": of, "seq": seq, "balance_after": after, "type": "Charge" if of else None,
        })
        for line, (ledger, amount, of, seq, after) in enumerate(entries, 1) if amount
    ]  # fmt: skip


def _document(sale: Sale) -> Row:
    return models.Document, {
        "id": new_id(), "kind": "invoice", "subject_id": sale.invoice_id, "account_id": sale.event.account_id,
        "silent": False, "due_at": sale.now, "attempts": 0, "failure": None, "rendered_at": None, "sha256": None,
        "pdf": None,
    }  # fmt: skip


def facts_of(sale: Sale) -> list[OrderCharged | InvoiceIssued]:
    event, quote, day = sale.event, sale.quote, sale.now.date()
    net, tax, total, due = (
        Money(amount=amount, currency=quote.currency) for amount in (quote.net, quote.tax, quote.total, 0)
    )
    order = OrderRef(source=event.source, id=event.order_id)
    charged = OrderCharged(
        occurred_at=sale.now, account_id=event.account_id, causation_id=str(event.id), order=order,
        division_id=event.division.id, receipt_id=sale.receipt_id, net=net, tax=tax, total=total,
        invoice_id=sale.invoice_id, invoice_number=sale.number,
    )  # fmt: skip
    issued = InvoiceIssued(
        occurred_at=sale.now, account_id=event.account_id, causation_id=str(event.id), order=order,
        invoice_id=sale.invoice_id, number=sale.number, kind="order", division_id=event.division.id, issued_on=day,
        due_on=day, net=net, tax=tax, total=total, amount_due=due,
    )  # fmt: skip
    return [charged, issued]


def outbox_row(fact: OrderCharged | InvoiceIssued, correlation_id: str) -> dict[str, Any]:
    headers = {
        "ce_specversion": "1.0", "ce_id": str(fact.id), "ce_type": fact.type, "ce_source": fact.source,
        "ce_time": fact.occurred_at.isoformat().replace("+00:00", "Z"), "ce_subject": fact.subject,
        "content-type": "application/json", "correlation_id": correlation_id, "ce_causationid": fact.causation_id,
    }  # fmt: skip
    return {
        "event_id": fact.id, "topic": fact.topic, "key": fact.key, "headers": headers,
        "payload": fact.model_dump_json().encode(),
    }  # fmt: skip
