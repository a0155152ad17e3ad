from typing import Literal

from pydantic import AwareDatetime

from shared.events.base import Money, PublicId, ShortText
from shared.events.billing.base import BillingFact


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
