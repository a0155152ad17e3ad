from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from services.validation.pages.words import CHIPS, MAIL_CHIPS, Chip
from services.validation.rules.wave import weekly
from tests.pages.samples.base import CARA, NOW, Sample, caller

ANN = caller("Ann Lee", "administrator")
METHODS = [("dns-txt-token", "DNS TXT record"), ("email", "E-mail to a domain contact")]
UNTIL = datetime(2027, 3, 13, 23, 59, 59, tzinfo=UTC)
LONG = "a-very-long-label-that-somebody-registered-for-a-campaign.marketing.subsidiary.acme-example-holding.example"


def row(n: int, name: str, status: str = "active", **more: Any) -> dict[str, Any]:
    return {
        "id": 7000 + n, "name": name, "chip": CHIPS[status], "revalidation_pending": False, "division": "Main",
        "account": "Acme Example Inc.", "method": "DNS TXT record", "until": UNTIL if status != "pending" else None,
        "over": status == "expired",
    } | more  # fmt: skip


ROWS = [
    row(6, "acme.example", revalidation_pending=True),
    row(5, LONG, "pending", division="Hosting Europe"),
    row(4, "old.example", "expired", until=UNTIL - timedelta(days=200)),
    row(3, "xn--bcher-kva.example", "new", method="", until=None),
    row(2, "retired.example", chip=Chip("", "Deactivated", True)),
]
LIST: dict[str, Any] = {
    "rows": ROWS, "total": 5, "most": None, "next": "/domains?before=7002", "first": "",
    "csv": "/services/v2/domain?format=csv",
    "filters": {"search": "", "status": "", "dcv_method": ""}, "division": None, "methods": METHODS,
    "all_methods": METHODS, "most_at_once": 25,
}  # fmt: skip


def domain(**more: Any) -> SimpleNamespace:
    return SimpleNamespace(**{
        "id": 7006, "name": "acme.example", "account_id": 9001, "is_active": True, "method": "dns-txt-token",
        "needs": 0,
        "organization_id": 112233, "submitted_at": NOW, "created_at": NOW - timedelta(days=91),
    } | more)  # fmt: skip


