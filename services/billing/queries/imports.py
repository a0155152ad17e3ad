"""What was imported before. A chunk says what it will ask for, and all of it is read at the first question."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from services.billing.models import Division, Invoice, OpeningBalance
from services.billing.queries.prefetch import lock_funds
from services.billing.rules.imports import OldBalance, OldInvoice
from shared.db import key_arrays, known, read_all
from shared.events.base import Money
from shared.events.billing import ImportBalance, ImportInvoice

Old = OldInvoice | OldBalance
OldKey = tuple[str, str]  # (source, number)
Found = tuple[OldInvoice, Any]  # what was told of it, and the invoice or its draft

# The same number may be told of two accounts, whose funds do not hold each other up. After the funds, by imports alone.
LOCK_SOURCES = text("SELECT pg_advisory_xact_lock(5202002, hashtext(s)) FROM unnest(CAST(:sources AS text[])) AS s")

_given = func.unnest(bindparam("k0", type_=ARRAY(Text)), bindparam("k1", type_=ARRAY(Text)))
_keys = _given.table_valued("source", "number").render_derived()
_same = (Invoice.legacy_source == _keys.c.source) & (Invoice.legacy_number == _keys.c.number)
_parties = (defer(Invoice.seller, raiseload=True), defer(Invoice.buyer, raiseload=True))  # large, and not asked for
IMPORTED = select(Invoice).join(_keys, _same).where(Invoice.legacy_number.is_not(None)).options(*_parties)


async def for_import(tx: AsyncSession, events: Sequence[ImportInvoice | ImportBalance]) -> None:
    await lock_funds(tx, {event.account_id for event in events}, {event.division_id for event in events})
    _want(tx, [old_balance(event) if isinstance(event, ImportBalance) else old_invoice(event) for event in events])


async def lock_for(tx: AsyncSession, olds: Iterable[Old]) -> None:
    """A file names divisions only."""
    await read_all(tx, Division, divisions := {old.division_id for old in olds})
    found = [await known(tx, Division, key) for key in divisions]
    await lock_funds(tx, {one.account_id for one in found if one}, {one.id for one in found if one})
    _want(tx, olds)


def old_balance(event: ImportBalance) -> OldBalance:
    return OldBalance(event.division_id, event.legacy_source, event.amount, event.as_of, event.note)


def old_invoice(event: ImportInvoice) -> OldInvoice:
    return OldInvoice(
        event.division_id, event.legacy_source, event.legacy_number, event.issued_on, event.due_on, event.po_number,
        event.amount, event.paid or Money(amount=0, currency=event.amount.currency), event.note, event.notify,
    )  # fmt: skip


def _want(tx: AsyncSession, olds: Iterable[Old]) -> None:
    for old in olds:
        tx.info.setdefault(("wanted", type(old)), set()).add(old.key)


def imports(tx: AsyncSession) -> dict[OldKey, Found | None]:
    """Of invoices: what was looked for, and what this very transaction imports."""
    found: dict[OldKey, Found | None] = tx.info.setdefault("imports", {})
    return found


async def imported_invoice(tx: AsyncSession, key: OldKey) -> Found | None:
    """The account's funds are locked by now."""
    found = imports(tx)
    if key not in found:
        missing = {key, *tx.info.get(("wanted", OldInvoice), ())} - found.keys()
        await tx.execute(LOCK_SOURCES, {"sources": sorted({source for source, _ in missing})})
        found.update(dict.fromkeys(missing))
        for row in await tx.scalars(IMPORTED, key_arrays(missing)):
            old = _old(row)
            found[old.key] = old, row
    return found[key]


def _old(row: Any) -> OldInvoice:
    return OldInvoice(
        row.division_id, row.legacy_source, row.legacy_number, row.legacy_issued_on, row.due_on,
        row.purchase_order_number, Money(amount=row.total, currency=row.currency),
        Money(amount=row.paid_before, currency=row.currency), row.imported_note,
    )  # fmt: skip


async def imported_balance(tx: AsyncSession, key: tuple[str, int]) -> OpeningBalance | None:
    """The account's funds are locked by now."""
    await read_all(tx, OpeningBalance, {key, *tx.info.pop(("wanted", OldBalance), ())})
    return await known(tx, OpeningBalance, key)
