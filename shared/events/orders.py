import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator

from shared.events.base import Command, CommandRefused, Currency, Event, OrderRef, Part, PublicId, ShortText

TOPIC = "orders.events.v1"
COMMANDS = "orders.commands.v1"
CREDENTIALS = "orders.credentials.v1"
SOURCE = "issuary/orders"

OptionalText = Annotated[Annotated[str, StringConstraints(max_length=255)] | None, BeforeValidator(lambda v: v or None)]


class Address(Part):
    line1: ShortText
    line2: OptionalText = None
    postcode: Annotated[str, StringConstraints(max_length=40)] = ""
    city: ShortText
    region: OptionalText = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Account(Part):
    id: PublicId
    name: ShortText
    legal_name: OptionalText = None
    address: Address | None = None
    currency: Currency
    vat_number: OptionalText = None
    buyer_reference: OptionalText = None
    billing_emails: Annotated[tuple[str, ...], Field(max_length=50)] = ()


class Division(Part):
    id: PublicId
    name: ShortText
    parent_id: PublicId | None = None


class Term(Part):
    """What is bought, in years or in days; exactly one."""

    years: Annotated[int, Field(ge=1, le=3)] | None = None
    days: Annotated[int, Field(ge=1, le=1095)] | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> "Term":
        if (self.years is None) == (self.days is None):
            raise ValueError("give a term in years or in days, one of them")
        return self


class Payment(Part):
    method: Literal["balance", "on_account"] = "balance"
    purchase_order_number: OptionalText = None


NAME = re.compile(r"[\w*.\-]+\Z")
Names = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=255)], ...],
                  Field(min_length=1, max_length=250)]  # fmt: skip


class OrdersFact(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = SOURCE


class AccountOpened(OrdersFact):
    type: Literal["account_opened"] = "account_opened"
    account: Account
    division: Division


class AccountChanged(OrdersFact):
    type: Literal["account_changed"] = "account_changed"
    account: Account


class DivisionAdded(OrdersFact):
    type: Literal["division_added"] = "division_added"
    division: Division


class AboutOrder(OrdersFact):
    order_id: PublicId

    @property
    def order(self) -> OrderRef:
        return OrderRef(source=self.source, id=self.order_id)

    @property
    def subject(self) -> str:
        return self.order.subject


class OrderPlaced(AboutOrder):
    """Fat on purpose: another order system can use billing and validation alone."""

    type: Literal["order_placed"] = "order_placed"
    account: Account
    division: Division
    product_name_id: ShortText
    term: Term
    names: Names
    payment: Payment = Payment()
    dcv_method: OptionalText = None
    dcv_random_value: OptionalText = None
    placed_by: ShortText
    placed_by_user: PublicId | None = None
    placed_at: AwareDatetime

    def contradiction(self) -> str | None:
        """Whether a name is a domain name is for validation to say; what is no name at all is not sold."""
        if self.account.id != self.account_id:
            return f"account_id is {self.account_id} but account.id is {self.account.id}; they must be the same."
        strange = next((name for name in self.names if not NAME.match(name)), None)
        return (
            strange
            and f"{strange[:100]!r} is no name; names hold letters, digits, hyphens, dots and a leading asterisk."
        )


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


class OrderReadyToIssue(AboutOrder):
    """Everything is there: a CA may issue before `issue_before`, not later."""

    type: Literal["order_ready_to_issue"] = "order_ready_to_issue"
    product_name_id: ShortText
    common_name: ShortText
    names: Names
    csr: str
    issue_before: AwareDatetime


class CertificateIssued(AboutOrder):
    type: Literal["certificate_issued"] = "certificate_issued"
    certificate_id: PublicId
    common_name: ShortText
    names: Names
    serial_number: str
    thumbprint: str
    valid_from: date
    valid_till: date
    pem: str


class OrdersCommandRefused(OrdersFact, CommandRefused):
    type: Literal["command_refused"] = "command_refused"


class OrdersCommand(Command):
    topic: ClassVar[str] = COMMANDS


class PlaceOrder(OrdersCommand):
    type: Literal["place_order"] = "place_order"
    account: dict[str, Any] | None = None
    division: Division
    product_name_id: ShortText
    term: Term
    csr: str
    common_name: OptionalText = None
    names: Names
    payment: Payment = Payment()
    dcv_method: OptionalText = None
    placed_by: ShortText = "place_order"


class AboutOurOrder(OrdersCommand):
    order_id: PublicId

    @property
    def subject(self) -> str:
        return f"order/{self.order_id}"


class ApproveOrder(AboutOurOrder):
    type: Literal["approve_order"] = "approve_order"
    approved_by: ShortText = "approve_order"


class RejectOrder(AboutOurOrder):
    type: Literal["reject_order"] = "reject_order"
    rejected_by: ShortText = "reject_order"
    reason: ShortText


class CancelOrder(AboutOurOrder):
    type: Literal["cancel_order"] = "cancel_order"
    cancelled_by: ShortText = "cancel_order"
    note: ShortText


class CredentialChanged(Event):
    """State, not history: the highest version of a credential wins. A key is known by its SHA-256 only."""

    topic: ClassVar[str] = CREDENTIALS
    source: ShortText = SOURCE
    type: Literal["credential_changed"] = "credential_changed"
    credential_id: ShortText
    version: Annotated[int, Field(ge=1)]
    kind: Literal["user", "api_key", "other"]
    user_id: PublicId
    user_name: ShortText
    email: str
    account_name: str = ""
    role: ShortText
    key_role: int = 0
    divisions: tuple[PublicId, ...] = ()
    key_hash: str | None = None
    revoked_at: AwareDatetime | None = None

    @property
    def subject(self) -> str:
        return f"credential/{self.credential_id}"

    @property
    def key(self) -> str:
        return self.credential_id
