"""The operator's pages that every service has, and what any page may turn into."""

from types import SimpleNamespace as Row
from uuid import UUID

from tests.pages.samples.base import ANN, CARA, NOW, OLE, Sample, caller

NOT_JSON = "The value is not JSON (line 1, column 1); fix the producer, or discard this record if nobody needs it."
SCOPES = [
    Row(topic="orders.events.v1", scope="order/shop.example:1201", reason=NOT_JSON, since=NOW, attempts=3, events=2),
    Row(topic="orders.events.v1", scope="order/" + "9" * 60, reason="x" * 120, since=NOW, attempts=0, events=1234),
]
MARKUP = "\"><img src=x onerror=alert(1)><script>alert(1)</script><b>'"
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
    Sample("operations", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 1203, "oldest_seconds": 431.5}, "parked": {"scopes": 2, "events": 1237},
            "scopes": SCOPES, "lone": EVENTS[:1], "filters": NO_FILTER, "topics": TOPICS, "next": "?after=x",
            "test_mode": True}),
    Sample("operations-plain", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 4, "oldest_seconds": 40.2}, "scopes": SCOPES, "lone": [], "next": None}),
    Sample("operations-quiet", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 0, "oldest_seconds": 0}, "scopes": [], "lone": []}),
    Sample("operations-no-match", "billing", "operations.html", OPERATIONS, CARA,
           {"outbox": {"pending": 4, "oldest_seconds": 4}, "scopes": [], "lone": [],
            "filters": {"topic": TOPICS[0], "search": "order/1"}, "topics": TOPICS}),
    Sample("parked", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"topic": TOPICS[1], "scope": "order/shop.example:1201", "held": SCOPES[0], "events": EVENTS, "error": ""}),
    Sample("parked-refused", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"topic": TOPICS[1], "scope": "order/1202", "events": EVENTS[:1], "failed_seq": 11,
            "error": "Say why this event is discarded; the reason is kept in the audit log."}),
    Sample("parked-gone", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"topic": TOPICS[1], "scope": "order/1203", "events": [], "error": "Nothing is parked for order/1203."}),
    Sample("parked-hostile", "billing", "parked_scope.html", f"{OPERATIONS}/parked", CARA,
           {"topic": TOPICS[1], "scope": f"order/{MARKUP}:1", "error": "",
            "events": [Row(**vars(EVENTS[0]) | dict.fromkeys(["type", "error", "body"], MARKUP))]}),
    Sample("audit", "billing", "audit.html", f"{OPERATIONS}/audit", CARA,
           {"rows": AUDIT, "total": 3, "filters": {"search": ""}}),
    Sample("audit-plain", "billing", "audit.html", f"{OPERATIONS}/audit", CARA, {"rows": AUDIT, "next": "?before=1"}),
    Sample("audit-none", "billing", "audit.html", f"{OPERATIONS}/audit", CARA, {"rows": [], "next": None}),
    Sample("confirm-limited_user", "orders", "confirm.html", "/orders/1201/cancel", OLE, CANCEL),
    Sample("confirm-standard_user", "orders", "confirm.html", "/orders/1201/cancel", caller("Kim", "standard_user"),
           CANCEL | {"reason_label": "Why", "error": "The order is issued already; revoke the certificate instead."}),
    Sample("error", "orders", "error.html", "/orders/99", None,
           {"error_status": 404, "message": "There is no order 99 in this account; check the number."}),
    Sample("error-signed-in", "orders", "error.html", "/orders/99", ANN,
           {"error_status": 403, "message": "Your role may not see this; ask an administrator of your account."}),
]  # fmt: skip
