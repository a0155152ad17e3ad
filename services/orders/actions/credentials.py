"""What the other services are told of users and their keys, so that each knows callers by itself."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import Account, ApiKey, AppUser
from shared.access import take_credentials
from shared.db import at_end
from shared.events import orders as facts
from shared.outbox import announce


def tell_user(tx: AsyncSession, user: AppUser, account: Account | None, now: datetime) -> None:
    """A new user, or one whose sessions alone have changed: no key is touched."""
    _tell(tx, [_of_user(user, account, now)])


def tell_key(tx: AsyncSession, key: ApiKey, user: AppUser, account: Account | None, now: datetime) -> None:
    _tell(tx, [_of_key(key, user, account, now)])


async def tell_again(tx: AsyncSession, users: Sequence[AppUser], account: Account | None, now: datetime) -> None:
    """After a change that their keys have part in. Whoever changes a key holds the lock of its user's row."""
    by_id = {user.id: user for user in users}
    keys = await queries.keys_of(tx, by_id)
    for user in users:
        user.version += 1
    for key in keys:
        key.version += 1
    told = [_of_user(user, account, now) for user in users]
    _tell(tx, [*told, *(_of_key(key, by_id[key.user_id], account, now) for key in keys)])


def announce_user(tx: AsyncSession, user: AppUser, now: datetime) -> None:
    announce(tx, facts.UserChanged(account_id=user.account_id or 0, occurred_at=now, user=user.as_fact()))


def _tell(tx: AsyncSession, events: Sequence[facts.CredentialChanged]) -> None:
    """Our own table is written in this commit, all of it in one statement; the others hear of it."""
    tx.info.setdefault("told_credentials", []).extend(events)
    at_end(tx, _write)
    for event in events:
        announce(tx, event)


async def _write(tx: AsyncSession) -> None:
    await take_credentials(tx, tx.info.pop("told_credentials"))


def _of_user(user: AppUser, account: Account | None, now: datetime) -> facts.CredentialChanged:
    return _credential(user, account, now, id=f"user/{user.id}", kind="user", version=user.version)


def _of_key(key: ApiKey, user: AppUser, account: Account | None, now: datetime) -> facts.CredentialChanged:
    """A key works for as long as its user does."""
    credential = _credential(user, account, now, id=f"key/{key.id}", kind="api_key", version=key.version)
    gone = key.revoked_at or user.disabled_at
    return credential.model_copy(update={"key_hash": key.key_hash, "key_role": key.key_role, "revoked_at": gone})


def _credential(
    user: AppUser, account: Account | None, now: datetime, *, id: str, kind: str, version: int
) -> facts.CredentialChanged:
    return facts.CredentialChanged.model_validate(
        {
            "account_id": account.id if account else 0,
            "occurred_at": now,
            "credential_id": id,
            "version": version,
            "kind": kind,
            "user_id": user.id,
            "user_name": user.name or user.email,
            "email": user.email,
            "account_name": account.name if account else "",
            "role": user.role,
            "divisions": tuple(user.seen_divisions),
            "session": user.session,
            "revoked_at": user.disabled_at,
        }
    )
