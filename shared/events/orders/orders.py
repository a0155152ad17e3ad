from typing import Literal

from pydantic import AwareDatetime

from shared.events.base import PublicId, ShortText
from shared.events.orders.base import AboutOrder, Account, Division, Names, OptionalText, Payment, Term, strange_name
from shared.events.orders.organizations import Organization


class OrderPlaced(AboutOrder):
    """Fat on purpose: another order system can use billing and validation alone."""

    type: Literal["order_placed"] = "order_placed"
    account: Account
    division: Division
    product_name_id: ShortText
    term: Term
    names: Names
    organization: Organization | None = None
    payment: Payment = Payment()
    dcv_method: OptionalText = None
    dcv_random_value: OptionalText = None
    request_id: PublicId | None = None
    additional_emails: tuple[str, ...] = ()
    placed_by: ShortText
    placed_by_user: PublicId | None = None
    placed_at: AwareDatetime

    def contradiction(self) -> str | None:
        if self.account.id != self.account_id:
            return f"account_id is {self.account_id} but account.id is {self.account.id}; they must be the same."
        return strange_name(self.names)


class OrderApproved(AboutOrder):
    type: Literal["order_approved"] = "order_approved"
    approved_by: ShortText


class OrderRejected(AboutOrder):
    type: Literal["order_rejected"] = "order_rejected"
    rejected_by: ShortText
    reason: ShortText


class OrderCancelled(AboutOrder):
    type: Literal["order_cancelled"] = "order_cancelled"
    cancelled_by: ShortText
    note: str = ""
