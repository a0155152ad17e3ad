"""An order is charged within the limit when it is priced, or it waits and says why; never both, never a part."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import know_account, know_division, own_funds, purse_of
from services.billing.actions.drafts import InvoiceDraft
from services.billing.actions.issue import draft
from services.billing.actions.snapshots import buyer_of
from services.billing.actions.usage import record_order
from services.billing.actions.waiting import ask_retry, count_waiting, is_retrying
from services.billing.models import Account, Division, Order, Purse, WaitingOrder
from services.billing.queries.catalogue import catalogue, newest_catalogue
from services.billing.queries.prefetch import fresh_orders, placed_order, read_contact_again
from services.billing.rules import Missing, Placed, Quote, Wanted, price_of, printed, values_of
from services.billing.rules.waiting import next_stage_at
from shared.db import add, append, known, locked_or_none
from shared.events.base import Money, OrderRef
from shared.events.billing import OrderWaiting
from shared.events.orders import OrderPlaced
from shared.outbox import announce


async def take_order(tx: AsyncSession, placed: OrderPlaced, now: datetime) -> None:
    if await placed_order(tx, (placed.source, placed.order_id)):
        return
    account = await know_account(tx, placed.account, placed.division, announced=False)
    division = await know_division(tx, placed.account_id, placed.division, announced=False)
    order = _as_told(placed)
    append(tx, Order, **values_of(order))
    fresh_orders(tx)[order.key] = order
    found = misfit(account, division, order) or await quote_for(tx, account, order, now)
    await charge_in_line(tx, account, order, found, now, placed.told_id)


async def charge_in_line(
    tx: AsyncSession, account: Account, order: Placed, found: Quote | Missing, now: datetime, cause: str
) -> None:
    if isinstance(found, Quote) and is_retrying(tx, account.id):
        await _wait(tx, order, IN_LINE, found, 0, now, cause)
        ask_retry(tx, account.id)
        return
    await charge_or_wait(tx, account, order, found, now, cause)


# Money that has come goes to the oldest order first: while older ones are tried, a new one joins them.
IN_LINE = Missing("funds", "Older orders of the account are charged first; this one follows by itself in a moment.")


def _as_told(placed: OrderPlaced) -> Placed:
    return Placed(
        source=placed.source,
        id=placed.order_id,
        account_id=placed.account_id,
        division_id=placed.division.id,
        division_name=placed.division.name,
        currency=placed.account.currency,
        product_name_id=placed.product_name_id,
        years=placed.term.years,
        days=placed.term.days,
        names=placed.names,
        payment_method=placed.payment.method,
        purchase_order_number=placed.payment.purchase_order_number,
        placed_by=placed.placed_by,
        placed_by_user=placed.placed_by_user,
        placed_at=placed.placed_at,
    )


def misfit(account: Account, division: Division, order: Placed) -> Missing | None:
    if order.currency != account.currency:
        text = f"The order is in {order.currency}, but the account keeps its book in {account.currency}; order in that."
        return Missing("billing_details", text)
    if order.payment_method != "balance" and not account.monthly_billing:
        text = "Payment on account is not agreed for this account; place the order again with payment from the balance."
        return Missing("billing_details", text)
    if division.account_id != order.account_id:
        text = f"Division {division.id} belongs to another account; place the order again in a division of this one."
        return Missing("billing_details", text)
    return None


async def quote_for(tx: AsyncSession, account: Account, order: Placed, now: datetime) -> Quote | Missing:
    found = price_of(await catalogue(tx), await _wanted(tx, account, order), order, now.date())
    if not isinstance(found, Missing):
        return found
    await read_contact_again(tx, account)
    return price_of(await newest_catalogue(tx), await _wanted(tx, account, order), order, now.date())


async def _wanted(tx: AsyncSession, account: Account, order: Placed) -> Wanted:
    division = await known(tx, Division, order.division_id)
    return account.wanted(order.product_name_id, order.years, order.days, order.names, division)


async def charge_or_wait(
    tx: AsyncSession, account: Account, order: Placed, found: Quote | Missing, now: datetime, cause: str | None
) -> bool:
    if isinstance(found, Missing):
        await _wait(tx, order, found, None, None, now, cause)
        return False
    if await own_funds(tx, account) is None:
        await _wait(tx, order, _no_funds(account), None, None, now, cause)
        return False
    purse = await purse_of(tx, account, order.division_id)
    if not purse.covers(found.total):
        await _wait(tx, order, _too_little(order, found, purse), found, purse.shortfall(found.total), now, cause)
        return False
    if order.payment_method == "balance":
        buyer = await buyer_of(tx, account, order.division_id)
        _charge(tx, account, purse, order, found, buyer, now, cause)
    else:
        await record_order(tx, account, purse, order, found, now, cause)
    return True


def _no_funds(account: Account) -> Missing:
    text = f"Account {account.id} was told with a division of another account only, so it has no funds of its own; "
    return Missing("billing_details", f"{text}use ids that were never given out for both.")


def _too_little(order: Placed, quote: Quote, purse: Purse) -> Missing:
    need, have = printed(quote.total, quote.currency), printed(purse.available, quote.currency)
    short = printed(purse.shortfall(quote.total), quote.currency)
    what, then = ("added names cost", "they are charged by themselves") if order.added else (
        "order costs", "the order is charged by itself"
    )  # fmt: skip
    return Missing(
        "funds",
        f"The {what} {need} {quote.currency} and {have} {quote.currency} are available; deposit at least {short} "
        f"{quote.currency}, and {then}.",
    )


def _charge(
    tx: AsyncSession, account: Account, purse: Purse, order: Placed, quote: Quote, buyer: dict[str, Any],
    now: datetime, cause: str | None,
) -> None:  # fmt: skip
    draft(
        tx,
        InvoiceDraft(
            account=account, purse=purse, order=order, receipt=purse.change(-quote.total), seller=quote.seller,
            prefix=quote.seller.invoice_prefix, now=now, cause=cause, quote=quote, buyer=buyer,
        ),
        order.part,
    )  # fmt: skip


async def _wait(
    tx: AsyncSession,
    order: Placed,
    why: Missing,
    quote: Quote | None,
    shortfall: int | None,
    now: datetime,
    cause: str | None,
) -> None:
    """Announced when the order starts to wait and whenever the reason changes."""
    waiting = await locked_or_none(tx, WaitingOrder, order.part) if cause is None else None
    if waiting and (waiting.reason, waiting.message) == (why.reason, why.message):
        return
    if waiting is None:
        waiting = add(tx, _new_waiting(order, now))
        count_waiting(tx, order.account_id, 1)
    waiting.reason, waiting.message = why.reason, why.message
    waiting.quote, waiting.total = (quote.as_json(), quote.total) if quote else (None, None)
    waiting.shortfall = shortfall
    announce(
        tx,
        OrderWaiting(
            occurred_at=now,
            account_id=order.account_id,
            causation_id=cause,
            order=OrderRef(source=order.source, id=order.id),
            request_id=order.request_id or None,
            division_id=order.division_id,
            reason=why.reason,
            message=why.message,
            total=Money(amount=quote.total, currency=quote.currency) if quote else None,
            shortfall=Money(amount=shortfall, currency=quote.currency) if quote and shortfall is not None else None,
        ),
    )


def _new_waiting(order: Placed, now: datetime) -> WaitingOrder:
    return WaitingOrder(
        source=order.source, id=order.id, request_id=order.request_id, account_id=order.account_id,
        division_id=order.division_id, placed_at=order.asked_at, since=now, remind_at=next_stage_at(now, 0), reminded=0,
    )  # fmt: skip
