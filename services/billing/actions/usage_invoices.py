"""A month's invoice: it claims what was recorded, which counts as invoiced instead of accrued from then on."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.book import Entry, note_owed, post
from services.billing.actions.drafts import UsageDraft
from services.billing.actions.snapshots import notes_of, to_render
from services.billing.models import Funds, Invoice, Line, Purse, Receivable, TaxGroup, Usage
from services.billing.rules import isolated, vat_ledger
from shared.db import append, locked
from shared.events.base import Money
from shared.events.billing import InvoiceIssued
from shared.events.orders import SOURCE as OURS
from shared.outbox import announce


async def issue_usage(tx: AsyncSession, waiting: Sequence[UsageDraft]) -> None:
    for draft in waiting:
        _issue(tx, draft)
    claimed = [(usage.id, draft.id, first) for draft in waiting for usage, first in _placed(draft.usage)]
    if claimed:
        await (await tx.connection()).exec_driver_sql(CLAIM, tuple(map(list, zip(*claimed, strict=True))))


CLAIM = """
UPDATE usage SET invoice_id = c.invoice_id, first_line = c.first_line
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS c (id, invoice_id, first_line) WHERE usage.id = c.id
"""


def _placed(usage: Iterable[Usage]) -> Iterator[tuple[Usage, int]]:
    """With the position of the first of its lines."""
    first = 1
    for one in usage:
        yield one, first
        first += len(one.quote["lines"])


def _issue(tx: AsyncSession, draft: UsageDraft) -> None:
    _write_invoice(tx, draft)
    _write_lines(tx, draft)
    _write_groups(tx, draft)
    _write_receivable(tx, draft)
    _book(tx, draft)
    to_render(tx, draft, "invoice")
    _say(tx, draft)


def _write_invoice(tx: AsyncSession, draft: UsageDraft) -> None:
    append(
        tx, Invoice, id=draft.id, entity_id=draft.seller.number, series=draft.series, year=draft.now.year,
        seq=draft.seq, number=draft.number, kind="usage", account_id=draft.account.id, division_id=draft.division_id,
        division_name=draft.division_name, order_source=None, order_id=None, request_id=0, purchase_order_id=None,
        purchase_order_number=_one_number(draft.usage), period_first=draft.period.first,
        period_last=draft.period.last, legacy_source=None, legacy_number=None, legacy_issued_on=None,
        currency=draft.purse.currency, net=draft.net, tax=draft.tax, total=draft.total, due_at_issue=draft.total,
        issued_at=draft.now, issued_on=draft.now.date(), due_on=draft.due_on, seller=draft.seller.printed,
        buyer=draft.buyer, receipt_id=None,
        payment_text=f"Please give the number {draft.number} with your payment.",
        notes=notes_of(draft.groups, draft.seller, draft.account),
    )  # fmt: skip


def _one_number(usage: Iterable[Usage]) -> str | None:
    """The customer's purchase order number, where all of the month has the same (EN 16931 BT-13)."""
    numbers = {one.purchase_order_number for one in usage}
    return numbers.pop() if len(numbers) == 1 else None


def _write_lines(tx: AsyncSession, draft: UsageDraft) -> None:
    lines = ((usage, line) for usage in draft.usage for line in usage.quote["lines"])
    for position, (usage, (description, detail, quantity, price)) in enumerate(lines, 1):
        append(
            tx, Line, invoice_id=draft.id, position=position, description=_described(usage, description),
            detail=[*detail, *_days(usage)], quantity=quantity, unit_price=price, net=quantity * price,
            category=usage.category, rate=usage.rate, order_source=usage.source, order_id=usage.order_id,
        )  # fmt: skip


def _described(usage: Usage, description: str) -> str:
    if usage.order_id:
        of = "" if usage.source == OURS else f" of {isolated(usage.source or '')}"
        return f"Order {usage.order_id}{of}: {isolated(description)}"
    return description


def _days(usage: Usage) -> list[str]:
    """In a line of their own: beside a text that runs from right to left, days would change places."""
    return [f"{usage.first_day} to {usage.last_day}"] if usage.first_day else []


def _write_groups(tx: AsyncSession, draft: UsageDraft) -> None:
    for group in draft.groups:
        append(
            tx, TaxGroup, invoice_id=draft.id, category=group.category, rate=group.rate, net=group.net, tax=group.tax,
            sentence=group.sentence, accounting_currency=group.accounting_currency,
            accounting_tax=group.accounting_tax, exchange_rate=group.exchange_rate,
        )  # fmt: skip


def _write_receivable(tx: AsyncSession, draft: UsageDraft) -> None:
    append(
        tx, Receivable, invoice_id=draft.id, number=draft.number, kind="usage", entity_id=draft.seller.number,
        account_id=draft.account.id, division_id=draft.division_id, currency=draft.purse.currency,
        funds_division_id=draft.purse.division_id, issued_on=draft.now.date(), due_on=draft.due_on, settled_on=None,
        total=draft.total, paid_before=0, paid=0, credited=0, returned=0, overdue_at=None,
    )  # fmt: skip


async def move_owed(tx: AsyncSession, draft: UsageDraft) -> None:
    """From accrued to invoiced, before the number is drawn; cents of tax may differ, for it is rounded once. What was
    recorded before funds were separated leaves the row where it accrued."""
    accrued = {draft.purse.division_id: 0}
    for one in draft.usage:
        accrued[one.funds_division_id] = accrued.get(one.funds_division_id, 0) + one.total
    for place, amount in accrued.items():
        own = draft.purse.own if place == draft.purse.division_id else await locked(tx, Funds, place)
        invoiced = draft.total if own is draft.purse.own else 0
        draft.owed.append(Purse(own, draft.purse.top).owe(-amount, invoiced))


def _book(tx: AsyncSession, draft: UsageDraft) -> None:
    text, entity, currency = f"Invoice {draft.number}", draft.seller.number, draft.purse.currency
    entries: list[Entry] = [(f"accrued:{owed.division_id}", -owed.accrued, None) for owed in draft.owed]
    entries += [(f"receivable:{draft.purse.division_id}", -draft.total, None)]
    entries += [(f"deferred:{entity}", sum(owed.accrued for owed in draft.owed), None)]
    entries += [(f"revenue:{entity}", draft.net, None)]
    entries += [(vat_ledger(entity, group.category, group.rate), group.tax, None) for group in draft.groups]
    journal_id = post(tx, draft.account.id, "usage_invoice", text, currency, entries, draft.now, subject_id=draft.id)
    for owed in draft.owed:
        note_owed(tx, owed, "invoice", text, currency, journal_id, draft.now, draft.division_id, invoice_id=draft.id)


def _say(tx: AsyncSession, draft: UsageDraft) -> None:
    net, tax, total = (Money(amount=a, currency=draft.purse.currency) for a in (draft.net, draft.tax, draft.total))
    announce(
        tx,
        InvoiceIssued(
            occurred_at=draft.now, account_id=draft.account.id, causation_id=draft.cause, invoice_id=draft.id,
            number=draft.number, kind="usage", division_id=draft.division_id, issued_on=draft.now.date(),
            due_on=draft.due_on, net=net, tax=tax, total=total, amount_due=total,
            purchase_order_number=_one_number(draft.usage),
        ),
    )  # fmt: skip
