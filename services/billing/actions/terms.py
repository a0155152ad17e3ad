"""What the CA's staff grant an account. Whoever may pay later, or go below zero, is decided here and nowhere else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Funds
from services.billing.rules import LARGEST, decimals, printed
from shared.audit import note
from shared.db import locked_or_none
from shared.errors import NotFound, Rejected
from shared.events.base import Money
from shared.events.billing import TermsChanged
from shared.outbox import announce

LONGEST_DAYS = 365


@dataclass(frozen=True)
class Terms:
    """What is None stays as it is."""

    negative_limit: Money | None = None
    unlimited: bool | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool | None = None


async def set_terms(
    tx: AsyncSession, account_id: int, wish: Terms, who: str, now: datetime, cause: str | None = None
) -> None:
    """One limit per account, on its top-level funds. A lowered one is kept even below what is owed: charges wait."""
    account = await _locked_account(tx, account_id)
    funds = await funds_of(tx, account)
    _refuse(wish, funds)
    before = told(account, funds)
    _take(wish, account, funds)
    after = told(account, funds)
    if after == before:
        return
    ask_retry(tx, account_id)
    note(tx, who, "terms changed", f"account/{account_id}", before, after, now)
    announce(
        tx,
        TermsChanged(
            occurred_at=now, account_id=account_id, causation_id=cause, changed_by=who,
            negative_limit=None if funds.unlimited else Money(amount=funds.negative_limit, currency=funds.currency),
            payment_days=account.payment_days, purchase_orders_allowed=account.purchase_orders_allowed,
        ),
    )  # fmt: skip


async def _locked_account(tx: AsyncSession, account_id: int) -> Account:
    account = await locked_or_none(tx, Account, account_id)
    if account is None:
        raise NotFound(f"There is no account {account_id}; check its id.", "not_found|account")
    return account


def _refuse(wish: Terms, funds: Funds) -> None:
    if wish.negative_limit:
        _refuse_limit(wish.negative_limit, funds.currency)
    if wish.payment_days is not None and not 0 <= wish.payment_days <= LONGEST_DAYS:
        raise Rejected(f"Payment is due within 0 to {LONGEST_DAYS} days; {wish.payment_days} is not.")


def _refuse_limit(limit: Money, book: str) -> None:
    if limit.currency != book:
        raise Rejected(f"The account keeps its book in {book}, not in {limit.currency}; send the limit in {book}.")
    if not 0 <= limit.amount <= LARGEST * 10 ** decimals(book):
        raise Rejected(
            f"A limit is from 0 up and says how far the balance may go below zero; {printed(limit.amount, book)} "
            f"{book} is not."
        )


def _take(wish: Terms, account: Account, funds: Funds) -> None:
    if wish.negative_limit:
        funds.negative_limit = wish.negative_limit.amount
    if wish.unlimited is not None:
        funds.unlimited = wish.unlimited
    if wish.payment_days is not None:
        account.payment_days = wish.payment_days
    if wish.purchase_orders_allowed is not None:
        account.purchase_orders_allowed = wish.purchase_orders_allowed


def told(account: Account, funds: Funds) -> dict[str, Any]:
    return {
        "negative_limit": None if funds.unlimited else printed(funds.negative_limit, funds.currency),
        "payment_days": account.payment_days,
        "purchase_orders_allowed": account.purchase_orders_allowed,
    }
