"""What the CA's staff grant an account. Whoever may pay later, or go below zero, is decided here and nowhere else."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of
from services.billing.actions.separating import join_funds, separate_funds
from services.billing.actions.subscriptions import refuse_withdrawal
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Funds
from services.billing.queries.terms import terms_of
from services.billing.rules import printed
from services.billing.rules.terms import SWITCHES, Terms, refuse_terms
from shared.audit import note
from shared.db import known, locked
from shared.errors import NotFound
from shared.events.base import Money
from shared.events.billing import TermsChanged
from shared.outbox import announce

NOTED = "terms changed"
ON_ACCOUNT = ("payment_days", "default_payment_method", "purchase_orders_allowed", "monthly_billing")


async def set_terms(
    tx: AsyncSession, account_id: int, wish: Terms, who: str, now: datetime, cause: str | None = None
) -> None:
    """One limit per account, on its top-level funds. A lowered one is kept even below what is owed: charges wait."""
    account, funds = await _locked_account(tx, account_id)
    before = terms_of(account, funds)
    refuse_terms(wish, before, funds.currency)
    if wish.monthly_billing is False and account.monthly_billing:
        await refuse_withdrawal(tx, account_id)
    _take(wish, account, funds)
    await _separate(tx, wish.separate_funds, account, funds, now)
    after = terms_of(account, funds)
    if after == before:
        return
    ask_retry(tx, account_id)
    note(tx, who, NOTED, f"account/{account_id}", told(before), told(after), now)
    _say(tx, account_id, after, who, now, cause)


async def _locked_account(tx: AsyncSession, account_id: int) -> tuple[Account, Funds]:
    """The funds first: their lock is the account's, and what is told about it changes under it."""
    account = await known(tx, Account, account_id)
    if account is None:
        raise NotFound(f"There is no account {account_id}; check its id.", "not_found|account")
    funds = await funds_of(tx, account)
    return await locked(tx, Account, account_id), funds


def _take(wish: Terms, account: Account, funds: Funds) -> None:
    if wish.negative_limit:
        funds.negative_limit = wish.negative_limit.amount
    if wish.unlimited is not None:
        funds.unlimited = wish.unlimited
    for name in ON_ACCOUNT:
        if (value := getattr(wish, name)) is not None:
            setattr(account, name, value)
    if wish.low_funds:
        account.low_funds = wish.low_funds.amount
    elif wish.low_funds_alert is False:
        account.low_funds = None


async def _separate(tx: AsyncSession, wish: bool | None, account: Account, funds: Funds, now: datetime) -> None:
    if wish is None or wish == funds.separate:
        return
    if wish:
        await separate_funds(tx, account)
    else:
        await join_funds(tx, account, now)


def _say(tx: AsyncSession, account_id: int, terms: Terms, who: str, now: datetime, cause: str | None) -> None:
    announce(
        tx,
        TermsChanged(
            occurred_at=now, account_id=account_id, causation_id=cause, changed_by=who,
            negative_limit=None if terms.unlimited else terms.negative_limit, payment_days=terms.payment_days,
            default_payment_method=terms.default_payment_method, low_funds_threshold=terms.low_funds,
            **{name: getattr(terms, name) for name in SWITCHES},
        ),
    )  # fmt: skip


def told(terms: Terms) -> dict[str, Any]:
    """As the audit log keeps it."""

    def text(amount: Money | None) -> str | None:
        return printed(amount.amount, amount.currency) if amount else None

    return {
        "negative_limit": None if terms.unlimited else text(terms.negative_limit),
        "payment_days": terms.payment_days,
        "default_payment_method": terms.default_payment_method,
        "low_funds_threshold": text(terms.low_funds),
        **{name: getattr(terms, name) for name in SWITCHES},
    }
