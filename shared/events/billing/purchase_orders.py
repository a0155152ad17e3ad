from typing import Literal

from shared.events.base import Money, PublicId, ShortText
from shared.events.billing.base import BillingFact


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
