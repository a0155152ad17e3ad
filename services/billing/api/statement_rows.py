"""The parts of a statement in JSON."""

from typing import Any

from services.billing.api.finance_rows import entry_out, moment
from services.billing.queries.history import Entry, Paper
from services.billing.queries.invoices_on_account import Due
from services.billing.queries.payment_requests import PaymentRequest
from services.billing.queries.statement import Course, Owing, Statement
from services.billing.rules import printed


def funds_out(of: Statement, course: Course) -> dict[str, str]:
    figures = {
        "opening_balance": of.opening,
        "total_debit": course.debit,
        "total_credit": course.credit,
        "closing_balance": of.closing,
    }
    return _printed(figures, of.funds.currency)


def invoices_out(of: Statement, owing: Owing) -> dict[str, Any]:
    """At the end due and not yet invoiced come to the `unpaid_invoice_balance` of View balance. What was to be paid on
    the last day is 0 days past due when it ends."""
    opening, closing, currency = of.invoices.opening, of.invoices.closing, of.funds.currency
    figures = {
        "opening_due": opening.due,
        "total_debit": owing.debit,
        "total_credit": owing.credit,
        "closing_due": closing.due,
        "opening_not_yet_invoiced": opening.accrued,
        "closing_not_yet_invoiced": closing.accrued,
        "closing_unpaid_invoice_balance": closing.due + closing.accrued,
    }
    aging = _printed({age.name: amount for age, amount in owing.aging}, currency)
    return {**_printed(figures, currency), "aging": aging | {"as_of": of.aged_on.isoformat()}}


def _printed(figures: dict[str, int], currency: str) -> dict[str, str]:
    return {name: printed(amount, currency) for name, amount in figures.items()}


def row_out(entry: Entry) -> dict[str, Any]:
    """Every row says in words what it was, and names its document."""
    return entry_out(entry) | {"note": entry.text} | _document(entry.paper)


def due_out(due: Due, currency: str) -> dict[str, Any]:
    invoice = {"id": due.invoice[0], "invoice_number": due.invoice[1]} if due.invoice else None
    return {
        "debit" if due.is_debit else "credit": printed(abs(due.amount), currency),
        "transaction_type": due.type,
        "transaction_date": moment(due.at),
        "due_after": printed(due.due_after, currency),
        "currency": currency,
        "note": due.text,
        **({"date_due": due.due_on.isoformat()} if due.due_on else {}),
        **({"invoice": invoice} if invoice else {}),
        **_document(due.paper),
    }


def _document(paper: Paper | None) -> dict[str, Any]:
    return {"document": {"kind": paper.kind, "id": paper.id, "number": paper.number}} if paper else {}


def request_out(one: PaymentRequest, currency: str) -> dict[str, Any]:
    """As lists of invoices say it; figures at the end of the period."""
    return {
        "id": one.id,
        "invoice_number": one.number,
        "kind": one.kind,
        **({"po_number": one.purchase_order_number} if one.purchase_order_number else {}),
        "currency": currency,
        "total_amount": printed(one.total, currency),
        "paid_amount": printed(one.paid, currency),
        "credited_amount": printed(one.credited, currency),
        "amount_due": printed(one.due, currency),
        "date_issued": one.issued_at.isoformat(timespec="seconds"),
        "date_due": one.due_on.isoformat(),
    }
