"""Reissues, cancellations and revocations at once, on connections of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import select

from services.orders import actions, worker
from services.orders.actions import Placer
from services.orders.clients.test_ca import TestCa
from services.orders.models import Certificate, CertificateOrder
from services.orders.rules.reasons import RevocationWish
from services.orders.rules.reissue import ReissueWish
from shared.db import locked, utcnow
from shared.errors import DomainError
from tests.orders.makers import ca_key
from tests.orders.test_races import Shop, ready, shop

__all__ = ["shop"]
ANN = Placer("Ann Lee", approves=True)


async def issue(shop: Shop) -> None:
    await ready(shop)
    assert await worker.issue_next(shop.db, TestCa(ca_key()))


async def reissue(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        await actions.reissue_order(tx, await locked(tx, CertificateOrder, shop.order_id), ReissueWish(), ANN, utcnow())


async def cancel(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        actions.cancel_order(tx, await locked(tx, CertificateOrder, shop.order_id), "Ann Lee", "Mistake", utcnow())


async def revoke(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        order = await locked(tx, CertificateOrder, shop.order_id)
        certificate = await tx.scalar(select(Certificate).where(Certificate.order_id == order.id))
        wish = RevocationWish("superseded", skip_approval=True)
        await actions.ask_revocation(tx, order, certificate, wish, ANN, utcnow())


async def at_once(shop: Shop, *deeds: Callable[[Shop], Awaitable[None]]) -> list[str]:
    """The sentences of those that were refused."""
    results = await asyncio.gather(*(deed(shop) for deed in deeds), return_exceptions=True)
    assert all(result is None or isinstance(result, DomainError) for result in results), results
    return [result.message for result in results if isinstance(result, DomainError)]


async def test_of_two_reissues_at_once_one_is_refused_with_a_sentence(shop: Shop) -> None:
    await issue(shop)

    [refused] = await at_once(shop, reissue, reissue)

    assert "is being reissued already, by request" in refused
    assert await shop.count("order_request", "type = 'reissue'") == 1


async def test_of_two_cancels_at_once_one_cancels_the_reissue_and_the_other_is_told(shop: Shop) -> None:
    await issue(shop)
    await reissue(shop)

    [refused] = await at_once(shop, cancel, cancel)

    assert f"Order {shop.order_id} is issued and can no longer be canceled" in refused
    assert await shop.count("outbox", "convert_from(payload, 'UTF8') LIKE '%\"reissue_cancelled\"%'") == 1
    assert await shop.count("certificate_order", "reissue_id IS NULL AND cancelled_at IS NULL") == 1


async def test_two_cancels_at_once_of_a_pending_order_cancel_it_once(shop: Shop) -> None:
    assert await at_once(shop, cancel, cancel) == []

    assert await shop.count("outbox", "convert_from(payload, 'UTF8') LIKE '%\"order_cancelled\"%'") == 1


async def test_of_two_revocations_at_once_one_is_refused_with_a_sentence(shop: Shop) -> None:
    await issue(shop)

    [refused] = await at_once(shop, revoke, revoke)

    assert refused.endswith("is revoked already, or about to be.")
    assert await shop.count("revocation") == 1


async def test_several_workers_begin_an_automatic_reissue_once_and_tell_an_end_once(shop: Shop) -> None:
    await issue(shop)
    async with shop.db.transaction() as tx:
        (await locked(tx, CertificateOrder, shop.order_id)).auto_reissue = True
    later = utcnow() + timedelta(days=175)

    async def look(shop: Shop) -> None:
        async with shop.db.transaction() as tx:
            await actions.reissue_next(tx, later)
        async with shop.db.transaction() as tx:
            await actions.tell_expiries(tx, later)

    assert await at_once(shop, *[look] * 5) == []
    assert await shop.count("order_request", "type = 'reissue'") == 1
    assert await shop.count("outbox", "convert_from(payload, 'UTF8') LIKE '%\"certificate_expiring\"%'") == 1
