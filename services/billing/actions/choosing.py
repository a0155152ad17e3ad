"""The invoices that a payment is for, and when they cannot be paid together."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of
from services.billing.models import Account, Receivable
from services.billing.rules import printed, refuse_unbookable
from shared.db import lock_all, locked_or_none
from shared.errors import Conflict, NotFound, Rejected
from shared.events.base import Money

MOST_INVOICES = 500


async def choose_invoices(
    tx: AsyncSession, account: Account, division_id: int, wanted: Mapping[int, int], expected_total: Money
) -> list[Receivable]:
    """Locked. `wanted`: invoice id → amount in minor units. Raises Conflict `stale_total` where less is due than the
    customer saw."""
    refuse_unbookable(expected_total.amount, expected_total.currency, account.currency)
    top = await funds_of(tx, account)
    invoices = await _payable(tx, account, wanted)
    if top.separate:
        _refuse_other_divisions(invoices, division_id)
    _refuse_several_sellers(invoices)
    _refuse_stale(sum(min(wanted[one.invoice_id], one.due) for one in invoices), expected_total)
    return invoices


async def _payable(tx: AsyncSession, account: Account, wanted: Mapping[int, int]) -> list[Receivable]:
    if not 0 < len(wanted) <= MOST_INVOICES:
        raise Rejected(f"A payment is for 1 to {MOST_INVOICES} invoices; choose them, or pay in several payments.")
    await lock_all(tx, Receivable, wanted)
    found = [await locked_or_none(tx, Receivable, key) for key in wanted]
    for key, one in zip(wanted, found, strict=True):
        if one is None or one.account_id != account.id:
            raise NotFound(f"There is no invoice {key} to pay in this account; check its id.", "not_found|invoice")
        if wanted[key] <= 0:
            raise Rejected(f"The amount for invoice {one.number} is more than 0, or leave the invoice out.")
        if one.due == 0:
            raise Conflict(f"Invoice {one.number} is settled; leave it out.", "invoice_settled")
    return [one for one in found if one]


def _refuse_other_divisions(invoices: list[Receivable], division_id: int) -> None:
    for one in invoices:
        if one.division_id != division_id:
            raise Rejected(
                f"Invoice {one.number} is of division {one.division_id}; where divisions have their own funds, each is "
                "paid for by itself. Choose the division first."
            )


def _refuse_several_sellers(invoices: list[Receivable]) -> None:
    if len({one.entity_id for one in invoices}) > 1:
        raise Rejected(
            "These invoices are of several sellers, each with a bank account of its own; pay those of each seller by "
            "themselves.",
            "several_sellers",
        )


def _refuse_stale(payable: int, expected: Money) -> None:
    if payable == expected.amount:
        return
    due, seen = printed(payable, expected.currency), printed(expected.amount, expected.currency)
    raise Conflict(
        f"Amount due is {due} {expected.currency}, the request expected {seen} {expected.currency}. Load the invoices "
        "again and send the total that they show.",
        "stale_total",
    )
