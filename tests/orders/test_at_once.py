"""A certificate in the answer: the reply waits outside any transaction, and no longer than it may."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.orders import actions, worker
from services.orders.actions import AccountDetails, Placer
from services.orders.api.at_once import issued_within
from services.orders.clients.test_ca import TestCa
from services.orders.rules.intake import Wish
from services.orders.rules.issuers import BUILT_IN
from services.orders.rules.validity import Span
from shared.db import Database, utcnow
from shared.service import Service
from tests.conftest import World
from tests.orders.conftest import open_company
from tests.orders.makers import authorized, ca_key, charged, csr, validated
from tests.orders.playing import issue, issued
from tests.orders.test_races import NAME, Shop


@pytest_asyncio.fixture
async def shop(engines: dict[str, AsyncEngine]) -> AsyncIterator[Shop]:
    """An order ready to be signed, really committed."""
    db = Database(engines["orders"])
    async with db.transaction() as tx:
        division = await actions.open_account(tx, AccountDetails("Quick Inc.", "EUR"), "Main", utcnow())
        wish = Wish("ssl_dv_geotrust", NAME, (), csr(), term=Span(years=1))
        order, _ = await actions.place_order(tx, wish, division, Placer("Ann Lee", approves=True), utcnow())
    async with db.transaction() as tx:
        await actions.note_charged(tx, charged(division.account_id, order.id), utcnow())
        await actions.note_validated(tx, validated(division.account_id, NAME), utcnow())
        await actions.note_authorized(
            tx, authorized(division.account_id, order.id, (NAME,)), lambda _: BUILT_IN, utcnow()
        )
    yield Shop(db, division.account_id, order.id)
    async with db.transaction() as tx:
        await tx.execute(
            text("TRUNCATE account, certificate_order, order_count, outbox, published RESTART IDENTITY CASCADE")
        )


async def request_of(shop: Shop) -> int:
    async with shop.db.transaction() as tx:
        return int(await tx.scalar(text("SELECT request_id FROM certificate_order")) or 0)


async def test_a_certificate_that_comes_while_the_reply_waits_is_in_it(shop: Shop) -> None:
    waiting = asyncio.create_task(issued_within(shop.db, await request_of(shop), 5))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    await worker.issue_next(shop.db, TestCa(ca_key()))

    handed = await waiting
    assert handed is not None
    assert handed.certificate.common_name == NAME
    assert handed.order_valid_till == utcnow().date().replace(year=utcnow().year + 1)


async def test_the_reply_waits_no_longer_than_it_may(shop: Shop) -> None:
    began = time.monotonic()

    assert await issued_within(shop.db, await request_of(shop), 0.3) is None

    assert 0.25 < time.monotonic() - began < 2


async def test_nothing_is_locked_while_the_reply_waits(shop: Shop) -> None:
    waiting = asyncio.create_task(issued_within(shop.db, await request_of(shop), 0.5))
    for _ in range(8):
        await asyncio.sleep(0.05)
        async with shop.db.transaction() as tx:
            await tx.execute(text("SELECT FROM certificate_order FOR UPDATE NOWAIT"))

    assert await waiting is None


@pytest_asyncio.fixture
async def live(built: dict[str, Service], engines: dict[str, AsyncEngine]) -> AsyncIterator[World]:
    """Orders on connections of its own, so that others work while a reply waits."""
    service = built["orders"]
    kept, within = service.db.bind, service.settings
    service.db.rebind(engines["orders"])
    service.app.state.settings = within.model_copy(update={"answer_within": 5.0})
    yield World(built)
    async with service.db.transaction() as tx:
        tables = "account, app_user, order_count, credential, inbox, outbox, published, audit_log, timeline_entry"
        await tx.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    service.app.state.settings = within
    service.db.rebind(kept)


async def test_an_order_for_names_that_look_proven_is_answered_with_its_chain(live: World) -> None:
    acme = await open_company(live, "Acme", {"administrator": ()})
    await issued(live, acme)

    placing = asyncio.create_task(acme.place(skip_approval=True))
    query = "SELECT id FROM certificate_order WHERE closed_at IS NULL"
    while not (placed := await live.rows("orders", query)):  # noqa: ASYNC110 - what another task writes
        await asyncio.sleep(0.01)
    await live.deliver("orders", charged(acme.id, placed[0].id))
    await issue(live, acme, placed[0].id)
    answer = await placing

    assert answer["requests"][0]["status"] == "approved"
    assert isinstance(answer["certificate_id"], int)
    names = [each["subject_common_name"] for each in answer["certificate_chain"]]
    assert (names[0], len(names)) == ("www.acme.example", 3)
    assert all(each["pem"].startswith("-----BEGIN CERTIFICATE-----") for each in answer["certificate_chain"])
    assert answer["order_valid_till"] > utcnow().date().isoformat()
    assert (await acme.order(answer["id"]))["certificate"]["id"] == answer["certificate_id"]


async def test_an_order_that_waits_for_approval_or_proof_is_answered_at_once(live: World) -> None:
    acme = await open_company(live, "Acme", {"administrator": (), "standard_user": ()})
    await issued(live, acme)

    async with asyncio.timeout(3):
        pending = await acme.place("standard_user")
        unproven = await acme.place(certificate__common_name="new.example", certificate__dns_names=None)

    assert "certificate_id" not in pending
    assert "certificate_id" not in unproven
