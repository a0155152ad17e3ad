"""Lists of the finance API that go by offset, and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Charge, Division, Funds, Invoice, Journal, Line, Payment, Posting
from services.billing.queries import history
from services.billing.queries.balance import funds_behind, visible_division
from services.billing.queries.finance import may_read_finance
from services.billing.queries.history import ENTRIES, Entry, as_seen
from services.billing.queries.ledger_filters import (
    HISTORY_SORT,
    PLAIN,
    PURCHASE_SORT,
    container_of,
    history_conditions,
    order_of,
    purchase_conditions,
)
from services.billing.queries.statement import seller_of
from shared.access import Caller
from shared.errors import NotFound
from shared.listing import Listing


async def balance_history(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[int, Sequence[Entry]]:
    """How many fit, and one page of them, the newest first unless told otherwise."""
    may_read_finance(caller)
    funds = await funds_behind(tx, await visible_division(tx, caller, container_of(listing)))
    if not listing.sort and not set(listing.filters) - set(PLAIN):
        return funds.seq, await _whole_history(tx, caller, funds, listing)
    account = (Posting.division_id == funds.division_id, Journal.account_id == funds.account_id)
    where = and_(*account, *history_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(ENTRIES.where(where).subquery())) or 0
    query = ENTRIES.where(where).order_by(*order_of(listing, HISTORY_SORT, Posting.seq))
    rows = await tx.execute(query.limit(listing.limit).offset(listing.offset))
    return total, [as_seen(row, caller) for row in rows]


async def _whole_history(tx: AsyncSession, caller: Caller, funds: Funds, listing: Listing) -> list[Entry]:
    """Places are 1..n: an offset is one, and nothing is counted."""
    until = funds.seq - listing.offset
    return await history.run(tx, caller, funds.division_id, 0, until, listing.limit, newest_first=True)


async def purchase_history(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[int, Sequence[Any]]:
    may_read_finance(caller)
    division = await visible_division(tx, caller, container_of(listing))
    where = and_(Charge.division_id == division.id, *purchase_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(Charge).where(where)) or 0
    query = (
        select(Charge, Line.description, Division.name.label("division"))
        .join(Line, and_(Line.invoice_id == Charge.invoice_id, Line.position == 1))
        .join(Division, Division.id == Charge.division_id)
        .where(where)
    )
    order = order_of(listing, PURCHASE_SORT, Charge.id) if listing.sort else NEWEST
    return total, (await tx.execute(query.order_by(*order).limit(listing.limit).offset(listing.offset))).all()


NEWEST = [Charge.charged_at.desc(), Charge.id.desc()]


@dataclass(frozen=True)
class Receipt:
    """What was charged to the balance (net and VAT), or what was paid into it."""

    id: int
    at: datetime
    currency: str
    net: int
    tax: int
    from_balance: int
    by_card: int
    buyer: dict[str, Any]
    entity: int | None
    division_id: int
    division: str
    text: str
    charge: Charge | None
    payment: Payment | None


async def receipt(tx: AsyncSession, caller: Caller, receipt_id: int, now: datetime) -> Receipt:
    may_read_finance(caller)
    found = await _of_charge(tx, caller, receipt_id) or await _of_payment(tx, caller, receipt_id, now)
    if found is None:
        raise NotFound(f"There is no receipt {receipt_id} that you may see.", "not_found|receipt")
    return found


async def _of_charge(tx: AsyncSession, caller: Caller, receipt_id: int) -> Receipt | None:
    query = select(Charge, Invoice).join(Invoice, Invoice.id == Charge.invoice_id).where(Charge.id == receipt_id)
    row = (await tx.execute(query)).first()
    if row is None or not caller.may_see(row.Charge.account_id, row.Charge.division_id):
        return None
    charge, invoice = row.Charge, row.Invoice
    text = f"Order {charge.order_id}, invoice {charge.invoice_number}"
    return Receipt(
        charge.id, charge.charged_at, charge.currency, charge.net, charge.tax, charge.total, 0, invoice.buyer,
        charge.entity_id, charge.division_id, invoice.division_name, text, charge, None,
    )  # fmt: skip


async def _of_payment(tx: AsyncSession, caller: Caller, receipt_id: int, now: datetime) -> Receipt | None:
    query = (
        select(Payment, Account, Division.name.label("division"))
        .join(Account, Account.id == Payment.account_id)
        .join(Division, Division.id == Payment.division_id)
        .where(Payment.receipt_id == receipt_id)
    )
    row = (await tx.execute(query)).first()
    if row is None or not caller.may_see(row.Payment.account_id, row.Payment.division_id):
        return None
    payment, account = row.Payment, row.Account
    seller = await seller_of(tx, account, now)
    given = ("name", "legal_name", "address")
    buyer = {name: getattr(account, name) for name in given} | {"emails": account.billing_emails}
    what = "Deposit" if payment.purpose == "deposit" else "Payment of invoices,"
    return Receipt(
        payment.receipt_id, payment.settled_at, payment.currency, payment.received, 0, 0,
        payment.received if payment.method == history.BY_CARD else 0, buyer, seller.number if seller else None,
        payment.division_id, row.division, f"{what} {payment.reference}", None, payment,
    )  # fmt: skip
