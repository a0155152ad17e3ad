"""What a chunk of events needs, in one order: accounts, divisions, funds, orders, then what is about orders."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from services.billing.models import (
    Account,
    AddedNames,
    Division,
    EndedOrder,
    Funds,
    Order,
    OrderKey,
    Receivable,
    Usage,
)
from services.billing.queries.catalogue import catalogue
from services.billing.queries.creditable import LAST, open_lines, payments_for
from services.billing.queries.parts import (
    about_orders,
    ended_parts,
    lock_added,
    lock_usage,
    lock_waiting,
    parts_of,
    recorded_usage,
    remember,
)
from services.billing.rules import Placed, placed_from
from shared.db import key_arrays, lock_all, locked_or_none, read_all, remember_locked, remember_read
from shared.events.billing import DepositFunds, RecordPayment
from shared.events.orders import (
    AccountChanged,
    AccountOpened,
    DivisionAdded,
    DivisionChanged,
    OrderCancelled,
    OrderNamesAdded,
    OrderPlaced,
    OrderRejected,
    ReissueCancelled,
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
    await _lock_what_is_charged(tx, keys)
    await _open_invoices(tx, keys)
    await catalogue(tx)


async def for_added(tx: AsyncSession, events: Sequence[OrderNamesAdded]) -> None:
    keys = {(event.source, event.order_id) for event in events}
    await lock_funds(tx, {event.account_id for event in events})
    await look_for_retries(tx, {event.account_id for event in events})
    await lock_all(tx, Order, keys)
    await read_all(tx, Division, {order.division_id for order in tx.info["locked", Order].values() if order})
    await _lock_what_is_charged(tx, keys)
    await lock_added(tx, [(event.source, event.order_id, event.request_id) for event in events])
    await catalogue(tx)


async def for_reissues(tx: AsyncSession, events: Sequence[ReissueCancelled]) -> None:
    """Most have added no names: nothing more is asked about those."""
    await lock_funds(tx, {event.account_id for event in events})
    await look_for_retries(tx, {event.account_id for event in events})
    await lock_all(tx, Order, {(event.source, event.order_id) for event in events})
    parts = {(event.source, event.order_id, event.request_id) for event in events}
    await lock_all(tx, AddedNames, parts)
    keys = {part[:2] for part in parts if tx.info["locked", AddedNames].get(part)}
    if keys:
        await _lock_what_is_charged(tx, keys)
        await _open_invoices(tx, keys)
    await catalogue(tx)


async def _lock_what_is_charged(tx: AsyncSession, keys: set[OrderKey]) -> None:
    """Of orders and of names added to them: what waits, what was charged, what is on account."""
    await _lock_divisions(tx, {order.division_id for order in tx.info["locked", Order].values() if order})
    await lock_waiting(tx, keys)
    await remember(tx, keys)
    await lock_usage(tx, keys)


async def for_account(tx: AsyncSession, events: Sequence[AccountOpened | AccountChanged]) -> None:
    divisions = {event.division.id for event in events if isinstance(event, AccountOpened)}
    await lock_funds(tx, {event.account_id for event in events}, divisions)
    await catalogue(tx)


async def for_division(tx: AsyncSession, events: Sequence[DivisionAdded | DivisionChanged]) -> None:
    await lock_funds(tx, {event.account_id for event in events}, {event.division.id for event in events})


async def for_deposit(tx: AsyncSession, events: Sequence[DepositFunds | RecordPayment]) -> None:
    divisions = {event.division_id for event in events if isinstance(event, DepositFunds)}
    await lock_funds(tx, {event.account_id for event in events}, divisions)
    await catalogue(tx)


async def lock_funds(tx: AsyncSession, account_ids: Iterable[int], divisions: Iterable[int] = ()) -> None:
    """The row of an account's top-level division is what its orders compete for; where divisions spend their own funds,
    the named ones' rows are locked after it, so that the order is the same for everybody. Accounts and divisions are
    only read: they change by events of their own partition alone. One query for accounts that are known; for one that
    is new with this event, the funds that its division may have are asked for as well."""
    wanted, named = set(account_ids), set(divisions)
    rows = await tx.execute(CUSTOMERS, {"accounts": list(wanted)})
    found = [(account, funds) for account, funds in rows.all()]
    remember_read(tx, Account, {account.id: account for account, _ in found})
    remember_locked(tx, Funds, {funds.division_id: funds for _, funds in found})
    await read_all(tx, Account, wanted)
    await read_all(tx, Division, named)
    if len(found) < len(wanted):
        await lock_all(tx, Funds, named)
    await _lock_divisions(tx, named)


async def _lock_divisions(tx: AsyncSession, named: set[int]) -> None:
    """Whether funds are separate is read from the row that was locked, not from one that may have changed since."""
    if any(funds and funds.separate for funds in tx.info["locked", Funds].values()):
        await lock_all(tx, Funds, named)


CUSTOMERS = (
    select(Account, Funds)
    .join(Funds, Funds.division_id == Account.top_division_id)
    .where(Account.id == any_(bindparam("accounts", type_=ARRAY(BigInteger))))
    .order_by(Funds.division_id)
    .with_for_update(of=Funds)
    .execution_options(populate_existing=True)
)


async def read_contact_again(tx: AsyncSession, account: Account) -> None:
    """An account is read in the statement that waits for its funds, so perhaps before a contact that was given
    meanwhile; whoever gave it has asked to try what waited by then."""
    done: set[int] = tx.info.setdefault("contacts_read", set())
    if account.id in done or account in tx.new:
        return
    done.add(account.id)
    newest = await tx.scalar(select(Account.billing_contact).where(Account.id == account.id))
    if newest != account.billing_contact:
        set_committed_value(account, "billing_contact", newest)


async def _open_invoices(tx: AsyncSession, keys: set[OrderKey]) -> None:
    """What is left to credit of these orders' invoices."""
    over, parts = ended_parts(tx), [part for key in keys for part in parts_of(tx, key)]
    charges = [tx.info["charges"][part] for part in parts if part in tx.info["charges"] and part not in over]
    used = [recorded_usage(tx)[part] for part in parts if part in recorded_usage(tx) and part not in over]
    invoiced = [row for row in used if row.invoice_id]
    receivables = await _lock_receivables(tx, {row.invoice_id or 0 for row in invoiced})
    credited = {row.invoice_id for row in receivables if row.credited or row.returned}
    credited |= tx.info["partly_credited"]
    spans = [(charge.invoice_id, 1, LAST) for charge in charges] + [lines_of_usage(row) for row in invoiced]
    currencies = {charge.invoice_id: charge.currency for charge in charges}
    currencies |= {row.invoice_id or 0: row.currency for row in invoiced}
    await open_lines(tx, spans, currencies, credited)
    await _look_for_ended(tx, keys, credited)


