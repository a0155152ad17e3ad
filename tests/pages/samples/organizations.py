from datetime import timedelta
from typing import Any

from services.orders.models import (
    Account,
    Division,
    OrderRequest,
    Organization,
    OrganizationCheck,
    OrganizationContact,
    OrganizationEntry,
    OrganizationRecord,
)
from services.orders.pages import organization_shown as shown
from services.orders.queries import Waiting
from services.orders.rules.checklist import LEVELS, Level, checklist
from services.orders.rules.organizations import Details
from services.orders.rules.vetting import Record
from shared.access import Caller
from shared.ids import new_id
from tests.orders.makers import a_request, charged, prove
from tests.pages.samples import orders as of_orders
from tests.pages.samples.base import CARA, NOW, OLE, Sample, caller

ADA = caller("Ada King", "administrator")
ACME = Account(id=9001, name="Acme Example Inc.", currency="EUR")
MAIN = Division(id=14, name="Main", account=ACME)
DETAILS = Details(
    "Acme Example Inc.", "1 Main Street", "Lehi", "us", "Acme", "Floor 2", "Utah", "84043", "801-555-0100"
)
LONG = Details("Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", "Hauptstraße 1", "Aschaffenburg", "de")
RECORD = Record(
    "Acme Example Inc.", "US", "Lehi", "Utah", "84043", "1 Main Street", "Acme", "+1 801 555 0100",
    "Private Organization", "US", "Delaware", "", "5157550",
)  # fmt: skip
EVIDENCE = "Utah Division of Corporations, entry 5157550, status active; print kept as file 2026-1107"


def organization(details: Details = DETAILS, level: Level = "ov", **facts: Any) -> Organization:
    made = Organization(
        id=110001, account_id=9001, account=ACME, division_id=14, division=MAIN, created_at=NOW, created_by="Ada King",
        record=None, validations=[], **vars(details),
    )  # fmt: skip
    made.ask(level, "Ada King", NOW)
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def vetted(level: Level = "ev", count: int = 99, passed: bool = True) -> Organization:
    made = organization(level=level)
    record = OrganizationRecord(
        id=new_id(), organization_id=made.id, entered_at=NOW, entered_by="Cara Novak", entered_by_user=3, checks=[],
        **vars(RECORD),
    )  # fmt: skip
    for n, item in enumerate(checklist(level, True)[:count]):
        record.checks.append(
            OrganizationCheck(
                id=new_id(), record_id=record.id, kind=item.kind, source=item.sources[level][0], evidence=EVIDENCE,
                passed=passed, checked_on=NOW.date(), recorded_at=NOW + timedelta(minutes=n),
                recorded_by="Olga Pereira" if item.by_another else "Cara Novak",
                recorded_by_user=4 if item.by_another else 3,
            )
        )  # fmt: skip
    made.record = record
    for asked in made.validations:
        asked.note_verdict(made.verdict(level), NOW)
    return made


CONTACTS = [
    OrganizationContact(
        id=n, organization_id=110001, contact_type=kind, user_id=None, first_name="Ann", last_name="Lee",
        email="ann.lee@acme-example-holding.example", job_title="Head of Infrastructure", telephone="801-555-0101",
        telephone_extension="", added_at=NOW,
    )
    for n, kind in enumerate(("organization_contact", "ev_approver"))
]  # fmt: skip
HISTORY = [
    OrganizationEntry(id=new_id(), organization_id=110001, at=NOW, who=who, kind=kind, sentence=sentence)
    for who, kind, sentence in (
        ("Ada King", "plain", "Added"),
        ("Ada King", "wait", "Extended Validation asked for; our staff look at it"),
        ("Cara Novak", "plain", "Legal existence found good"),
        ("Issuary", "good", "Extended Validation complete, usable until 2027-12-25"),
    )
]
NOTHING = {name: "" for name in ("contact_type", "first_name", "last_name", "email", "job_title", "telephone")}
CHECK = {name: "" for name in ("kind", "source", "evidence", "checked_on", "passed")}
SAME_PERSON = "Final cross-correlation: you entered the record or made one of its checks; a second person reviews them."


def page(made: Organization, who: Caller, **more: Any) -> dict[str, Any]:
    return {**shown.shown(made, CONTACTS, HISTORY, who, NOW), "form": NOTHING, "error": "", **more}


