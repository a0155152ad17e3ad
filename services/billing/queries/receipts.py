from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Charge, Division, Invoice, Payment
from services.billing.queries.finance import may_read_finance
from services.billing.queries.statement import seller_of
from services.billing.rules import BY_CARD, FROM_FUNDS
from shared.access import Caller
from shared.errors import NotFound


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


async def receipt(tx: AsyncSession, caller: Caller, receipt_id: int, now: datetime) -> Receipt:
    may_read_finance(caller)
    found = await _of_charge(tx, caller, receipt_id) or await _of_payment(tx, caller, receipt_id, now)
    if found is None:
        raise NotFound(f"There is no receipt {receipt_id} that you may see.", "not_found|receipt")
    return found


async def _of_charge(tx: AsyncSession, caller: Caller, receipt_id: int) -> Receipt | None:
    query = select(Charge, Invoice.buyer).join(Invoice, Invoice.id == Charge.invoice_id).where(Charge.id == receipt_id)
    row = (await tx.execute(query)).first()
    if row is None or not caller.may_see(row.Charge.account_id, row.Charge.division_id):
        return None
    charge = row.Charge
    return Receipt(
        charge.id, charge.charged_at, charge.currency, charge.net, charge.tax, charge.total, 0, row.buyer,
        charge.entity_id,
    )  # fmt: skip


async def _of_payment(tx: AsyncSession, caller: Caller, receipt_id: int, now: datetime) -> Receipt | None:
    query = select(Payment, Account, Division).join(Account, Account.id == Payment.account_id)
    query = query.join(Division, Division.id == Payment.division_id)
    row = (await tx.execute(query.where(Payment.receipt_id == receipt_id))).first()
    if row is None or not caller.may_see(row.Payment.account_id, row.Payment.division_id):
        return None
    payment, account = row.Payment, row.Account
    seller = await seller_of(tx, account, now, row.Division)
    buyer = account.as_buyer(row.Division)
    return Receipt(
        payment.receipt_id, payment.settled_at, payment.currency, payment.received, 0,
        payment.received if payment.method == FROM_FUNDS else 0,
        payment.received if payment.method == BY_CARD else 0, buyer, seller.number if seller else None,
    )  # fmt: skip
