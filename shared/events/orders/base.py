import re
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

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
    is_active: bool = True


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


def strange_name(names: tuple[str, ...]) -> str | None:
    """Whether a name is a domain name is for validation to say; what is no name at all is not sold."""
    strange = next((name for name in names if not NAME.match(name)), None)
    return (
        strange and f"{strange[:100]!r} is no name; names hold letters, digits, hyphens, dots and a leading asterisk."
    )


class OrdersFact(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = SOURCE


class AboutOrder(OrdersFact):
    order_id: PublicId

    @property
    def order(self) -> OrderRef:
        return OrderRef(source=self.source, id=self.order_id)

    @property
    def subject(self) -> str:
        return self.order.subject


class OrdersCommandRefused(OrdersFact, CommandRefused):
    type: Literal["command_refused"] = "command_refused"


class OrdersCommand(Command):
    topic: ClassVar[str] = COMMANDS


class AboutOurOrder(OrdersCommand):
    order_id: PublicId

    @property
    def subject(self) -> str:
        return f"order/{self.order_id}"