def form(made: Organization | None, **more: Any) -> dict[str, Any]:
    typed = {**vars(DETAILS), "division": "14", "level": "ov"}
    return {
        "form": typed, "organization": made, "is_validated": made is not None, "levels": list(LEVELS.items()),
        "divisions": [(14, "Main"), (15, "Hosting Europe")], "error": "", **more,
    }  # fmt: skip


def work(made: Organization, **more: Any) -> dict[str, Any]:
    former = vetted().record
    assert former
    return {**shown.vetted(made, CONTACTS, former.checks[:1], NOW), "form": CHECK, "error": "", **more}


ALL = [organization(), vetted(), organization(LONG, deactivated_at=NOW), vetted("ov", 2)]
LIST = {
    "rows": [shown.listed(each, NOW) for each in ALL],
    "total": 184,
    "filters": {"status": "", "search": "", "division": ""},
    "divisions": [(14, "Main"), (15, "Hosting Europe")],
    "may_add": True,
    "next": "?before=1",
    "first": "",
}
RENEWED = vetted()
RENEWED.ask("ev", "Ada King", NOW)
QUEUE = {
    "rows": [
        shown.waiting(Waiting(asked, each), NOW)
        for each in (organization(LONG, "ev"), vetted("ov", 2), RENEWED)
        for asked in each.validations
        if asked.open_since
    ],
    "total": 3,
    "next": "",
    "first": "",
}
HERE = "/organizations/110001"


def ordered(made: Organization) -> OrderRequest:
    request = prove(a_request(approved_at=NOW, product_name_id="ssl_basic", organization=made, organization_id=made.id))
    request.order.note_charged(charged(9001, request.order_id))
    return request


SAMPLES = [
    Sample("organizations", "orders", "organizations.html", "/organizations", ADA, LIST),
    Sample("organizations-operator", "orders", "organizations.html", "/organizations", CARA, LIST | {"may_add": False}),
    Sample("organizations-none", "orders", "organizations.html", "/organizations", ADA,
           LIST | {"rows": [], "total": 0, "next": ""}),
    Sample("organization", "orders", "organization.html", HERE, ADA, page(vetted(), ADA)),
    Sample("organization-new", "orders", "organization.html", HERE, ADA,
           page(organization(), ADA, notice="The organization is added; our staff look at it.")),
    Sample("organization-part", "orders", "organization.html", HERE, OLE, page(vetted("ov", 2), OLE)),
    Sample("organization-inactive", "orders", "organization.html", HERE, CARA,
           page(organization(LONG, deactivated_at=NOW), CARA)),
    Sample("organization-add", "orders", "organization_form.html", "/organizations/new", ADA,
           form(None, error="The organization has no city; give it.")),
    Sample("organization-edit", "orders", "organization_form.html", f"{HERE}/edit", ADA, form(vetted())),
    Sample("order-for-organization", "orders", "order.html", "/orders/100001", ADA,
           of_orders.page(ordered(vetted("ov", 2)), ADA)),
    Sample("order-for-inactive", "orders", "order.html", "/orders/100001", ADA,
           of_orders.page(ordered(organization(LONG, deactivated_at=NOW)), ADA)),
    Sample("organization-queue", "orders", "organization_queue.html", "/organizations/queue", CARA, QUEUE),
    Sample("organization-queue-none", "orders", "organization_queue.html", "/organizations/queue", CARA,
           QUEUE | {"rows": [], "total": 0}),
    Sample("vetting-new", "orders", "vetting.html", f"{HERE}/vetting", CARA, work(organization(level="ov"))),
    Sample("vetting", "orders", "vetting.html", f"{HERE}/vetting", CARA, work(vetted("ev", 9), error=SAME_PERSON,
           form=CHECK | {"kind": "due_diligence", "source": "review", "evidence": "It fits", "passed": "yes",
                         "checked_on": "2026-11-23"})),
    Sample("vetting-failed", "orders", "vetting.html", f"{HERE}/vetting", CARA, work(vetted("ov", 1, passed=False))),
    Sample("vetting-complete", "orders", "vetting.html", f"{HERE}/vetting", CARA, work(vetted())),
]  # fmt: skip
