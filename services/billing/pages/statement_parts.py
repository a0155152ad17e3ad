"""What a statement's page shows below the funds: invoices on account, and payment requests."""

from collections.abc import Sequence
from typing import Any

from services.billing.queries.history import Paper
from services.billing.queries.invoices_on_account import Due
from services.billing.queries.payment_requests import PaymentRequest
from services.billing.queries.statement import Owing, Statement
from services.billing.rules import Age

LATE = {"days_0_30": "wait", "days_31_60": "wait", "days_61_90": "bad", "days_over_90": "bad"}


def invoices_shown(of: Statement, owing: Owing, dues: Sequence[Due], skip: int) -> dict[str, Any] | None:
    """None where nothing is on account."""
    if of.invoices.is_idle:
        return None
    opening, closing = of.invoices.opening, of.invoices.closing
    return {
        "opening": opening.due, "closing": closing.due, "debit": owing.debit, "credit": owing.credit,
        "accrued_before": opening.accrued, "accrued": closing.accrued, "count": of.invoices.count,
        "rows": [_due(due) for due in dues], "brought": _brought(closing.due, dues) if skip else None,
        "ages": [_age(age, amount, closing.due) for age, amount in owing.aging] if closing.due else [],
        "aged_on": of.aged_on,
    }  # fmt: skip


def _brought(closing: int, dues: Sequence[Due]) -> int:
    return dues[0].due_after - dues[0].amount if dues else closing


def _age(age: Age, amount: int, due: int) -> dict[str, Any]:
    share = max(1, 100 * amount // due) if amount else 0
    return {"words": age.words, "amount": amount, "share": share, "kind": LATE.get(age.name, "")}


def _due(due: Due) -> dict[str, Any]:
    return {
        "at": due.at,
        "text": due.text,
        "type": due.type,
        "due_on": due.due_on,
        "amount": abs(due.amount),
        "is_debit": due.is_debit,
        "due": due.due_after,
        "paper": linked(due.paper),
    }


def linked(paper: Paper | None) -> dict[str, str] | None:
    """A credit note whose copy is still being made is led to by the invoice that it corrects."""
    if paper is None:
        return None
    where = {
        "invoice": f"/finance/invoices/{paper.id}",
        "payment": f"/finance/payments/{paper.id}",
        "credit_note": f"/services/v2/finance/credit-note/{paper.id}/pdf",
    }[paper.kind]
    return {"number": paper.number, "href": where if paper.is_ready else f"/finance/invoices/{paper.invoice_id}"}


def request_shown(one: PaymentRequest) -> dict[str, Any]:
    return {
        "at": one.issued_at,
        "number": one.number,
        "href": f"/finance/invoices/{one.id}",
        "text": one.words,
        "due_on": one.due_on,
        "total": one.total,
        "paid": one.paid,
        "credited": one.credited,
        "due": one.due,
    }
