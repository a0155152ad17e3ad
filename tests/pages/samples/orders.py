from datetime import date, timedelta
from typing import Any

from services.orders.clients.test_ca import TestCa
from services.orders.models import (
    Account,
    Certificate,
    CustomField,
    CustomValue,
    Division,
    OrderNote,
    OrderRequest,
    Revocation,
    TimelineEntry,
)
from services.orders.pages import request_shown, shown
from services.orders.pages.order_draft import FIELDS
from services.orders.pages.order_form import PAYMENT, groups
from services.orders.pages.order_list import STATUSES
from services.orders.queries import ListedRequest, OfOrder, Row
from services.orders.rules.csr_facts import read_csr
from services.orders.rules.methods import METHODS
from services.orders.rules.organizations import Details
from services.orders.rules.products import CATALOGUE, product
from shared.access import Caller
from shared.events.billing import CreditNoteIssued, OrderOnAccount
from shared.events.validation import DomainSubmitted
from shared.ids import new_id
from tests.orders.makers import (
    a_request,
    an_order,
    ca_key,
    charged,
    csr,
    denied,
    eur,
    not_found_yet,
    prove,
    submitted,
    waiting,
)
from tests.pages.samples.base import ANN, CARA, NOW, OLE, Sample, caller

ADA = caller("Ada King", "administrator")
ACME = Account(id=9001, name="Acme Example Inc.", currency="EUR")
MAIN = Division(id=14, name="Main", account=ACME)
EUROPE = Division(id=15, name="Hosting Europe", account=ACME)
CERTIFICATE = Certificate(
    id=200001, order_id=100001, serial_number="06:9e:1d:2f:8a:44:5b:90:6c:0b:7f:9a:1e:33:71:c2:5d:10:aa:08",
    thumbprint="A1B2C3D4E5F60718293A4B5C6D7E8F9001122334", valid_from=date(2026, 11, 23), valid_till=date(2027, 6, 10),
    pem="", intermediate_pem=TestCa(ca_key()).issuers["sha256"].pem, root_pem="", issued_at=NOW, issuer="built-in",
    common_name="www.acme.example", dns_names=["www.acme.example"], key="ECDSA P-256", irregularity=None,
)  # fmt: skip
LONG = "a-very-long-label-that-somebody-really-uses-for-a-host-in-hosting.europe.shop.acme-example-holding.example"


def published(request: OrderRequest) -> OrderRequest:
    for name in request.names:
        told = submitted(9001, request.order_id, name.name)
        name.note_submitted(DomainSubmitted.model_validate(told.model_dump()))
    return request


def by_mail() -> OrderRequest:
    request = a_request()
    for name in request.names:
        told = submitted(
            9001, request.order_id, name.name, method="email", record_type="MAIL", record_name=name.name,
            record_value=f"admin@{LONG}, webmaster@{LONG}",
        )  # fmt: skip
        name.note_submitted(DomainSubmitted.model_validate(told.model_dump()))
    return request


def unproven() -> OrderRequest:
    request = published(
        a_request(names=("www.acme.example", "acme.example", LONG), approved_at=NOW, comments="For the shop")
    )
    request.names[0].usable_until = NOW + timedelta(days=111)
    request.names[1].note_failed(not_found_yet(9001, "acme.example"))
    request.order.note_charged(charged(9001, request.order_id))
    request.order.invoice_path = "/services/v2/finance/invoice/40211/pdf"
    return request


def issued() -> OrderRequest:
    request = prove(published(a_request(approved_at=NOW, issued_at=NOW, closed_at=NOW)))
    request.order.note_charged(charged(9001, request.order_id))
    request.order.invoice_path = "/services/v2/finance/invoice/40211/pdf"
    request.names[0].test_mode = True
    return request


def cancelled() -> OrderRequest:
    request = prove(a_request(approved_at=NOW, cancelled_at=NOW, closed_at=NOW, closing_note="Bought twice"))
    order = request.order
    order.note_charged(charged(9001, order.id))
    facts = charged(9001, order.id).model_dump(exclude={"type", "id", "source", "receipt_id"})
    note = {"credit_note_id": 7, "number": "CN-2026-000007", "issued_on": date(2026, 11, 24), "total": eur(11781)}
    order.note_credit_note(CreditNoteIssued.model_validate(facts | note))
    return request


