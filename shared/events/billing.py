from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Command, CommandRefused, Event, Money, OrderRef, PublicId, ShortText

TOPIC = "billing.events.v1"
COMMANDS = "billing.commands.v1"
SOURCE = "issuary/billing"

InvoiceKind = Literal["order", "purchase_order", "usage", "amount_owed", "other"]
WaitingReason = Literal["funds", "price", "tax", "billing_details", "other"]


class BillingFact(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = SOURCE


class AboutCharge(BillingFact):
    order: OrderRef

    @property
    def subject(self) -> str:
        return self.order.subject


class OrderCharged(AboutCharge):
    """Paid from the division's funds in full; the invoice of it is due nothing."""

    type: Literal["order_charged"] = "order_charged"
    division_id: PublicId
    receipt_id: PublicId
    net: Money
    tax: Money
    total: Money
    invoice_id: PublicId
    invoice_number: ShortText


class OrderWaiting(AboutCharge):
    """Nothing was charged. `message` says why and what to do; `shortfall` is set where funds are missing."""

    type: Literal["order_waiting"] = "order_waiting"
    division_id: PublicId
    reason: WaitingReason
    message: str
    total: Money | None = None
    shortfall: Money | None = None


class OrderReleased(AboutCharge):
    """A cancelled or rejected order that was never charged: no document, no money moves."""

    type: Literal["order_released"] = "order_released"
    division_id: PublicId
    message: str


class InvoiceIssued(BillingFact):
    type: Literal["invoice_issued"] = "invoice_issued"
    invoice_id: PublicId
    number: ShortText
    kind: InvoiceKind
    order: OrderRef | None = None
    division_id: PublicId
    issued_on: date
    due_on: date
    net: Money
    tax: Money
    total: Money
    amount_due: Money

    @property
    def subject(self) -> str:
        return f"invoice/{self.invoice_id}"


class CreditNoteIssued(BillingFact):
    type: Literal["credit_note_issued"] = "credit_note_issued"
    credit_note_id: PublicId
    number: ShortText
    invoice_id: PublicId
    invoice_number: ShortText
    order: OrderRef | None = None
    division_id: PublicId
    issued_on: date
    net: Money
    tax: Money
    total: Money

    @property
    def subject(self) -> str:
        return f"credit-note/{self.credit_note_id}"


class DocumentReady(BillingFact):
    """The stored PDF: fetch `path` from billing with a service key and check the hash. No bytes in events."""

    document_id: UUID
    number: ShortText
    order: OrderRef | None = None
    division_id: PublicId
    account_name: str
    issued_on: date
    total: Money
    size: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    path: ShortText
    recipients: tuple[str, ...] = ()


class InvoiceDocumentReady(DocumentReady):
    type: Literal["invoice_document_ready"] = "invoice_document_ready"
    invoice_id: PublicId
    kind: InvoiceKind
    due_on: date
    amount_due: Money

    @property
    def subject(self) -> str:
        return f"invoice/{self.invoice_id}"


class CreditNoteDocumentReady(DocumentReady):
    type: Literal["credit_note_document_ready"] = "credit_note_document_ready"
    credit_note_id: PublicId
    invoice_number: ShortText

    @property
    def subject(self) -> str:
        return f"credit-note/{self.credit_note_id}"


class PaymentSettled(BillingFact):
    """Money arrived; a deposit becomes funds of the division."""

    type: Literal["payment_settled"] = "payment_settled"
    payment_id: PublicId
    division_id: PublicId
    amount: Money
    method: ShortText
    reference: str
    settled_at: AwareDatetime

    @property
    def subject(self) -> str:
        return f"payment/{self.payment_id}"


class BillingCommandRefused(BillingFact, CommandRefused):
    type: Literal["command_refused"] = "command_refused"


class DepositFunds(Command):
    """Money that has really arrived, told by who watches the bank. The same `reference` counts once."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["deposit_funds"] = "deposit_funds"
    division_id: PublicId
    amount: Money
    method: ShortText = "wire_transfer"
    reference: ShortText
