from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from shared.events.base import Money, OrderRef, PublicId, ShortText
from shared.events.billing.base import BillingFact, InvoiceKind


class InvoiceIssued(BillingFact):
    type: Literal["invoice_issued"] = "invoice_issued"
    invoice_id: PublicId
    number: ShortText
    kind: InvoiceKind
    order: OrderRef | None = None
    request_id: PublicId | None = None  # for the names that it added to the order
    division_id: PublicId
    issued_on: date
    due_on: date
    net: Money
    tax: Money
    total: Money
    amount_due: Money
    purchase_order_number: ShortText | None = None
    legacy_source: ShortText | None = None  # of one that an older system had issued
    legacy_number: ShortText | None = None

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