def on_account() -> OrderRequest:
    request = prove(published(a_request(approved_at=NOW, issued_at=NOW, closed_at=NOW, payment_method="on_account")))
    facts = charged(9001, request.order_id).model_dump(exclude={"type", "id", "source"})
    request.order.note_on_account(OrderOnAccount.model_validate(facts))
    return request


def short_of_funds() -> OrderRequest:
    request = published(a_request())
    request.order.note_waiting(waiting(9001, request.order_id))
    return request


def refused() -> OrderRequest:
    request = prove(a_request(approved_at=NOW, asked_at=NOW, issue_failure="The CA key cannot be read"))
    request.order.note_charged(charged(9001, request.order_id))
    request.note_denied(denied(9001, request.order_id, "www.acme.example"), NOW)
    return request


def entry(kind: str, sentence: str, who: str = "", link: str | None = None) -> TimelineEntry:
    return TimelineEntry(id=new_id(), order_id=100001, at=NOW, who=who, kind=kind, sentence=sentence, link=link)


TIMELINE = [
    entry("good", "Placed", "Ann Lee, key “deploy”"),
    entry("good", "117.81 EUR charged to Main, invoice INV-2026-000140", "", "/finance/invoices/40211"),
    entry("wait", f"{LONG}: no TXT record at _dnsauth.{LONG} (NXDOMAIN)"),
    entry("plain", "The invoice document is ready"),
]


def page(request: OrderRequest, who: Caller, certificate: Certificate | None = None) -> dict[str, Any]:
    row = Row(request.order, MAIN, certificate, request)
    found = [OfOrder(certificate, "new_request", None)] if certificate else []
    return {
        **shown.order(row, who, NOW, issues_itself=False),
        **request_shown.rights(row, found, request, who, NOW),
        "timeline": TIMELINE,
        "older": None,
        "newer": False,
        "error": "",
        "text": "",
        "requests": [request_shown.request(request, who)],
        "certificates": request_shown.certificates(found, 200001, NOW.date()),
        "formats": request_shown.FORMATS,
        "most": 100,
        "methods": list(METHODS.items()),
        "notes": [],
        "own_values": [CustomValue(label="Cost centre", value="4711")],
        "renewed_by": None,
    }


def several() -> dict[str, Any]:
    """An order with a revoked certificate, a reissue that replaced it, a duplicate, decisions and notes."""
    request = issued()
    request.order.valid_till, request.order.auto_reissue = date(2027, 11, 22), True
    old = Certificate(**{name: getattr(CERTIFICATE, name) for name in KEPT} | {"id": 200000})
    gone = Revocation(certificate_id=200000, revoked_at=NOW)
    found = [
        OfOrder(Certificate(**{name: getattr(CERTIFICATE, name) for name in KEPT} | {"id": 200002}), "duplicate", None),
        OfOrder(CERTIFICATE, "reissue", None),
        OfOrder(old, "new_request", gone),
    ]
    asked = OrderRequest(
        id=900003, order_id=100001, type="revoke", requested_at=NOW, requested_by="Kim", user_id=9, revokes_id=200001,
        common_name="www.acme.example", revocation_reason="superseded", comments="The new one is in use everywhere",
    )  # fmt: skip
    more = OrderRequest(
        id=900002, order_id=100001, type="reissue", requested_at=NOW, requested_by="Kim", user_id=9, approved_at=NOW,
        approved_by="Ada King", closed_at=NOW, processor_comment="For the new shop", names_added=[LONG],
        common_name="www.acme.example",
    )  # fmt: skip
    row = Row(request.order, MAIN, CERTIFICATE, request)
    return page(request, ADA, CERTIFICATE) | {
        **request_shown.rights(row, found, request, ADA, NOW),
        "requests": [request_shown.request(each, ADA) for each in (asked, more, request)],
        "certificates": request_shown.certificates(found, 200001, NOW.date()),
        "notes": [OrderNote(id=1, text="Lives on the load balancers of Lehi", written_at=NOW, written_by="Ann Lee")],
        "renewed_by": 100007,
    }


def queued() -> list[dict[str, Any]]:
    rows = []
    for at, kind in ((NOW - timedelta(hours=15), "revoke"), (NOW - timedelta(minutes=40), "new_request")):
        request = a_request(names=(LONG,), comments="For the shop")
        request.type, request.requested_at, request.user_id = kind, at, 9
        if kind == "revoke":
            request.revocation_reason, request.escalated_at = "cessationOfOperation", NOW
        rows.append(request_shown.queued(ListedRequest(request, request.order, EUROPE, None), ADA, NOW))
    return rows


