"""Reads the databases of all services when nothing is left to do."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from chaos.database import Database
from chaos.found import Document, Found, Message, lane
from chaos.plan import Deed
from chaos.sink import Mail
from shared.events.orders import TOPIC

HEARD = "SELECT event_id FROM inbox WHERE topic = ANY ($1::text[])"
DEEDS = """
SELECT p.division_id, p.seq, p.balance_after - p.amount AS before, p.balance_after, j.order_id, j.kind
FROM posting AS p JOIN journal AS j ON j.id = p.journal_id WHERE p.seq IS NOT NULL ORDER BY p.division_id, p.seq
"""
BOOK = """
SELECT coalesce(sum(amount), 0)::bigint AS sum,
       (SELECT count(*) FROM (SELECT 1 FROM posting GROUP BY journal_id HAVING sum(amount) <> 0) AS j) AS unbalanced,
       (SELECT count(*) FROM journal) AS entries
FROM posting
"""
NUMBERS = """
SELECT entity_id, series, year, seq FROM invoice UNION ALL SELECT entity_id, series, year, seq FROM credit_note
ORDER BY 1, 2, 3, 4
"""
COUNTERS = "SELECT entity_id, series, year, last FROM number_counter"
DOCUMENTS = """
SELECT subject.kind, subject.number, subject.account_id, d.id, d.sha256 IS NOT NULL AS printed
FROM (SELECT 'invoice' AS kind, id, number, account_id FROM invoice
      UNION ALL SELECT 'credit_note', id, number, account_id FROM credit_note) AS subject
LEFT JOIN document AS d ON d.kind = subject.kind AND d.subject_id = subject.id
"""
WAITING = "SELECT id FROM waiting_order"
PARKED = "SELECT payload, error IS NULL AS waits FROM parked_event"
NEEDS = "SELECT account_id, name, needs FROM domain WHERE needs <> 0"
MESSAGES = "SELECT document_id, recipient, internet_message_id, sent_at IS NOT NULL AS sent FROM message"
PUBLISHED = """
SELECT event_id, key, headers->>'ce_type' AS kind, headers->>'ce_subject' AS subject
FROM published WHERE topic = $1 ORDER BY id
"""
FACTS = {
    "orders": ("order_charged", "order_waiting", "order_released", "invoice_issued", "credit_note_issued",
               "invoice_document_ready", "credit_note_document_ready"),
    "notifications": ("invoice_document_ready", "credit_note_document_ready"),
}  # fmt: skip
UNHEARD = "SELECT event_id FROM published WHERE topic = $1 AND headers->>'ce_type' = ANY ($2::text[])"
SPEAKERS = {
    "billing.events.v1": "billing", "validation.events.v1": "validation", "notifications.events.v1": "notifications",
}  # fmt: skip


async def read_state(database: Database, services: Mapping[str, int], mails: Sequence[Mail]) -> Found:
    found = Found(mails=mails)
    for name in services:
        rows = await database.ask(name, PARKED)
        found.parked[name] = [(bytes(row["payload"]), row["waits"]) for row in rows]
    for name in {"billing", "validation"} & set(services):
        found.heard[name] = {row["event_id"] for row in await database.ask(name, HEARD, [TOPIC])}
    await _read_billing(database, found)
    await _read_others(database, found, services)
    for topic, name in SPEAKERS.items():
        found.published[topic] = defaultdict(list)
        for row in await database.ask(name, PUBLISHED, topic) if name in services else ():
            found.published[topic][lane(row["key"], row["kind"], row["subject"])].append(row["event_id"])
    return found


async def _read_billing(database: Database, found: Found) -> None:
    await _read_book(database, found)
    for row in await database.ask("billing", NUMBERS):
        found.numbers[row["entity_id"], row["series"], row["year"]].append(row["seq"])
    for row in await database.ask("billing", COUNTERS):
        found.counters[row["entity_id"], row["series"], row["year"]] = row["last"]
    found.waiting = {row["id"] for row in await database.ask("billing", WAITING)}
    for row in await database.ask("billing", DOCUMENTS):
        found.documents.append(Document(row["number"], row["account_id"], row["id"], bool(row["printed"])))


async def _read_book(database: Database, found: Found) -> None:
    [book] = await database.ask("billing", BOOK)
    found.postings_sum, found.unbalanced, found.entries = book["sum"], book["unbalanced"], book["entries"]
    places: dict[int, tuple[int, int]] = {}
    for row in await database.ask("billing", DEEDS):
        account_id, seq = row["division_id"], row["seq"]
        found.deeds[account_id].append(Deed(row["order_id"], row["kind"]))
        if places.get(account_id, (0, 0)) != (seq - 1, row["before"]):
            found.broken_balances.append(f"account {account_id}, posting {seq}")
        places[account_id] = seq, row["balance_after"]


async def _read_others(database: Database, found: Found, services: Mapping[str, int]) -> None:
    if "validation" in services:
        rows = await database.ask("validation", NEEDS)
        found.needs = Counter({(row["account_id"], row["name"]): row["needs"] for row in rows})
    if "notifications" in services:
        found.messages = [Message(*row.values()) for row in await database.ask("notifications", MESSAGES)]
    for name in set(FACTS) & set(services):
        said = {row["event_id"] for row in await database.ask("billing", UNHEARD, "billing.events.v1", FACTS[name])}
        heard = {row["event_id"] for row in await database.ask(name, HEARD, ["billing.events.v1"])}
        found.unheard[name] = said - heard
