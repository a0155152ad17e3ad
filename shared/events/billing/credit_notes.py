from datetime import date
from typing import Literal

from shared.events.base import Money, OrderRef, PublicId, ShortText
from shared.events.billing.base import BillingFact


class CreditNoteIssued(BillingFact):
    """Over lines of an invoice. `order`: where all of them are of one; `ends_order`: it was cancelled or rejected, and
    this is over its own price; `request_id`: over the price of names that the request had added to it.
    `pre_payment` of the total lowered what the invoice asks for, `post_payment` went to the funds."""

    type: Literal["credit_note_issued"] = "credit_note_issued"
    credit_note_id: PublicId
    number: ShortText
    invoice_id: PublicId
    invoice_number: ShortText
    order: OrderRef | None = None
    request_id: PublicId | None = None
    ends_order: bool = True
    division_id: PublicId
    issued_on: date
    net: Money
    tax: Money
    total: Money
    pre_payment: Money | None = None
    post_payment: Money | None = None

    @property
    def subject(self) -> str:
        return f"credit-note/{self.credit_note_id}"
