"""What is left to credit of issued invoices: read under the lock of their account's funds, and kept for the rest of the
transaction, in which it changes with every credit note."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, and_, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Allocation, CreditNoteLine, CreditNoteTax, Line, Payment, TaxGroup
from services.billing.rules import OpenGroup, OpenInvoice, OpenLine, Paid

Span = tuple[int, int, int]  # invoice, first and last position of its lines
LAST = 2**31 - 1


def open_invoices(tx: AsyncSession) -> dict[int, OpenInvoice]:
    kept: dict[int, OpenInvoice] = tx.info.setdefault("open_invoices", {})
    return kept


async def open_lines(
    tx: AsyncSession, spans: Collection[Span], currencies: dict[int, str], credited: Collection[int]
) -> None:
    """`credited`: invoices that may have credit notes already; of others nothing is asked. Three queries at most."""
    if not spans:
        return
    groups = await _groups(tx, {invoice for invoice, *_ in spans} - open_invoices(tx).keys(), credited)
    for invoice_id, of_invoice in groups.items():
        open_invoices(tx)[invoice_id] = OpenInvoice(currencies[invoice_id], (), of_invoice)
    for invoice_id, line in await _lines(tx, spans, credited):
        open_invoices(tx)[invoice_id].lines.setdefault(line.position, line)


SPANS = (bindparam(name, type_=ARRAY(BigInteger)) for name in ("ids", "first", "last"))
WANTED = func.unnest(*SPANS).table_valued("invoice_id", "first", "last").render_derived()
LINES = (
    select(
        Line.invoice_id, Line.position, Line.description, Line.detail, Line.quantity, Line.unit_price, Line.net,
        Line.category, Line.rate, Line.order_source, Line.order_id,
    )
    .join(WANTED, and_(Line.invoice_id == WANTED.c.invoice_id, Line.position.between(WANTED.c.first, WANTED.c.last)))
    .order_by(Line.invoice_id, Line.position)
)  # fmt: skip
CREDITED_LINES = (
    select(CreditNoteLine.invoice_id, CreditNoteLine.line, func.sum(CreditNoteLine.net).label("net"))
    .join(
        WANTED,
        and_(
            CreditNoteLine.invoice_id == WANTED.c.invoice_id,
            CreditNoteLine.line.between(WANTED.c.first, WANTED.c.last),
        ),
    )
    .group_by(CreditNoteLine.invoice_id, CreditNoteLine.line)
)


async def _lines(tx: AsyncSession, spans: Collection[Span], credited: Collection[int]) -> list[tuple[int, OpenLine]]:
    taken = {}
    if some := [span for span in spans if span[0] in credited]:
        rows = await tx.execute(CREDITED_LINES, _arrays(some))
        taken = {(row.invoice_id, row.line): int(row.net) for row in rows}
    return [
        (
            row.invoice_id,
            OpenLine(
                row.position, row.description, row.detail, row.quantity, row.unit_price, row.net, row.category,
                row.rate, (row.order_source, row.order_id) if row.order_id else None,
                taken.get((row.invoice_id, row.position), 0),
            ),
        )
        for row in await tx.execute(LINES, _arrays(spans))
    ]  # fmt: skip


def _arrays(spans: Iterable[Span]) -> dict[str, list[int]]:
    return dict(zip(("ids", "first", "last"), map(list, zip(*spans, strict=True)), strict=True))


IDS = bindparam("ids", type_=ARRAY(BigInteger))
GROUPS = select(TaxGroup.__table__).where(TaxGroup.invoice_id == any_(IDS))
CREDITED_GROUPS = (
    select(
        CreditNoteTax.invoice_id, CreditNoteTax.category, CreditNoteTax.rate, func.sum(CreditNoteTax.net).label("net"),
        func.sum(CreditNoteTax.tax).label("tax"),
        func.coalesce(func.sum(CreditNoteTax.accounting_tax), 0).label("accounting_tax"),
    )
    .where(CreditNoteTax.invoice_id == any_(IDS))
    .group_by(CreditNoteTax.invoice_id, CreditNoteTax.category, CreditNoteTax.rate)
)  # fmt: skip


async def _groups(
    tx: AsyncSession, invoice_ids: Collection[int], credited: Collection[int]
) -> dict[int, list[OpenGroup]]:
    taken: dict[Any, Any] = {}
    if some := [invoice_id for invoice_id in invoice_ids if invoice_id in credited]:
        rows = await tx.execute(CREDITED_GROUPS, {"ids": some})
        taken = {(row.invoice_id, row.category, row.rate): row for row in rows}
    found: dict[int, list[OpenGroup]] = {}
    for row in await tx.execute(GROUPS, {"ids": list(invoice_ids)}) if invoice_ids else ():
        before = taken.get((row.invoice_id, row.category, row.rate))
        found.setdefault(row.invoice_id, []).append(_group(row, before))
    return found


def _group(row: Any, before: Any) -> OpenGroup:
    so_far = (int(before.net), int(before.tax), int(before.accounting_tax)) if before else (0, 0, 0)
    return OpenGroup(
        row.category, row.rate, row.net, row.tax, row.sentence, row.accounting_currency, row.accounting_tax,
        row.exchange_rate, *so_far,
    )  # fmt: skip


PAID = (
    select(
        Allocation.invoice_id, Payment.settled_at, Payment.method, Payment.bank_reference,
        func.min(Allocation.at).label("at"), func.sum(Allocation.amount).label("amount"),
    )
    .join(Payment, Payment.id == Allocation.payment_id, isouter=True)
    .where(Allocation.invoice_id == any_(IDS))
    .group_by(Allocation.invoice_id, Payment.id)
    .having(func.sum(Allocation.amount) > 0)
    .order_by(Allocation.invoice_id, "at", Payment.id)
)  # fmt: skip


async def payments_for(tx: AsyncSession, invoice_ids: Collection[int]) -> dict[int, Sequence[Paid]]:
    """What came for each and did not go back, the first first."""
    found: dict[int, list[Paid]] = {}
    for row in await tx.execute(PAID, {"ids": sorted(invoice_ids)}) if invoice_ids else ():
        on = (row.settled_at or row.at).date()
        found.setdefault(row.invoice_id, []).append(Paid(on, int(row.amount), row.method, row.bank_reference))
    return {**found}
