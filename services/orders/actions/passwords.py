"""Passwords and sessions. A new password, and signing out, end every session the user has, in all services."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.administration import user_to_manage
from services.orders.actions.credentials import tell_user
from services.orders.models import AppUser
from shared import audit
from shared.access import Caller, hash_key
from shared.db import locked
from shared.errors import Rejected

LINK_FOR = timedelta(hours=24)
NO_LINK = "This link was used already, or is too old; ask an administrator of your account for another one."


async def sign_out(tx: AsyncSession, user_id: int, now: datetime) -> None:
    user = await locked(tx, AppUser, user_id)
    user.end_sessions()
    await _tell(tx, user, now)


async def set_password(tx: AsyncSession, user: AppUser, password_hash: str, who: str, now: datetime) -> None:
    user.set_password(password_hash)
    audit.note(tx, who, "password set", f"user/{user.id}", None, None, now)
    await _tell(tx, user, now)


async def set_own_password(tx: AsyncSession, user_id: int, password_hash: str, now: datetime) -> AppUser:
    user = await locked(tx, AppUser, user_id)
    await set_password(tx, user, password_hash, user.email, now)
    return user


async def set_password_of(tx: AsyncSession, caller: Caller, user_id: int, password_hash: str, now: datetime) -> None:
    managed = await user_to_manage(tx, caller, user_id)
    await set_password(tx, managed.user, password_hash, caller.email, now)


async def offer_password_link(tx: AsyncSession, caller: Caller, user_id: int, token: str, now: datetime) -> datetime:
    """Until when it can be used, once. The token is the caller's to pass on; only its hash is kept."""
    managed = await user_to_manage(tx, caller, user_id)
    until = now + LINK_FOR
    managed.user.offer_link(hash_key(token), until)
    audit.note(tx, caller.email, "password link made", f"user/{user_id}", None, {"until": until.isoformat()}, now)
    return until


async def user_of_link(tx: AsyncSession, token: str, now: datetime) -> AppUser:
    user = await queries.user_by_link(tx, hash_key(token)) if token else None
    if user is None or user.disabled_at or user.link_until is None or user.link_until <= now:
        raise Rejected(NO_LINK, "link_expired")
    return user


async def take_password_link(tx: AsyncSession, token: str, password_hash: str, now: datetime) -> AppUser:
    found = await user_of_link(tx, token, now)
    user = await locked(tx, AppUser, found.id)
    if user.link_hash != hash_key(token):
        raise Rejected(NO_LINK, "link_expired")
    await set_password(tx, user, password_hash, user.email, now)
    return user


async def _tell(tx: AsyncSession, user: AppUser, now: datetime) -> None:
    user.version += 1
    account = await queries.account(tx, user.account_id) if user.account_id else None
    tell_user(tx, user, account, now)
