"""What is charged by itself — an order, or the names that a request added to it — and what became of it: charged, on
account, waiting, ended. Asked for in whole orders, and kept for the transaction, which adds to it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import AddedNames, Charge, CreditNote, OrderKey, PartKey, Usage, WaitingOrder
from services.billing.rules import charged_from
from shared.db import key_arrays


async def remember(tx: AsyncSession, keys: Iterable[OrderKey]) -> None:
    """Charges of these orders, and which of them have ended; rows that never change need no lock beside the funds'
    one."""
    wanted = sorted(set(keys))
    charges, partly = tx.info.setdefault("charges", {}), tx.info.setdefault("partly_credited", set())
    if not wanted:
        return
    for charge in await tx.scalars(about_orders(Charge, Charge.source, Charge.order_id, wanted)):
        charges[note_part(tx, (charge.source, charge.order_id, charge.request_id))] = charged_from(charge)
    for note in await tx.scalars(about_orders(CreditNote, CreditNote.order_source, CreditNote.order_id, wanted)):
        if note.ends_part:
            ended_parts(tx).add((note.order_source, note.order_id, note.request_id))
        else:
            partly.add(note.invoice_id)


def ended_parts(tx: AsyncSession) -> set[PartKey]:
    """Those whose credit note, or that there was nothing left to credit, has been said; of this transaction too."""
    kept: set[PartKey] = tx.info.setdefault("ended_parts", set())
    return kept


def note_part(tx: AsyncSession, part: PartKey) -> PartKey:
    tx.info.setdefault("parts", {}).setdefault(part[:2], {0}).add(part[2])
    return part


def parts_of(tx: AsyncSession, key: OrderKey) -> list[PartKey]:
    """The order itself first, then what requests have added to it, so far as this transaction has asked."""
    return [(*key, request_id) for request_id in sorted(tx.info.get("parts", {}).get(key, {0}))]


async def lock_waiting(tx: AsyncSession, keys: Iterable[OrderKey]) -> None:
    remembered = tx.info.setdefault(("locked", WaitingOrder), {})
    missing = sorted({key for key in keys if (*key, 0) not in remembered})
    if not missing:
        return
    query = about_orders(WaitingOrder, WaitingOrder.source, WaitingOrder.id, missing)
    query = query.order_by(*WaitingOrder.__table__.primary_key).with_for_update(of=WaitingOrder)
    for row in await tx.scalars(query.execution_options(populate_existing=True)):
        remembered.setdefault(note_part(tx, row.part), row)
    for key in missing:
        remembered.setdefault((*key, 0), None)


async def lock_usage(tx: AsyncSession, keys: Iterable[OrderKey]) -> None:
    """Of orders that were recorded on account: those that were neither charged nor wait."""
    waiting: dict[PartKey, WaitingOrder | None] = tx.info["locked", WaitingOrder]
    orders = ((*key, 0) for key in keys)
    other = sorted(part[:2] for part in orders if part not in tx.info["charges"] and not waiting.get(part))
    if other:
        query = about_orders(Usage, Usage.source, Usage.order_id, other).order_by(Usage.id).with_for_update(of=Usage)
        for row in await tx.scalars(query.execution_options(populate_existing=True)):
            recorded_usage(tx)[note_part(tx, (row.source, row.order_id, row.request_id))] = row


async def lock_added(tx: AsyncSession, parts: Iterable[PartKey]) -> None:
    """With what other requests have added to the same orders."""
    wanted = list(parts)
    remembered = tx.info.setdefault(("locked", AddedNames), {})
    query = about_orders(AddedNames, AddedNames.source, AddedNames.order_id, sorted({part[:2] for part in wanted}))
    query = query.order_by(*AddedNames.__table__.primary_key).with_for_update(of=AddedNames)
    for row in await tx.scalars(query):
        remembered[note_part(tx, (row.source, row.order_id, row.request_id))] = row
    for part in wanted:
        remembered.setdefault(part, None)


def recorded_usage(tx: AsyncSession) -> dict[PartKey, Usage]:
    """Locked, or of this very transaction."""
    kept: dict[PartKey, Usage] = tx.info.setdefault("usage", {})
    return kept


def about_orders(model: Any, source: Any, number: Any, keys: Sequence[OrderKey]) -> Any:
    wanted = func.unnest(bindparam("k0", type_=ARRAY(Text)), bindparam("k1", type_=ARRAY(BigInteger)))
    orders = wanted.table_valued("source", "id").render_derived()
    return select(model).join(orders, (source == orders.c.source) & (number == orders.c.id)).params(key_arrays(keys))
