"""What happened to an invoice, the oldest first."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from services.billing.models import Invoice
from services.billing.queries.settling import Settling
from services.billing.rules import FROM_FUNDS, isolated
from shared.figures import money


def timeline(
    invoice: Invoice, document: Any, notes: Sequence[Any], settled: Sequence[Settling]
) -> list[dict[str, Any]]:
    return sorted(_steps(invoice, document, notes, settled), key=lambda step: step["at"])


def _steps(
    invoice: Invoice, document: Any, notes: Sequence[Any], settled: Sequence[Settling]
) -> Iterator[dict[str, Any]]:
    buyer = isolated(invoice.buyer["name"].rstrip("."))
    yield _step(invoice.issued_at, "good", f"Issued to {buyer}. {invoice.payment_text}")
    if invoice.legacy_number:
        yield _step(invoice.issued_at, "", _taken_over(invoice))
    if document.rendered_at:
        yield _step(document.rendered_at, "good", "PDF stored")
    for row in notes:
        note = row.CreditNote
        said = f"{isolated(note.reason.rstrip('.'))}. {note.money_went}"
        text = f"Credit note {note.number} over {money(note.total, note.currency)}: {said}"
        yield _step(note.issued_at, "wait", text) | {"who": note.issued_by}
    for one in settled if invoice.due_at_issue else ():
        yield _settled(invoice, one)


def _taken_over(invoice: Invoice) -> str:
    note = f" {isolated(invoice.imported_note)}" if invoice.imported_note else ""
    paid = f"; {money(invoice.paid_before, invoice.currency)} were paid there" if invoice.paid_before else ""
    return f"Taken over from {isolated(invoice.legacy_source or '')}{paid}.{note}"


def _settled(invoice: Invoice, one: Settling) -> dict[str, Any]:
    sum_, at = money(abs(one.amount), invoice.currency), one.at or invoice.issued_at
    if one.payment_id is None:
        return _step(at, "good", f"{one.what}: {sum_}")
    way = " from account funds" if one.method == FROM_FUNDS else ""
    why = f" ({isolated(one.reason)})" if one.reason else ""
    text = f"{sum_} paid{way}, payment" if one.amount > 0 else f"{sum_} went back{why}, payment"
    link = {"href": f"/finance/payments/{one.payment_id}", "link": one.payment_reference}
    return _step(at, "good" if one.amount > 0 else "bad", text) | link


def _step(at: datetime, kind: str, text: str) -> dict[str, Any]:
    return {"at": at, "kind": kind, "text": text, "who": None, "href": None, "link": None}
