"""What billing ought to have in its book, in forty lines, and the invariants of the book as SQL that finds what breaks
them: billing-rules.md 11."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from shared.db import Database
from shared.events.orders import OrderCancelled, OrderPlaced, OrderRejected

Key = tuple[str, int]

BREACHES = {
    "postings of a journal entry sum to zero": "SELECT journal_id FROM posting GROUP BY 1 HAVING sum(amount) <> 0",
    "funds are the sum of their postings": """
        SELECT division_id FROM funds AS f LEFT JOIN posting AS p USING (division_id)
        GROUP BY 1 HAVING f.balance <> coalesce(sum(p.amount), 0)""",
    "funds are the last balance_after": """
        SELECT f.division_id FROM funds AS f JOIN posting AS p ON p.division_id = f.division_id AND p.seq = f.seq
        WHERE p.balance_after <> f.balance""",
    "the places in the history of funds are 1..n": """
        SELECT f.division_id FROM funds AS f LEFT JOIN posting AS p USING (division_id)
        GROUP BY 1 HAVING f.seq <> count(p.seq) OR f.seq <> coalesce(max(p.seq), 0)""",
    "each balance_after is the one before it and the amount": """
        SELECT * FROM (SELECT division_id, seq, balance_after - amount AS before,
          lag(balance_after, 1, 0::bigint) OVER (PARTITION BY division_id ORDER BY seq) AS last
          FROM posting WHERE division_id IS NOT NULL) AS p WHERE before <> last""",
    "numbers are 1..n in every series": """
        SELECT entity_id, series, year FROM
          (SELECT entity_id, series, year, seq FROM invoice UNION ALL
           SELECT entity_id, series, year, seq FROM credit_note) AS d
        JOIN number_counter AS c USING (entity_id, series, year)
        GROUP BY 1, 2, 3, c.last HAVING count(DISTINCT seq) <> c.last OR max(seq) <> c.last OR count(*) <> c.last""",
    "a counter that counted has documents": """
        SELECT * FROM number_counter WHERE last > 0 AND NOT EXISTS
          (SELECT FROM invoice WHERE invoice.series = number_counter.series AND invoice.year = number_counter.year)
        AND NOT EXISTS (SELECT FROM credit_note WHERE credit_note.series = number_counter.series)""",
    "an order is charged and credited at most once": """
        SELECT order_source, order_id, kind FROM journal WHERE order_id IS NOT NULL GROUP BY 1, 2, 3 HAVING count(*) > 1
        """,
    "an order is charged or waits": """
        SELECT FROM charge AS c JOIN waiting_order AS w ON w.source = c.source AND w.id = c.order_id""",
    "a charge has its invoice, and both their total": """
        SELECT FROM charge AS c FULL JOIN (SELECT * FROM invoice WHERE kind = 'order') AS i ON i.id = c.invoice_id
        WHERE c.total IS DISTINCT FROM i.total OR c.order_id IS DISTINCT FROM i.order_id""",
    "a document is its lines and its VAT groups": """
        SELECT i.id FROM invoice AS i WHERE i.net <> (SELECT sum(net) FROM invoice_line WHERE invoice_id = i.id)
           OR i.tax <> (SELECT sum(tax) FROM tax_group WHERE invoice_id = i.id)
           OR EXISTS (SELECT FROM invoice_line AS l WHERE l.invoice_id = i.id AND l.net <> quantity * unit_price)""",
    "a credit note takes back its invoice and no more": """
        SELECT FROM credit_note AS n JOIN invoice AS i ON i.id = n.invoice_id WHERE n.total <> i.total OR n.net <> i.net
        """,
    "a payment request has what it asks for, and only it": """
        SELECT FROM (SELECT * FROM invoice WHERE kind <> 'order') AS i FULL JOIN receivable AS r ON r.invoice_id = i.id
        WHERE r.total IS DISTINCT FROM i.total OR r.due_on IS DISTINCT FROM i.due_on OR i.tax <> 0""",
    "paid is what was allocated": """
        SELECT FROM receivable AS r WHERE paid <> coalesce(
          (SELECT sum(amount) FROM allocation AS a WHERE a.invoice_id = r.invoice_id), 0)""",
    "a payment gives no more than came": """
        SELECT FROM payment AS p JOIN allocation AS a ON a.payment_id = p.id GROUP BY p.id
        HAVING sum(a.amount) > coalesce(p.received, 0) OR sum(a.amount) <> 0 AND bool_or(p.reversed_at IS NOT NULL)""",
    "what came in is what payments brought": """
        SELECT WHERE coalesce((SELECT -sum(amount) FROM posting WHERE ledger LIKE 'clearing:%'), 0)
          <> coalesce((SELECT sum(received) FROM payment WHERE reversed_at IS NULL), 0)""",
    "an approved purchase order has exactly one invoice, another none": """
        SELECT FROM purchase_order AS o FULL JOIN (SELECT * FROM invoice WHERE purchase_order_id IS NOT NULL) AS i
        ON i.purchase_order_id = o.id WHERE (o.approved_at IS NULL) <> (i.id IS NULL) OR o.amount <> i.total""",
    "every document has its paper to print": """
        SELECT FROM (SELECT 'invoice' AS kind, id FROM invoice UNION ALL SELECT 'credit_note', id FROM credit_note) AS d
        LEFT JOIN document AS p ON p.kind = d.kind AND p.subject_id = d.id WHERE p.id IS NULL""",
    "revenue and VAT are what is invoiced less what is credited": """
        SELECT WHERE coalesce((SELECT sum(amount) FROM posting WHERE ledger LIKE 'revenue:%' OR ledger LIKE 'vat:%'), 0)
          <> coalesce((SELECT sum(total) FROM invoice WHERE kind = 'order'), 0)
           - coalesce((SELECT sum(total) FROM credit_note), 0)""",
    "what happened was said as often as it happened": """
        WITH said AS (SELECT convert_from(payload, 'UTF8')::json ->> 'type' AS type FROM outbox
                      UNION ALL SELECT convert_from(payload, 'UTF8')::json ->> 'type' FROM published)
        SELECT * FROM (VALUES ('order_charged', (SELECT count(*) FROM charge)),
          ('invoice_issued', (SELECT count(*) FROM invoice)),
          ('credit_note_issued', (SELECT count(*) FROM credit_note)),
          ('payment_settled', (SELECT count(*) FROM payment WHERE settled_at IS NOT NULL)),
          ('payment_reversed', (SELECT count(*) FROM payment WHERE reversed_at IS NOT NULL)),
          ('purchase_order_submitted', (SELECT count(*) FROM purchase_order)),
          ('purchase_order_approved', (SELECT count(*) FROM purchase_order WHERE approved_at IS NOT NULL))
        ) AS e (type, n)
        WHERE n <> (SELECT count(*) FROM said WHERE said.type = e.type)""",
}  # fmt: skip


CHECK = text(f"SELECT {', '.join(f'EXISTS ({sql})' for sql in BREACHES.values())}")


async def assert_in_order(db: Database) -> None:
    async with db.transaction() as tx:
        found = (await tx.execute(CHECK)).one()
    broken = [name for name, is_broken in zip(BREACHES, found, strict=True) if is_broken]
    assert broken == [], broken


@dataclass
class Waiting:
    placed_at: datetime
    total: int | None  # None: no price yet


@dataclass
class Book:
    """One account as it should be. `prices` by product: what an order of one name costs in all, None where unknown."""

    limit: int = 0
    balance: int = 0
    seq: int = 0
    waiting: dict[Key, Waiting] = field(default_factory=dict)
    charged: dict[Key, int] = field(default_factory=dict)
    credited: set[Key] = field(default_factory=set)
    released: set[Key] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    retrying: bool = False  # money came, and older orders have not been tried yet
    asked: bool = False  # … in the chunk under way
    owed: dict[int, int] = field(default_factory=dict)  # by invoice, the oldest due first
    paid: dict[int, dict[int, int]] = field(default_factory=dict)  # by payment: what each invoice got; 0: the rest

    def place(self, order: OrderPlaced, price: int | None) -> None:
        key = (order.source, order.order_id)
        if key in self.waiting or key in self.charged or key in self.released:
            return
        in_line = price is not None and bool(self.waiting) and (self.retrying or self.asked)
        self.waiting[key] = Waiting(order.placed_at, price)
        if in_line:
            self.asked = True
        else:
            self._try(key)

    def end_of_chunk(self) -> None:
        self.retrying = self.retrying or (self.asked and bool(self.waiting))
        self.asked = False

    def _try(self, key: Key) -> None:
        total = self.waiting[key].total
        if total is not None and total <= self.balance + self.limit:
            del self.waiting[key]
            self.charged[key] = total
            self._move(-total)

    def _move(self, amount: int) -> None:
        self.balance += amount
        self.seq += 1

    def end(self, event: OrderCancelled | OrderRejected) -> None:
        key = (event.source, event.order_id)
        if self.waiting.pop(key, None):
            self.released.add(key)
        elif key in self.charged and key not in self.credited:
            self.credited.add(key)
            self.asked = True
            self._move(self.charged[key])

    def deposit(self, amount: int, reference: str) -> None:
        if amount > 0 and reference not in self.references:
            self.references.add(reference)
            self.asked = True
            self._move(amount)

    def pay(self, payment: int, received: int, wanted: dict[int, int]) -> None:
        """The oldest due first, whatever order they were named in; what is left becomes funds."""
        got: dict[int, int] = {}
        for invoice in sorted(wanted):
            amount = min(wanted[invoice], self.owed[invoice], received - sum(got.values()))
            if amount:
                got[invoice] = amount
                self.owed[invoice] -= amount
                self._move(amount)
        if rest := received - sum(got.values()):
            got[0] = rest
            self._move(rest)
        self.paid[payment] = got

    def bounce(self, payment: int) -> None:
        for invoice, amount in self.paid.pop(payment).items():
            self._move(-amount)
            if invoice:
                self.owed[invoice] += amount

    def retry(self, prices: dict[Key, int | None]) -> None:
        """Oldest first; one that does not fit blocks none. A price stays as it was first found."""
        self.retrying = False
        for key in sorted(self.waiting, key=lambda key: (self.waiting[key].placed_at, key[1])):
            if self.waiting[key].total is None:
                self.waiting[key].total = prices[key]
            self._try(key)

    def as_balance(self) -> dict[str, Any]:
        def money(minor: int) -> str:
            return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"

        return {
            "balance": money(self.balance), "currency": "EUR", "unpaid_invoice_balance": "0.00",
            "negative_balance_limit": money(self.limit), "used_credit_from_other_containers": "0.00",
            "total_available_funds": money(self.balance + self.limit),
        }  # fmt: skip
