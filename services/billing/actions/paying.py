"""A usage invoice paid by money that is there. Locks: funds, invoices, payments."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, purse_of
from services.billing.actions.announcing import replace_announced
from services.billing.actions.choosing import choose_invoices
from services.billing.actions.receiving import allocate, arrived
from services.billing.models import Purse, Receivable
from services.billing.rules import FROM_FUNDS, printed
from shared.errors import Rejected
from shared.events.base import Money


async def pay_from_funds(
    tx: AsyncSession, account_id: int, division_id: int, wanted: Mapping[int, int], expected_total: Money, who: str,
    now: datetime, cause: str | None = None,
) -> int:  # fmt: skip
    """Usage invoices only, by money that is there: what is available stays the same."""
    account, _ = await account_with(tx, account_id, division_id)
    purse = await purse_of(tx, account, division_id)
    for one in await choose_invoices(tx, account, division_id, wanted, expected_total):
        _refuse_from_funds(one, purse)
    if purse.own.balance < expected_total.amount:
        have, currency = printed(purse.own.balance, account.currency), account.currency
        raise Rejected(
            f"The balance is {have} {currency}; deposit the rest first, or pay by transfer.", "insufficient_funds"
        )
    await replace_announced(tx, wanted, now)
    payment = await arrived(tx, account, division_id, "invoices", expected_total, FROM_FUNDS, None, who, now)
    await allocate(tx, account, payment, wanted, now, cause)
    return payment.id


def _refuse_from_funds(invoice: Receivable, purse: Purse) -> None:
    """What stayed with the top-level division when funds were separated is not paid by another one's money."""
    if not invoice.extends_credit:
        why = "asks for money to be deposited"
    elif invoice.money_of != purse.division_id:
        why = "counts in the funds of the top-level division, as it was issued before funds were separated"
    else:
        return
    raise Rejected(
        f"Invoice {invoice.number} {why}, so it cannot be paid from these funds; pay it by transfer.",
        "not_payable_from_funds",
    )
