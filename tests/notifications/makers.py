import hashlib
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.notifications import rules
from services.notifications.models import Message
from shared.events.base import Money, OrderRef
from shared.events.billing import CreditNoteDocumentReady, InvoiceDocumentReady

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
SHA = hashlib.sha256(PDF).hexdigest()
DOCUMENT = UUID("01999999-0000-7000-8000-000000000042")
RECIPIENT = "ap@acme.example"


def an_invoice_document(**other: Any) -> InvoiceDocumentReady:
    values: dict[str, Any] = {
        "occurred_at": NOW,
        "account_id": 9001,
        "document_id": DOCUMENT,
        "number": "INV-2026-000042",
        "order": OrderRef(id=1201),
        "division_id": 14,
        "account_name": "Acme",
        "issued_on": date(2026, 11, 23),
        "total": Money(amount=1_452_514, currency="EUR"),
        "size": len(PDF),
        "sha256": SHA,
        "path": "/services/v2/finance/invoice/7/pdf",
        "recipients": (RECIPIENT,),
        "invoice_id": 7,
        "kind": "order",
        "due_on": date(2026, 12, 23),
        "amount_due": Money(amount=0, currency="EUR"),
    }
    return InvoiceDocumentReady(**(values | other))


def a_credit_note_document(**other: Any) -> CreditNoteDocumentReady:
    same = an_invoice_document().model_dump(
        exclude={"id", "type", "invoice_id", "kind", "due_on", "amount_due", "document_id", "number"}
    )
    mine = {
        "document_id": UUID("01999999-0000-7000-8000-000000000043"),
        "number": "CN-2026-000007",
        "credit_note_id": 3,
        "invoice_number": "INV-2026-000042",
    }
    return CreditNoteDocumentReady(**(same | mine | other))


def a_message(**other: Any) -> Message:
    values: dict[str, Any] = {
        "id": rules.message_id(str(DOCUMENT), "invoice", RECIPIENT),
        "account_id": 9001,
        "division_id": 14,
        "document_id": DOCUMENT,
        "about": str(DOCUMENT),
        "template": "invoice",
        "recipient": RECIPIENT,
        "number": "INV-2026-000042",
        "account_name": "Acme",
        "content": {
            "kind": "order",
            "issued_on": "2026-11-23",
            "due_on": "2026-12-23",
            "currency": "EUR",
            "total": 1_452_514,
            "amount_due": 0,
            "order": {"source": "issuary/orders", "id": 1201},
        },
        "path": "/services/v2/finance/invoice/7/pdf",
        "sha256": SHA,
        "size": len(PDF),
        "created_at": NOW,
        "give_up_at": NOW + rules.GIVE_UP_AFTER,
        "due_at": NOW,
        "attempts": 0,
        "final": False,
    }
    return Message(**(values | other))
