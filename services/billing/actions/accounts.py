from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Division, Funds
from shared.db import add, known, locked_or_none
from shared.errors import Rejected
from shared.events import orders as told

Limits = Mapping[str, int]  # of new accounts by currency, minor units


async def open_account(tx: AsyncSession, event: told.AccountOpened, limits: Limits) -> None:
    account = await know_account(tx, event.account, event.division, announced=True)
    await know_division(tx, account.id, event.division)
    funds = await funds_of(tx, account)
    if funds.seq == 0 and not funds.negative_limit:
        funds.negative_limit = limits.get(account.currency, 0)
        ask_retry(tx, account.id)


async def change_account(tx: AsyncSession, event: told.AccountChanged) -> None:
    account = await known(tx, Account, event.account_id)
    if account is None:
        raise Rejected(f"Account {event.account_id} was never opened here; replay the events of orders.")
    if account.currency != event.account.currency:
        raise Rejected(f"Account {account.id} keeps its book in {account.currency}; a book never changes its currency.")
    account.learn(_as_told(event.account, account.top_division_id), announced=True)
    ask_retry(tx, account.id)


async def add_division(tx: AsyncSession, event: told.DivisionAdded) -> None:
    await know_division(tx, event.account_id, event.division)


async def know_account(tx: AsyncSession, account: told.Account, division: told.Division, *, announced: bool) -> Account:
    """The copy of an account, made when it is first heard of; its first division is then its top-level one."""
    there = await known(tx, Account, account.id)
    if there and there.announced and not announced:
        return there
    fresh = _as_told(account, division.id)
    if there is None:
        fresh.announced = announced
        add(tx, fresh)
        if await locked_or_none(tx, Funds, division.id) is None:
            add(tx, _no_funds(account, division.id))
        return fresh
    if there.currency == account.currency and there.learn(fresh, announced):
        ask_retry(tx, there.id)
    return there


async def know_division(tx: AsyncSession, account_id: int, division: told.Division) -> Division:
    there = await known(tx, Division, division.id)
    if there is None:
        return add(tx, Division(id=division.id, account_id=account_id, name=division.name))
    if there.account_id == account_id and there.name != division.name:
        there.name = division.name
    return there


async def own_funds(tx: AsyncSession, account: Account) -> Funds | None:
    """Where the account's money is: the funds of its top-level division. None where it was told with a division of
    another account."""
    funds = await locked_or_none(tx, Funds, account.top_division_id)
    return funds if funds and funds.account_id == account.id else None


async def funds_of(tx: AsyncSession, account: Account) -> Funds:
    """Raises Rejected where the account has none of its own."""
    funds = await own_funds(tx, account)
    if funds is None:
        raise Rejected(f"Division {account.top_division_id} holds the funds of another account; check the ids.")
    return funds


def _as_told(account: told.Account, division_id: int) -> Account:
    return Account(
        id=account.id,
        name=account.name,
        legal_name=account.legal_name,
        address=account.address.model_dump() if account.address else None,
        currency=account.currency,
        vat_number=account.vat_number,
        buyer_reference=account.buyer_reference,
        billing_emails=list(account.billing_emails),
        top_division_id=division_id,
        announced=False,
    )


def _no_funds(account: told.Account, division_id: int) -> Funds:
    return Funds(
        division_id=division_id, account_id=account.id, currency=account.currency, balance=0, unpaid=0,
        negative_limit=0, unlimited=False, seq=0,
    )  # fmt: skip
