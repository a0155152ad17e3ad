from datetime import timedelta
from typing import Any
from uuid import UUID

from services.notifications.models import Message
from services.notifications.rules.people import KINDS
from tests.pages.samples.base import ANN, CARA, NOW, OLE, Sample


def message(n: int, **more: Any) -> Message:
    return Message(**{
        "id": UUID(int=n), "account_id": 7, "division_id": 14, "document_id": UUID(int=n), "template": "invoice",
        "recipient": "ap@acme.example", "number": f"INV-2026-{n:06}", "account_name": "Acme Example Inc.",
        "content": {"total": 37900, "currency": "EUR"}, "created_at": NOW, "attempts": 1, "final": False,
        "reason": None, "sent_at": None, "failed_at": None, "due_at": None,
    } | more)  # fmt: skip


LATER = NOW + timedelta(minutes=5)
REFUSED = (
    "mail.acme.example refuses it: 550 5.1.1 no such mailbox; correct the address in the account's billing contacts."
)
ROWS = [
    message(141, attempts=0, due_at=NOW),
    message(140, sent_at=LATER),
    message(139, template="credit_note", number="CN-2026-000007", failed_at=NOW, due_at=LATER, attempts=2,
            reason="mail.acme.example does not answer within 20 seconds; it is tried again."),
    message(137, template="funds_low", number="Hosting Europe and the Middle East", sent_at=LATER,
            content={"total": -4500, "currency": "EUR"}),
    message(136, template="order_still_waiting", number="Order 100001", sent_at=LATER,
            content={"total": None, "currency": None}),
    message(135, template="certificate_expiring", number="www.acme.example", sent_at=LATER,
            content={"total": None, "currency": None}),
    message(138, failed_at=NOW, final=True, attempts=12, reason=REFUSED,
            recipient="accounts.payable.department.of.the.whole.group@subsidiary.acme-example-holding.example"),
]  # fmt: skip
ANY = {"state": "", "search": "", "account_id": ""}

SAMPLES = [
    Sample("messages", "notifications", "messages.html", "/messages", ANN,
           {"rows": ROWS, "total": 204, "filters": ANY, "next": "?before=x", "first": ""}),
    Sample("messages-operator", "notifications", "messages.html", "/messages", CARA,
           {"rows": ROWS, "total": 4, "filters": ANY | {"state": "failed"}, "next": "", "first": "",
            "notice": "The mail is sent again; this page shows how it goes."}),
    Sample("mail-preferences", "notifications", "preferences.html", "/messages/preferences", OLE,
           {"kinds": [{"name": kind.name, "title": kind.title, "says": kind.says, "on": kind.name != "domains"}
                      for kind in KINDS]}),
    Sample("messages-none", "notifications", "messages.html", "/messages", ANN,
           {"rows": [], "total": 0, "filters": ANY, "next": "", "first": ""}),
]  # fmt: skip
