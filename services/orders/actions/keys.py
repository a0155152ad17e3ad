from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.administration import Managed, account_to_manage, require_grant, user_to_manage
from services.orders.actions.credentials import tell_key
from services.orders.actions.users import UserDetails, add_user
from services.orders.models import Account, ApiKey, AppUser
from services.orders.rules import people
from services.orders.rules.roles import check_key_role
from shared import audit
from shared.access import Caller, hash_key
from shared.db import add
from shared.errors import Conflict, NotFound


async def add_api_key(
    tx: AsyncSession, user: AppUser, account: Account | None, name: str, key: str, now: datetime, key_role: int = 0
) -> ApiKey:
    """The key itself is the caller's to show, once."""
    row = ApiKey(
        id=await queries.take_id(tx, ApiKey),
        user_id=user.id,
        name=people.needed(name, "The name of the key", 100),
        key_hash=hash_key(key),
        key_role=check_key_role(key_role),
        version=1,
        created_at=now,
    )
    add(tx, row)
    tell_key(tx, row, user, account, now)
    return row


async def create_service_user(
    tx: AsyncSession, caller: Caller, account_id: int | None, details: UserDetails, key_role: int, key: str,
    now: datetime,
) -> AppUser:  # fmt: skip
    """A user that has a key from its first moment, and no password ever."""
    account = await account_to_manage(tx, caller, account_id)
    require_grant(caller, details.role, check_key_role(key_role), makes_key=True)
    user = await add_user(tx, account, details, now)
    audit.note(tx, caller.email, "service user added", f"user/{user.id}", None, {"name": user.name}, now)
    await _add(tx, caller, Managed(user, account, frozenset()), user.name, key_role, key, now)
    return user


async def create_api_key(
    tx: AsyncSession, caller: Caller, user_id: int, name: str, key_role: int, key: str, now: datetime
) -> ApiKey:
    managed = await user_to_manage(tx, caller, user_id)
    require_grant(caller, managed.user.role, check_key_role(key_role), makes_key=True)
    if managed.user.disabled_at:
        raise Conflict(f"{managed.user.name} is disabled; enable the user first.")
    if len(await queries.keys_of(tx, [user_id])) >= queries.MOST_KEYS:
        raise Conflict(f"{managed.user.name} has had {queries.MOST_KEYS} keys; add a service user for more.")
    return await _add(tx, caller, managed, name, key_role, key, now)


async def _add(
    tx: AsyncSession, caller: Caller, managed: Managed, name: str, key_role: int, key: str, now: datetime
) -> ApiKey:
    row = await add_api_key(tx, managed.user, managed.account, name, key, now, key_role)
    after = {"user": managed.user.id, "name": row.name, "restriction": key_role}
    audit.note(tx, caller.email, "API key made", f"key/{row.id}", None, after, now)
    return row


async def revoke_key(tx: AsyncSession, caller: Caller, user_id: int, key_id: int, now: datetime) -> None:
    managed = await user_to_manage(tx, caller, user_id)
    key = await key_of(tx, managed.user, key_id)
    if key.revoked_at is None:
        audit.note(tx, caller.email, "API key revoked", f"key/{key.id}", {"name": key.name}, None, now)
    await revoke_api_key(tx, key, managed.user, managed.account, now)


async def key_of(tx: AsyncSession, user: AppUser, key_id: int) -> ApiKey:
    key = await queries.key_of(tx, user.id, key_id)
    if key is None:
        raise NotFound(f"{user.name or user.email} has no API key {key_id}.", "not_found|api_key")
    return key


async def revoke_api_key(tx: AsyncSession, key: ApiKey, user: AppUser, account: Account | None, now: datetime) -> None:
    if key.revoked_at:
        return
    key.revoked_at, key.version = now, key.version + 1
    tell_key(tx, key, user, account, now)
