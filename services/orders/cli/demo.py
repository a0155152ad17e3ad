"""The demo account of `make run`, opened through the same actions as any other; opening it again changes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import actions, queries
from services.orders.actions import AccountDetails, UserDetails
from services.orders.models import Account, ApiKey, AppUser, Division
from services.orders.rules.passwords import is_password, password_hash
from shared.access import hash_key
from shared.db import Database, utcnow

ACCOUNT = AccountDetails(
    name="Acme Example Inc.",
    legal_name="Acme Example Inc.",
    currency="EUR",
    address={"line1": "1 Main Street", "postcode": "84043", "city": "Lehi", "region": "UT", "country": "US"},
    billing_emails=("ap@acme.example",),
)
TOP_LEVEL, OTHERS = "Main", ("Hosting Europe", "Labs")
USERS = (
    UserDetails("administrator@acme.example", "Ann", "Lee", "administrator"),
    UserDetails("finance_manager@acme.example", "Fay", "Moreau", "finance_manager"),
    UserDetails("manager@acme.example", "Mark", "Weber", "manager"),
    UserDetails("standard_user@acme.example", "Stan", "Novak", "standard_user"),
    UserDetails("limited_user@acme.example", "Lina", "Costa", "limited_user"),
    UserDetails("operator@issuary.example", "Olga", "Pereira", "operator"),
    UserDetails("second_operator@issuary.example", "Omar", "Haddad", "operator"),  # EV takes two persons (EVG 11.13)
)
WITH_KEY = ("administrator", "limited_user", "operator", "second_operator")
KEY_NAME = "demo"


@dataclass(frozen=True)
class DemoSecrets:
    """Plain text, kept by whoever runs the demo, by the name of the user in its address."""

    passwords: dict[str, str]
    api_keys: dict[str, str]


def holder(email: str) -> str:
    return email.split("@")[0]


async def open_demo(db: Database, secrets: DemoSecrets) -> dict[str, Any]:
    """What `.issuary/run.json` tells: account, divisions, sign-ins and keys."""
    now = utcnow()
    async with db.transaction() as tx:
        divisions = await _divisions(tx, now)
        account = divisions[0].account
        for details in USERS:
            user = await _user(tx, None if details.role == "operator" else account, details, secrets, now)
            await _key(tx, user, account, secrets, now)
    return {
        "account": {
            "id": account.id,
            "name": account.name,
            "divisions": [{"id": division.id, "name": division.name} for division in divisions],
        },
        "sign_ins": [
            {"email": details.email, "password": secrets.passwords[holder(details.email)], "role": details.role}
            for details in USERS
        ],
        "api_keys": dict(secrets.api_keys),
    }


async def _divisions(tx: AsyncSession, now: datetime) -> list[Division]:
    account_id = await tx.scalar(select(Account.id).where(Account.name == ACCOUNT.name).order_by(Account.id).limit(1))
    if account_id:
        return list(await queries.divisions_of(tx, account_id))
    top = await actions.open_account(tx, ACCOUNT, TOP_LEVEL, now)
    return [top, *[await actions.add_division(tx, top, name, now) for name in OTHERS]]


async def _user(
    tx: AsyncSession, account: Account | None, details: UserDetails, secrets: DemoSecrets, now: datetime
) -> AppUser:
    password = secrets.passwords[holder(details.email)]
    user = await queries.user_by_email(tx, details.email)
    if user is None:
        hashed = password_hash(password)
        user = await actions.add_user(
            tx, account, UserDetails(details.email, details.first_name, details.last_name, details.role, hashed), now
        )
    elif not is_password(user.password_hash, password):
        # the folder with the secrets was made anew
        await actions.set_password(tx, user, password_hash(password), "make run", utcnow())
    return user


async def _key(tx: AsyncSession, user: AppUser, account: Account, secrets: DemoSecrets, now: datetime) -> None:
    key = secrets.api_keys.get(holder(user.email))
    if key is None or await tx.scalar(select(ApiKey.id).where(ApiKey.key_hash == hash_key(key))):
        return
    await actions.add_api_key(tx, user, account if user.account_id else None, KEY_NAME, key, now)
