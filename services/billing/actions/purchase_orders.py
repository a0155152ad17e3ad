"""Submitted, and then approved, rejected or cancelled; approved it becomes one invoice that asks for a deposit."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with
from services.billing.actions.drafts import RequestDraft
from services.billing.actions.issue import draft, issue_drafts
from services.billing.actions.snapshots import buyer_of
from services.billing.models import Account, Division, Invoice, PurchaseOrder
from services.billing.queries.catalogue import catalogue
from services.billing.rules import SellerRow, refuse_unbookable, seller_for
from services.billing.rules.hidden import refuse_unseen
from shared.db import known, locked, the
from shared.errors import Denied, NotFound, Rejected
from shared.events.base import Money
from shared.events.billing import (
    AboutPurchaseOrder,
    DecidePurchaseOrder,
    PurchaseOrderApproved,
    PurchaseOrderCancelled,
    PurchaseOrderRejected,
    PurchaseOrderSubmitted,
)
from shared.outbox import announce

LONGEST_NUMBER = 64


class Issued(NamedTuple):
    id: int
    number: str


@dataclass(frozen=True)
class PurchaseOrderWish:
    division_id: int
    number: str
    amount: Money
    note: str | None = None
    contact: str | None = None


async def submit_purchase_order(
    tx: AsyncSession, account_id: int, wish: PurchaseOrderWish, who: str, now: datetime, cause: str | None = None
) -> PurchaseOrder:
    """Raises Denied where purchase orders are not agreed, NotFound, and Rejected for what cannot be one."""
    account, division = await account_with(tx, account_id, wish.division_id)
    if not account.purchase_orders_allowed:
        raise Denied(
            "Purchase orders are not agreed for this account; ask the certificate authority for it, or deposit funds.",
            "access_denied|purchase_order",
        )
    refuse_unbookable(wish.amount.amount, wish.amount.currency, account.currency)
    order = _new(account, division, wish, who, now)
    tx.add(order)
    await tx.flush()
    await _say(tx, PurchaseOrderSubmitted, account, order, now, cause, submitted_by=who)
    return order


def _new(account: Account, division: Division, wish: PurchaseOrderWish, who: str, now: datetime) -> PurchaseOrder:
    return PurchaseOrder(
        account_id=account.id, division_id=division.id, division_name=division.name, number=_number(wish.number),
        amount=wish.amount.amount, currency=wish.amount.currency, note=wish.note or None, contact=wish.contact or None,
        submitted_at=now, submitted_by=who,
    )  # fmt: skip


def _number(text: str) -> str:
    number = text.strip()
    if not number:
        raise Rejected("A purchase order needs its number; send the one that your purchasing gave it.")
    if len(number) > LONGEST_NUMBER:
        raise Rejected(f"A purchase order's number has 1 to {LONGEST_NUMBER} characters; shorten it.")
    refuse_unseen("A purchase order's number", number)
    return number


async def approve_purchase_order(
    tx: AsyncSession, order_id: int, who: str, now: datetime, payment_days: int, cause: str | None = None
) -> Issued:
    """Its one invoice: approving again answers the same. `payment_days` counts where no terms say otherwise."""
    order = await locked(tx, PurchaseOrder, order_id)
    if order.approved_at:
        return await _issued(tx, order_id)
    account = await the(tx, Account, order.account_id)
    buyer = await buyer_of(tx, account, order.division_id)
    seller = seller_for(await catalogue(tx), buyer["address"], account.currency, now.date(), "approve again")
    order.approve(who, now)
    await _say(tx, PurchaseOrderApproved, account, order, now, cause)
    days = payment_days if account.payment_days is None else account.payment_days
    request = _request(account, seller, buyer, order, now.date() + timedelta(days=days), now, cause)
    draft(tx, request, order.id)
    await issue_drafts(tx)
    return Issued(request.id, request.number)


def _request(
    account: Account, seller: SellerRow, buyer: dict[str, Any], order: PurchaseOrder, due_on: date, now: datetime,
    cause: str | None,
) -> RequestDraft:  # fmt: skip
    return RequestDraft(
        account=account, seller=seller, prefix=seller.request_prefix, now=now, cause=cause, kind="purchase_order",
        division_id=order.division_id, division_name=order.division_name, currency=order.currency,
        amount=order.amount, description="Account funds", due_on=due_on, purchase_order_id=order.id,
        purchase_order_number=order.number, buyer=buyer,
    )  # fmt: skip


async def _issued(tx: AsyncSession, order_id: int) -> Issued:
    query = select(Invoice.id, Invoice.number).where(Invoice.purchase_order_id == order_id)
    return Issued(*(await tx.execute(query)).one())


async def reject_purchase_order(
    tx: AsyncSession, order_id: int, reason: str | None, who: str, now: datetime, cause: str | None = None
) -> PurchaseOrder:
    order = await locked(tx, PurchaseOrder, order_id)
    said = (reason or "").strip()
    if not said:
        raise Rejected("A purchase order is rejected with a reason; the customer reads it.")
    order.reject(said, who, now)
    await _say(tx, PurchaseOrderRejected, await the(tx, Account, order.account_id), order, now, cause, reason=said)
    return order


async def decide_purchase_order(tx: AsyncSession, wish: DecidePurchaseOrder, payment_days: int, now: datetime) -> None:
    """As a command, which acts with the authority of whoever may write the topic: but not for another account."""
    order = await locked(tx, PurchaseOrder, wish.purchase_order_id)
    if order.account_id != wish.account_id:
        raise NotFound(
            f"There is no purchase order {order.id} in account {wish.account_id}.", "not_found|purchase_order"
        )
    if wish.decision == "rejected":
        await reject_purchase_order(tx, order.id, wish.reason, wish.decided_by, now, wish.told_id)
    else:
        await approve_purchase_order(tx, order.id, wish.decided_by, now, payment_days, wish.told_id)


async def cancel_purchase_order(tx: AsyncSession, order_id: int, who: str, now: datetime) -> PurchaseOrder:
    order = await locked(tx, PurchaseOrder, order_id)
    order.cancel(who, now)
    await _say(tx, PurchaseOrderCancelled, await the(tx, Account, order.account_id), order, now, None)
    return order


async def _say(
    tx: AsyncSession, fact: type[AboutPurchaseOrder], account: Account, order: PurchaseOrder, now: datetime,
    cause: str | None, **more: str,
) -> None:  # fmt: skip
    division = await known(tx, Division, order.division_id)
    announce(
        tx,
        fact.model_validate(
            {
                "occurred_at": now, "account_id": order.account_id, "causation_id": cause,
                "purchase_order_id": order.id, "number": order.number, "division_id": order.division_id,
                "amount": {"amount": order.amount, "currency": order.currency},
                "account_name": account.legal_name or account.name, "recipients": account.emails_for(division), **more,
            }
        ),
    )  # fmt: skip
