"""Every page with what it may have to show: usual, much, little, nothing, wrong."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace as Row
from typing import Any
from uuid import UUID

from shared.access import Caller

NOW = datetime(2026, 11, 23, 10, 4, 7, tzinfo=UTC)


def caller(name: str, role: str, account: str = "Acme Example Inc.", account_id: int = 7) -> Caller:
    return Caller(
        credential_id="user/3", kind="user", account_id=account_id, user_id=3, name=name, email="ann@acme.example",
        account_name=account, role=role, key_role=0, divisions=(),
    )  # fmt: skip


ANN = caller("Ann Lee", "finance_manager")
OLE = caller("Ole Strand-Featherstonehaugh", "limited_user")
CARA = caller("Cara Novak", "operator", "", 0)


@dataclass(frozen=True)
class Sample:
    name: str
    service: str
    template: str
    path: str
    who: Caller | None
    context: dict[str, Any] = field(default_factory=dict)


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

NOT_JSON = "The value is not JSON (line 1, column 1); fix the producer, or discard this record if nobody needs it."
SCOPES = [
    Row(
        topic="orders.events.v1",
        scope="order/shop.example:1201",
        seq=11,
        reason=NOT_JSON,
        since=NOW,
        attempts=3,
        events=2,
    ),
    Row(
        topic="billing.commands.v1",
        scope=None,
        seq=19,
        reason="The record has no type.",
        since=NOW,
        attempts=0,
        events=1,
    ),
    Row(
        topic="orders.events.v1",
        scope="order/" + "9" * 60,
        seq=30,
        reason="x" * 120,
        since=NOW,
        attempts=1,
        events=1234,
    ),
]
MARKUP = "\"><img src=x onerror=alert(1)><script>alert(1)</script><b>'"
HOSTILE = Row(
    topic="orders.events.v1", scope=f"order/{MARKUP}:1", seq=1, reason=MARKUP, since=NOW, attempts=0, events=1
)
EVENTS = [
    Row(seq=11, event_id=UUID(int=11), type="order_placed", topic="orders.events.v1", partition=3, offset=123456,
        error=NOT_JSON, parked_at=NOW,
        headers=[("ce_id", "0192f3c4"), ("content-type", "application/json"), ("x-bin", "(3 bytes)")],
        body='{\n  "type": "order_placed",\n  "account": {"id": 9001},\n  "names": ["' + "a" * 120 + '"]\n}'),
    Row(seq=12, event_id=UUID(int=12), type=None, topic="orders.events.v1", partition=3, offset=123457, error=None,
        parked_at=NOW, headers=[], body=""),
]  # fmt: skip
AUDIT = [
    Row(at=NOW, who="Cara Novak", what="parked event discarded", subject="order/shop:1201", before={"error": NOT_JSON},
        after={"reason": "A test record of the shop"}),
    Row(at=NOW, who="Cara Novak", what="limit changed", subject="account/7", before={"limit": 0, "roles": ["a"]},
        after={"limit": 200000, "roles": None}),
    Row(at=NOW, who="system", what="account opened", subject="account/7", before=None, after=None),
]  # fmt: skip

OPERATIONS = "/billing/operations"
NO_FILTER = {"topic": "", "search": ""}
TOPICS = ["billing.commands.v1", "orders.events.v1"]

CANCEL = {
    "title": "Cancel order 1201?", "message": "379.00 EUR go back to the funds of Main with a credit note.",
    "action": "/orders/1201/cancel", "verb": "Cancel order", "kind": "danger", "back": "/orders/1201",
}  # fmt: skip

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
    Sample("operations", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 1203, "oldest_seconds": 431.5}, "parked": {"scopes": 3, "events": 1237},
            "scopes": SCOPES, "filters": NO_FILTER, "topics": TOPICS, "next": "?after=x", "test_mode": True}),
    Sample("operations-quiet", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 0, "oldest_seconds": None}, "parked": {"scopes": 0, "events": 0}, "scopes": [],
            "filters": NO_FILTER, "topics": []}),
    Sample("operations-no-match", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 4, "oldest_seconds": 40}, "parked": {"scopes": 3, "events": 9}, "scopes": [],
            "filters": {"topic": TOPICS[0], "search": "order/1"}, "topics": TOPICS}),
    Sample("parked", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"scope": SCOPES[0], "events": EVENTS}),
    Sample("parked-refused", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"scope": SCOPES[1], "events": EVENTS[:1], "failed_seq": 11,
            "error": "Say why this event is discarded; the reason is kept in the audit log."}),
    Sample("parked-hostile", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"scope": HOSTILE, "events": [Row(**vars(EVENTS[0]) | dict.fromkeys(["type", "error", "body"], MARKUP))]}),
    Sample("audit", "billing", "audit.html", f"{OPERATIONS}/audit", CARA,
           {"rows": AUDIT, "total": 3, "filters": {"search": ""}}),
    Sample("audit-none", "billing", "audit.html", f"{OPERATIONS}/audit", CARA,
           {"rows": [], "total": 0, "filters": {"search": ""}}),
    Sample("confirm-limited_user", "orders", "confirm.html", "/orders/1201/cancel", OLE, CANCEL),
    Sample("confirm-standard_user", "orders", "confirm.html", "/orders/1201/cancel", caller("Kim", "standard_user"),
           CANCEL | {"reason_label": "Why", "error": "The order is issued already; revoke the certificate instead."}),
    Sample("error", "orders", "error.html", "/orders/99", None,
           {"error_status": 404, "message": "There is no order 99 in this account; check the number."}),
    Sample("error-signed-in", "orders", "error.html", "/orders/99", ANN,
           {"error_status": 403, "message": "Your role may not see this; ask an administrator of your account."}),
]  # fmt: skip
