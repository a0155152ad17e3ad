from typing import ClassVar, Literal

from shared.events.base import Event, ShortText

TOPIC = "billing.events.v1"
COMMANDS = "billing.commands.v1"
SOURCE = "issuary/billing"

InvoiceKind = Literal["order", "purchase_order", "usage", "amount_owed", "other"]
WaitingReason = Literal["funds", "price", "tax", "billing_details", "other"]
PaymentMethod = Literal["balance", "on_account", "wire_transfer", "other"]


class BillingFact(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = SOURCE
