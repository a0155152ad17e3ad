"""The snapshot of a document as the renderer takes it."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import CreditNote, CreditNoteLine, CreditNoteTax, Invoice, Line, TaxGroup
from services.billing.queries.supplied import Days, days_supplied
from services.billing.rules import vat_notes
from services.billing.rules.countries import country_name
from shared.events.orders import SOURCE as OURS

Snapshot = dict[str, Any]


async def snapshots(tx: AsyncSession, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Snapshot]:
    """(kind, id) → what stands on it; seven queries at most, however many documents."""
    note_ids = [number for kind, number in wanted if kind == "credit_note"]
    notes = list(await tx.scalars(select(CreditNote).where(CreditNote.id.in_(note_ids)))) if note_ids else []
    ids = {number for kind, number in wanted if kind == "invoice"}
    read = select(Invoice).where(Invoice.id.in_(ids | {note.invoice_id for note in notes}))
    invoices = {row.id: row for row in await tx.scalars(read)}
    lines = await _grouped(tx, Line.invoice_id, Line.position, ids)
    taxes = await _grouped(tx, TaxGroup.invoice_id, TaxGroup.category, ids)
    credited = await _grouped(tx, CreditNoteLine.credit_note_id, CreditNoteLine.position, note_ids)
    credited_taxes = await _grouped(tx, CreditNoteTax.credit_note_id, CreditNoteTax.category, note_ids)
    days = await days_supplied(tx, [invoices[number] for number in ids])
    made = {
        ("invoice", number): _invoice(invoices[number], lines[number], taxes[number], days.get(number))
        for number in ids
    }
    for note in notes:
        of = credited[note.id], credited_taxes[note.id]
        made["credit_note", note.id] = _credit_note(note, invoices[note.invoice_id], *of)
    return made


async def _grouped(tx: AsyncSession, of: Any, order: Any, ids: Collection[int]) -> dict[int, list[Any]]:
    """Rows of the column's table by it."""
    grouped: dict[int, list[Any]] = {number: [] for number in ids}
    if ids:
        for row in await tx.scalars(select(of.class_).where(of.in_(ids)).order_by(order)):
            grouped[getattr(row, of.key)].append(row)
    return grouped


def _invoice(row: Invoice, lines: list[Line], taxes: list[TaxGroup], days: Days | None) -> Snapshot:
    return {
        "kind": "invoice",
        "request": row.is_request,
        "number": row.number,
        "issued_on": row.issued_on.isoformat(),
        "due_on": row.due_on.isoformat() if row.due_at_issue else None,
        "purchase_order_number": row.purchase_order_number,
        "amount_due": row.due_at_issue,
        "payment": row.payment_text,
        "notes": _notes(row, taxes),
        "period": [day.isoformat() for day in days] if days else None,
        **_common(row, row, lines, taxes),
    }


def _credit_note(
    note: CreditNote, invoice: Invoice, lines: list[CreditNoteLine], taxes: list[CreditNoteTax]
) -> Snapshot:
    return {
        "kind": "credit_note",
        "request": invoice.is_request,
        "number": note.number,
        "issued_on": note.issued_on.isoformat(),
        "due_on": None,
        "purchase_order_number": invoice.purchase_order_number,
        "amount_due": 0,
        "payment": None,
        "notes": _notes_of_credit(invoice, taxes),
        "credited": {
            "number": invoice.number,
            "issued_on": invoice.issued_on.isoformat(),
            "how_paid": note.how_paid,
            "money_went": note.money_went,
            "reason": note.reason,
        },
        **_common(note, invoice, lines, taxes),
    }


def _notes(invoice: Invoice, taxes: list[TaxGroup]) -> list[str]:
    """Sentences of VAT groups are printed with their groups."""
    return invoice.notes[sum(1 for group in taxes if group.sentence) :]


def _notes_of_credit(invoice: Invoice, taxes: list[CreditNoteTax]) -> list[str]:
    """What an invoice states of its VAT is not what a part of it has."""
    if invoice.is_request:
        return invoice.notes
    return vat_notes(taxes, invoice.seller.get("vat_number"), invoice.buyer["vat_number"])


def _common(
    row: Invoice | CreditNote, invoice: Invoice, lines: Sequence[Line | CreditNoteLine],
    taxes: Sequence[TaxGroup | CreditNoteTax],
) -> Snapshot:  # fmt: skip
    return {
        "currency": row.currency,
        "seller": invoice.seller,
        "buyer": buyer_printed(invoice.buyer),
        "order": _order(row),
        "division": invoice.division_name,
        "lines": [_line(line) for line in lines],
        "tax_groups": [_tax(group) for group in taxes],
        "net": row.net,
        "tax": row.tax,
        "total": row.total,
    }


def _order(row: Invoice | CreditNote) -> str | None:
    if row.order_id is None:
        return None
    return str(row.order_id) if row.order_source == OURS else f"{row.order_source}:{row.order_id}"


def buyer_printed(buyer: dict[str, Any]) -> Snapshot:
    """Postal lines in the order that most of the world prints them."""
    address = buyer["address"] or {}
    country = country_name(address.get("country"))
    parts = (buyer.get("contact"), address.get("line1"), address.get("line2"), *_town(address), country)
    return {
        "name": buyer["name"],
        "legal_name": buyer["legal_name"],
        "address": [part for part in parts if part],
        "vat_number": buyer["vat_number"],
        "buyer_reference": buyer["buyer_reference"],
    }


def _town(address: dict[str, Any]) -> tuple[str | None, ...]:
    """«Lehi, UT 84043» where regions belong to the line of the town, else «10115 Berlin» and the region below."""
    city, region, postcode = address.get("city"), address.get("region"), address.get("postcode")
    if address.get("country") in REGION_BESIDE_TOWN:
        return (", ".join(part for part in (city, f"{region or ''} {postcode or ''}".strip()) if part),)
    return " ".join(part for part in (postcode, city) if part), region


REGION_BESIDE_TOWN = ("US", "CA", "AU")


def _line(line: Line | CreditNoteLine) -> Snapshot:
    return {
        "description": line.description,
        "detail": line.detail,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "net": line.net,
        "tax_category": line.category,
        "tax_rate": f"{line.rate.normalize():f}",
    }


def _tax(group: TaxGroup | CreditNoteTax) -> Snapshot:
    return {
        "category": group.category,
        "rate": f"{group.rate.normalize():f}",
        "net": group.net,
        "tax": group.tax,
        "sentence": group.sentence,
    }
