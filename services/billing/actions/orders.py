"""An order is charged within the limit when it is priced, or it waits and says why; never both, never a part."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of, know_account, know_division, own_funds
from services.billing.actions.drafts import CreditNoteDraft, InvoiceDraft, drafts
from services.billing.actions.issue import draft
from services.billing.actions.waiting import ask_retry, count_waiting, is_retrying
from services.billing.models import Account, Division, Funds, Order, OrderKey, WaitingOrder
from services.billing.queries.catalogue import catalogue, newest_catalogue
from services.billing.queries.prefetch import fresh_orders, placed_order
from services.billing.rules import Charged, Missing, Placed, Quote, make_quote, printed, values_of
from shared.db import add, append, locked_or_none, the
from shared.errors import NotFound, Rejected
from shared.events.base import Money, OrderRef
from shared.events.billing import OrderReleased, OrderWaiting
from shared.events.orders import OrderCancelled, OrderPlaced, OrderRejected
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
    if isinstance(found, Quote) and is_retrying(tx, account.id):
        await _wait(tx, order, IN_LINE, found, 0, now, placed.told_id)
        ask_retry(tx, account.id)
        return
    await charge_or_wait(tx, account, order, found, now, placed.told_id)


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
    if order.payment_method != "balance":
        text = "Payment on account is not agreed for this account; place the order again with payment from the balance."
        return Missing("billing_details", text)
    if division.account_id != order.account_id:
        text = f"Division {division.id} belongs to another account; place the order again in a division of this one."
        return Missing("billing_details", text)
    return None


async def quote_for(tx: AsyncSession, account: Account, order: Placed, now: datetime) -> Quote | Missing:
    wanted = account.wanted(order.product_name_id, order.years, order.days, order.names)
    found = make_quote(await catalogue(tx), wanted, now.date())
    return make_quote(await newest_catalogue(tx), wanted, now.date()) if isinstance(found, Missing) else found


async def charge_or_wait(
    tx: AsyncSession, account: Account, order: Placed, found: Quote | Missing, now: datetime, cause: str | None
) -> bool:
    if isinstance(found, Missing):
        await _wait(tx, order, found, None, None, now, cause)
        return False
    funds = await own_funds(tx, account)
    if funds is None:
        await _wait(tx, order, _no_funds(account), None, None, now, cause)
        return False
    if funds.covers(found.total):
        _charge(tx, account, funds, order, found, now, cause)
        return True
    await _wait(tx, order, _too_little(found, funds), found, funds.shortfall(found.total), now, cause)
    return False


def _no_funds(account: Account) -> Missing:
    text = f"Account {account.id} was told with a division of another account only, so it has no funds of its own; "
    return Missing("billing_details", f"{text}use ids that were never given out for both.")


def _too_little(quote: Quote, funds: Funds) -> Missing:
    need, have = printed(quote.total, quote.currency), printed(funds.available, quote.currency)
    short = printed(funds.shortfall(quote.total), quote.currency)
    return Missing(
        "funds",
        f"The order costs {need} {quote.currency} and {have} {quote.currency} are available; deposit at least {short} "
        f"{quote.currency}, and the order is charged by itself.",
    )


def _charge(
    tx: AsyncSession, account: Account, funds: Funds, order: Placed, quote: Quote, now: datetime, cause: str | None
) -> None:
    draft(
        tx,
        InvoiceDraft(
            account=account, funds=funds, order=order, receipt=funds.change(-quote.total), seller=quote.seller,
            prefix=quote.seller.invoice_prefix, now=now, cause=cause, quote=quote,
        ),
        order.key,
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
    waiting = await locked_or_none(tx, WaitingOrder, (order.source, order.id)) if cause is None else None
    if waiting and (waiting.reason, waiting.message) == (why.reason, why.message):
        return
    if waiting is None:
        waiting = add(tx, _new_waiting(order, now))
        count_waiting(tx, order.account_id, 1)
    waiting.reason, waiting.message = why.reason, why.message
    waiting.quote, waiting.total = (quote.as_json(), quote.total) if quote else (None, None)
    announce(
        tx,
        OrderWaiting(
            occurred_at=now,
            account_id=order.account_id,
            causation_id=cause,
            order=OrderRef(source=order.source, id=order.id),
            division_id=order.division_id,
            reason=why.reason,
            message=why.message,
            total=Money(amount=quote.total, currency=quote.currency) if quote else None,
            shortfall=Money(amount=shortfall, currency=quote.currency) if quote and shortfall is not None else None,
        ),
    )


def _new_waiting(order: Placed, now: datetime) -> WaitingOrder:
    return WaitingOrder(
        source=order.source, id=order.id, account_id=order.account_id, division_id=order.division_id,
        placed_at=order.placed_at, since=now,
    )  # fmt: skip


async def end_order(tx: AsyncSession, event: OrderCancelled | OrderRejected, now: datetime) -> None:
    """What was charged comes back with a credit note; what waits is released without a document."""
    key = (event.source, event.order_id)
    order = await placed_order(tx, key)
    if order is None:
        raise NotFound(
            f"There is no {event.subject}; publish its order_placed first, then retry this event.", "not_found|order"
        )
    if order.account_id != event.account_id:
        raise Rejected(
            f"The {event.subject} is of account {order.account_id}, not of {event.account_id}; check the ids."
        )
    if waiting := await locked_or_none(tx, WaitingOrder, key):
        await _forget(tx, waiting)
        _release(tx, order, event, now)
        return
    charged = _charged(tx, key)
    if charged is not None and key not in tx.info["credit_notes"]:
        tx.info["credit_notes"].add(key)
        await _credit(tx, order, charged, event, now)


async def _forget(tx: AsyncSession, waiting: WaitingOrder) -> None:
    """It may have begun to wait in this very transaction."""
    count_waiting(tx, waiting.account_id, -1)
    if waiting in tx.new:
        tx.expunge(waiting)
    else:
        await tx.delete(waiting)
    tx.info[("locked", WaitingOrder)][waiting.source, waiting.id] = None


def _charged(tx: AsyncSession, key: OrderKey) -> Charged | InvoiceDraft | None:
    """The order's charge; of this very transaction, where placing and cancelling came in one chunk."""
    charge: Charged | None = tx.info["charges"].get(key)
    return charge or drafts(tx, InvoiceDraft).get(key)


