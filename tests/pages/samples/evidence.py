from typing import Any

from tests.pages.samples.base import CARA, Sample, caller

ANN = caller("Ann Lee", "administrator")
PROOF, CHECK, WILD = (
    "01a207d9-9630-7a2e-8c5f-5e2f9b7f5432",
    "01a207d9-c1a8-7a33-8c64-5e2f9b7fb401",
    "01a207d9-c1a8-7a33",
)
WHERE = {
    "london": "RIPE NCC", "newyork": "ARIN", "saopaulo": "LACNIC", "singapore": "APNIC", "capetown": "AFRINIC",
}  # fmt: skip
MADE = {
    "resolver_configuration": "sha256:9f2c", "software_version": "issuary-validation 0.1.0", "test_mode": False,
    "policy_version": "2026-11-22 (BR 2.3.0, 2026-09-07)", "perspective": "frankfurt",
}  # fmt: skip


def query(name: str, kind: str = "TXT", *records: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "type": kind, "status": "answer" if records else "nxdomain", "ad": True, "ede": [], "chain": [],
        "rcode": "NOERROR" if records else "NXDOMAIN", "records": list(records), "record_count": len(records),
        "ttl": 60, "resolver": "192.0.2.53:53", "transport": "udp", "tries": 1, "milliseconds": 12, **more,
    }  # fmt: skip


def hop(url: str, status: int | None, **more: Any) -> dict[str, Any]:
    return {
        "type": "HTTP", "url": url, "host": "www.acme.example", "port": 80, "queries": [], "addresses": ["192.0.2.80"],
        "addresses_refused": [], "tries": [{"address": "192.0.2.80", "error": ""}], "status": status, "redirect": [],
        "content_encoding": "", "body": "", "body_bytes": 0, "fault": None, "detail": "", **more,
    }  # fmt: skip


def told_by(name: str, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "perspective": name, "region": WHERE[name], "corroborates": True, "alarm": False, "outcome": "PASS",
        "reason": "txt", "message": "The TXT record at _dnsauth.acme.example holds the value asked for.",
        "started_at": "2026-11-23T10:00:28Z", "milliseconds": 143, "queries": list(queries), **more,
    }  # fmt: skip


