from datetime import date, timedelta
from typing import Any

from tests.pages.samples.base import ANN, CARA, NOW, Sample


def invoice_row(n: int, status: str, kind: str = "order", total: int = 37900, **more: Any) -> dict[str, Any]:
    due = 0 if status in ("settled", "paid", "credited") else total
    return {
        "id": n, "number": f"INV-2026-{n:06}", "kind": kind, "status": status, "order_id": 1200 + n,
        "order_source": None,
        "purchase_order_number": None, "account_name": "Acme Example Inc.", "division": "Main",
        "issued_on": date(2026, 11, 23), "due_on": date(2026, 12, 23), "total": total, "amount_due": due,
        "currency": "EUR", "document_ready": True,
    } | more  # fmt: skip


INVOICES = [
    invoice_row(141, "settled", document_ready=False),
    invoice_row(140, "settled", total=1234567890),
    invoice_row(139, "due", "purchase_order", 500000, order_id=None, purchase_order_number="PO-77840"),
    invoice_row(131, "partly_paid", "usage", 135303, order_id=None, amount_due=60000, division="Hosting Europe"),
    invoice_row(98, "overdue", "amount_owed", 60000, order_id=None),
    invoice_row(97, "credited", order_source="shop.example"),
    invoice_row(95, "paid", "other", order_id=None),
]
MANY_CURRENCIES = [invoice_row(150, "settled", currency="JPY"), invoice_row(149, "overdue", currency="BHD"), *INVOICES]
ANY = {"status": "", "kind": "", "search": ""}
SUMMARY = {"due": 695303, "overdue": 60000, "balance": -152900, "available": 41797, "currency": "EUR"}

SELLER = {
    "name": "Issuary Trust Services GmbH", "lines": ["Example Street 1", "10115 Berlin", "Germany"],
    "vat_number": "DE123456789", "registration": "HRB 12345, Charlottenburg",
}  # fmt: skip
BUYER = {
    "name": "Acme Example Inc.",
    "lines": ["1 Main Street", "84043 Lehi", "US"],
    "vat_number": None,
    "registration": None,
}
STORY = [
    {"at": NOW, "kind": "good", "text": "Issued for", "who": None, "href": "/orders/1201", "link": "order 1201"},
    {"at": NOW, "kind": "good", "text": "379.00 EUR charged to the funds of Main, receipt 140.",
     "who": "deploy (API key)", "href": None, "link": None},
    {"at": NOW + timedelta(seconds=2), "kind": "", "text": "PDF stored and mailed.", "who": None,
     "href": None, "link": None},
]  # fmt: skip
LINE = {
    "description": "GeoTrust DV SSL, 1 year", "detail": "www.acme.example, acme.example, shop.acme.example",
    "quantity": 1, "unit_price": 31849, "net": 31849, "rate": "19 %",
}  # fmt: skip
INVOICE = {
    "id": 140, "number": "INV-2026-000140", "kind": "order", "status": "settled", "issued_on": date(2026, 11, 23),
    "due_on": date(2026, 12, 23), "currency": "EUR", "net": 31849, "tax": 6051, "total": 37900, "paid": 37900,
    "credited": 0, "amount_due": 0, "order_id": 1201, "order_source": None, "purchase_order_number": None,
    "buyer_reference": "CC 4711",
    "legacy_number": None, "division": "Main", "request": False, "seller": SELLER, "buyer": BUYER, "lines": [LINE],
    "settlement": "Charged to the funds of Main on 2026-11-23, receipt 140.",
    "groups": [{"category": "S", "rate": "19 %", "net": 31849, "tax": 6051, "reason": None}],
}  # fmt: skip
REQUEST = INVOICE | {
    "kind": "purchase_order", "status": "overdue", "number": "PR-2026-000017", "tax": 0, "net": 500000, "total": 500000,
    "paid": 100000, "credited": 50000, "amount_due": 350000, "order_id": None, "purchase_order_number": "PO-77840",
    "request": True, "settlement": None, "due_on": date(2026, 11, 2),
    "lines": [LINE | {"description": "Deposit to the funds of Main", "detail": None, "rate": None, "net": 500000}],
    "groups": [{"category": "O", "rate": "0 %", "net": 500000, "tax": 0, "reason": "Not subject to VAT"}],
}  # fmt: skip
NOTES = [
    {"id": 7, "number": "CN-2026-000007", "issued_on": date(2026, 11, 24), "total": 37900, "document_ready": True},
    {"id": 8, "number": "CN-2026-000008", "issued_on": date(2026, 11, 24), "total": 100, "document_ready": False},
]
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

SAMPLES = [
    Sample("invoices", "billing", "invoices.html", "/finance/invoices", ANN,
           {"rows": INVOICES, "total": 1184, "next": "?after=95", "filters": ANY, "summary": SUMMARY,
            "csv": "?format=csv"}),
    Sample("invoices-operator", "billing", "invoices.html", "/finance/invoices", CARA,
           {"rows": MANY_CURRENCIES, "total": 9, "filters": ANY | {"status": "open"}, "summary": None,
            "notice": "The deposit is booked: 5,000.00 EUR to Main."}),
    Sample("invoices-none", "billing", "invoices.html", "/finance/invoices", ANN,
           {"rows": [], "total": 0, "filters": ANY, "summary": SUMMARY | {"available": None}}),
    Sample("invoices-no-match", "billing", "invoices.html", "/finance/invoices", ANN,
           {"rows": [], "total": 0, "filters": ANY | {"search": "PO-1"}, "summary": SUMMARY, "first": "?"}),
    Sample("invoice", "billing", "invoice.html", "/finance/invoices/140", ANN,
           {"invoice": INVOICE, "document": {"ready": True, "sha256": SHA}, "credit_notes": [], "timeline": STORY}),
    Sample("invoice-request", "billing", "invoice.html", "/finance/invoices/17", CARA,
           {"invoice": REQUEST, "document": {"ready": False, "sha256": None}, "credit_notes": NOTES,
            "timeline": STORY[:1]}),
]  # fmt: skip
