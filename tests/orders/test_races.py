"""Two at once, on connections of their own; whoever comes second finds the first one's commit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.orders import actions, worker
from services.orders.actions import AccountDetails, Placer
from services.orders.clients.test_ca import TestCa
from services.orders.models import CertificateOrder
from services.orders.rules.intake import Wish
from services.orders.rules.validity import Span
from shared.db import Database, locked, utcnow
from shared.errors import DomainError
from tests.orders.makers import authorized, ca_key, charged, csr, validated

NAME = "www.acme.example"


@dataclass
class Shop:
    db: Database
    account_id: int
    order_id: int

    async def count(self, table: str, where: str = "true") -> int:
        async with self.db.transaction() as tx:
            return int(await tx.scalar(text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)


@pytest_asyncio.fixture
async def shop(engines: dict[str, AsyncEngine]) -> AsyncIterator[Shop]:
    """An order that waits for approval, really committed, and everything emptied afterwards."""
    db = Database(engines["orders"])
    async with db.transaction() as tx:
        division = await actions.open_account(tx, AccountDetails("Racing Inc.", "EUR"), "Main", utcnow())
        wish = Wish("ssl_dv_geotrust", NAME, (), csr(), term=Span(years=1))
        order, _ = await actions.place_order(tx, wish, division, Placer("Ann Lee"), utcnow())
    yield Shop(db, division.account_id, order.id)
    async with db.transaction() as tx:
        await tx.execute(
            text("TRUNCATE account, certificate_order, order_count, outbox, published RESTART IDENTITY CASCADE")
        )


async def ready(shop: Shop) -> None:
    permission = authorized(shop.account_id, shop.order_id, (NAME,))
    async with shop.db.transaction() as tx:
        actions.approve_order(tx, await locked(tx, CertificateOrder, shop.order_id), "Ann Lee", utcnow())
        await actions.note_charged(tx, charged(shop.account_id, shop.order_id), utcnow())
        await actions.note_validated(tx, validated(shop.account_id, NAME), utcnow())
        await actions.note_authorized(tx, permission, lambda _: "built-in", utcnow())


async def cancel(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        actions.cancel_order(tx, await locked(tx, CertificateOrder, shop.order_id), "Ann Lee", "Mistake", utcnow())


async def approve(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        actions.approve_order(tx, await locked(tx, CertificateOrder, shop.order_id), "Ann Lee", utcnow())


async def test_an_order_approved_by_ten_at_once_is_approved_once(shop: Shop) -> None:
    await asyncio.gather(*(approve(shop) for _ in range(5)))

    assert await shop.count("outbox", "convert_from(payload, 'UTF8') LIKE '%\"order_approved\"%'") == 1
    assert await shop.count("timeline_entry", "sentence = 'Approved' AND who = 'Ann Lee'") == 1


async def test_of_approving_and_canceling_at_once_the_cancellation_stays(shop: Shop) -> None:
    results = await asyncio.gather(approve(shop), cancel(shop), return_exceptions=True)

    assert all(result is None or isinstance(result, DomainError) for result in results)
    assert await shop.count("certificate_order", "cancelled_at IS NOT NULL AND closed_at IS NOT NULL") == 1


async def test_several_workers_issue_an_order_once(shop: Shop) -> None:
    await ready(shop)
    ca = TestCa(ca_key())

    done = await asyncio.gather(*(worker.issue_next(shop.db, ca) for _ in range(5)))

    assert sorted(done) == [False, False, False, False, True]
    assert await shop.count("certificate") == 1


async def test_an_order_canceled_while_it_is_signed_is_not_handed_out(shop: Shop) -> None:
    await ready(shop)
    async with shop.db.transaction() as tx:
        signing = await actions.claim_signing(tx, utcnow())
    assert signing is not None

    await cancel(shop)
    async with shop.db.transaction() as tx:
        assert not await actions.record_issued(tx, signing, TestCa(ca_key()).issue(signing.wanted), utcnow())

    assert await shop.count("certificate") == 0
    assert await shop.count("timeline_entry", "sentence LIKE '%signed too late and is not handed out'") == 1


async def test_of_canceling_and_issuing_at_once_exactly_one_happens(shop: Shop) -> None:
    await ready(shop)

    results = await asyncio.gather(worker.issue_next(shop.db, TestCa(ca_key())), cancel(shop), return_exceptions=True)

    issued = await shop.count("certificate")
    canceled = await shop.count("certificate_order", "cancelled_at IS NOT NULL")
    assert issued + canceled == 1
    assert all(isinstance(result, bool | None | DomainError) for result in results)


async def test_an_order_whose_signing_failed_rests_and_says_why(shop: Shop) -> None:
    await ready(shop)
    async with shop.db.transaction() as tx:
        signing = await actions.claim_signing(tx, utcnow())
        assert signing is not None
        await actions.record_failure(tx, signing, "the test CA cannot sign it: no entropy", utcnow())

    assert not await worker.issue_next(shop.db, TestCa(ca_key()))
    assert await shop.count("order_request", "issue_failure = 'the test CA cannot sign it: no entropy'") == 1
    assert await shop.count("timeline_entry", "sentence LIKE 'Could not be issued: the test CA%'") == 1
