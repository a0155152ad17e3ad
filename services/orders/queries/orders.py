"""Orders as the caller may see them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.orders.models import (
    Account,
    AppUser,
    Certificate,
    CertificateOrder,
    Division,
    OrderName,
    OrderRequest,
    TimelineEntry,
)
from shared.access import Caller
from shared.errors import Rejected
from shared.listing import Listing, period

FILTERS = ("account_id", "certificate_id", "common_name", "container_id", "date_created", "domain_name", "id",
           "product_name_id", "search", "serial_number", "status", "user_id", "valid_till")  # fmt: skip
SORT_COLUMNS = {
    "id": CertificateOrder.id,
    "date_created": CertificateOrder.placed_at,
    "common_name": CertificateOrder.common_name,
    "product_name_id": CertificateOrder.product_name_id,
    "valid_till": Certificate.valid_till,
}
STATUSES: dict[str, ColumnElement[bool]] = {
    "pending": CertificateOrder.closed_at.is_(None),
    "issued": CertificateOrder.issued_at.is_not(None),
    "rejected": CertificateOrder.rejected_at.is_not(None),
    "canceled": CertificateOrder.cancelled_at.is_not(None),
    "revoked": false(),
    "waiting_pickup": false(),
    "reissue_pending": false(),
}


@dataclass(frozen=True)
class Row:
    """An order with what is shown beside it."""

    order: CertificateOrder
    division: Division
    certificate: Certificate | None


def visible(caller: Caller) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if not caller.is_operator:
        conditions.append(CertificateOrder.account_id == caller.account_id)
        if caller.divisions:
            conditions.append(CertificateOrder.division_id.in_(caller.divisions))
    if caller.role == "limited_user":
        conditions.append(CertificateOrder.user_id == caller.user_id)
    return and_(*conditions)


async def order_row(tx: AsyncSession, caller: Caller, number: str) -> Row | None:
    """By order id, thumbprint or serial of its certificate."""
    if not number.isprintable():
        return None
    if number.isascii() and number.isdigit() and len(number) <= 10:
        wanted: ColumnElement[bool] = CertificateOrder.id == int(number)
    else:
        plain = number.upper().replace(":", "")
        wanted = or_(Certificate.thumbprint == plain, Certificate.serial_number == plain.zfill(32))
    found = (await tx.execute(_rows().where(wanted, visible(caller)))).first()
    return Row(*found) if found else None


async def listed(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[Sequence[Row], int]:
    """A page of orders and how many there are in all."""
    where = and_(visible(caller), *conditions(listing))
    counted = _joined(select(func.count()).select_from(CertificateOrder)).where(where)
    order_by = [SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc() for name, down in listing.sort]
    query = _rows().where(where).order_by(*order_by, CertificateOrder.id.desc())
    rows = await tx.execute(query.limit(listing.limit).offset(listing.offset))
    return [Row(*row) for row in rows], await tx.scalar(counted) or 0


async def page_of(tx: AsyncSession, caller: Caller, listing: Listing, before: int | None) -> tuple[Sequence[Row], int]:
    """The newest first; `before` is the last order of the page before this one."""
    where = and_(visible(caller), *conditions(listing))
    total = await tx.scalar(_joined(select(func.count()).select_from(CertificateOrder)).where(where))
    place = CertificateOrder.id < before if before else true()
    rows = await tx.execute(_rows().where(where, place).order_by(CertificateOrder.id.desc()).limit(listing.limit))
    return [Row(*row) for row in rows], total or 0


def conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        yield or_(*(_condition(name, value) for value in values))


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return _status(value)
    if name == "search":
        return _search(value if "%" in value else f"%{value}%")
    if name == "domain_name":
        return _has_name(value)
    if name == "date_created":
        span = period(name, value)
        return _between(CertificateOrder.placed_at, span.start, span.end)
    if name == "valid_till":
        span = period(name, value)
        return _between(Certificate.valid_till, span.start and span.start.date(), span.end and span.end.date())
    if name == "serial_number":
        return Certificate.serial_number == value.upper().replace(":", "").zfill(32)
    if name in ("common_name", "product_name_id"):
        column = CertificateOrder.common_name if name == "common_name" else CertificateOrder.product_name_id
        return column.ilike(_like(value))
    return _by_number(name, value)


def _by_number(name: str, value: str) -> ColumnElement[bool]:
    columns = {
        "id": CertificateOrder.id,
        "certificate_id": CertificateOrder.certificate_id,
        "container_id": CertificateOrder.division_id,
        "user_id": CertificateOrder.user_id,
        "account_id": CertificateOrder.account_id,
    }
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise Rejected(f"filters[{name}] takes a number, not {value[:40]!r}.")
    return columns[name] == int(value)


def _status(value: str) -> ColumnElement[bool]:
    name = {"cancelled": "canceled", "needs_approval": "pending"}.get(value.lower(), value.lower())
    if name not in STATUSES:
        raise Rejected(f'There is no status "{value[:40]}"; use {", ".join(STATUSES)}.')
    return STATUSES[name]


def _search(pattern: str) -> ColumnElement[bool]:
    found = _like(pattern)
    number = pattern.strip("%")
    by_id = (
        CertificateOrder.id == int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else false()
    )
    return or_(by_id, _has_name(pattern), CertificateOrder.invoice_number.ilike(found))


def _has_name(pattern: str) -> ColumnElement[bool]:
    return exists().where(OrderName.order_id == CertificateOrder.id, OrderName.name.ilike(_like(pattern)))


def _like(text: str) -> str:
    """`%` is the one wildcard of the contract; an underscore is an underscore."""
    return text.replace("\\", "\\\\").replace("_", "\\_")


def _between(column: Any, start: date | None, end: date | None) -> ColumnElement[bool]:
    """From `start` on, before `end`; either may be open."""
    return and_(column >= start if start else true(), column < end if end else true())


def _rows() -> Any:
    query = select(CertificateOrder, Division, Certificate).options(joinedload(Division.account))
    return _joined(query.select_from(CertificateOrder)).join(Division, Division.id == CertificateOrder.division_id)


def _joined(query: Any) -> Any:
    return query.outerjoin(Certificate, Certificate.id == CertificateOrder.certificate_id)


async def timeline(tx: AsyncSession, order_id: int) -> Sequence[TimelineEntry]:
    query = select(TimelineEntry).where(TimelineEntry.order_id == order_id)
    return (await tx.scalars(query.order_by(TimelineEntry.at, TimelineEntry.id))).all()


async def request_of(tx: AsyncSession, order_id: int) -> OrderRequest:
    return (await tx.scalars(select(OrderRequest).where(OrderRequest.order_id == order_id))).one()


async def order_of_request(tx: AsyncSession, request_id: int) -> int | None:
    order_id: int | None = await tx.scalar(select(OrderRequest.order_id).where(OrderRequest.id == request_id))
    return order_id


async def certificate(tx: AsyncSession, caller: Caller, certificate_id: int) -> Certificate | None:
    query = select(Certificate).join(CertificateOrder, CertificateOrder.id == Certificate.order_id)
    found: Certificate | None = await tx.scalar(query.where(Certificate.id == certificate_id, visible(caller)))
    return found


async def user(tx: AsyncSession, user_id: int | None) -> AppUser | None:
    return await tx.get(AppUser, user_id) if user_id else None


async def account(tx: AsyncSession, account_id: int) -> Account | None:
    return await tx.get(Account, account_id)