async def _credit(
    tx: AsyncSession,
    order: Placed,
    charged: Charged | InvoiceDraft,
    event: OrderCancelled | OrderRejected,
    now: datetime,
) -> None:
    account = await the(tx, Account, order.account_id)
    funds = await funds_of(tx, account)
    total = charged.quote.total if isinstance(charged, InvoiceDraft) else charged.total
    number = charged.seller.number if isinstance(charged, InvoiceDraft) else charged.entity_id
    seller = (await catalogue(tx)).entity(number)
    draft(
        tx,
        CreditNoteDraft(
            account=account, funds=funds, order=order, receipt=funds.change(total), seller=seller,
            prefix=seller.credit_note_prefix, now=now, cause=event.told_id, charged=charged, reason=_reason(event),
        ),
        order.key,
    )  # fmt: skip
    ask_retry(tx, order.account_id)


def _reason(event: OrderCancelled | OrderRejected) -> str:
    if isinstance(event, OrderRejected):
        return f"Order rejected: {event.reason}"
    return f"Order cancelled: {event.note}" if event.note else "Order cancelled"


def _release(tx: AsyncSession, order: Placed, event: OrderCancelled | OrderRejected, now: datetime) -> None:
    announce(
        tx,
        OrderReleased(
            occurred_at=now,
            account_id=order.account_id,
            causation_id=event.told_id,
            order=OrderRef(source=order.source, id=order.id),
            division_id=order.division_id,
            message="Nothing was charged for this order, so nothing is returned and there is no document.",
        ),
    )
