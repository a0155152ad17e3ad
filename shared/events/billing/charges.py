from typing import Literal

from pydantic import AwareDatetime

from shared.events.base import Money, OrderRef, PublicId, ShortText
from shared.events.billing.base import BillingFact, WaitingReason


class AboutCharge(BillingFact):
    """Of an order, or with `request_id` of the names that a reissue added to it."""

    order: OrderRef
    request_id: PublicId | None = None

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


class OrderOnAccount(AboutCharge):
    """Owed on credit from now on, and invoiced when its month is closed."""

    type: Literal["order_on_account"] = "order_on_account"
    division_id: PublicId
    net: Money
    tax: Money
    total: Money


class OrderWaiting(AboutCharge):
    """Nothing was charged. `message` says why and what to do; `shortfall` is set where funds are missing."""

    type: Literal["order_waiting"] = "order_waiting"
    division_id: PublicId
    reason: WaitingReason
    message: str
    total: Money | None = None
    shortfall: Money | None = None


class OrderStillWaiting(AboutCharge):
    """A reminder after 1, 7 and 21 days. `acts`: who has to do something about it, the customer or the CA's staff."""

    type: Literal["order_still_waiting"] = "order_still_waiting"
    division_id: PublicId
    days: int
    waiting_since: AwareDatetime
    reason: WaitingReason
    message: str
    acts: Literal["customer", "staff", "other"]
    total: Money | None = None
    shortfall: Money | None = None
    account_name: str
    recipients: tuple[str, ...] = ()


class OrderReleased(AboutCharge):
    """A cancelled or rejected order, or cancelled names of one, that was never charged, whose usage was not invoiced
    yet, or whose invoice had all been credited before: no document."""

    type: Literal["order_released"] = "order_released"
    division_id: PublicId
    message: str
