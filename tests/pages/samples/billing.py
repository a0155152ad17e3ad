from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from tests.pages.samples.base import ANN, CARA, NOW, Sample


def invoice_row(n: int, status: str, kind: str = "order", total: int = 37900, **more: Any) -> dict[str, Any]:
    due = 0 if status in ("settled", "paid", "credited") else total
    return {
        "id": n, "number": f"INV-2026-{n:06}", "kind": kind, "status": status, "order_id": 1200 + n,
        "order_source": None, "request_id": None,
        "purchase_order_number": None, "legacy_number": None, "account_name": "Acme Example Inc.", "division": "Main",
        "issued_on": date(2026, 11, 23), "due_on": date(2026, 12, 23), "total": total, "amount_due": due,
        "credited": 0, "currency": "EUR", "document_ready": True,
    } | more  # fmt: skip


INVOICES = [
    invoice_row(141, "settled", document_ready=False),
    invoice_row(140, "settled", total=1234567890),
    invoice_row(
        139,
        "due",
        "purchase_order",
        500000,
        order_id=None,
        purchase_order_number="PO-77840",
        legacy_number="R-2025-0817",
    ),
    invoice_row(131, "partly_paid", "usage", 135303, order_id=None, amount_due=60000, division="Hosting Europe"),
    invoice_row(98, "overdue", "amount_owed", 60000, order_id=None),
    invoice_row(97, "credited", order_source="shop.example"),
    invoice_row(96, "settled", request_id=900014, order_id=1201),
    invoice_row(95, "paid", "other", order_id=None),
]
MANY_CURRENCIES = [invoice_row(150, "settled", currency="JPY"), invoice_row(149, "overdue", currency="BHD"), *INVOICES]
ANY = {"status": "", "kind": "", "search": ""}
SUMMARY = {
    "due": 695303, "overdue": 60000, "by_division": False, "balance": -152900, "available": 41797, "currency": "EUR",
}  # fmt: skip

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
    "quantity": 1, "unit_price": 31849, "net": 31849, "rate": "19 %", "order_id": 1201,
}  # fmt: skip
INVOICE = {
    "id": 140, "number": "INV-2026-000140", "kind": "order", "status": "settled", "issued_on": date(2026, 11, 23),
    "due_on": date(2026, 12, 23), "currency": "EUR", "net": 31849, "tax": 6051, "total": 37900, "paid": 37900,
    "credited": 0, "returned": 0, "charged": True, "amount_due": 0, "order_id": 1201, "order_source": None,
    "request_id": None, "purchase_order_number": None, "buyer_reference": "CC 4711",
    "legacy_number": None, "legacy_source": None, "legacy_issued_on": None, "period": None, "division": "Main",
    "request": False, "seller": SELLER, "buyer": BUYER, "lines": [LINE],
    "settlement": "Charged to the funds of Main on 2026-11-23, receipt 140.",
    "groups": [{"category": "S", "rate": "19 %", "net": 31849, "tax": 6051, "reason": None}],
}  # fmt: skip
MORE_NAMES = INVOICE | {
    "number": "INV-2026-000152", "request_id": 900014, "net": 4108, "tax": 781, "total": 4889, "paid": 4889,
    "lines": [LINE | {"description": "Additional name, 2027-06-24 to 2027-11-23, 153 of 365 days", "quantity": 2,
                      "detail": "shop.acme.example, api.acme.example", "unit_price": 2054, "net": 4108}],
    "groups": [{"category": "S", "rate": "19 %", "net": 4108, "tax": 781, "reason": None}],
}  # fmt: skip
REQUEST = INVOICE | {
    "kind": "purchase_order", "status": "overdue", "number": "PR-2026-000017", "tax": 0, "net": 500000, "total": 500000,
    "paid": 100000, "credited": 50000, "charged": False, "amount_due": 350000, "order_id": None,
    "purchase_order_number": "PO-77840", "request": True, "settlement": None, "due_on": date(2026, 11, 2),
    "lines": [LINE | {"description": "Deposit to the funds of Main", "detail": None, "rate": None, "net": 500000}],
    "groups": [{"category": "O", "rate": "0 %", "net": 500000, "tax": 0, "reason": "Not subject to VAT"}],
}  # fmt: skip
IMPORTED = REQUEST | {
    "legacy_number": "R-2025-0817/Northern-Region", "legacy_source": "oldbill", "legacy_issued_on": date(2025, 8, 17),
    "credited": 0, "amount_due": 400000,
}  # fmt: skip
TAKEN_OVER = [
    {
        "at": NOW,
        "kind": "good",
        "text": "Issued to Acme Example Inc. Please give the number PR-2026-000017 with your payment.",
        "who": None,
        "href": None,
        "link": None,
    },
    {
        "at": NOW,
        "kind": "",
        "text": "Taken over from oldbill; 1,000.00 EUR were paid there.",
        "who": None,
        "href": None,
        "link": None,
    },
]
HEBREW = '\u2068חברת דוגמה בע"מ (2026) <b>\u2069'
FOREIGN = REQUEST | {
    "number": "PR-2026-000018", "status": "partly_paid", "due_on": date(2026, 12, 23), "division": "دائرة ٢",
    "buyer": BUYER | {"name": HEBREW, "lines": ["דרך השלום 53, תל אביב", "日本橋 1-1 🎉", "W" * 120]},
}  # fmt: skip
PAID_STORY = [
    {"at": NOW, "kind": "good", "text": f"Issued to {HEBREW}. Please give the number PR-2026-000018.", "who": None,
     "href": None, "link": None},
    {"at": NOW + timedelta(days=1), "kind": "good", "text": "1,000.00 EUR paid, payment", "who": None,
     "href": "/finance/payments/7", "link": "ISS-7-3Q"},
    {"at": NOW + timedelta(days=2), "kind": "bad", "text": f"1,000.00 EUR went back ({HEBREW}), payment", "who": None,
     "href": "/finance/payments/7", "link": "ISS-7-3Q"},
    {"at": NOW + timedelta(days=3), "kind": "wait", "text": "Credit note CN-2026-000007 over 379.00 EUR: \u2068مرحبا 12"
     "\u2069. Taken off what was due.", "who": None, "href": None, "link": None},
    {"at": NOW + timedelta(days=4), "kind": "good", "text": "Settled by other money that came to the account: 5.00 EUR",
     "who": None, "href": None, "link": None},
]  # fmt: skip
MONTH = INVOICE | {
    "kind": "usage", "status": "due", "number": "INV-2026-000131", "order_id": None, "settlement": None, "paid": 0,
    "charged": False, "period": (date(2026, 11, 1), date(2026, 11, 30)), "amount_due": 37900,
    "lines": [LINE | {"description": f"Order {1300 + n}: GeoTrust DV SSL, 1 year", "order_id": 1300 + n}
              for n in range(40)] + [LINE | {"description": "Managed PKI, 2026-12-01 to 2026-12-31", "order_id": None,
                                             "detail": "3 at 100.00 EUR a month"}],
    "groups": [*INVOICE["groups"],  # type: ignore[misc]
               {"category": "AE", "rate": "0 %", "net": 10000, "tax": 0, "reason": "Reverse charge"}],
}  # fmt: skip
WHOLE = {"after": None, "first": False}  # all of its lines
NOTES = [
    {"id": 7, "number": "CN-2026-000007", "issued_on": date(2026, 11, 24), "total": 37900, "document_ready": True},
    {"id": 8, "number": "CN-2026-000008", "issued_on": date(2026, 11, 24), "total": 100, "document_ready": False},
]
NO_CREDIT: dict[str, Any] = {"creditable": [], "form": {}, "error": ""}
CREDITABLE = [
    {"position": 1, "description": "GeoTrust DV SSL, 1 year", "net": 31849, "left": 26849},
    {"position": 27, "description": "Order 1201: " + "a wildcard certificate with a description that runs on " * 2,
     "net": 1234567890, "left": 1234567890},
]  # fmt: skip
PARTLY = INVOICE | {"credited": 5950, "returned": 5950}
OURS = "issuary/orders"