TXT = query(
    "_dnsauth.acme.example", "TXT", "k3v9" * 8, "google-site-verification=hbGWLw8gUrs3", chain=["dns.acme.example"]
)
SEEN = [told_by(name, TXT) for name in ("london", "newyork", "saopaulo")]
OTHERS = [
    told_by("singapore", TXT | {"records": ["else"]}, corroborates=False, outcome="MISMATCH",
            message='The TXT record at _dnsauth.acme.example holds "else", not the value asked for.'),
    told_by("capetown", corroborates=False, alarm=True, outcome="QUORUM", started_at=None,
            message="answered as london in RIPE NCC, configured is capetown in AFRINIC"),
]  # fmt: skip
BY_MAIL = {
    "type": "MAIL", "recipient": "somebody.with.a.long.name@certificates.acme-example-holding.example",
    "source": "TXT record at _validation-contactemail.acme.example", "message_id": "<1@ca.example>",
    "value_sha256": "5e2f9b7f" * 8, "found_at": "2026-11-23T09:00:00Z", "sent_at": "2026-11-23T09:00:02Z",
    "confirmed_at": "2026-11-23T10:00:20Z", "confirmed_from": "192.0.2.1", "user_agent": "Mozilla/5.0 <b>",
}  # fmt: skip
EVIDENCE = MADE | {
    "id": PROOF, "name": "www.acme.example", "requested": ["www.acme.example", "*.acme.example"], "method": "3.2.2.4.7",
    "adn": "acme.example", "derivation": ["prune to acme.example"], "place": "_dnsauth.acme.example",
    "token_sha256": "5e2f9b7f" * 8, "token_created_at": "2026-11-23T09:00:00Z", "observed_at": "2026-11-23T10:00:28Z",
    "finished_at": "2026-11-23T10:00:29Z", "outcome": "PASS", "reason": "txt", "quorum": "4/5",
    "message": "The TXT record at _dnsauth.acme.example holds the value asked for.",
    "suffixes_version": "psl 2026-10-23", "recorded_by": "worker",
    "caa": {"message": "There are no CAA records for acme.example or above it."},
    "queries": [BY_MAIL, TXT, query("acme.example"),
                query("_dnsauth.www.acme.example", ede=[[15, "blocked"]], ad=False)],
    "perspectives": SEEN + OTHERS,
}  # fmt: skip
PERMITTED = "The CAA records at acme.example permit ca.example."
CAA = query("acme.example", "CAA", "0 issue ca.example", "0 iodef mailto:security@acme.example")
CHECKED = MADE | {
    "id": CHECK, "name": "www.acme.example", "checked_at": "2026-11-23T10:00:40Z", "outcome": "PASS",
    "finished_at": "2026-11-23T10:00:40Z", "reason": "permitted", "decided_at": "acme.example", "quorum": "5/5",
    "message": PERMITTED, "permits": ["3.2.2.4.7"],
    "queries": [query("www.acme.example", "CAA"), CAA],
    "perspectives": [told_by(name, CAA, message=PERMITTED) for name in WHERE],
}  # fmt: skip
STOPPED = CHECKED | {
    "id": WILD, "name": "*.acme.example", "outcome": "CAA", "reason": "forbidden", "permits": [], "quorum": None,
    "message": 'The CAA record 0 issuewild ";" at acme.example does not permit us.', "perspectives": [],
}  # fmt: skip
NAMES = ["www.acme.example", "*.acme.example"]
ASKED = {"request_id": 1, "names": NAMES, "asked_at": "2026-11-23T10:00:39Z", "answered_at": "2026-11-23T10:00:41Z"}
YES = ASKED | {
    "id": "q1", "issue_before": "2026-11-23T17:00:40Z", "refused": [], "authorized": True,
    "relied_on": [{"name": name, "evidence_id": PROOF, "caa_check_id": CHECK} for name in NAMES],
}  # fmt: skip
NO = ASKED | {
    "id": "q2", "issue_before": None, "authorized": False, "relied_on": [],
    "refused": [{"name": "*.acme.example", "code": "caa", "message": STOPPED["message"]}],
}  # fmt: skip
TOLD: dict[str, Any] = {
    "account_id": 7, "order": {"source": "issuary/orders", "id": 100001}, "permissions": [YES, NO],
    "certificates": [{"certificate_id": 7, "serial_number": "4f0c1b" * 5, "request_id": 1,
                      "issued_at": "2026-11-23T10:00:43Z"}],
    "evidence": [EVIDENCE], "caa_checks": [CHECKED, STOPPED],
}  # fmt: skip
FILE = EVIDENCE | {
    "method": "3.2.2.4.18", "derivation": [], "place": "http://www.acme.example/.well-known/pki-validation/fileauth.txt",
    "caa": None, "test_mode": True, "quorum": None, "perspectives": [], "resolver_configuration": "",
    "queries": [
        hop("http://www.acme.example/.well-known/pki-validation/fileauth.txt", 302,
            redirect=["https://www.acme.example/proof"]),
        hop("https://www.acme.example/proof", 200, body="k3v9" * 8, body_bytes=32),
    ],
}  # fmt: skip
EMPTY = TOLD | {"permissions": [], "evidence": [], "caa_checks": [], "certificates": []}
COMMON: dict[str, Any] = {
    "serial_number": "",
    "ours": True,
    "every_method": 7,
    "as_json": "/services/v2/domain/evidence/order/1",
}
PATH = "/domains/evidence/order/100001"

SAMPLES = [
    Sample("evidence", "validation", "evidence.html", PATH, ANN, COMMON | {"told": TOLD}),
    Sample("evidence-certificate-by-file", "validation", "evidence.html", PATH, CARA,
           COMMON | {"told": TOLD | {"evidence": [FILE], "permissions": [YES]}, "serial_number": "4f0c1b" * 5}),
    Sample("evidence-of-another-system-none", "validation", "evidence.html", PATH, ANN,
           COMMON | {"told": EMPTY, "ours": False}),
]  # fmt: skip
