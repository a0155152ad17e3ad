"""What stands on the paper of a statement: plain JSON values, amounts as integers in minor units, times in ISO."""

from datetime import datetime
from typing import Any, Literal, TypedDict

from services.billing.clients.paper import Buyer, Seller, day
from shared.figures import amount, money

NOBODY = Seller(
    name="", address=[], vat_number=None, registration_number=None, email=None, iban=None, bic=None, bank=None
)


class StatementRow(TypedDict):
    at: str
    text: str
    amount: int
    is_debit: bool
    balance: int


class AgePaper(TypedDict):
    words: str
    amount: int


class InvoicesPaper(TypedDict):
    opening: int
    debit: int
    credit: int
    closing: int
    accrued_before: int
    accrued: int
    aging: list[AgePaper]
    rows: list[StatementRow]


class RequestPaper(TypedDict):
    issued_on: str
    number: str
    what: str
    due_on: str
    total: int
    paid: int
    due: int


class StatementPaper(TypedDict):
    kind: Literal["statement"]
    number: str  # the period in words: what tells this statement from others
    issued_on: str
    currency: str
    seller: Seller | None
    buyer: Buyer
    division: str
    shared_with: str | None  # the division whose funds these are, where it is another one
    is_over: bool
    opening: int
    debit: int
    credit: int
    closing: int
    rows: list[StatementRow]
    invoices: InvoicesPaper | None  # none: nothing is on account
    requests: list[RequestPaper]


def view_statement(paper: StatementPaper) -> dict[str, Any]:
    """Every figure and day as text: a template only lays out."""
    currency = paper["currency"]
    shown = {name: money(paper[name], currency) for name in ("opening", "debit", "credit", "closing")}
    return {
        **paper,
        **shown,
        "issued": paper["issued_on"],
        "issued_on": day(paper["issued_on"]),
        "seller": {**NOBODY, **(paper["seller"] or {})},
        "opening_figure": amount(paper["opening"], currency),
        "closing_figure": amount(paper["closing"], currency),
        "debit_figure": amount(paper["debit"], currency),
        "credit_figure": amount(paper["credit"], currency),
        "rows": [_row(row, currency) for row in paper["rows"]],
        "invoices": _invoices(paper["invoices"], currency) if paper["invoices"] else None,
        "requests": [_request(one, currency) for one in paper["requests"]],
    }


def _row(row: StatementRow, currency: str) -> dict[str, str]:
    moved = amount(abs(row["amount"]), currency)
    return {
        "at": f"{datetime.fromisoformat(row['at']):%Y-%m-%d}",
        "text": row["text"],
        "debit": moved if row["is_debit"] else "",
        "credit": "" if row["is_debit"] else moved,
        "balance": amount(row["balance"], currency),
    }


def _invoices(part: InvoicesPaper, currency: str) -> dict[str, Any]:
    figures = ("opening", "debit", "credit", "closing", "accrued_before", "accrued")
    return {
        **{name: amount(part[name], currency) for name in figures},  # type: ignore[literal-required]
        "unpaid_before": amount(part["opening"] + part["accrued_before"], currency),
        "unpaid": amount(part["closing"] + part["accrued"], currency),
        "aging": [{"words": age["words"], "amount": amount(age["amount"], currency)} for age in part["aging"]],
        "rows": [_row(row, currency) for row in part["rows"]],
    }


def _request(one: RequestPaper, currency: str) -> dict[str, str]:
    figures = {name: amount(one[name], currency) for name in ("total", "paid", "due")}
    texts = {name: one[name] for name in ("issued_on", "number", "what", "due_on")}
    return {**texts, **figures}
