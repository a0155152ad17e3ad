from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.events.base import Command, CommandRefused, Money, PublicId, ShortText
from shared.events.billing.base import COMMANDS, BillingFact


class BillingCommandRefused(BillingFact, CommandRefused):
    type: Literal["command_refused"] = "command_refused"


class DepositFunds(Command):
    """Money that has really arrived, told by who watches the bank. The same `reference` counts once."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["deposit_funds"] = "deposit_funds"
    division_id: PublicId
    amount: Money
    method: ShortText = "wire_transfer"
    reference: ShortText


class SubmitPurchaseOrder(Command):
    topic: ClassVar[str] = COMMANDS
    type: Literal["submit_purchase_order"] = "submit_purchase_order"
    division_id: PublicId
    number: ShortText
    amount: Money
    note: str | None = None
    contact: ShortText | None = None
    submitted_by: ShortText


class DecidePurchaseOrder(Command):
    topic: ClassVar[str] = COMMANDS
    type: Literal["decide_purchase_order"] = "decide_purchase_order"
    purchase_order_id: PublicId
    decision: Literal["approved", "rejected"]
    reason: str | None = None
    decided_by: ShortText


class RecordPayment(Command):
    """Money that a bank reports. `reference` is what the payer wrote: a payment's reference or invoice numbers;
    `bank_reference` is the bank's own, which counts once."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["record_payment"] = "record_payment"
    amount: Money
    method: ShortText = "wire_transfer"
    reference: str
    bank_reference: ShortText


class SetTerms(Command):
    """What is left out stays as it is; `low_funds_alert` false takes the threshold away."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["set_terms"] = "set_terms"
    negative_limit: Money | None = None
    unlimited: bool | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool | None = None
    monthly_billing: bool | None = None
    separate_funds: bool | None = None
    default_payment_method: ShortText | None = None
    low_funds_threshold: Money | None = None
    low_funds_alert: bool | None = None
    changed_by: ShortText


class ImportInvoice(Command):
    """Over an approved purchase order, as an older system had issued it; what was paid there is a figure on it. The
    same (source, number) counts once. `notify`: mail it to the billing contacts."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["import_invoice"] = "import_invoice"
    division_id: PublicId
    legacy_source: ShortText
    legacy_number: ShortText
    issued_on: date
    due_on: date
    po_number: ShortText
    amount: Money
    paid: Money | None = None
    note: str | None = None
    notify: bool = False


class ImportBalance(Command):
    """What a division had in an older system, or owed there: booked once for a source and division."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["import_balance"] = "import_balance"
    division_id: PublicId
    legacy_source: ShortText
    amount: Money
    as_of: date
    note: str | None = None


class SetSubscription(Command):
    """The same `name` in the account is the same subscription: new, changed or, with `ends_on`, ended."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["set_subscription"] = "set_subscription"
    division_id: PublicId
    name: ShortText
    description: ShortText
    quantity: int = 1
    monthly_price: Money
    starts_on: date
    ends_on: date | None = None
    changed_by: ShortText


class ClosePeriod(Command):
    """Of all accounts; `account_id` is 0. Closed again it works off what was parked."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["close_period"] = "close_period"
    account_id: Annotated[int, Field(ge=0, lt=2**31)] = 0
    period: ShortText  # 2026-11
    closed_by: ShortText