def credit_note_row(n: int, reason: str, post: int, pre: int = 0, **more: Any) -> Any:
    note = {
        "id": n, "number": f"CN-2026-{n:06}", "invoice_id": 140, "invoice_number": "INV-2026-000140",
        "order_source": OURS, "order_id": 1201, "issued_on": date(2026, 11, 24), "reason": reason, "currency": "EUR",
        "pre_payment": pre, "post_payment": post, "total": pre + post,
    } | more  # fmt: skip
    return SimpleNamespace(
        CreditNote=SimpleNamespace(**note), division_name="Main", account_name="Acme Example Inc.",
        document_ready=n != 9,
    )  # fmt: skip


CREDIT_NOTES = [
    credit_note_row(9, "Goodwill, as agreed on the telephone with Ms Lee about the outage of last week " * 2, 5950),
    credit_note_row(8, "Order cancelled: Ordered twice", 0, 17731, order_source="shop.example"),
    credit_note_row(7, "Order rejected", 100, 123456789012, order_id=None),
]
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def price_row(base: int = 14900, **more: Any) -> dict[str, Any]:
    return {
        "product_name_id": "ssl_dv_geotrust", "description": "Standard DV certificate", "years": 1, "currency": "EUR",
        "base": base, "included_names": 1, "extra_name": 4900, "extra_wildcard": 29900,
        "valid_from": date(2026, 1, 1), "account_id": None, "own": False,
    } | more  # fmt: skip