KEPT = ("order_id", "serial_number", "thumbprint", "valid_from", "valid_till", "pem", "intermediate_pem", "root_pem",
        "issued_at", "issuer", "common_name", "dns_names", "key", "irregularity")  # fmt: skip


def listed() -> list[dict[str, Any]]:
    orders = [
        (unproven(), None),
        (issued(), CERTIFICATE),
        (cancelled(), None),
        (short_of_funds(), None),
        (refused(), None),
    ]
    orders.append((a_request(names=(LONG, "www.acme.example")), None))
    return [shown.listed(Row(request.order, EUROPE, certificate, request), NOW) for request, certificate in orders]


ANY = {"status": "", "search": "", "division": "", "product": "", "since": "", "until": ""}
LIST = {
    "rows": listed(),
    "total": 184,
    "filters": ANY,
    "statuses": STATUSES,
    "products": [("", "All"), *((each.name_id, each.name) for each in CATALOGUE)],
    "may_place": True,
    "csv": "/orders/list.csv",
    "divisions": [(14, "Main"), (15, "Hosting Europe")],
    "next": "?before=1",
    "first": "",
}
HERE = "/orders/100001"
FACTS = read_csr(csr())
FORM = dict.fromkeys(FIELDS, "") | {
    "product": "ssl_basic", "csr": csr(), "names": f"www.acme.example\n{LONG}", "years": "1", "organization": "3",
    "auto_reissue": "1", "comments": "For the shop", "division": "14", "field_1": "4711",
}  # fmt: skip
COST_CENTRE = CustomField(id=1, label="Cost centre", description="As on the invoice", data_type="int", is_required=True)
ORDER_FORM = {
    "form": FORM,
    "product": product("ssl_basic"),
    "divisions": [(14, "Main"), (15, "Hosting Europe")],
    "organizations": [("", "Choose"), (3, "Acme Example Inc."), ("new", "A new one, told below")],
    "is_new": False,
    "years": [("1", "1 year"), ("2", "2 years"), ("3", "3 years")],
    "methods": list(METHODS.items()),
    "payments": list(PAYMENT.items()),
    "ceiling": 199,
    "csr": FACTS,
    "fields": [("field_1", COST_CENTRE)],
    "taken": "",
    "free_days": 30,
    "errors": {},
}
REFUSED = {
    "names": f"{LONG!r}: an underscore cannot stand in a certified name.",
    "csr": "The CSR cannot be read; send PEM from -----BEGIN CERTIFICATE REQUEST----- to the END line, unchanged.",
    "organization_name": "Give the legal name of the organization.",
    "term": "An order is for 1 to 1095 days from today, not -3.",
}
PREVIEW = {
    "form": FORM,
    "product": product("ssl_basic"),
    "division": "Main",
    "organization": None,
    "details": Details("Acme Example Inc.", "1 Main Street", "Lehi", "us"),
    "csr": FACTS,
    "names": [("www.acme.example", True), (LONG, False)],
    "csr_only": ("not.read.example",),
    "fields": [("field_1", COST_CENTRE)],
    "ends_on": date(2027, 11, 23),
    "payment": PAYMENT["balance"],
    "method": "DNS TXT",
    "needs_approval": True,
    "renews": None,
    "free_days": 30,
}
REISSUE = {
    "order": a_request(names=("www.acme.example", "acme.example")).order,
    "kind": "reissue",
    "form": {"names": "www.acme.example\nacme.example", "csr": "", "dcv_method": "dns-txt-token", "comments": "",
             "once": ""},
    "csr": None,
    "key": "ECDSA P-256",
    "names": [("www.acme.example", True, False), ("shop.acme.example", False, False), (LONG, False, True)],
    "dropped": ["acme.example"],
    "added": (LONG,),
    "product": "GeoTrust DV SSL",
    "max_names": 250,
    "wildcards": False,
    "ends_on": date(2027, 11, 23),
    "methods": list(METHODS.items()),
    "method": "DNS TXT",
    "errors": {},
}  # fmt: skip
REVOKE = {
    "order": an_order(),
    "form": {"certificate": "", "reason": "keyCompromise", "comments": "", "at_once": ""},
    "certificates": [("", "All certificates of the order"), (200001, "200001, www.acme.example, until 2027-06-10")],
    "reasons": request_shown.REASONS,
    "may_skip": True,
    "errors": {"": "Order 100001 is revoked already, or about to be."},
}
REQUESTS = {
    "rows": queued(),
    "total": 2,
    "types": [("", "All"), *request_shown.TYPES.items()],
    "type": "",
    "next": "/orders/requests?since=1",
    "first": "",
}

