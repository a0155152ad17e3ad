"""What stands on a document: billing's snapshot in plain JSON values, and its figures and days as a person reads them.

Days are ISO strings, amounts integers in minor units of `currency`, rates decimal strings ("19", "8.1").
"""

from datetime import date
from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

from shared.figures import amount, money

OUTSIDE_VAT = "O"  # EN 16931 BT-151: no rate and no VAT is printed


class Seller(TypedDict):
    name: str
    address: list[str]
    vat_number: str | None
    registration_number: str | None
    email: str | None
    iban: str | None
    bic: str | None
    bank: str | None


class Buyer(TypedDict):
    name: str
    legal_name: str | None
    address: list[str]
    vat_number: str | None
    buyer_reference: str | None


class Line(TypedDict):
    description: str
    detail: list[str]  # the names on the certificate
    quantity: int
    unit_price: int
    net: int
    tax_category: str
    tax_rate: str


class TaxGroup(TypedDict):
    category: str
    rate: str
    net: int
    tax: int
    sentence: str | None


class Credited(TypedDict):
    """The invoice that a credit note corrects, and the way of its money in sentences."""

    number: str
    issued_on: str
    how_paid: str
    money_went: str
    reason: str


class Paper(TypedDict):
    kind: Literal["invoice", "credit_note"]
    request: NotRequired[bool]  # asks for money to be deposited, and is no supply
    number: str
    issued_on: str
    due_on: str | None
    supplied_on: NotRequired[str | None]  # the day of issue where absent
    period: NotRequired[list[str] | None]  # first and last day of what a month's invoice is for
    currency: str
    seller: Seller
    buyer: Buyer
    purchase_order_number: str | None
    order: str | None  # as a person says it: "1201", "shop:1201"
    division: NotRequired[str | None]
    lines: list[Line]
    tax_groups: list[TaxGroup]
    net: int
    tax: int
    total: int
    amount_due: int
    payment: str | None
    notes: list[str]
    credited: NotRequired[Credited]


def day(iso: str) -> str:
    on = date.fromisoformat(iso)
    return f"{on.day} {on:%B %Y}"


def percent(rate: str) -> str:
    number = f"{Decimal(rate):f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} %"


def view(paper: Paper) -> dict[str, Any]:
    """The paper with every figure and day as text: a template only lays out."""
    shown = {name: money(paper[name], paper["currency"]) for name in ("net", "tax", "total", "amount_due")}
    return {
        **paper,
        **shown,
        "issued": paper["issued_on"],
        "issued_on": day(paper["issued_on"]),
        "due_on": _due(paper),
        "supplied_on": day(paper.get("supplied_on") or paper["issued_on"]),
        "period": _period(paper.get("period")),
        "seller": {**dict.fromkeys(Seller.__annotations__), **paper["seller"]},
        "lines": [_line(line, paper["currency"]) for line in paper["lines"]],
        "tax_groups": [
            _tax_group(group, paper["currency"]) for group in paper["tax_groups"] if group["category"] != OUTSIDE_VAT
        ],
        "credited": _credited(paper.get("credited")),
    }


def _period(days: list[str] | None) -> str | None:
    return " to ".join(map(day, days)) if days else None


def _due(paper: Paper) -> str | None:
    """No day is named for paying nothing."""
    return day(paper["due_on"]) if paper["due_on"] and paper["amount_due"] else None


def _line(line: Line, currency: str) -> dict[str, Any]:
    return {
        **line,
        "quantity": f"{line['quantity']:,}",
        "unit_price": amount(line["unit_price"], currency),
        "net": amount(line["net"], currency),
        "tax_rate": "" if line["tax_category"] == OUTSIDE_VAT else percent(line["tax_rate"]),
    }


def _tax_group(group: TaxGroup, currency: str) -> dict[str, Any]:
    return {
        **group,
        "rate": percent(group["rate"]),
        "net": money(group["net"], currency),
        "tax": money(group["tax"], currency),
    }


def _credited(credited: Credited | None) -> dict[str, Any] | None:
    return {**credited, "issued_on": day(credited["issued_on"])} if credited else None
