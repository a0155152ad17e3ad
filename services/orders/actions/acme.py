"""A request's order at the ACME CA: kept before it is used, so that a crash makes no second certificate."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.issuing import LEASES, Signing
from services.orders.actions.receiving import record_received
from services.orders.models import AcmeOrder, CertificateOrder
from services.orders.rules.issuers import ACME
from shared.db import add, locked, locked_or_none

FOLLOWED_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Following:
    """An order at the CA that is finalized: a certificate may be there, whatever became of the request."""

    order_id: int
    request_id: int
    url: str
    csr: str


async def acme_order_of(tx: AsyncSession, signing: Signing) -> str | None:
    known = await tx.get(AcmeOrder, signing.request_id)
    return known.url if known else None


async def keep_acme_order(tx: AsyncSession, signing: Signing, url: str, now: datetime) -> None:
    await locked(tx, CertificateOrder, signing.order_id)
    known = await locked_or_none(tx, AcmeOrder, signing.request_id)
    if known:
        known.url, known.created_at, known.finalized_at, known.due_at = url, now, None, None
    else:
        add(tx, AcmeOrder(request_id=signing.request_id, order_id=signing.order_id, url=url, created_at=now))


async def begin_finalizing(tx: AsyncSession, signing: Signing, now: datetime) -> bool:
    """The last look before the CA is asked to sign: it refuses after `issue_before`, and what is canceled (LC17)."""
    order = await locked(tx, CertificateOrder, signing.order_id)
    request, kept = order.open_request(signing.request_id), await locked(tx, AcmeOrder, signing.request_id)
    if request is None or not request.may_issue(now):
        return False
    request.claim_signing(LEASES[ACME], now)
    kept.finalized_at, kept.due_at = kept.finalized_at or now, now + LEASES[ACME]
    return True


async def claim_following(tx: AsyncSession, now: datetime) -> Following | None:
    query = (
        select(AcmeOrder)
        .where(AcmeOrder.due_at <= now)
        .order_by(AcmeOrder.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    kept = await tx.scalar(query)
    if kept is None:
        return None
    kept.due_at = now + LEASES[ACME]
    request = await queries.request(tx, kept.request_id)
    return Following(kept.order_id, kept.request_id, kept.url, (request and request.csr) or "")


async def record_acme(
    tx: AsyncSession, of: Signing | Following, pem: str, chain: tuple[str, str], now: datetime
) -> None:
    order = await locked(tx, CertificateOrder, of.order_id)
    request = order.open_request(of.request_id) or await queries.request(tx, of.request_id)
    if request is None:
        return
    await record_received(tx, request, pem, chain, now)
    (await locked(tx, AcmeOrder, of.request_id)).due_at = None


async def follow_later(tx: AsyncSession, of: Signing | Following, now: datetime) -> None:
    await locked(tx, CertificateOrder, of.order_id)
    kept = await locked(tx, AcmeOrder, of.request_id)
    if kept.finalized_at:
        kept.due_at = now + FOLLOWED_AGAIN


async def forget_acme_order(tx: AsyncSession, of: Signing | Following) -> None:
    """There will be no certificate of it; the next attempt makes another."""
    await locked(tx, CertificateOrder, of.order_id)
    if kept := await locked_or_none(tx, AcmeOrder, of.request_id):
        await tx.delete(kept)
