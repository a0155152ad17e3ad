"""What billing ought to have in its book, in forty lines, and the proof of what it has."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from services.billing.queries.verify import verify
from shared.db import Database
from shared.events.orders import OrderCancelled, OrderPlaced, OrderRejected

Key = tuple[str, int]

BREACHES = {
    "an order is charged, recorded and released at most once": """
        SELECT order_source, order_id, kind FROM journal WHERE order_id IS NOT NULL AND kind <> 'credit'
        GROUP BY order_source, order_id, kind, substring(text FROM 'names added by request [0-9]+')
        HAVING count(*) > 1""",
    "what came in is what payments brought": """
        SELECT WHERE coalesce((SELECT -sum(amount) FROM posting WHERE ledger LIKE 'clearing:%'), 0)
          <> coalesce((SELECT sum(received) FROM payment WHERE reversed_at IS NULL AND method <> 'balance'), 0)""",
    "every document has its paper to print": """
        SELECT FROM (SELECT 'invoice' AS kind, id FROM invoice UNION ALL SELECT 'credit_note', id FROM credit_note) AS d
        LEFT JOIN document AS p ON p.kind = d.kind AND p.subject_id = d.id WHERE p.id IS NULL""",
    "revenue and VAT are what is invoiced less what is credited": """
        SELECT WHERE coalesce((SELECT sum(amount) FROM posting WHERE ledger LIKE 'revenue:%' OR ledger LIKE 'vat:%'), 0)
          <> coalesce((SELECT sum(total) FROM invoice WHERE kind IN ('order', 'usage')), 0)
           - coalesce((SELECT sum(n.total) FROM credit_note AS n JOIN invoice AS i ON i.id = n.invoice_id
                       WHERE i.kind IN ('order', 'usage')), 0)""",
    "what happened was said as often as it happened": """
        WITH said AS (SELECT convert_from(payload, 'UTF8')::json ->> 'type' AS type FROM outbox
                      UNION ALL SELECT convert_from(payload, 'UTF8')::json ->> 'type' FROM published)
        SELECT * FROM (VALUES ('order_charged', (SELECT count(*) FROM charge)),
          ('order_on_account', (SELECT count(*) FROM usage WHERE order_id IS NOT NULL)),
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
    """The book proves itself, and what only a test can know: nothing was cleared away yet."""
    breaches = [str(breach) async for breach in verify(db, lambda table, rows: None)]
    assert breaches == [], breaches
    async with db.transaction() as tx:
        found = (await tx.execute(CHECK)).one()
    broken = [name for name, is_broken in zip(BREACHES, found, strict=True) if is_broken]
    assert broken == [], broken


def gross(net: int) -> int:
    """With 19 % VAT."""
    return net + (net * 19 + 50) // 100


def net_of(total: int) -> int:
    about = total * 100 // 119
    return next(net for net in range(max(0, about - 2), about + 3) if gross(net) == total)


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
    credited: set[Key] = field(default_factory=set)  # by the note that ended the order
    taken: dict[Key, int] = field(default_factory=dict)  # net, by staff before that
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
        elif key in self.charged and key not in self.credited and key not in self.released:
            left, taken = self.charged[key] - gross(self.taken.get(key, 0)), key in self.taken
            if taken and not left:
                self.released.add(key)
                return
            self.credited.add(key)
            self.asked = True
            self._move(left)

    def left_of(self, key: Key) -> int:
        """Net."""
        return 0 if key in self.credited else net_of(self.charged[key]) - self.taken.get(key, 0)

    def credit(self, key: Key, net: int) -> None:
        before = self.taken.get(key, 0)
        self.taken[key] = before + net
        self._move(gross(before + net) - gross(before))

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
