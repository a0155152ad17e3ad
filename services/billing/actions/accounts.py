from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.low_funds import watch_funds
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Division, Funds, Purse
from shared.db import add, known, lock_all, locked_or_none
from shared.errors import NotFound, Rejected
from shared.events import orders as told

Limits = Mapping[str, int]  # of new accounts by currency, minor units


async def open_account(tx: AsyncSession, event: told.AccountOpened, limits: Limits) -> None:
    account = await know_account(tx, event.account, event.division, announced=True)
    await know_division(tx, account.id, event.division, announced=True)
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
    account.learn(_as_told(event.account, True), announced=True)
    ask_retry(tx, account.id)


async def add_division(tx: AsyncSession, event: told.DivisionAdded) -> None:
    await know_division(tx, event.account_id, event.division, announced=True)


async def change_division(tx: AsyncSession, event: told.DivisionChanged) -> None:
    """One that is no longer ordered for keeps its funds, and its invoices are paid as before."""
    await know_division(tx, event.account_id, event.division, announced=True)


async def know_account(tx: AsyncSession, account: told.Account, division: told.Division, *, announced: bool) -> Account:
    """The copy of an account, made when it is first heard of. The first division of its own is its top-level one."""
    there = await known(tx, Account, account.id)
    if there and there.announced and not announced:
        return there  # the common case, before anything is made of what was told
    if there is None:
        there = add(tx, _as_told(account, announced))
    elif there.currency == account.currency and there.learn(_as_told(account, announced), announced):
        ask_retry(tx, there.id)
    if there.top_division_id is None:
        await _give_funds(tx, there, division)
    return there


async def _give_funds(tx: AsyncSession, account: Account, division: told.Division) -> None:
    owner = await known(tx, Division, division.id)
    if owner is None or owner.account_id == account.id:
        account.top_division_id = division.id
        add(tx, _no_funds(account, division.id))


async def know_division(tx: AsyncSession, account_id: int, division: told.Division, *, announced: bool) -> Division:
    """What orders announced of a division wins over what an order says of it."""
    there = await known(tx, Division, division.id)
    if there is None:
        await _give_own_funds(tx, account_id, division.id)
        return add(tx, Division(id=division.id, account_id=account_id, name=division.name, announced=announced))
    if there.account_id == account_id and (announced or not there.announced):
        there.announced = announced or there.announced
        if there.name != division.name:
            there.name = division.name
    return there


async def account_with(tx: AsyncSession, account_id: int, division_id: int) -> tuple[Account, Division]:
    """Raises NotFound where there is no such division in the account."""
    account, division = await known(tx, Account, account_id), await known(tx, Division, division_id)
    if account is None or division is None or division.account_id != account_id:
        raise NotFound(
            f"There is no division {division_id} in account {account_id}; check both ids.", "not_found|container"
        )
    return account, division


async def _give_own_funds(tx: AsyncSession, account_id: int, division_id: int) -> None:
    """Where divisions spend their own funds, a new one has a row from its first day."""
    account = await known(tx, Account, account_id)
    top = await own_funds(tx, account) if account else None
    if account and top and top.separate and division_id != top.division_id:
        add(tx, _no_funds(account, division_id))


async def give_own_funds(tx: AsyncSession, account: Account, division_ids: Iterable[int]) -> None:
    wanted = set(division_ids)
    await lock_all(tx, Funds, wanted)
    for division_id in sorted(wanted):
        if await locked_or_none(tx, Funds, division_id) is None:
            add(tx, _no_funds(account, division_id))


async def own_funds(tx: AsyncSession, account: Account) -> Funds | None:
    """The funds of its top-level division, whose row is the account's lock. None where it was only told with divisions
    of other accounts."""
    if account.top_division_id is None:
        return None
    funds = await locked_or_none(tx, Funds, account.top_division_id)
    if funds and account.low_funds is not None:
        watch_funds(tx, account, Purse(funds, funds))
    return funds


async def funds_of(tx: AsyncSession, account: Account) -> Funds:
    """Raises Rejected where the account has none of its own."""
    funds = await own_funds(tx, account)
    if funds is None:
        raise Rejected(f"Account {account.id} was told with a division of another account only; check the ids.")
    return funds


async def purse_of(tx: AsyncSession, account: Account, division_id: int) -> Purse:
    """Locked: the account's row first, then the division's. Raises Rejected where the account has no funds."""
    top = await funds_of(tx, account)
    if not top.separate or division_id == top.division_id:
        return Purse(top, top)
    own = await locked_or_none(tx, Funds, division_id)
    if own is None or own.account_id != account.id:
        raise Rejected(f"Division {division_id} has no funds in account {account.id}; check both ids.")
    purse = Purse(own, top)
    watch_funds(tx, account, purse)
    return purse


async def lock_purses(tx: AsyncSession, account: Account, division_ids: Iterable[int]) -> None:
    """Of many divisions in one query."""
    if (await funds_of(tx, account)).separate:
        await lock_all(tx, Funds, set(division_ids))


def _as_told(account: told.Account, announced: bool) -> Account:
    return Account(
        id=account.id,
        name=account.name,
        legal_name=account.legal_name,
        address=account.address.model_dump() if account.address else None,
        currency=account.currency,
        vat_number=account.vat_number,
        buyer_reference=account.buyer_reference,
        billing_emails=list(account.billing_emails),
        top_division_id=None,
        announced=announced,
        purchase_orders_allowed=False,
        monthly_billing=False,
        default_payment_method="balance",
    )


def _no_funds(account: Account, division_id: int) -> Funds:
    return Funds(
        division_id=division_id, account_id=account.id, currency=account.currency, balance=0, accrued=0, invoiced=0,
        negative_limit=0, unlimited=False, separate=False, used_credit=0, seq=0, owed_seq=0, invoiced_seq=0,
    )  # fmt: skip
