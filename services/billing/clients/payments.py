"""What stands on the sheet behind an invoice's stored pages: plain JSON values, amounts as integers in minor units."""

from datetime import datetime
from typing import Any, Literal, TypedDict

from services.billing.clients.paper import Buyer, Seller, day
from shared.figures import amount, money

METHODS = {"balance": "Account funds"}  # others are called as they are written


class PaymentRow(TypedDict):
    at: str | None
    what: str
    method: str
    reference: str
    amount: int


class CreditRow(TypedDict):
    at: str
    number: str
    what: str
    amount: int


class PaymentsPaper(TypedDict):
    kind: Literal["payments"]
    document: str  # the stored pages, base64
    title: str  # of the invoice
    number: str
    invoice_date: str
    as_of: str
    currency: str
    seller: Seller
    buyer: Buyer
    total: int
    paid: int
    taken_off: int  # credited off what was due
    returned: int  # credited after it was paid
    amount_due: int
    payments: list[PaymentRow]
    credit_notes: list[CreditRow]


def view_payments(paper: PaymentsPaper) -> dict[str, Any]:
    """Every figure and day as text: a template only lays out."""
    currency, as_of = paper["currency"], datetime.fromisoformat(paper["as_of"])
    shown = {name: money(paper[name], currency) for name in ("total", "paid", "amount_due")}
    return {
        **{name: value for name, value in paper.items() if name != "document"},
        **shown,
        "taken_off": money(paper["taken_off"], currency) if paper["taken_off"] else None,
        "returned": money(paper["returned"], currency) if paper["returned"] else None,
        "issued": as_of.date().isoformat(),
        "issued_on": f"{day(as_of.date().isoformat())}, {as_of:%H:%M} UTC",
        "invoice_date": day(paper["invoice_date"]),
        "seller": {**dict.fromkeys(Seller.__annotations__), **paper["seller"]},
        "payments": [_payment(row, currency) for row in paper["payments"]],
        "credit_notes": [{**row, "amount": amount(row["amount"], currency)} for row in paper["credit_notes"]],
    }


def _payment(row: PaymentRow, currency: str) -> dict[str, str]:
    return {
        "at": row["at"] or "",
        "what": row["what"],
        "method": METHODS.get(row["method"], row["method"].replace("_", " ").capitalize()),
        "reference": row["reference"],
        "amount": amount(row["amount"], currency),
    }
