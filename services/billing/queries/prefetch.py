"""What a chunk of events needs, in one order: accounts, divisions, funds, orders, then what is about orders."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Charge, CreditNote, Division, Funds, Order, OrderKey, WaitingOrder
from services.billing.queries.catalogue import catalogue
from services.billing.rules import Placed, charged_from, placed_from
from shared.db import key_arrays, lock_all, locked_or_none, read_all, remember_locked, remember_read
from shared.events.billing import DepositFunds, RecordPayment
from shared.events.orders import (
    AccountChanged,
    AccountOpened,
    DivisionAdded,
    OrderCancelled,
    OrderPlaced,
    OrderRejected,
)


async def for_placed(tx: AsyncSession, events: Sequence[OrderPlaced]) -> None:
    await lock_funds(tx, {event.account_id for event in events}, {event.division.id for event in events})
    await look_for_retries(tx, {event.account_id for event in events})
    await _look_for_orders(tx, {(event.source, event.order_id) for event in events})
    await catalogue(tx)


async def look_for_retries(tx: AsyncSession, account_ids: set[int]) -> None:
    """After the funds are locked: a deposit that we waited for may have asked to try what waits."""
    rows = list(await (await tx.connection()).exec_driver_sql(RETRIES, (list(account_ids),)))
    tx.info["waiting_orders"] = tx.info.get("waiting_orders", {}) | {row.id: row.waiting for row in rows}
    tx.info.setdefault("retrying", set()).update(row.id for row in rows if row.retrying)


RETRIES = """
SELECT a.id, EXISTS (SELECT FROM retry WHERE retry.account_id = a.id) AS retrying,
       (SELECT count(*) FROM waiting_order AS w WHERE w.account_id = a.id) AS waiting
FROM unnest($1::bigint[]) AS a (id)
"""


async def _look_for_orders(tx: AsyncSession, keys: set[OrderKey]) -> None:
    """Nearly always none is there yet: their keys alone are asked for, and a row only where one is found."""
    arrays = tuple(key_arrays(keys).values())
    rows = await (await tx.connection()).exec_driver_sql(ORDERS_THERE, arrays)
    there = {(row.source, row.id) for row in rows}
    remember_locked(tx, Order, dict.fromkeys(keys - there))
    await lock_all(tx, Order, there)


ORDERS_THERE = """
SELECT o.source, o.id FROM unnest($1::text[], $2::bigint[]) AS k (source, id)
JOIN placed_order AS o ON o.source = k.source AND o.id = k.id
"""


async def for_ended(tx: AsyncSession, events: Sequence[OrderCancelled | OrderRejected]) -> None:
    keys = {(event.source, event.order_id) for event in events}
    await lock_funds(tx, {event.account_id for event in events})
    await look_for_retries(tx, {event.account_id for event in events})
    await lock_all(tx, Order, keys)
    await lock_all(tx, WaitingOrder, keys)
    await remember(tx, keys)
    await catalogue(tx)


async def for_account(tx: AsyncSession, events: Sequence[AccountOpened | AccountChanged]) -> None:
    divisions = {event.division.id for event in events if isinstance(event, AccountOpened)}
    await lock_funds(tx, {event.account_id for event in events}, divisions)
    await catalogue(tx)


async def for_division(tx: AsyncSession, events: Sequence[DivisionAdded]) -> None:
    await read_all(tx, Division, {event.division.id for event in events})


async def for_deposit(tx: AsyncSession, events: Sequence[DepositFunds | RecordPayment]) -> None:
    divisions = {event.division_id for event in events if isinstance(event, DepositFunds)}
    await lock_funds(tx, {event.account_id for event in events}, divisions)
    await catalogue(tx)


async def lock_funds(tx: AsyncSession, account_ids: Iterable[int], divisions: Iterable[int] = ()) -> None:
    """An account's money stands on the row of its top-level division; that row is what its orders compete for. Accounts
    and divisions are only read: they change by events of their own partition alone. One query for accounts that are
    known; for one that is new with this event, the funds that its division may have are asked for as well."""
    wanted, named = set(account_ids), set(divisions)
    rows = await tx.execute(CUSTOMERS, {"accounts": list(wanted)})
    found = [(account, funds) for account, funds in rows.all()]
    remember_read(tx, Account, {account.id: account for account, _ in found})
    remember_locked(tx, Funds, {funds.division_id: funds for _, funds in found})
    await read_all(tx, Account, wanted)
    await read_all(tx, Division, named)
    if len(found) < len(wanted):
        await lock_all(tx, Funds, named)


CUSTOMERS = (
    select(Account, Funds)
    .join(Funds, Funds.division_id == Account.top_division_id)
    .where(Account.id == any_(bindparam("accounts", type_=ARRAY(BigInteger))))
    .order_by(Funds.division_id)
    .with_for_update(of=Funds)
    .execution_options(populate_existing=True)
)


async def remember(tx: AsyncSession, keys: Iterable[OrderKey]) -> None:
    """Charges and credit notes of these orders; rows that never change need no lock beside the funds' one."""
    wanted = sorted(set(keys))
    charges, notes = tx.info.setdefault("charges", {}), tx.info.setdefault("credit_notes", set())
    if not wanted:
        return
    for charge in await tx.scalars(_about_orders(Charge, Charge.source, Charge.order_id, wanted)):
        charges[charge.source, charge.order_id] = charged_from(charge)
    for note in await tx.scalars(_about_orders(CreditNote, CreditNote.order_source, CreditNote.order_id, wanted)):
        notes.add((note.order_source, note.order_id))


def fresh_orders(tx: AsyncSession) -> dict[OrderKey, Placed]:
    """Orders told in this very transaction: appended, so not yet to be read."""
    kept: dict[OrderKey, Placed] = tx.info.setdefault("fresh_orders", {})
    return kept


async def placed_order(tx: AsyncSession, key: OrderKey) -> Placed | None:
    if key in fresh_orders(tx):
        return fresh_orders(tx)[key]
    row = await locked_or_none(tx, Order, key)
    return placed_from(row) if row else None


def _about_orders(model: Any, source: Any, number: Any, keys: Sequence[OrderKey]) -> Any:
    wanted = func.unnest(bindparam("k0", type_=ARRAY(Text)), bindparam("k1", type_=ARRAY(BigInteger)))
    orders = wanted.table_valued("source", "id").render_derived()
    return select(model).join(orders, (source == orders.c.source) & (number == orders.c.id)).params(key_arrays(keys))