OWN_PRICES = [
    price_row(9900, own=True),
    price_row(27900, years=2),
    price_row(123456789, product_name_id="wildcard_ov_" + "x" * 40, description="Wildcard OV certificate with a name "
              "that runs on and on over the whole width of the page", own=True),
]  # fmt: skip
COMING = [price_row(9500, own=True, valid_from=date(2027, 1, 1))]
ALL_PRICES = [
    price_row(state="today", account_name=None),
    price_row(9900, state="later", account_id=9001, account_name="Acme Example Inc.", valid_from=date(2027, 1, 1)),
    price_row(13900, state="past", account_name=None, valid_from=date(2025, 1, 1)),
    price_row(123456789, state="today", account_name=None, currency="JPY",
              product_name_id="wildcard_ov_" + "x" * 40, description="Wildcard OV certificate with a long name"),
]  # fmt: skip
NO_FILTER = {"product": "", "currency": "", "account_id": ""}
UPLOAD = {
    "id": "0199", "file_name": "prices-2027.csv", "uploaded_by": "cara@ca.example", "uploaded_at": NOW,
    "added_by": None, "added_at": None, "added": None,
}  # fmt: skip
ADDED = UPLOAD | {"added_by": "cara@ca.example", "added_at": NOW, "added": 12}
NEW_PRICES = [
    price_row(15900, number=2, outdated_by=None, valid_from=date(2027, 1, 1)),
    price_row(12900, number=3, outdated_by=date(2026, 1, 1), valid_from=date(2025, 1, 1), account_id=9001),
]
REFUSED_ROWS = [
    {"number": 4, "message": "It repeats row 2, which has the same product, years, currency, account and day; leave "
     "one out."},
    {"number": 1000, "message": "Base takes an amount from 0 up with a decimal point, like 149.00, not '-1'. Valid "
     "from takes a day from 2000 to 2099, like 2027-01-31, not '01.01.2027'."},
]  # fmt: skip
COLUMNS = ["product", "description", "years", "currency", "base", "included_names", "extra_name", "extra_wildcard",
           "valid_from", "account_id"]  # fmt: skip


def seller_row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "number": number, "valid_from": date(2026, 1, 1), "country": "DE", "currency": "EUR", "sells_to": [],
        "invoice_prefix": "INV", "credit_note_prefix": "CN", "request_prefix": "PR",
        "printed": {"name": "Issuary Trust GmbH", "address": ["Invalidenstraße 44", "10115 Berlin", "Germany"],
                    "vat_number": "DE999999999", "iban": "DE02120300000000202051"},
    } | more  # fmt: skip


def tax_row(rate: str = "19", **more: Any) -> dict[str, Any]:
    return {
        "seller_country": "DE", "buyer_country": "DE", "vat_number_known": None, "category": "S",
        "rate": Decimal(rate), "sentence": None, "valid_from": date(2026, 1, 1),
    } | more  # fmt: skip


def rate_row(rate: str = "0.92", **more: Any) -> dict[str, Any]:
    return {"currency": "USD", "to_currency": "EUR", "rate": Decimal(rate), "valid_from": date(2026, 1, 1)} | more


AMERICAN = seller_row(
    1, sells_to=["US", "CA", "MX"], country="US", currency="USD", invoice_prefix="USINV", credit_note_prefix="USCN",
    request_prefix="USPR",
    printed={"name": "Issuary Trust Inc.", "address": ["Lehi"], "vat_number": None, "iban": None},
)  # fmt: skip
TAXES = [
    tax_row(), tax_row("20", buyer_country="FR", vat_number_known=False),
    tax_row("0", buyer_country="FR", vat_number_known=True, category="AE", sentence="Reverse charge"),
    tax_row("0", buyer_country="*", category="G",
            sentence="Not taxable in Germany: the place of supply is where the customer is established."),
]  # fmt: skip
NO_PAST = {"past": [], "next": "", "first": "", "form": {}, "error": ""}
CLASH = (
    "The tax rule for a seller in DE and a buyer in FR with VAT number from 2026-01-01 is there already with other "
    "values; documents may stand on it. Give the new values a later first day (valid_from)."
)

