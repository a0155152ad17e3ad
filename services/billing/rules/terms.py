"""What the CA's staff grant an account, and what it may not be."""

from dataclasses import dataclass

from services.billing.rules.money import LARGEST, decimals, printed
from shared.errors import Rejected
from shared.events.base import Money

LONGEST_DAYS = 365
METHODS = ("balance", "on_account", "wire_transfer")  # a transfer is charged to the balance it arrives in
SWITCHES = ("purchase_orders_allowed", "monthly_billing", "separate_funds")  # yes or no, by one word everywhere


@dataclass(frozen=True)
class Terms:
    """What is None stays as it is; `low_funds_alert` False takes the threshold away."""

    negative_limit: Money | None = None
    unlimited: bool | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool | None = None
    monthly_billing: bool | None = None
    separate_funds: bool | None = None
    default_payment_method: str | None = None
    low_funds: Money | None = None
    low_funds_alert: bool | None = None


def refuse_terms(wish: Terms, now: Terms, book: str) -> None:
    """`now`: what is agreed; `book`: the account's currency."""
    if wish.negative_limit:
        _refuse_amount(wish.negative_limit, book, "A limit", "says how far the balance may go below zero")
    if wish.low_funds:
        _refuse_amount(wish.low_funds, book, "A low-funds threshold", "is compared with the available funds")
    _refuse_alert(wish, now)
    if wish.payment_days is not None and not 0 <= wish.payment_days <= LONGEST_DAYS:
        raise Rejected(f"Payment is due within 0 to {LONGEST_DAYS} days; {wish.payment_days} is not.")
    _refuse_method(wish, now)


def _refuse_alert(wish: Terms, now: Terms) -> None:
    if wish.low_funds and wish.low_funds_alert is False:
        raise Rejected("A low-funds threshold without an alert means nothing; send one of the two.")
    if wish.low_funds_alert and not (wish.low_funds or now.low_funds):
        raise Rejected("A low-funds alert needs its threshold; send the amount below which the customer is told.")


def _refuse_method(wish: Terms, now: Terms) -> None:
    method = wish.default_payment_method or now.default_payment_method
    monthly = now.monthly_billing if wish.monthly_billing is None else wish.monthly_billing
    if method not in METHODS:
        raise Rejected(f'"{str(method)[:40]}" is no payment method of an order; use {", ".join(METHODS)}.')
    if method == "on_account" and not monthly:
        raise Rejected(
            "Orders go on account only where monthly billing is agreed; agree that too, or choose another payment for "
            "orders that name none."
        )


def _refuse_amount(given: Money, book: str, what: str, meaning: str) -> None:
    if given.currency != book:
        raise Rejected(f"The account keeps its book in {book}, not in {given.currency}; send the amount in {book}.")
    if not 0 <= given.amount <= LARGEST * 10 ** decimals(book):
        raise Rejected(f"{what} is from 0 up and {meaning}; {printed(given.amount, book)} {book} is not.")
