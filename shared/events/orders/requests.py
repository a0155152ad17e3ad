"""Wishes on an order: each has a number of its own, and each that issues one certificate to show for it."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from shared.events.base import PublicId, ShortText
from shared.events.orders.base import AboutOrder, Names, OptionalText, strange_name

RequestType = Literal["new_request", "reissue", "duplicate", "revoke", "other"]


class RequestSubmitted(AboutOrder):
    """`names`, the method and the random value where it asks for a certificate; `reason` and `certificate_id` where one
    is to be revoked, without it all of the order."""

    type: Literal["request_submitted"] = "request_submitted"
    request_id: PublicId
    request_type: RequestType
    common_name: ShortText
    names: Names | None = None
    needs_approval: bool
    requested_by: ShortText
    requested_by_user: PublicId | None = None
    requested_at: AwareDatetime | None = None
    product_name_id: OptionalText = None
    comments: str | None = None
    dcv_method: OptionalText = None
    dcv_random_value: OptionalText = None
    certificate_id: PublicId | None = None
    reason: OptionalText = None


class RequestDecided(AboutOrder):
    """By somebody; a request that needs nobody's approval is not decided. The one that comes with an order is told by
    `order_approved` or `order_rejected` as well."""

    type: Literal["request_decided"] = "request_decided"
    request_id: PublicId
    request_type: RequestType
    decision: Literal["approved", "rejected", "other"]
    decided_by: ShortText
    requested_by_user: PublicId | None = None
    comment: str | None = None


class OrderNamesAdded(AboutOrder):
    """A reissue wants more names than were paid: `added`, for the rest of the term. It waits until they are charged."""

    type: Literal["order_names_added"] = "order_names_added"
    request_id: PublicId
    names: Names
    added: Names
    starts_on: date
    term_ends_on: date
    added_by: ShortText
    added_at: AwareDatetime

    def contradiction(self) -> str | None:
        if self.starts_on > self.term_ends_on:
            return f"starts_on is {self.starts_on}, after the last day of the term, {self.term_ends_on}."
        return strange_name(self.added)


class ReissueCancelled(AboutOrder):
    """The order stays as it was before; what was charged for the names this reissue added is given back."""

    type: Literal["reissue_cancelled"] = "reissue_cancelled"
    request_id: PublicId
    cancelled_by: ShortText
    note: str = ""
