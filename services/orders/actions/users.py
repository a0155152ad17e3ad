from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.administration import (
    Managed,
    account_to_manage,
    no_division,
    require_grant,
    user_to_manage,
)
from services.orders.actions.credentials import announce_user, tell_again, tell_user
from services.orders.models import Account, AppUser
from services.orders.rules import people
from services.orders.rules.divisions import within
from services.orders.rules.roles import OPERATOR, check_role
from shared import audit
from shared.access import Caller
from shared.db import add
from shared.errors import Conflict


@dataclass(frozen=True)
class UserDetails:
    email: str
    first_name: str
    last_name: str
    role: str
    password_hash: str | None = None
    divisions: tuple[int, ...] = ()
    job_title: str = ""
    telephone: str = ""
    is_api_only: bool = False


@dataclass(frozen=True)
class UserChange:
    """What is not named stays as it is."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    job_title: str | None = None
    telephone: str | None = None
    role: str | None = None
    divisions: tuple[int, ...] | None = None


async def add_user(tx: AsyncSession, account: Account | None, details: UserDetails, now: datetime) -> AppUser:
    """Raises Conflict where somebody signs in with that address already."""
    checked = await _checked(tx, account, details)
    if not details.is_api_only:
        await _keep_address_free(tx, checked["email"])
    user = AppUser(
        id=await queries.take_id(tx, AppUser),
        account_id=account.id if account else None,
        is_api_only=details.is_api_only,
        **checked,
        password_hash=details.password_hash,
        session=1,
        failed_sign_ins=0,
        version=1,
        created_at=now,
    )
    add(tx, user)
    tell_user(tx, user, account, now)
    announce_user(tx, user, now)
    return user


async def create_user(
    tx: AsyncSession, caller: Caller, account_id: int | None, details: UserDetails, now: datetime
) -> AppUser:
    """By whoever manages the account; an operator who names none adds to the staff."""
    account = await _account_for(tx, caller, account_id, details.role)
    require_grant(caller, details.role)
    user = await add_user(tx, account, details, now)
    audit.note(tx, caller.email, "user added", f"user/{user.id}", None, _said(user), now)
    return user


async def change_user(tx: AsyncSession, caller: Caller, user_id: int, change: UserChange, now: datetime) -> AppUser:
    managed = await user_to_manage(tx, caller, user_id)
    user = managed.user
    new = await _checked(tx, managed.account, _merged(user, change))
    if new["role"] != user.role:
        require_grant(caller, new["role"])
    _keep_an_administrator(managed, new["role"] == user.role and not new["divisions"])
    if new["email"].lower() != user.email.lower() and not user.is_api_only:
        await _keep_address_free(tx, new["email"])
    before = _said(user)
    for name, value in new.items():
        setattr(user, name, value)
    if _said(user) != before:
        await _note_changed(tx, caller, managed, before, now)
    return user


async def disable_user(tx: AsyncSession, caller: Caller, user_id: int, now: datetime) -> None:
    """Its sessions and keys end with it; what it did stays."""
    managed = await user_to_manage(tx, caller, user_id)
    _keep_an_administrator(managed, remains=False)
    await _switch(tx, caller, managed, lambda: managed.user.disable(now), now)


async def enable_user(tx: AsyncSession, caller: Caller, user_id: int, now: datetime) -> None:
    managed = await user_to_manage(tx, caller, user_id)
    await _switch(tx, caller, managed, managed.user.enable, now)


async def _switch(tx: AsyncSession, caller: Caller, managed: Managed, deed: Callable[[], None], now: datetime) -> None:
    before = _said(managed.user)
    deed()
    if _said(managed.user) != before:
        await _note_changed(tx, caller, managed, before, now)


async def _note_changed(
    tx: AsyncSession, caller: Caller, managed: Managed, before: dict[str, Any], now: datetime
) -> None:
    user = managed.user
    audit.note(tx, caller.email, "user changed", f"user/{user.id}", before, _said(user), now)
    await tell_again(tx, [user], managed.account, now)
    announce_user(tx, user, now)


async def _account_for(tx: AsyncSession, caller: Caller, account_id: int | None, role: str) -> Account | None:
    if caller.is_operator and account_id is None and role == OPERATOR:
        return None
    return await account_to_manage(tx, caller, account_id)


def _keep_an_administrator(managed: Managed, remains: bool) -> None:
    """Nobody could let them in again."""
    if managed.user.is_full_administrator and not remains and not managed.others:
        who = "operator" if managed.account is None else "administrator of the whole account"
        raise Conflict(f"{managed.user.name or managed.user.email} is the last {who}; make another one first.")


async def _keep_address_free(tx: AsyncSession, email: str) -> None:
    if not await queries.take_email(tx, email):
        raise Conflict(f"There is a user {email} already; give another address.", "user_exists")


async def _checked(tx: AsyncSession, account: Account | None, told: UserDetails) -> dict[str, Any]:
    role = check_role(told.role, of_staff=account is None)
    return {
        "email": people.email(told.email),
        "first_name": people.one_line(told.first_name, "The first name", 100),
        "last_name": people.needed(told.last_name, "The last name", 100),
        "job_title": people.one_line(told.job_title, "The job title", 100),
        "telephone": people.one_line(told.telephone, "The telephone number", 40),
        "role": role,
        **await _assigned(tx, account, told.divisions),
    }


async def _assigned(tx: AsyncSession, account: Account | None, ids: tuple[int, ...]) -> dict[str, list[int]]:
    found = await queries.divisions_of(tx, account.id) if account and ids else ()
    parents = {division.id: division.parent_id for division in found}
    for division_id in ids:
        if division_id not in parents:
            raise no_division(division_id)
    return {"divisions": sorted(set(ids)), "seen_divisions": within(ids, parents)}


def _merged(user: AppUser, change: UserChange) -> UserDetails:
    kept = {name: getattr(user, name) if value is None else value for name, value in vars(change).items()}
    return UserDetails(**kept | {"divisions": tuple(kept["divisions"]), "is_api_only": user.is_api_only})


def _said(user: AppUser) -> dict[str, Any]:
    names = ("email", "first_name", "last_name", "job_title", "telephone", "role", "divisions")
    return {name: getattr(user, name) for name in names} | {"is_active": user.disabled_at is None}
