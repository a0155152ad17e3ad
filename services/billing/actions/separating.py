"""Divisions with funds of their own, under the account's one limit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, funds_of, give_own_funds, lock_purses, purse_of
from services.billing.actions.book import Entry, note_owed, post
from services.billing.actions.debts import bring, watch_debt
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Division, Funds, Purse, Receivable, Usage
from services.billing.rules import isolated, refuse_unbookable
from shared.db import lock_all, locked
from shared.errors import Rejected
from shared.events.base import Money


async def transfer(
    tx: AsyncSession, account_id: int, from_division: int, to_division: int, amount: Money, now: datetime
) -> None:
    """Raises Rejected where funds are not separate, or less is available than is to be moved."""
    account, giving = await account_with(tx, account_id, from_division)
    _, taking = await account_with(tx, account_id, to_division)
    refuse_unbookable(amount.amount, amount.currency, account.currency)
    if from_division == to_division:
        raise Rejected("A transfer goes from one division to another; choose two.")
    if not (await funds_of(tx, account)).separate:
        raise Rejected("The divisions of this account share their funds; there is nothing to transfer.", "not_separate")
    await lock_purses(tx, account, {from_division, to_division})
    giver, taker = await purse_of(tx, account, from_division), await purse_of(tx, account, to_division)
    giver.refuse_beyond(amount.amount, giving.name, "transfer")
    entries: list[Entry] = [
        (f"funds:{from_division}", -amount.amount, giver.change(-amount.amount)),
        (f"funds:{to_division}", amount.amount, bring(tx, taker, amount.amount, now)),
    ]
    text = f"Transfer from {isolated(giving.name)} to {isolated(taking.name)}"
    post(tx, account.id, "transfer", text, account.currency, entries, now)
    ask_retry(tx, account.id)


async def separate_funds(tx: AsyncSession, account: Account) -> None:
    """All money stays with the top-level division; the others begin with nothing."""
    top = await funds_of(tx, account)
    divisions = await tx.scalars(select(Division.id).where(Division.account_id == account.id))
    await give_own_funds(tx, account, divisions)
    top.separate = True


async def join_funds(tx: AsyncSession, account: Account, now: datetime) -> None:
    """Every balance, and what is owed on credit, moves to the top-level division at once."""
    top = await funds_of(tx, account)
    others = await _others(tx, top)
    if moved := [row for row in others if row.balance or row.unpaid]:
        entries = [entry for row in moved for entry in (*_owed_entries(row, top), *_move_balance(tx, row, top, now))]
        journal_id = post(tx, account.id, "transfer", "Division funds joined", top.currency, entries, now)
        for row in moved:
            _move_accrued(tx, row, top, journal_id, now)
        for invoice in await _owed_invoices(tx, moved):
            await _move_invoice(tx, invoice, top, journal_id, now)
    await _repoint(tx, others, top)
    top.separate = False
    watch_debt(tx, top.division_id, now)


async def _others(tx: AsyncSession, top: Funds) -> Sequence[Funds]:
    query = select(Funds.division_id).where(Funds.account_id == top.account_id, Funds.division_id != top.division_id)
    keys = sorted(await tx.scalars(query))
    await lock_all(tx, Funds, keys)
    return [await locked(tx, Funds, key) for key in keys]


def _move_balance(tx: AsyncSession, row: Funds, top: Funds, now: datetime) -> list[Entry]:
    if not (amount := row.balance):
        return []
    out, back = Purse(row, top).change(-amount), bring(tx, Purse(top, top), amount, now)
    return [(f"funds:{row.division_id}", -amount, out), (f"funds:{top.division_id}", amount, back)]


def _owed_entries(row: Funds, top: Funds) -> list[Entry]:
    owed = (("accrued", row.accrued), ("receivable", row.invoiced))
    return [
        entry
        for ledger, amount in owed
        for entry in ((f"{ledger}:{row.division_id}", amount, None), (f"{ledger}:{top.division_id}", -amount, None))
    ]


def _move_accrued(tx: AsyncSession, row: Funds, top: Funds, journal_id: UUID, now: datetime) -> None:
    if amount := row.accrued:
        for owed in (Purse(row, top).owe(-amount), Purse(top, top).owe(amount)):
            note_owed(tx, owed, "moved", "Division funds joined", row.currency, journal_id, now, row.division_id)


async def _owed_invoices(tx: AsyncSession, moved: Sequence[Funds]) -> Sequence[Any]:
    due = Receivable.due.label("due")
    columns = (Receivable.invoice_id, Receivable.number, Receivable.division_id, Receivable.funds_division_id, due)
    query = select(*columns).where(
        Receivable.funds_division_id.in_([row.division_id for row in moved]), Receivable.kind == "usage",
        Receivable.is_open,
    )  # fmt: skip
    return (await tx.execute(query.order_by(Receivable.invoice_id).with_for_update())).all()


async def _move_invoice(tx: AsyncSession, invoice: Any, top: Funds, journal_id: UUID, now: datetime) -> None:
    """One by one, so that what is due on each invoice is told by the rows of its new place alone."""
    row, due = await locked(tx, Funds, invoice.funds_division_id), invoice.due
    for owed in (Purse(row, top).owe(invoiced=-due), Purse(top, top).owe(invoiced=due)):
        text = f"Invoice {invoice.number}, division funds joined"
        note_owed(
            tx, owed, "moved", text, top.currency, journal_id, now, invoice.division_id, invoice_id=invoice.invoice_id
        )


async def _repoint(tx: AsyncSession, others: Sequence[Funds], top: Funds) -> None:
    unbilled = (Usage.account_id == top.account_id, Usage.invoice_id.is_(None), Usage.released_at.is_(None))
    for model, where in ((Receivable, (Receivable.account_id == top.account_id,)), (Usage, unbilled)):
        theirs = model.funds_division_id == any_(bindparam("before", type_=ARRAY(BigInteger)))
        moved = update(model).where(theirs, *where).values(funds_division_id=top.division_id)
        await tx.execute(moved, {"before": [row.division_id for row in others]})
