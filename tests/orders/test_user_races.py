"""Two who change users at once, on connections of their own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.orders import actions
from services.orders.actions import AccountDetails, UserChange, UserDetails
from shared.access import Caller
from shared.db import Database, utcnow
from shared.errors import DomainError

LEFT = "SELECT count(*) FROM app_user WHERE role = 'administrator' AND disabled_at IS NULL"
EMPTY = "TRUNCATE account, app_user, outbox, published, audit_log, credential, request_count RESTART IDENTITY CASCADE"


@dataclass
class Office:
    db: Database
    account_id: int
    callers: tuple[Caller, Caller]

    async def tried(self, number: int, deed: str) -> str:
        """By one administrator, to the other."""
        by, whom = self.callers[number], self.callers[1 - number].user_id
        try:
            async with self.db.transaction() as tx:
                if deed == "demote":
                    await actions.change_user(tx, by, whom, UserChange(role="manager"), utcnow())
                else:
                    await actions.disable_user(tx, by, whom, utcnow())
        except DomainError as refused:
            return refused.message
        return ""

    async def add(self, email: str) -> str:
        try:
            async with self.db.transaction() as tx:
                details = UserDetails(email, "", "Stan", "standard_user")
                await actions.create_user(tx, self.callers[0], None, details, utcnow())
        except DomainError as refused:
            return refused.code
        return ""


@pytest_asyncio.fixture
async def office(engines: dict[str, AsyncEngine]) -> AsyncIterator[Office]:
    db = Database(engines["orders"])
    async with db.transaction() as tx:
        top = await actions.open_account(tx, AccountDetails("Racing Inc.", "EUR"), "Main", utcnow())
        emails = ("ann@racing.example", "bob@racing.example")
        details = [UserDetails(email, "", email, "administrator") for email in emails]
        ids = [(await actions.add_user(tx, top.account, each, utcnow())).id for each in details]
    ann = Caller("user/1", "user", top.account_id, "Racing Inc.", ids[0], "Ann", emails[0], "administrator")
    yield Office(db, top.account_id, (ann, replace(ann, user_id=ids[1], name="Bob", email=emails[1])))
    async with db.transaction() as tx:
        await tx.execute(text(EMPTY))


async def test_of_two_administrators_who_demote_or_disable_each_other_one_stays(office: Office) -> None:
    for deed in ("demote", "disable"):
        first, second = await asyncio.gather(office.tried(0, deed), office.tried(1, deed))
        if deed == "demote":
            assert sorted((bool(first), bool(second))) == [False, True]
            assert "last administrator" in first + second
        else:
            assert "last administrator" in first + second
    async with office.db.transaction() as tx:
        left = await tx.scalar(
            text("SELECT count(*) FROM app_user WHERE role = 'administrator' AND disabled_at IS NULL")
        )
    assert left == 1


async def test_one_address_added_by_five_at_once_is_one_user_and_four_sentences(office: Office) -> None:
    codes = await asyncio.gather(*(office.add("stan@racing.example") for _ in range(5)))
    assert sorted(codes) == ["", *["user_exists"] * 4]
