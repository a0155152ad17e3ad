"""What a chunk of facts needs: the orders they are about, locked in one query."""

from collections.abc import Iterable
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import BlockedKey, CertificateOrder, OrderRequest, RequestName
from shared.db import lock_all, locked, locked_or_none, read_all
from shared.events.base import OrderRef
from shared.events.orders import SOURCE

AccountName: TypeAlias = tuple[int, str]


async def lock_orders(tx: AsyncSession, ids: Iterable[int]) -> None:
    await lock_all(tx, CertificateOrder, ids)


async def lock_our_orders(tx: AsyncSession, refs: Iterable[OrderRef | None]) -> None:
    """Another system's orders are not ours to know: its numbers may equal ours."""
    await lock_orders(tx, [ref.id for ref in refs if ref and ref.source == SOURCE])


async def lock_orders_to_issue(tx: AsyncSession, refs: Iterable[OrderRef]) -> None:
    """And which of their keys were reported as compromised since they were asked for."""
    ids = {ref.id for ref in refs if ref.source == SOURCE}
    await lock_orders(tx, ids)
    found = [await locked_or_none(tx, CertificateOrder, number) for number in ids]
    requests = [request for order in found if order for request in order.open_requests]
    await read_all(tx, BlockedKey, {request.key_sha256 for request in requests if request.key_sha256})


async def lock_orders_with_names(tx: AsyncSession, wanted: Iterable[AccountName]) -> None:
    """The orders of these accounts whose open requests need these names, wildcards counting by what they stand on."""
    kept = _kept(tx)
    missing = {pair for pair in wanted if pair not in kept}
    if not missing:
        return
    kept.update({pair: [] for pair in missing})
    with tx.no_autoflush:
        for account_id, domain, order_id in await _open_with(tx, missing):
            if (account_id, domain) in missing and order_id not in kept[account_id, domain]:
                kept[account_id, domain].append(order_id)
        await lock_all(tx, CertificateOrder, {order_id for pair in missing for order_id in kept[pair]})


async def open_orders_with(tx: AsyncSession, account_id: int, domain: str) -> list[CertificateOrder]:
    await lock_orders_with_names(tx, [(account_id, domain)])
    return [await locked(tx, CertificateOrder, order_id) for order_id in _kept(tx)[account_id, domain]]


async def _open_with(tx: AsyncSession, wanted: set[AccountName]) -> list[tuple[int, str, int]]:
    query = (
        select(CertificateOrder.account_id, RequestName.domain, RequestName.order_id)
        .join(OrderRequest, OrderRequest.id == RequestName.request_id)
        .join(CertificateOrder, CertificateOrder.id == RequestName.order_id)
        .where(
            OrderRequest.closed_at.is_(None),
            CertificateOrder.account_id.in_({account_id for account_id, _ in wanted}),
            RequestName.domain.in_({domain for _, domain in wanted}),
        )
        .order_by(RequestName.order_id)
    )
    return [(account_id, domain, order_id) for account_id, domain, order_id in await tx.execute(query)]


def _kept(tx: AsyncSession) -> dict[AccountName, list[int]]:
    kept: dict[AccountName, list[int]] = tx.info.setdefault("orders with names", {})
    return kept