SAMPLES = [
    Sample("prices", "billing", "prices.html", "/finance/prices", ANN,
           {"rows": OWN_PRICES, "coming": COMING, "currency": "EUR", "today": date(2026, 11, 23)}),
    Sample("prices-none", "billing", "prices.html", "/finance/prices", ANN,
           {"rows": [], "coming": [], "currency": "CHF", "today": date(2026, 11, 23)}),
    Sample("prices-all", "billing", "prices_all.html", "/finance/prices", CARA,
           {"rows": ALL_PRICES, "filters": NO_FILTER, "next": "?after=4", "first": "?", "csv": "?format=csv"}),
    Sample("prices-all-none", "billing", "prices_all.html", "/finance/prices", CARA,
           {"rows": [], "filters": NO_FILTER, "next": "", "first": "", "csv": "?"}),
    Sample("prices-all-no-match", "billing", "prices_all.html", "/finance/prices", CARA,
           {"rows": [], "filters": NO_FILTER | {"currency": "CHF"}, "next": "", "first": "", "csv": "?"}),
    Sample("price-uploads", "billing", "price_uploads.html", "/finance/prices/uploads", CARA,
           {"uploads": [UPLOAD, ADDED], "columns": COLUMNS, "needed": COLUMNS[:5], "upload_id": "0199",
            "error": "The file is not UTF-8; save it as «CSV UTF-8» and upload that."}),
    Sample("price-uploads-none", "billing", "price_uploads.html", "/finance/prices/uploads", CARA,
           {"uploads": [], "columns": COLUMNS, "needed": COLUMNS[:5], "upload_id": "0199", "error": ""}),
    Sample("price-upload", "billing", "price_upload.html", "/finance/prices/uploads/0199", CARA,
           {"upload": UPLOAD, "new": NEW_PRICES, "unchanged": 1184, "refused": [], "error": ""}),
    Sample("price-upload-refused", "billing", "price_upload.html", "/finance/prices/uploads/0199", CARA,
           {"upload": UPLOAD, "new": NEW_PRICES, "unchanged": 0, "refused": REFUSED_ROWS,
            "error": "Nothing was added, for rows are refused."}),
    Sample("price-upload-nothing-new", "billing", "price_upload.html", "/finance/prices/uploads/0199", CARA,
           {"upload": UPLOAD, "new": [], "unchanged": 3, "refused": [], "error": ""}),
    Sample("price-upload-added", "billing", "price_upload.html", "/finance/prices/uploads/0199", CARA,
           {"upload": ADDED, "new": [], "unchanged": 0, "refused": [], "error": ""}),
    Sample("sellers", "billing", "sellers.html", "/finance/selling", CARA,
           {"today": [AMERICAN, seller_row(6)], "later": [seller_row(6, valid_from=date(2027, 1, 1))],
            **NO_PAST, "past": [seller_row(6, valid_from=date(2025, 1, 1))]}),
    Sample("sellers-none", "billing", "sellers.html", "/finance/selling", CARA, {"today": [], "later": [], **NO_PAST}),
    Sample("seller-form", "billing", "seller_form.html", "/finance/selling/new", CARA, {"form": {}, "error": CLASH}),
    Sample("taxes", "billing", "taxes.html", "/finance/selling/taxes", CARA,
           {"today": TAXES, "later": [tax_row("21", valid_from=date(2027, 1, 1))],
            **NO_PAST, "past": [tax_row("16", valid_from=date(2025, 7, 1))], "next": "?before=1",
            "form": {"buyer_country": "FR", "category": "AE"}, "error": CLASH}),
    Sample("taxes-none", "billing", "taxes.html", "/finance/selling/taxes", CARA,
           {"today": [], "later": [], **NO_PAST}),
    Sample("rates", "billing", "rates.html", "/finance/selling/rates", CARA,
           {"today": [rate_row(), rate_row("0.000000123456", currency="VND")], "later": [],
            **NO_PAST, "past": [rate_row("0.9", valid_from=date(2025, 1, 1))]}),
    Sample("rates-none", "billing", "rates.html", "/finance/selling/rates", CARA,
           {"today": [], "later": [], **NO_PAST}),
    Sample("invoices", "billing", "invoices.html", "/finance/invoices", ANN,
           {"division": None, "rows": INVOICES, "total": 1184, "next": "?after=95", "filters": ANY, "summary": SUMMARY,
            "csv": "?format=csv"}),
    Sample("invoices-operator", "billing", "invoices.html", "/finance/invoices", CARA,
           {"division": None, "rows": MANY_CURRENCIES, "total": 9, "filters": ANY | {"status": "open"}, "summary": None,
            "notice": "The deposit is booked: 5,000.00 EUR to Main."}),
    Sample("invoices-none", "billing", "invoices.html", "/finance/invoices", ANN,
           {"division": None, "rows": [], "total": 0, "filters": ANY, "summary": SUMMARY | {"available": None}}),
    Sample("invoices-no-match", "billing", "invoices.html", "/finance/invoices", ANN,
           {"division": None, "rows": [], "total": 0, "filters": ANY | {"search": "PO-1"}, "first": "?",
            "summary": SUMMARY | {"by_division": True}}),
    Sample("invoice", "billing", "invoice.html", "/finance/invoices/140", ANN,
           {"invoice": INVOICE, "document": {"ready": True, "sha256": SHA}, "credit_notes": [], "timeline": STORY,
            "may_pay": True, **NO_CREDIT, **WHOLE}),
    Sample("invoice-added-names", "billing", "invoice.html", "/finance/invoices/152", ANN,
           {"invoice": MORE_NAMES, "document": {"ready": True, "sha256": SHA}, "credit_notes": [], "timeline": [],
            "may_pay": False, **NO_CREDIT, **WHOLE}),
    Sample("invoice-paid", "billing", "invoice.html", "/finance/invoices/18", ANN,
           {"invoice": FOREIGN, "document": {"ready": True, "sha256": SHA}, "credit_notes": NOTES[:1],
            "timeline": PAID_STORY, "may_pay": True, **NO_CREDIT, **WHOLE}),
    Sample("invoice-month", "billing", "invoice.html", "/finance/invoices/131", ANN,
           {"invoice": MONTH, "document": {"ready": True, "sha256": SHA}, "credit_notes": [], "timeline": STORY[:1],
            "may_pay": True, **NO_CREDIT, "after": 200, "first": True}),
    Sample("invoice-request", "billing", "invoice.html", "/finance/invoices/17", CARA,
           {"invoice": REQUEST, "document": {"ready": False, "sha256": None}, "credit_notes": NOTES,
            "timeline": STORY[:1], "may_pay": False, **WHOLE, "creditable": CREDITABLE, "form": {"net-1": "4000.00"},
            "error": "Of line 1 of invoice PR-2026-000017, 3500.00 EUR net are left to be credited, not 4000.00; "
            "credit at most that."}),
    Sample("invoice-partly-credited", "billing", "invoice.html", "/finance/invoices/140", CARA,
           {"invoice": PARTLY, "document": {"ready": True, "sha256": SHA}, "credit_notes": NOTES, "timeline": STORY,
            "may_pay": False, **WHOLE, "creditable": CREDITABLE, "form": {}, "error": ""}),
    Sample("credit-notes", "billing", "credit_notes.html", "/finance/credit-notes", ANN,
           {"rows": CREDIT_NOTES, "total": 61, "search": "CN", "next": "?before=1", "first": "?", "ours": OURS}),
    Sample("credit-notes-operator", "billing", "credit_notes.html", "/finance/credit-notes", CARA,
           {"rows": CREDIT_NOTES, "total": 3, "search": "", "next": "", "first": "", "ours": OURS}),
    Sample("credit-notes-none", "billing", "credit_notes.html", "/finance/credit-notes", ANN,
           {"rows": [], "total": 0, "search": "", "next": "", "first": "", "ours": OURS}),
    Sample("credit-notes-no-match", "billing", "credit_notes.html", "/finance/credit-notes", ANN,
           {"rows": [], "total": 0, "search": "CN-1", "next": "", "first": "", "ours": OURS}),
    Sample("invoice-imported", "billing", "invoice.html", "/finance/invoices/17", ANN,
           {"invoice": IMPORTED, "document": {"ready": True, "sha256": SHA}, "credit_notes": [], "may_pay": True,
            "timeline": TAKEN_OVER, **WHOLE, **NO_CREDIT, **WHOLE}),
]  # fmt: skip
