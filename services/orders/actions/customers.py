from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import Account, ApiKey, AppUser, Base, Division
from shared.access import hash_key, take_credential
from shared.db import add
from shared.events import orders as facts
from shared.ids import new_id
from shared.outbox import announce


@dataclass(frozen=True)
class AccountDetails:
    name: str
    currency: str
    legal_name: str | None = None
    address: dict[str, Any] | None = None
    vat_number: str | None = None
    billing_emails: tuple[str, ...] = ()


@dataclass(frozen=True)
class UserDetails:
    email: str
    first_name: str
    last_name: str
    role: str
    password_hash: str | None = None
    divisions: tuple[int, ...] = ()


async def open_account(tx: AsyncSession, details: AccountDetails, top_level: str, now: datetime) -> Division:
    """The account with its top-level division; both are told in one fact."""
    account = Account(
        id=await queries.take_id(tx, Account),
        name=details.name,
        legal_name=details.legal_name,
        address=details.address,
        currency=details.currency,
        vat_number=details.vat_number,
        billing_emails=list(details.billing_emails),
        default_payment_method="balance",
        opened_at=now,
    )
    await _add_first(tx, account)
    division = await _new_division(tx, account, top_level, None, now)
    announce(
        tx,
        facts.AccountOpened(
            account_id=account.id, occurred_at=now, account=account.as_fact(), division=division.as_fact()
        ),
    )
    return division


async def add_division(tx: AsyncSession, parent: Division, name: str, now: datetime) -> Division:
    division = await _new_division(tx, parent.account, name, parent.id, now)
    announce(tx, facts.DivisionAdded(account_id=parent.account_id, occurred_at=now, division=division.as_fact()))
    return division


async def _new_division(
    tx: AsyncSession, account: Account, name: str, parent_id: int | None, now: datetime
) -> Division:
    division = Division(
        id=await queries.take_id(tx, Division),
        public_id=new_id(),
        account_id=account.id,
        account=account,
        parent_id=parent_id,
        name=name,
        description="",
        is_active=True,
        created_at=now,
    )
    await _add_first(tx, division)
    return division


async def add_user(tx: AsyncSession, account: Account | None, details: UserDetails, now: datetime) -> AppUser:
    user = AppUser(
        id=await queries.take_id(tx, AppUser),
        account_id=account.id if account else None,
        email=details.email,
        first_name=details.first_name,
        last_name=details.last_name,
        role=details.role,
        divisions=list(details.divisions),
        password_hash=details.password_hash,
        failed_sign_ins=0,
        version=1,
        created_at=now,
    )
    await _add_first(tx, user)
    await _tell_credential(tx, _credential(user, account, now, id=f"user/{user.id}", kind="user", version=user.version))
    return user


async def add_api_key(
    tx: AsyncSession, user: AppUser, account: Account | None, name: str, key: str, now: datetime, key_role: int = 0
) -> ApiKey:
    """The key itself is the caller's to show, once."""
    row = ApiKey(
        id=await queries.take_id(tx, ApiKey),
        user_id=user.id,
        name=name,
        key_hash=hash_key(key),
        key_role=key_role,
        version=1,
        created_at=now,
    )
    add(tx, row)
    await _tell_credential(tx, _of_key(row, user, account, now))
    return row


async def revoke_api_key(tx: AsyncSession, key: ApiKey, user: AppUser, account: Account | None, now: datetime) -> None:
    if key.revoked_at:
        return
    key.revoked_at, key.version = now, key.version + 1
    await _tell_credential(tx, _of_key(key, user, account, now))


async def _add_first(tx: AsyncSession, row: Base) -> None:
    """Written at once: rows that refer to it may follow in the same transaction, and nothing else orders them."""
    add(tx, row)
    await tx.flush()


async def _tell_credential(tx: AsyncSession, event: facts.CredentialChanged) -> None:
    """Our own table is written at once, the others hear of it."""
    await take_credential(tx, event)
    announce(tx, event)


def _of_key(key: ApiKey, user: AppUser, account: Account | None, now: datetime) -> facts.CredentialChanged:
    credential = _credential(user, account, now, id=f"key/{key.id}", kind="api_key", version=key.version)
    return credential.model_copy(
        update={"key_hash": key.key_hash, "key_role": key.key_role, "revoked_at": key.revoked_at}
    )


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
            "user_name": user.name,
            "email": user.email,
            "account_name": account.name if account else "",
            "role": user.role,
            "divisions": tuple(user.divisions),
            "revoked_at": user.disabled_at,
        }
    )
