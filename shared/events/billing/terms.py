from typing import Literal

from shared.events.base import Money, PublicId, ShortText
from shared.events.billing.base import BillingFact, PaymentMethod


class FundsLow(BillingFact):
    """Said when available funds fall below the account's threshold, and again only after they had risen above it.
    `available` of an account without limit is its balance."""

    type: Literal["funds_low"] = "funds_low"
    division_id: PublicId
    division_name: str
    unlimited: bool = False
    available: Money
    threshold: Money
    account_name: str
    recipients: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return f"funds/{self.division_id}"


class TermsChanged(BillingFact):
    """`negative_limit` is how far the balance may go below zero; none: without limit. `default_payment_method` is what
    an order gets that names none. Without `low_funds_threshold` nobody is told of low funds."""

    type: Literal["terms_changed"] = "terms_changed"
    negative_limit: Money | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool
    monthly_billing: bool = False
    separate_funds: bool = False
    default_payment_method: PaymentMethod = "balance"
    low_funds_threshold: Money | None = None
    changed_by: ShortText

    @property
    def subject(self) -> str:
        return f"account/{self.account_id}"
