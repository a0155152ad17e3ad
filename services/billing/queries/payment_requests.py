"""Purchase-order and amount-owed invoices that a period saw, as they stood at its end. They ask for money that becomes
funds and change nothing until it comes, so a statement lists them and adds none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Funds
from services.billing.queries.periods import OPEN_BETWEEN, days_between
from services.billing.rules import isolated
from shared.access import Caller

WORDS = {"purchase_order": "Purchase order", "amount_owed": "Amount owed"}
A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    id: int
    number: str
    kind: str
    issued_at: datetime
    due_on: date
    purchase_order_number: str | None
    total: int
    paid: int
    credited: int
    due: int

    @property
    def kind_words(self) -> str:
        return WORDS[self.kind]

    @property
    def words(self) -> str:
        return f"{self.kind_words} {isolated(self.purchase_order_number or '')}".rstrip()


# Issued or open on a day of the period. Few were ever open again after they were settled: of those what was allocated
# until the period began says whether they were open then.
LISTED = f"""
SELECT * FROM receivable AS r WHERE {OPEN_BETWEEN} AND kind IN ('purchase_order', 'amount_owed')
  AND (NOT :separate OR coalesce(funds_division_id, division_id) = :division)
  AND (CAST(:seen AS bigint[]) IS NULL OR division_id = ANY (CAST(:seen AS bigint[])))
  AND issued_on <= :last AND (settled_on IS NULL OR settled_on >= :first)
  AND (issued_on >= :first
       OR NOT EXISTS (SELECT FROM allocation WHERE invoice_id = r.invoice_id AND amount < 0)
       OR EXISTS (SELECT FROM allocation WHERE invoice_id = r.invoice_id AND at >= :start AND at < :end)
       OR total > paid_before
          + (SELECT coalesce(sum(amount), 0) FROM allocation WHERE invoice_id = r.invoice_id AND at < :start)
          + (SELECT coalesce(sum(total), 0) FROM credit_note WHERE invoice_id = r.invoice_id AND issued_at < :start))
"""  # noqa: S608
COUNT = text(f"SELECT count(*) FROM ({LISTED}) AS listed")  # noqa: S608
PAGE = text(f"""
SELECT r.invoice_id AS id, r.number, r.kind, i.issued_at, r.due_on, i.purchase_order_number, r.total,
       CAST(r.paid_before + p.paid AS bigint) AS paid, CAST(c.credited AS bigint) AS credited,
       CAST(r.total - r.paid_before - p.paid - c.credited AS bigint) AS due
FROM ({LISTED} ORDER BY invoice_id LIMIT :limit OFFSET :skip) AS r JOIN invoice AS i ON i.id = r.invoice_id
CROSS JOIN LATERAL (
  SELECT coalesce(sum(amount), 0) AS paid FROM allocation WHERE invoice_id = r.invoice_id AND at < :end) AS p
CROSS JOIN LATERAL (
  SELECT coalesce(sum(total), 0) AS credited FROM credit_note
  WHERE invoice_id = r.invoice_id AND issued_at < :end) AS c
ORDER BY r.invoice_id
""")  # noqa: S608


def asked(caller: Caller, funds: Funds, separate: bool, start: datetime, end: datetime) -> dict[str, Any]:
    """Whose payment changes these funds. Of other divisions that share them nothing is listed: no sum needs it."""
    first, last = start.date(), (end - A_MOMENT).date()
    return {
        "account": funds.account_id, "division": funds.division_id, "separate": separate,
        "seen": list(caller.divisions) or None, "start": start, "end": end, "first": first, "last": last,
        **days_between(first, last),
    }  # fmt: skip


async def count(tx: AsyncSession, of: Mapping[str, Any]) -> int:
    return (await tx.scalar(COUNT, of)) or 0


async def payment_requests(tx: AsyncSession, of: Mapping[str, Any], skip: int, limit: int) -> list[PaymentRequest]:
    rows = await tx.execute(PAGE, {**of, "skip": skip, "limit": limit})
    return [PaymentRequest(*row) for row in rows]
