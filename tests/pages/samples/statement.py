from datetime import UTC, date, datetime
from typing import Any

from services.billing.models import Division
from services.billing.rules import Period, Point, draw
from tests.pages.samples.base import ANN, CARA, Sample

NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))
STORY = [
    (4, "Order 123455, invoice INV-2026-000118", "Charge", -37900, "INV-2026-000118"),
    (6, "Payment for invoice PR-2026-000017", "Credit", 200000, "ISS-46-4K"),
    (9, "Order 123470, invoice INV-2026-000131", "Charge", -390000, "INV-2026-000131"),
    (12, "Payment for invoice PR-2026-000017", "Credit", 250000, "ISS-52-4K"),
    (14, "Order 123455, credit note CN-2026-000007 for invoice INV-2026-000118", "Credit", 37900, "CN-2026-000007"),
    (15, "Deposit, שלום <b>SEPA</b> 2026-11-15/88-" + "A" * 60 + " 😀", "Credit", 1, "ISS-60-4K"),
    (16, "Of another division that shares these funds", "Charge", -1, None),
]


NO_OTHER = {"next": None, "first": None}
OTHERS = {"next": "?after=50", "first": "?"}


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 10, 2, 31, tzinfo=UTC)


def a_statement(opening: int, limit: int | None = -200000, **changed: Any) -> dict[str, Any]:
    rows, points, balance = [], [], opening
    for day, text, kind, amount, number in STORY:
        balance += amount
        points.append(Point(at(day), balance, balance, balance))
        paper = {"number": number, "href": "/finance/invoices/118"} if number else None
        rows.append({"at": at(day), "text": text, "type": kind, "amount": abs(amount), "is_debit": amount < 0,
                     "balance": balance, "paper": paper})  # fmt: skip
    shown = {
        "division": "Main", "funds_name": None, "period": NOVEMBER, "currency": "USD", "opening": opening,
        "closing": balance, "debit": 427901, "credit": 487901, "lowest": min(point.low for point in points),
        "count": len(rows), "is_over": False, "other_funds": None,
        "chart": draw(opening, points, NOVEMBER, at(23), limit),
    } | changed  # fmt: skip
    return {
        "asked": {"container_id": "14", "from": "2026-11-01", "to": "2026-11-30", "own": ""}, "error": "",
        "divisions": DIVISIONS,
        "shortcuts": [{"text": name, "href": "?", "here": False} for name in ("Last month", "This year")],
        "statement": shown, "rows": rows, "brought": None, "downloads": DOWNLOADS, "invoices": None, "requests": [],
        "requests_count": 0, "pages": dict.fromkeys(("funds", "invoices", "requests"), NO_OTHER),
    }  # fmt: skip


DIVISIONS = [Division(id=14, account_id=7, name="Main"), Division(id=16, account_id=7, name="Hosting Europe")]
DOWNLOADS = [{"text": name, "href": "?", "why": ""} for name in ("CSV", "XLSX", "PDF")]
DUES = [
    (1, "Invoice INV-2026-000120", "Invoice", 17731, "INV-2026-000120", date(2026, 12, 1)),
    (12, "Payment for invoice INV-2026-000098", "Payment", -500000, "ISS-52-4K", None),
    (14, "Credit note CN-2026-000008 for invoice INV-2026-000120, שלום <b>note</b>", "Credit Note", -4000,
     "CN-2026-000008", None),
    (20, "Payment ISS-52-4K for invoice INV-2026-000098 reversed", "Reversal", 500000, "ISS-52-4K", None),
    (21, "Of another division that shares these funds", "Invoice", 1, None, None),
]  # fmt: skip
AGES = [("Not due yet", 13732, ""), ("0–30 days past due", 0, "wait"), ("31–60 days past due", 500000, "wait"),
        ("61–90 days past due", 0, "bad"), ("90+ days past due", 250, "bad")]  # fmt: skip


def on_account(opening: int = 500250, **changed: Any) -> dict[str, Any]:
    rows, due = [], opening
    for day, text, kind, amount, number, due_on in DUES:
        due += amount
        paper = {"number": number, "href": "/finance/invoices/118"} if number else None
        rows.append({"at": at(day), "text": text, "type": kind, "amount": abs(amount), "is_debit": amount > 0,
                     "due": due, "due_on": due_on, "paper": paper})  # fmt: skip
    ages = [{"words": w, "amount": a, "share": max(int(a > 0), 100 * a // due), "kind": kind} for w, a, kind in AGES]
    return {
        "opening": opening, "closing": due, "debit": 517732, "credit": 504000, "accrued_before": 17731,
        "accrued": 35462, "count": len(rows), "rows": rows, "brought": None, "ages": ages, "aged_on": date(2026, 11, 30)
    } | changed  # fmt: skip


REQUESTS = [
    {"at": at(5), "number": "PR-2026-000017", "href": "?", "text": "Purchase order PO-77812", "total": 500000,
     "due_on": date(2026, 12, 5), "paid": 450000, "credited": 0, "due": 50000},
    {"at": at(6), "number": "PR-2026-000018", "href": "?", "text": "Purchase order " + "A" * 60, "total": 1234567890,
     "due_on": date(2026, 12, 6), "paid": 0, "credited": 1234567890, "due": 0},
    {"at": at(7), "number": "PR-2026-000019", "href": "?", "text": "Amount owed", "total": 1,
     "due_on": date(2026, 12, 7), "paid": 1, "credited": 0, "due": 0},
]  # fmt: skip
BOTH = a_statement(75000, is_over=True) | {"invoices": on_account(), "requests": REQUESTS, "requests_count": 3}
LONG = a_statement(1234567890, None, count=2400, is_over=True, funds_name="Main", division="Hosting Europe") | {
    "brought": 1234567890, "pages": dict.fromkeys(("funds", "invoices", "requests"), OTHERS),
    "downloads": [*DOWNLOADS[:2], {"text": "PDF", "href": "?", "why": "up to 1,000 rows"}],
}  # fmt: skip
LONG |= {"invoices": on_account(brought=1234567890, count=700), "requests": REQUESTS, "requests_count": 120}
STILL = a_statement(75000) | {"invoices": on_account(0, closing=0, count=0, rows=[], ages=[])}
FLAT = Period(date(2026, 10, 3), date(2026, 10, 3))
NOTHING = a_statement(
    0, None, count=0, is_over=True, period=FLAT, closing=0, lowest=0, debit=0, credit=0, currency="JPY",
    chart=draw(0, [], FLAT, FLAT.end, None),
) | {"rows": []}  # fmt: skip
REFUSED = NOTHING | {
    "statement": None, "shortcuts": [],
    "error": "The period ends on 2026-10-01, before it begins on 2026-10-31; exchange the two days.",
}  # fmt: skip
STAFF = REFUSED | {"error": "", "divisions": []}

SAMPLES = [
    Sample("statement", "billing", "statement.html", "/finance/statement", ANN, a_statement(75000)),
    Sample("statement-on-account", "billing", "statement.html", "/finance/statement", ANN, BOTH),
    Sample("statement-still", "billing", "statement.html", "/finance/statement", ANN, STILL),
    Sample("statement-long", "billing", "statement.html", "/finance/statement", ANN, LONG),
    Sample("statement-nothing", "billing", "statement.html", "/finance/statement", ANN, NOTHING),
    Sample("statement-refused", "billing", "statement.html", "/finance/statement", ANN, REFUSED),
    Sample("statement-staff", "billing", "statement.html", "/finance/statement", CARA, STAFF),
]
