from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.events.base import Money, OrderRef, PublicId, ShortText
from shared.events.billing.base import BillingFact, InvoiceKind


class DocumentReady(BillingFact):
    """The stored PDF: fetch `path` from billing with a service key and check the hash. No bytes in events."""

    document_id: UUID
    number: ShortText
    order: OrderRef | None = None
    request_id: PublicId | None = None
    division_id: PublicId
    account_name: str
    issued_on: date
    total: Money
    size: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    path: ShortText
    recipients: tuple[str, ...] = ()


class InvoiceDocumentReady(DocumentReady):
    """`silent`: an older system had issued it, and nobody is to be told by mail."""

    type: Literal["invoice_document_ready"] = "invoice_document_ready"
    invoice_id: PublicId
    kind: InvoiceKind
    due_on: date
    amount_due: Money
    silent: bool = False

    @property
    def subject(self) -> str:
        return f"invoice/{self.invoice_id}"


class CreditNoteDocumentReady(DocumentReady):
    type: Literal["credit_note_document_ready"] = "credit_note_document_ready"
    credit_note_id: PublicId
    invoice_number: ShortText
    ends_order: bool = True

    @property
    def subject(self) -> str:
        return f"credit-note/{self.credit_note_id}"
