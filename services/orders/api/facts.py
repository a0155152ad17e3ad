"""Issuary's own part of an order's answer: every fact by itself, from which the status follows."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, PlainSerializer

from services.orders.models import RequestName
from services.orders.queries import Row

Moment = Annotated[datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(timespec="seconds"))]


class NameFacts(BaseModel):
    """What is known of a name: the record to publish, then its proof, else what is wrong."""

    name: str
    domain_id: int | None
    record_name: str | None
    record_type: str | None
    record_value: str | None
    validated_at: Moment | None
    usable_until: Moment | None
    problem: str | None
    next_check_at: Moment | None


class DocumentFacts(BaseModel):
    id: int
    number: str
    path: str | None


class Facts(BaseModel):
    """Issuary's own: every fact of the order by itself, from which its status follows."""

    placed_at: Moment
    approved_at: Moment | None
    rejected_at: Moment | None
    canceled_at: Moment | None
    note: str | None
    paid_at: Moment | None
    waiting_reason: str | None
    waiting_message: str | None
    released_at: Moment | None
    credited_at: Moment | None
    organization_validated_until: Moment | None
    names: list[NameFacts]
    asked_at: Moment | None
    denied_at: Moment | None
    issue_before: Moment | None
    issued_at: Moment | None
    revoked_at: Moment | None
    renewed_by_order_id: int | None
    invoice: DocumentFacts | None
    credit_note: DocumentFacts | None


def facts(row: Row) -> Facts:
    order, request = row.order, row.request
    return Facts(
        placed_at=order.placed_at,
        approved_at=request.approved_at,
        rejected_at=order.rejected_at,
        canceled_at=order.cancelled_at,
        note=order.closing_note,
        paid_at=order.paid_at,
        waiting_reason=order.waiting_reason if order.is_waiting else None,
        waiting_message=order.waiting_message if order.is_waiting else None,
        released_at=order.released_at,
        credited_at=order.credited_at,
        organization_validated_until=order.vetted_until if order.organization else None,
        names=[_name(name) for name in request.names],
        asked_at=request.asked_at,
        denied_at=request.denied_at,
        issue_before=request.issue_before,
        issued_at=order.issued_at,
        revoked_at=order.revoked_at,
        renewed_by_order_id=row.renewed_by,
        invoice=_document(order.invoice_id, order.invoice_number, order.invoice_path),
        credit_note=_document(order.credit_note_id, order.credit_note_number, order.credit_note_path),
    )


def _name(name: RequestName) -> NameFacts:
    return NameFacts(
        name=name.name,
        domain_id=name.domain_id,
        record_name=name.record_name,
        record_type=name.record_type,
        record_value=name.record_value,
        validated_at=name.validated_at,
        usable_until=name.usable_until,
        problem=name.failure,
        next_check_at=name.next_check_at,
    )


def _document(id: int | None, number: str | None, path: str | None) -> DocumentFacts | None:
    return DocumentFacts(id=id, number=number, path=path) if id and number else None
