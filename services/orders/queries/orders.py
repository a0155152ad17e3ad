"""Orders as the caller may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, raiseload

from services.orders.models import (
    Account,
    AppUser,
    Certificate,
    CertificateOrder,
    Division,
    OrderRequest,
    TimelineEntry,
)
from services.orders.queries.order_filters import renewal, visible
from shared.access import Caller

MOST_ENTRIES = 100  # of a timeline, at once
MOST_REQUESTS = 1000  # of one order, the newest: nobody reads more, and every answer has an end


@dataclass(frozen=True)
class Row:
    """An order with what is shown beside it: the request whose certificate is its own, or will be."""

    order: CertificateOrder
    division: Division
    certificate: Certificate | None
    request: OrderRequest
    renewed_by: int | None = None

    def status(self, today: date) -> str:
        return status_on(self.order, self.certificate, today)


def status_on(order: CertificateOrder, certificate: Certificate | None, today: date) -> str:
    """An end is computed, never stored; lists filter it as issued."""
    is_over = certificate is not None and certificate.valid_till < today
    return "expired" if is_over and order.status == "issued" else order.status


async def order_row(tx: AsyncSession, caller: Caller, number: str) -> Row | None:
    """By order id, thumbprint or serial of its certificate."""
    if not number.isprintable():
        return None
    if number.isascii() and number.isdigit() and len(number) <= 10:
        wanted: ColumnElement[bool] = CertificateOrder.id == int(number)
    else:
        plain = number.upper().replace(":", "")
        wanted = or_(Certificate.thumbprint == plain, Certificate.serial_number == plain.zfill(32))
    found = (await tx.execute(rows().where(wanted, visible(caller)))).first()
    return Row(*found) if found else None


def rows() -> Any:
    query = (
        select(
            CertificateOrder,
            Division,
            Certificate,
            OrderRequest,
            renewal(CertificateOrder.id).limit(1).scalar_subquery(),
        )
        .options(joinedload(Division.account), raiseload(CertificateOrder.requests))
        .select_from(CertificateOrder)
        .join(Division, Division.id == CertificateOrder.division_id)
        .join(OrderRequest, OrderRequest.id == CertificateOrder.request_id)
    )
    return query.outerjoin(Certificate, Certificate.id == CertificateOrder.certificate_id)


async def timeline(
    tx: AsyncSession, order_id: int, before: UUID | None = None
) -> tuple[Sequence[TimelineEntry], UUID | None]:
    """The newest, or those before, as they happened; and where there are older ones, before which."""
    query = select(TimelineEntry).where(TimelineEntry.order_id == order_id)
    query = query.where(TimelineEntry.id < before) if before else query
    found = (await tx.scalars(query.order_by(TimelineEntry.id.desc()).limit(MOST_ENTRIES + 1))).all()
    entries = found[:MOST_ENTRIES]
    older = entries[-1].id if len(found) > MOST_ENTRIES else None
    return sorted(entries, key=lambda entry: (entry.at, entry.id)), older


async def requests_of(tx: AsyncSession, order_id: int) -> Sequence[OrderRequest]:
    """The oldest first."""
    query = select(OrderRequest).where(OrderRequest.order_id == order_id).order_by(OrderRequest.id.desc())
    return (await tx.scalars(query.limit(MOST_REQUESTS))).all()[::-1]


async def renewal_of(tx: AsyncSession, order_id: int) -> int | None:
    """The order that renews this one, if it was not given up."""
    found: int | None = await tx.scalar(renewal(order_id).limit(1))
    return found


async def request(tx: AsyncSession, request_id: int) -> OrderRequest | None:
    return await tx.get(OrderRequest, request_id)


async def user(tx: AsyncSession, user_id: int | None) -> AppUser | None:
    return await tx.get(AppUser, user_id) if user_id else None


async def account(tx: AsyncSession, account_id: int) -> Account | None:
    return await tx.get(Account, account_id)