SAMPLES = [
    Sample("orders", "orders", "orders.html", "/orders", ANN, LIST),
    Sample("orders-operator", "orders", "orders.html", "/orders", CARA, LIST | {"divisions": [], "first": "/orders"}),
    Sample("orders-none", "orders", "orders.html", "/orders", OLE, LIST | {"rows": [], "total": 0, "next": ""}),
    Sample("orders-no-match", "orders", "orders.html", "/orders", ANN,
           LIST | {"rows": [], "total": 0, "next": "", "filters": ANY | {"status": "issued", "division": "14"}}),
    Sample("order-unproven", "orders", "order.html", HERE, ADA, page(unproven(), ADA)),
    Sample("order-by-mail", "orders", "order.html", HERE, ADA, page(by_mail(), ADA)),
    Sample("order-issued", "orders", "order.html", HERE, ANN, page(issued(), ANN, CERTIFICATE)),
    Sample("order-on-account", "orders", "order.html", HERE, ANN, page(on_account(), ANN, CERTIFICATE)),
    Sample("order-on-account-user", "orders", "order.html", HERE, OLE, page(on_account(), OLE, CERTIFICATE)),
    Sample("order-cancelled", "orders", "order.html", HERE, OLE, page(cancelled(), OLE)),
    Sample("order-short", "orders", "order.html", HERE, CARA, page(short_of_funds(), CARA)),
    Sample("order-refused", "orders", "order.html", HERE, ADA, page(refused(), ADA)),
    Sample("order-deed-refused", "orders", "order.html", HERE, ADA, page(unproven(), ADA) | {
        "error": "'pigeon' is no validation method.", "text": "Lives on two servers",
        "older": "01a2070a-0000-7000-8000-000000000001", "newer": True}),
    Sample("order-several", "orders", "order.html", HERE, ADA, several()),
    Sample("order-product", "orders", "order_product.html", "/orders/new", ANN,
           {"groups": groups(), "division": "14", "organization": ""}),
    Sample("order-form", "orders", "order_form.html", "/orders/new", ADA, ORDER_FORM),
    Sample("order-form-refused", "orders", "order_form.html", "/orders/new", OLE,
           ORDER_FORM | {"errors": REFUSED, "is_new": True, "csr": None, "payments": list(PAYMENT.items())[:1]}),
    Sample("order-renewal", "orders", "order_form.html", "/orders/100001/renew", ADA,
           ORDER_FORM | {"form": FORM | {"renews": "100001"}, "product": product("ssl_dv_geotrust"), "taken": "names"}),
    Sample("order-preview", "orders", "order_preview.html", "/orders/new", OLE, PREVIEW),
    Sample("reissue-form", "orders", "reissue_form.html", HERE + "/reissue", ADA, REISSUE),
    Sample("reissue-preview", "orders", "reissue_preview.html", HERE + "/reissue", ADA, REISSUE | {"csr": FACTS}),
    Sample("duplicate-form", "orders", "reissue_form.html", HERE + "/duplicate", ADA, REISSUE | {"kind": "duplicate"}),
    Sample("revoke", "orders", "revoke.html", HERE + "/revoke", ADA, REVOKE),
    Sample("requests", "orders", "requests.html", "/orders/requests", ADA, REQUESTS),
    Sample("requests-none", "orders", "requests.html", "/orders/requests", CARA,
           REQUESTS | {"rows": [], "total": 0, "next": ""}),
    Sample("sign-in", "orders", "sign_in.html", "/sign-in", None, {"next": "/orders", "email": "", "error": ""}),
    Sample("sign-in-wrong", "orders", "sign_in.html", "/sign-in", None,
           {"next": "/orders", "email": "ann@acme.example", "error": "E-mail address and password do not match."}),
]  # fmt: skip
