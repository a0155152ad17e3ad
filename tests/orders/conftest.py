from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest_asyncio
from sqlalchemy import select

from services.orders import actions
from services.orders.actions import AccountDetails, UserDetails
from services.orders.models import Account, ApiKey, AppUser
from services.orders.rules.passwords import password_hash
from tests.conftest import World
from tests.orders.makers import NOW, body

PASSWORD = "correct horse battery staple"
HASH = password_hash(PASSWORD)
ADDRESS = {"line1": "1 Main Street", "postcode": "84043", "city": "Lehi", "country": "US"}


@dataclass
class Company:
    """An account with a user and an API key for each role; keys are the role's name and the account's."""

    world: World
    id: int
    divisions: dict[str, int]
    users: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def client(self, role: str = "administrator", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        async with self.world.client(self.keys[role], **headers) as client:
            yield client

    async def place(self, role: str = "administrator", **changes: Any) -> dict[str, Any]:
        async with self.client(role) as client:
            answer = await client.post("/services/v2/order/certificate/ssl_dv_geotrust", json=body(**changes))
        assert answer.status_code == 201, answer.text
        placed: dict[str, Any] = answer.json()
        return placed

    async def order(self, order_id: int, role: str = "administrator") -> dict[str, Any]:
        async with self.client(role) as client:
            answer = await client.get(f"/services/v2/order/certificate/{order_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


async def open_company(world: World, name: str, roles: dict[str, tuple[str, ...]]) -> Company:
    """`roles`: the divisions by name that the user of a role is assigned to."""
    async with world.orders.db.transaction() as tx:
        top = await actions.open_account(tx, AccountDetails(f"{name} Inc.", "EUR", address=ADDRESS), "Main", NOW)
        divisions = [top, *[await actions.add_division(tx, top, child, NOW) for child in ("Hosting", "Labs")]]
        company = Company(world, top.account_id, {division.name: division.id for division in divisions})
        for role, assigned in roles.items():
            ids = tuple(company.divisions[division] for division in assigned)
            await _add(tx, company, top.account, name, role, ids)
    return company


async def _add(tx: Any, company: Company, account: Account, name: str, role: str, divisions: tuple[int, ...]) -> None:
    email = f"{role}@{name.lower()}.example"
    user = await actions.add_user(
        tx, None if role == "operator" else account, UserDetails(email, "Ann", role, role, HASH, divisions), NOW
    )
    key = f"{name}-{role}-key"
    await actions.add_api_key(tx, user, account if role != "operator" else None, "test", key, NOW)
    company.users[role], company.keys[role], company.emails[role] = user.id, key, email


@pytest_asyncio.fixture
async def acme(world: World) -> Company:
    return await open_company(
        world,
        "Acme",
        {
            "administrator": (),
            "finance_manager": (),
            "manager": ("Main",),
            "standard_user": ("Main",),
            "limited_user": ("Main",),
            "operator": (),
        },
    )


@pytest_asyncio.fixture
async def globex(world: World) -> Company:
    return await open_company(world, "Globex", {"administrator": ()})


async def revoke(company: Company, role: str) -> None:
    async with company.world.orders.db.transaction() as tx:
        user = await tx.get_one(AppUser, company.users[role])
        key = (await tx.scalars(select(ApiKey).where(ApiKey.user_id == user.id))).one()
        await actions.revoke_api_key(tx, key, user, await tx.get_one(Account, company.id), NOW)
