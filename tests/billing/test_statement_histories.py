"""Statements of random histories, cut at any two moments."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Funds, Journal, Posting
from services.billing.queries import statement as statements
from shared.access import OPERATOR, Caller
from shared.db import the, utcnow
from tests.billing.makers import take_key
from tests.billing.statements import ask
from tests.billing.test_histories import ACCOUNTS, STEPS, History
from tests.conftest import World
from tests.makers import NOW

STAFF = Caller("staff", "user", 0, "", 1, "", "", OPERATOR)
ALWAYS = timedelta(days=999)


@dataclass(frozen=True)
class Cut:
    """A period of which the ends are no days."""

    start: datetime
    end: datetime

    def is_over(self, now: datetime) -> bool:
        return self.end <= now


async def statement(tx: AsyncSession, division: int, start: datetime, end: datetime) -> statements.Statement:
    cut: Any = Cut(start, end)
    return await statements.statement(tx, STAFF, division, cut, utcnow())


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_whatever_happened_every_cut_adds_up_and_the_last_is_the_balance(shop: World, seed: int) -> None:
    history = History(shop, seed)
    await history.begin()
    await take_key(shop, "staff", role="operator", account_id=0)
    for _ in range(STEPS):
        await history.step()
        for division in ACCOUNTS.values():
            await assert_cuts_add_up(shop, division, history.chance)


async def assert_cuts_add_up(world: World, division: int, chance: random.Random) -> None:
    async with world.billing.db.transaction() as tx:
        booked = select(Journal.at).join(Posting).where(Posting.division_id == division).order_by(Posting.seq)
        times = list(await tx.scalars(booked))
        edges = [NOW - ALWAYS, *times, utcnow() + ALWAYS]
        for start, end in [(edges[0], edges[-1]), *(sorted(chance.sample(edges, 2)) for _ in range(3))]:
            of = await statement(tx, division, start, end)
            await assert_adds_up(tx, of)
            assert of.count == len([at for at in times if start <= at < end])
            before = await statement(tx, division, edges[0], start)
            assert (before.closing, before.last) == (of.opening, of.after)
        whole = await statement(tx, division, edges[0], edges[-1])
        assert (whole.opening, whole.closing) == (0, (await the(tx, Funds, division)).balance)
    told = (await ask(world, "/statement", "staff", container_id=division)).json()
    assert told["closing_balance"] == (await ask(world, "/balance", "staff", container_id=division)).json()["balance"]


async def assert_adds_up(tx: AsyncSession, of: statements.Statement) -> None:
    rows = await statements.rows_of(tx, STAFF, of, 0, 1000)
    course = await statements.course(tx, of)
    running = list(accumulate((row.amount for row in rows), initial=of.opening))

    assert running[-1] == of.opening + course.credit - course.debit == of.closing
    assert running[1:] == [row.balance_after for row in rows]
    assert [row.seq for row in rows] == list(range(of.after + 1, of.last + 1))
    assert course.lowest == min(running[1:], default=None)