def lines_of_usage(row: Usage) -> tuple[int, int, int]:
    """Invoice, and the first and the last position of its lines there."""
    first = row.first_line or 1
    return row.invoice_id or 0, first, first + len(row.quote["lines"]) - 1


async def _lock_receivables(tx: AsyncSession, invoice_ids: set[int]) -> list[Receivable]:
    """With the funds that they count in, and what came for them."""
    await lock_all(tx, Receivable, invoice_ids)
    found = [row for key in invoice_ids if (row := tx.info["locked", Receivable].get(key))]
    await _lock_divisions(tx, {row.money_of for row in found})
    tx.info.setdefault("paid", {}).update(await payments_for(tx, {row.invoice_id for row in found if row.paid}))
    return found


async def _look_for_ended(tx: AsyncSession, keys: set[OrderKey], credited: set[int]) -> None:
    """Only where an invoice was credited before can an order have ended without a note of its own."""
    if credited:
        rows = await tx.scalars(about_orders(EndedOrder, EndedOrder.source, EndedOrder.order_id, sorted(keys)))
        ended_parts(tx).update((row.source, row.order_id, row.request_id) for row in rows)


def fresh_orders(tx: AsyncSession) -> dict[OrderKey, Placed]:
    """Orders told in this very transaction: appended, so not yet to be read."""
    kept: dict[OrderKey, Placed] = tx.info.setdefault("fresh_orders", {})
    return kept


async def placed_order(tx: AsyncSession, key: OrderKey) -> Placed | None:
    if key in fresh_orders(tx):
        return fresh_orders(tx)[key]
    row = await locked_or_none(tx, Order, key)
    return placed_from(row) if row else None
