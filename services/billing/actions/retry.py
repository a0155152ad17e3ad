from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import lock_purses, own_funds
from services.billing.actions.additions import prepare_added, waits_behind, with_added
from services.billing.actions.orders import charge_or_wait, misfit, quote_for
from services.billing.models import Account, Division, Order, Retry, WaitingOrder
from services.billing.queries.catalogue import catalogue, newest_catalogue
from services.billing.rules import Missing, Placed, Quote, placed_from
from shared.db import lock_all, locked, locked_or_none, read_all, the

AT_ONCE = 200
OLDEST_FIRST = (WaitingOrder.placed_at, WaitingOrder.id, WaitingOrder.source, WaitingOrder.request_id)


async def retry_waiting(tx: AsyncSession, now: datetime) -> bool:
    """One page of one account's waiting orders, oldest first; one that does not fit does not block a later one. False
    when no account asks. Locks as the door does: funds, then orders; the catalogue before both, as who adds to it
    does."""
    account_id = (await tx.scalars(select(Retry.account_id).order_by(Retry.asked_at).limit(1))).first()
    if account_id is None:
        return False
    await newest_catalogue(tx)
    account = await the(tx, Account, account_id)
    top = await own_funds(tx, account)
    asked = await locked_or_none(tx, Retry, account_id)
    if asked is None:
        return True
    rows = await _page(tx, asked)
    if top:
        await lock_purses(tx, account, {row.division_id for row in rows})
    for row in rows:
        await _try_again(tx, account, row, now)
    if len(rows) < AT_ONCE:
        await tx.delete(asked)
    else:
        asked.go_on_after(rows[-1])
    return True


async def _page(tx: AsyncSession, asked: Retry) -> list[WaitingOrder]:
    query = select(WaitingOrder).where(WaitingOrder.account_id == asked.account_id)
    if asked.after_placed_at is not None:
        last = (asked.after_placed_at, asked.after_id, asked.after_source, asked.after_request_id)
        query = query.where(tuple_(*OLDEST_FIRST) > last)
    query = query.order_by(*OLDEST_FIRST).limit(AT_ONCE).with_for_update()
    rows = list(await tx.scalars(query))
    keys = [(row.source, row.id) for row in rows]
    await lock_all(tx, Order, keys)
    await read_all(tx, Division, {row.division_id for row in rows})
    tx.info.setdefault(("locked", WaitingOrder), {}).update({row.part: row for row in rows})
    await prepare_added(tx, [row for row in rows if row.request_id])
    return rows


async def _try_again(tx: AsyncSession, account: Account, waiting: WaitingOrder, now: datetime) -> None:
    order = placed_from(await locked(tx, Order, (waiting.source, waiting.id)))
    if waiting.request_id:
        order = await with_added(tx, order, waiting.request_id)
    division = await the(tx, Division, order.division_id)
    unfit = waits_behind(tx, order) or misfit(account, division, order)
    found = unfit or await _fixed_quote(tx, account, order, waiting, now)
    if await charge_or_wait(tx, account, order, found, now, None):
        await tx.delete(waiting)
        tx.info["locked", WaitingOrder][waiting.part] = None


async def _fixed_quote(
    tx: AsyncSession, account: Account, order: Placed, waiting: WaitingOrder, now: datetime
) -> Quote | Missing:
    if waiting.quote is None:
        return await quote_for(tx, account, order, now)
    return Quote.from_json(waiting.quote, (await catalogue(tx)).entity(waiting.quote["seller"]))
