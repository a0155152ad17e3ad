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
    purchase_order_number: ShortText | None = None

    @property
    def subject(self) -> str:
        return f"invoice/{self.invoice_id}"


class InvoicePaid(BillingFact):
    """Nothing is due on it any more."""

    type: Literal["invoice_paid"] = "invoice_paid"
    invoice_id: PublicId
    number: ShortText
    kind: InvoiceKind
    division_id: PublicId
    total: Money
    paid_at: AwareDatetime

    @property
    def subject(self) -> str:
        return f"invoice/{self.invoice_id}"


class InvoiceOverdue(BillingFact):
    """Said once when it was not paid by its due date; and again only where a payment bounced since."""

    type: Literal["invoice_overdue"] = "invoice_overdue"
    invoice_id: PublicId
    number: ShortText
    kind: InvoiceKind
    division_id: PublicId
    amount_due: Money
    due_on: date

    @property
    def subject(self) -> str:
        return f"invoice/{self.invoice_id}"


class AboutPurchaseOrder(BillingFact):
    purchase_order_id: PublicId
    number: ShortText
    division_id: PublicId
    amount: Money
    account_name: str
    recipients: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return f"purchase-order/{self.purchase_order_id}"


class PurchaseOrderSubmitted(AboutPurchaseOrder):
    type: Literal["purchase_order_submitted"] = "purchase_order_submitted"
    submitted_by: ShortText


class PurchaseOrderApproved(AboutPurchaseOrder):
    """The invoice follows in the same transaction, as `invoice_issued` with this purchase order's number."""

    type: Literal["purchase_order_approved"] = "purchase_order_approved"


class PurchaseOrderRejected(AboutPurchaseOrder):
    type: Literal["purchase_order_rejected"] = "purchase_order_rejected"
    reason: str


class PurchaseOrderCancelled(AboutPurchaseOrder):
    type: Literal["purchase_order_cancelled"] = "purchase_order_cancelled"


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


class PaymentReversed(BillingFact):
    """It bounced: its invoices are due again, and what it had brought is taken back even past the limit."""

    type: Literal["payment_reversed"] = "payment_reversed"
    payment_id: PublicId
    division_id: PublicId
    amount: Money
    reason: str

    @property
    def subject(self) -> str:
        return f"payment/{self.payment_id}"


class TermsChanged(BillingFact):
    """`negative_limit` is how far the balance may go below zero; none: without limit."""

    type: Literal["terms_changed"] = "terms_changed"
    negative_limit: Money | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool
    changed_by: ShortText

    @property
    def subject(self) -> str:
        return f"account/{self.account_id}"


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


class SubmitPurchaseOrder(Command):
    topic: ClassVar[str] = COMMANDS
    type: Literal["submit_purchase_order"] = "submit_purchase_order"
    division_id: PublicId
    number: ShortText
    amount: Money
    note: str | None = None
    contact: ShortText | None = None
    submitted_by: ShortText


class DecidePurchaseOrder(Command):
    topic: ClassVar[str] = COMMANDS
    type: Literal["decide_purchase_order"] = "decide_purchase_order"
    purchase_order_id: PublicId
    decision: Literal["approved", "rejected"]
    reason: str | None = None
    decided_by: ShortText


class RecordPayment(Command):
    """Money that a bank reports. `reference` is what the payer wrote: a payment's reference or invoice numbers;
    `bank_reference` is the bank's own, which counts once."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["record_payment"] = "record_payment"
    amount: Money
    method: ShortText = "wire_transfer"
    reference: str
    bank_reference: ShortText


class SetTerms(Command):
    """What is left out stays as it is."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["set_terms"] = "set_terms"
    negative_limit: Money | None = None
    unlimited: bool | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool | None = None
    changed_by: ShortText
