from datetime import date, timedelta
from typing import Any

from services.orders.models import Account, Certificate, CertificateOrder, Division, TimelineEntry
from services.orders.pages import shown
from services.orders.queries import Row
from shared.access import Caller
from shared.events.billing import CreditNoteIssued
from shared.events.validation import DomainSubmitted
from shared.ids import new_id
from tests.orders.makers import an_order, charged, denied, eur, not_found_yet, prove, submitted, waiting
from tests.pages.samples.base import ANN, CARA, NOW, OLE, Sample, caller

ADA = caller("Ada King", "administrator")
ACME = Account(id=9001, name="Acme Example Inc.", currency="EUR")
MAIN = Division(id=14, name="Main", account=ACME)
EUROPE = Division(id=15, name="Hosting Europe", account=ACME)
CERTIFICATE = Certificate(
    id=200001, order_id=100001, serial_number="06:9e:1d:2f:8a:44:5b:90:6c:0b:7f:9a:1e:33:71:c2:5d:10:aa:08",
    thumbprint="A1B2C3D4E5F60718293A4B5C6D7E8F9001122334", valid_from=date(2026, 11, 23), valid_till=date(2027, 6, 10),
    pem="", intermediate_pem="", root_pem="", issued_at=NOW,
)  # fmt: skip
LONG = "a-very-long-label-that-somebody-really-uses-for-a-host-in-hosting.europe.shop.acme-example-holding.example"


def published(order: CertificateOrder) -> CertificateOrder:
    for name in order.names:
        told = submitted(9001, order.id, name.name)
        name.note_submitted(DomainSubmitted.model_validate(told.model_dump()))
    return order


def unproven() -> CertificateOrder:
    order = published(
        an_order(names=("www.acme.example", "acme.example", LONG), approved_at=NOW, comments="For the shop")
    )
    order.names[0].usable_until = NOW + timedelta(days=111)
    order.names[1].note_failed(not_found_yet(9001, "acme.example"))
    order.note_charged(charged(9001, order.id))
    order.invoice_path = "/services/v2/finance/invoice/40211/pdf"
    return order


def issued() -> CertificateOrder:
    order = prove(published(an_order(approved_at=NOW, issued_at=NOW, closed_at=NOW)))
    order.note_charged(charged(9001, order.id))
    order.invoice_path = "/services/v2/finance/invoice/40211/pdf"
    order.names[0].test_mode = True
    return order


def cancelled() -> CertificateOrder:
    order = prove(an_order(approved_at=NOW, cancelled_at=NOW, closed_at=NOW, closing_note="Bought twice"))
    order.note_charged(charged(9001, order.id))
    facts = charged(9001, order.id).model_dump(exclude={"type", "id", "source", "receipt_id"})
    note = {"credit_note_id": 7, "number": "CN-2026-000007", "issued_on": date(2026, 11, 24), "total": eur(11781)}
    order.note_credit_note(CreditNoteIssued.model_validate(facts | note))
    return order


def short_of_funds() -> CertificateOrder:
    order = published(an_order())
    order.note_waiting(waiting(9001, order.id))
    return order


def refused() -> CertificateOrder:
    order = prove(an_order(approved_at=NOW, asked_at=NOW, issue_failure="The CA key cannot be read"))
    order.note_charged(charged(9001, order.id))
    order.note_denied(denied(9001, order.id, "www.acme.example"), NOW)
    return order


def entry(kind: str, sentence: str, who: str = "", link: str | None = None) -> TimelineEntry:
    return TimelineEntry(id=new_id(), order_id=100001, at=NOW, who=who, kind=kind, sentence=sentence, link=link)


TIMELINE = [
    entry("good", "Placed", "Ann Lee, key “deploy”"),
    entry("good", "117.81 EUR charged to Main, invoice INV-2026-000140", "", "/finance/invoices/40211"),
    entry("wait", f"{LONG}: no TXT record at _dnsauth.{LONG} (NXDOMAIN)"),
    entry("plain", "The invoice document is ready"),
]


def page(order: CertificateOrder, who: Caller, certificate: Certificate | None = None) -> dict[str, Any]:
    row = Row(order, MAIN, certificate)
    return {**shown.order(row, who, NOW, issues_itself=False), "timeline": TIMELINE, "request_id": 900001}


def listed() -> list[dict[str, Any]]:
    orders = [
        (unproven(), None),
        (issued(), CERTIFICATE),
        (cancelled(), None),
        (short_of_funds(), None),
        (refused(), None),
    ]
    orders.append((an_order(names=(LONG, "www.acme.example")), None))
    return [shown.listed(Row(order, EUROPE, certificate), NOW) for order, certificate in orders]


ANY = {"status": "", "search": "", "division": ""}
LIST = {
    "rows": listed(),
    "total": 184,
    "filters": ANY,
    "divisions": [(14, "Main"), (15, "Hosting Europe")],
    "next": "?before=1",
    "first": "",
}
HERE = "/orders/100001"

SAMPLES = [
    Sample("orders", "orders", "orders.html", "/orders", ANN, LIST),
    Sample("orders-operator", "orders", "orders.html", "/orders", CARA, LIST | {"divisions": [], "first": "/orders"}),
    Sample("orders-none", "orders", "orders.html", "/orders", OLE, LIST | {"rows": [], "total": 0, "next": ""}),
    Sample("orders-no-match", "orders", "orders.html", "/orders", ANN,
           LIST | {"rows": [], "total": 0, "next": "", "filters": ANY | {"status": "issued", "division": "14"}}),
    Sample("order-unproven", "orders", "order.html", HERE, ADA, page(unproven(), ADA)),
    Sample("order-issued", "orders", "order.html", HERE, ANN, page(issued(), ANN, CERTIFICATE)),
    Sample("order-cancelled", "orders", "order.html", HERE, OLE, page(cancelled(), OLE)),
    Sample("order-short", "orders", "order.html", HERE, CARA, page(short_of_funds(), CARA)),
    Sample("order-refused", "orders", "order.html", HERE, ADA, page(refused(), ADA)),
    Sample("sign-in", "orders", "sign_in.html", "/sign-in", None, {"next": "/orders", "email": "", "error": ""}),
    Sample("sign-in-wrong", "orders", "sign_in.html", "/sign-in", None,
           {"next": "/orders", "email": "ann@acme.example", "error": "E-mail address and password do not match."}),
]  # fmt: skip
