"""A small plan, and what a run that went well would have left of it."""

from collections import Counter, defaultdict
from uuid import UUID, uuid5

from chaos.found import Document, Found, Message, Wire
from chaos.plan import Deed, Plan, Size
from chaos.sink import Mail

SMALL = Size(events=400, accounts=20, mailed=4, repeats=4, poison=28)
SPACE = UUID(int=7)
TOPIC = "billing.events.v1"


def a_plan() -> Plan:
    return Plan.make(SMALL, seed=3)


def all_well(plan: Plan) -> Found:
    found = Found()
    found.heard = {"billing": {*plan.labels, *plan.openings}, "validation": set(plan.labels)}
    found.deeds = defaultdict(list, {a.id: plan.of(a.id, "charge", "credit") for a in plan.accounts})
    found.entries = plan.count("charge", "credit")
    found.numbers = defaultdict(list, {(6, "invoice", 2026): list(range(1, 1 + plan.count("charge")))})
    found.counters = {(6, "invoice", 2026): plan.count("charge")}
    found.waiting = _waiting(plan)
    found.parked = {name: list(rows.items()) for name, rows in plan.parked.items()}
    found.needs = Counter(plan.needs)
    _print(plan, found)
    return found


def _waiting(plan: Plan) -> set[int]:
    orders = {kind: {d.order_id for a in plan.accounts for d in plan.of(a.id, kind)} for kind in ("wait", "release")}
    return orders["wait"] - orders["release"]


def _print(plan: Plan, found: Found) -> None:
    wire, said = Wire(), defaultdict(list)
    for account in plan.accounts:
        for deed in plan.deeds[account.id]:
            fact = uuid5(SPACE, str(deed))
            said[f"account/{account.id}"].append(fact)
            wire.told[account.id][fact] = deed
            if deed.kind in ("charge", "credit"):
                _mail(found, wire, deed, account.id, account.billing_emails)
    wire.ids = defaultdict(list, {key: list(ids) for key, ids in said.items()})
    found.published, found.wire = {TOPIC: said}, {TOPIC: wire}


def _mail(found: Found, wire: Wire, deed: Deed, account_id: int, emails: tuple[str, ...]) -> None:
    own = uuid5(SPACE, f"document {deed}")
    wire.ready[own].add(uuid5(SPACE, f"fact {deed}"))
    found.documents.append(Document(f"{deed.kind}-{deed.order_id}", account_id, own, True))
    for recipient in emails or ("",):
        message_id = f"<{uuid5(SPACE, f'{deed} {recipient}')}@localhost>" if recipient else None
        found.messages.append(Message(own, recipient, message_id, bool(recipient)))
        if message_id:
            found.mails = [*found.mails, Mail(message_id, recipient, "digest", 1000.0)]