RECORD = [("Name", "_dnsauth.acme.example"), ("Type", "TXT"), ("Value", "k3v9" * 8)]
PENDING: dict[str, Any] = {
    "method": "DNS TXT record", "key": "dns-txt-token", "renews": False, "type": "TXT", "record": RECORD,
    "about": "acme.example", "mails": [], "mail_fault": None,
    "expires_at": NOW + timedelta(days=30), "has_token": True, "checks": 17, "outcome": "MISMATCH",
    "message": 'TXT at _dnsauth.acme.example says "v=spf1 -all" and 2 others, not the value asked for.',
    "looked_at": NOW, "next_at": NOW + timedelta(minutes=5), "names": ["acme.example", "*.acme.example"],
    "perspectives": [("eu-1", True, ""), ("us-west-2", False, "The TXT record at _dnsauth.acme.example is not there.")],
}  # fmt: skip
PROOF = {
    "adn": "acme.example", "section": "3.2.2.4.7", "observed_at": NOW - timedelta(days=90), "until": UNTIL,
    "over": False, "test_mode": False, "renews_at": None,
}  # fmt: skip
STORY = [
    {"at": NOW, "kind": "", "text": "New value; the value before is dead", "who": "ann@acme.example"},
    {"at": NOW - timedelta(hours=1), "kind": "", "text": "Submitted: DNS TXT record", "who": "ann@acme.example"},
    {"at": NOW - timedelta(days=90), "kind": "good",
     "text": "Proven by DNS TXT record at _dnsauth.acme.example, for acme.example", "who": ""},
    {"at": NOW - timedelta(days=91), "kind": "", "text": "Submitted, for an order needs it: DNS TXT record", "who": ""},
]  # fmt: skip
SHOWN: dict[str, Any] = {
    "domain": domain(), "chip": CHIPS["active"], "division": "Main", "account": "Acme Example Inc.",
    "organization": "Acme Example Inc. (Acme)",
    "method": "DNS TXT record", "proof": PROOF, "pending": PENDING, "methods": METHODS, "timeline": STORY,
    "shortened": False, "error": "", "faults": [],
}  # fmt: skip
HTTP = PENDING | {
    "type": "HTTP", "key": "http-token", "has_token": True, "message": None, "looked_at": None, "next_at": None,
    "record": [("Address", "http://acme.example/.well-known/pki-validation/fileauth.txt"), ("Content", "k3v9" * 8)],
    "names": ["acme.example"],
}  # fmt: skip
MAIL = PENDING | {
    "type": "MAIL", "key": "email", "has_token": False, "record": [], "message": None, "looked_at": None,
    "names": [], "next_at": None, "mail_fault": "DNS gave no answer for acme.example that can be trusted: SERVFAIL.",
    "mails": [
        {"recipient": "admin@acme.example", "source": "constructed for acme.example", "chip": MAIL_CHIPS["sent"],
         "at": NOW, "reason": None},
        {"recipient": "postmaster@acme.example", "source": "constructed for acme.example",
         "chip": MAIL_CHIPS["failed"], "at": NOW, "reason": "The mail server refused this recipient: 550 unknown."},
        {"recipient": "somebody.with.a.long.name@certificates.acme-example-holding.example", "at": None,
         "source": "TXT record at _validation-contactemail.acme.example", "chip": MAIL_CHIPS["waiting"],
         "reason": None},
    ],
}  # fmt: skip
UNSENT = MAIL | {
    "mails": [],
    "record": [("Mails go to", "admin@acme.example"), ("Mails go to", "webmaster@acme.example")],
}
LETTER = SimpleNamespace(
    adn="acme.example", name="www.acme.example", recipient="admin@acme.example", section="3.2.2.4.4",
    expires_at=NOW + timedelta(days=30), confirmed_at=None,
)  # fmt: skip
ASKED: dict[str, Any] = {
    "mail": LETTER, "value": "a" * 32, "account": "Acme Example Inc.", "source": "constructed for acme.example",
    "refused": "", "test_mode": True,
}  # fmt: skip
PERSIST = PENDING | {
    "type": "TXT", "key": "dns-persist", "has_token": False, "renews": True, "names": [],
    "record": [("Name", "_validation-persist.acme.example"), ("Type", "TXT"),
               ("Value", "ca.example; accounturi=acct:9001@ca.example")],
}  # fmt: skip
RENEWED = PROOF | {"section": "3.2.2.4.22", "until": NOW + timedelta(days=8), "renews_at": NOW + timedelta(days=6)}
DEATHS = [(date(2026, 12, 1) + timedelta(days=7 * n), 3 + n * 11 % 40) for n in range(12)] + [(UNTIL.date(), 1810)]
WAVE: dict[str, Any] = {
    "bars": weekly(DEATHS, NOW.date()), "total": 2034, "soon": 61, "unattended": 48, "peak": (UNTIL.date(), 1810),
    "rows": [
        SimpleNamespace(day=day, division="Main", account="Acme Example Inc.", count=count, pending=count // 3)
        for day, count in DEATHS
    ],
    "next": "/domains/expiring?since=2027-03-14", "first": "", "csv": "/services/v2/domain/expiring?format=csv",
    "today": NOW.date(),
}  # fmt: skip
SUBMITTED = [
    {"id": 7006, "name": "acme.example", "error": "", "record": RECORD, "expires_at": NOW + timedelta(days=30)},
    {"id": 7002, "name": "retired.example", "record": [], "expires_at": None,
     "error": "retired.example is deactivated; activate the domain before it is proven or used."},
]  # fmt: skip
FORM = {"form": {}, "methods": METHODS, "divisions": [(14, "Main"), (15, "Labs")], "error": ""}


def sample(name: str, template: str, context: dict[str, Any], path: str = "/domains", who: Any = ANN) -> Sample:
    return Sample(name, "validation", template, path, who, context)


SAMPLES = [
    sample("domains", "domains.html", LIST),
    sample("domains-operator", "domains.html", LIST | {"total": 1000, "most": 1000}, who=CARA),
    sample("domains-none", "domains.html", LIST | {"rows": [], "total": 0, "next": ""}),
    sample("domains-filtered", "domains.html", LIST | {
        "rows": [], "total": 0, "next": "", "filters": {"search": "x", "status": "new", "dcv_method": ""}}),
    sample("domain", "domain.html", SHOWN, "/domains/7006"),
    sample("domain-new", "domain.html", SHOWN | {
        "domain": domain(name=LONG, method=None, submitted_at=None, organization_id=None), "chip": CHIPS["new"],
        "proof": None, "pending": None, "timeline": [], "method": ""}, "/domains/7006"),
    sample("domain-file", "domain.html", SHOWN | {
        "faults": ["too few perspectives are configured"],
        "domain": domain(needs=2), "chip": CHIPS["pending"], "proof": None, "pending": HTTP,
        "error": "acme.example was looked at just now; try again in 10 seconds."}, "/domains/7006"),
    sample("domain-mail", "domain.html", SHOWN | {"pending": MAIL, "shortened": True}, "/domains/7006", CARA),
    sample("domain-mail-unsent", "domain.html", SHOWN | {"pending": UNSENT}, "/domains/7006"),
    sample("mail-confirm", "mail_confirm.html", ASKED, "/dcv/confirm/a", None),
    sample("mail-confirmed", "mail_confirm.html", ASKED | {
        "mail": SimpleNamespace(**{**vars(LETTER), "confirmed_at": NOW})}, "/dcv/confirm/a", None),
    sample("mail-over", "mail_confirm.html", ASKED | {
        "mail": None, "refused": "This link is not known here. Copy it from the mail as a whole, in one line."},
           "/dcv/confirm/a", None),
    sample("domain-renewed", "domain.html", SHOWN | {"proof": RENEWED, "pending": None}, "/domains/7006"),
    sample("domain-renewing", "domain.html", SHOWN | {
        "proof": RENEWED | {"renews_at": None}, "pending": PERSIST}, "/domains/7006"),
    sample("domain-expired", "domain.html", SHOWN | {
        "chip": CHIPS["expired"], "proof": PROOF | {"over": True, "test_mode": True}, "pending": None},
           "/domains/7006"),
    sample("domain-deactivated", "domain.html", SHOWN | {
        "domain": domain(is_active=False), "chip": Chip("", "Deactivated", True), "pending": None}, "/domains/7006"),
    sample("domain-add", "domain_add.html", FORM, "/domains/add"),
    sample("domain-add-refused", "domain_add.html", FORM | {
        "form": {"name": "acme.internal"}, "error": '"acme.internal" is not below a public suffix.'},
           "/domains/add", CARA),
    sample("domains-submitted", "domains_submitted.html", {"rows": SUBMITTED}, "/domains/submit"),
    sample("domains-submitted-none", "domains_submitted.html", {"rows": []}, "/domains/submit"),
    sample("expiring", "expiring.html", WAVE, "/domains/expiring"),
    sample("expiring-operator", "expiring.html", WAVE, "/domains/expiring", CARA),
    sample("expiring-none", "expiring.html", WAVE | {"rows": [], "bars": [], "total": 0, "soon": 0, "unattended": 0,
                                                     "peak": None, "next": ""}, "/domains/expiring"),
]  # fmt: skip
