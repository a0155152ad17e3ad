"""Two at once, on connections of their own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.orders import actions, queries
from services.orders.actions import AccountDetails, Placer
from services.orders.rules.organizations import Details, OrganizationWish
from shared.db import Database, utcnow

ACME = Details("Acme Example Inc.", "1 Main Street", "Lehi", "us")


@dataclass
class Office:
    db: Database
    account_id: int
    division_id: int

    async def add(self, details: Details = ACME, skip: bool = False, pause: float = 0) -> int:
        async with self.db.transaction() as tx:
            division = await queries.division_of(tx, self.account_id, self.division_id)
            assert division is not None
            wish = OrganizationWish(None, details, skip)
            found = await actions.add_organization(tx, division, wish, ["ov"], Placer("Ann Lee"), utcnow())
            await asyncio.sleep(pause)
        return found.id

    async def count(self, table: str) -> int:
        async with self.db.transaction() as tx:
            return int(await tx.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


@pytest_asyncio.fixture
async def office(engines: dict[str, AsyncEngine]) -> AsyncIterator[Office]:
    db = Database(engines["orders"])
    async with db.transaction() as tx:
        division = await actions.open_account(tx, AccountDetails("Racing Inc.", "EUR"), "Main", utcnow())
    yield Office(db, division.account_id, division.id)
    async with db.transaction() as tx:
        await tx.execute(text("TRUNCATE account, organization, outbox, published RESTART IDENTITY CASCADE"))


async def test_the_same_organization_added_twice_at_once_is_one(office: Office) -> None:
    ids = await asyncio.gather(office.add(pause=0.2), office.add(replace(ACME, name="ACME EXAMPLE  INC."), pause=0.2))

    assert ids[0] == ids[1]
    assert await office.count("organization") == 1
    assert await office.count("organization_validation") == 1


async def test_one_added_by_five_at_once_is_one(office: Office) -> None:
    assert len(set(await asyncio.gather(*(office.add() for _ in range(5))))) == 1


async def test_forced_ones_at_once_are_each_made(office: Office) -> None:
    assert len(set(await asyncio.gather(*(office.add(skip=True) for _ in range(3))))) == 3


async def test_different_ones_do_not_wait_for_each_other(office: Office) -> None:
    done: list[str] = []

    async def add(name: str, pause: float) -> None:
        await office.add(replace(ACME, name=name), pause=pause)
        done.append(name)

    await asyncio.gather(add("Slow Inc.", 0.5), add("Quick Inc.", 0))
    assert done == ["Quick Inc.", "Slow Inc."]
