"""Who may manage users, divisions and the account: its administrators, and operators for every account. One who is
limited to divisions manages none: it could hand out more than it has."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import Account, AppUser, Division
from services.orders.rules.roles import OPERATOR, USER_MANAGEMENT
from shared.access import Caller
from shared.db import locked
from shared.errors import Denied, NotFound, Rejected

MANAGERS = ("administrator", OPERATOR)


@dataclass(frozen=True)
class Managed:
    """A user that is being changed, locked, with the account and its other administrators, locked too."""

    user: AppUser
    account: Account | None
    others: frozenset[int]


def manages(caller: Caller) -> bool:
    return caller.is_operator or (caller.role in MANAGERS and not caller.divisions)


def require_manager(caller: Caller) -> None:
    caller.require(*MANAGERS)
    if not manages(caller):
        raise Denied("You are limited to divisions; an administrator of the whole account manages it.")


def require_grant(caller: Caller, role: str, key_role: int = 0, makes_key: bool = False) -> None:
    """Nobody hands out more than they have. A key for user management would else be a key for everything: it makes
    neither administrators nor keys that may do more than itself."""
    if role == OPERATOR and not caller.is_operator:
        raise Denied("Only operators make operators.")
    if caller.key_role != USER_MANAGEMENT:
        return
    if role in MANAGERS and not (makes_key and key_role == USER_MANAGEMENT):
        raise Denied("A key for user management does not make or change administrators; an administrator signs in.")
    if makes_key and key_role != USER_MANAGEMENT:
        raise Denied("A key for user management makes keys with the restriction 103 only; give that one.")


async def account_of(tx: AsyncSession, caller: Caller, account_id: int | None) -> Account:
    """The caller's own, or the one an operator names. Another account does not exist for its users."""
    wanted = account_id if caller.is_operator else caller.account_id
    if wanted is None:
        raise Rejected("Say which account: give its number in account_id.")
    account = await queries.account(tx, wanted)
    if account is None or (account_id and account_id != account.id):
        raise no_account(account_id or wanted)
    return account


async def account_to_manage(tx: AsyncSession, caller: Caller, account_id: int | None) -> Account:
    account = await account_of(tx, caller, account_id)
    require_manager(caller)
    return await locked(tx, Account, account.id)


async def division_in_sight(tx: AsyncSession, caller: Caller, division_id: int) -> Division:
    division = await queries.any_division(tx, division_id)
    if division is None or not caller.may_see(division.account_id, division.id):
        raise no_division(division_id)
    return division


async def user_in_sight(tx: AsyncSession, caller: Caller, user_id: int) -> AppUser:
    """Whoever manages no users sees itself alone."""
    user = await queries.user(tx, user_id)
    if user is None or not (caller.is_operator or user.account_id == caller.account_id):
        raise no_user(user_id)
    if user.id != caller.user_id:
        require_manager(caller)
    return user


async def user_to_manage(tx: AsyncSession, caller: Caller, user_id: int) -> Managed:
    """The account is locked first, for its tree is that of whoever is assigned a part of it; then the administrators,
    in one order: of two who demote each other, the second is told."""
    found = await user_in_sight(tx, caller, user_id)
    require_manager(caller)
    account = await locked(tx, Account, found.account_id) if found.account_id else None
    others = await queries.lock_administrators(tx, found.account_id) - {user_id}
    user = await locked(tx, AppUser, user_id)
    if user.role in MANAGERS:
        require_grant(caller, user.role)
    return Managed(user, account, frozenset(others))


def no_account(account_id: int) -> NotFound:
    return NotFound(f"There is no account {account_id} that you may see.", "not_found|account")


def no_division(division_id: object) -> NotFound:
    return NotFound(f"There is no division {division_id} in this account.", "not_found|container")


def no_user(user_id: object) -> NotFound:
    return NotFound(f"There is no user {user_id} in this account.", "not_found|user")
