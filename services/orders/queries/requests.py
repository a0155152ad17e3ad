"""Requests as the caller may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, raiseload

from services.orders.models import (
    AppUser,
    Certificate,
    CertificateOrder,
    Division,
    OrderRequest,
    RequestName,
    Revocation,
)
from services.orders.queries.order_filters import by_number, visible
from shared.access import Caller
from shared.errors import Rejected
from shared.listing import Listing

REQUEST_FILTERS = ("account_id", "container_id", "id", "order_id", "status", "type", "waits_for_staff")
REQUEST_SORT_COLUMNS = {"id": OrderRequest.id, "date": OrderRequest.id}
MOST_CERTIFICATES = 1000  # of one order, the newest
_UNDECIDED = and_(OrderRequest.closed_at.is_(None), OrderRequest.approved_at.is_(None))
_STATUSES: dict[str, ColumnElement[bool]] = {
    "pending": _UNDECIDED,
    "submitted": _UNDECIDED,
    "approved": and_(OrderRequest.approved_at.is_not(None), OrderRequest.rejected_at.is_(None)),
    "rejected": OrderRequest.rejected_at.is_not(None),
}
_TYPES = {"new_request", "new request", "reissue", "duplicate", "revoke"}


@dataclass(frozen=True)
class ListedRequest:
    request: OrderRequest
    order: CertificateOrder
    division: Division
    user: AppUser | None


async def requests_listed(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[Sequence[ListedRequest], int]:
    """The newest first. Accounts are told apart by the request's own column: its index serves pages and counts."""
    where = and_(*_scope(caller), *_conditions(listing))
    sort = [REQUEST_SORT_COLUMNS[name].desc() if down else REQUEST_SORT_COLUMNS[name].asc() for name, down in
            listing.sort]  # fmt: skip
    counted = select(func.count()).select_from(OrderRequest).join(OrderRequest.order).where(where)
    query = _rows().where(where).order_by(*sort, OrderRequest.id.desc()).limit(listing.limit).offset(listing.offset)
    rows = await tx.execute(query)
    return [ListedRequest(*row) for row in rows], await tx.scalar(counted) or 0


async def undecided(
    tx: AsyncSession, caller: Caller, listing: Listing, after: tuple[datetime, int] | None
) -> tuple[Sequence[ListedRequest], int]:
    """The longest waiting first; `after` is the last one of the page before this one."""
    where = and_(*_scope(caller), _UNDECIDED, *_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(OrderRequest).join(OrderRequest.order).where(where)) or 0
    place = tuple_(OrderRequest.requested_at, OrderRequest.id)
    later = place > tuple_(*after) if after else true()
    query = _rows().where(where, later).order_by(OrderRequest.requested_at, OrderRequest.id).limit(listing.limit)
    return [ListedRequest(*row) for row in await tx.execute(query)], total


async def request_shown(tx: AsyncSession, caller: Caller, request_id: int) -> ListedRequest | None:
    found = (await tx.execute(_rows().where(OrderRequest.id == request_id, visible(caller)))).first()
    return ListedRequest(*found) if found else None


def _scope(caller: Caller) -> list[ColumnElement[bool]]:
    own = [] if caller.is_operator else [OrderRequest.account_id == caller.account_id]
    return [*own, visible(caller)]


def _rows() -> Any:
    return (
        select(OrderRequest, CertificateOrder, Division, AppUser)
        .join(OrderRequest.order)
        .join(Division, Division.id == CertificateOrder.division_id)
        .outerjoin(AppUser, AppUser.id == OrderRequest.user_id)
        .options(contains_eager(OrderRequest.order).options(raiseload(CertificateOrder.requests)))
    )


def _conditions(listing: Listing) -> list[ColumnElement[bool]]:
    return [or_(*(_condition(name, value) for value in values)) for name, values in listing.filters.items()]


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return _one_of(_STATUSES, value.lower(), "status")
    if name == "type":
        if value.lower() not in _TYPES:
            raise Rejected(f'There is no request type "{value[:40]}"; use new_request, reissue, duplicate or revoke.')
        return OrderRequest.type == value.lower().replace(" ", "_")
    if name == "waits_for_staff":
        return and_(_UNDECIDED, OrderRequest.escalated_at.is_not(None))
    columns = {
        "id": OrderRequest.id,
        "order_id": OrderRequest.order_id,
        "account_id": OrderRequest.account_id,
        "container_id": CertificateOrder.division_id,
    }
    return by_number(columns[name], name, value)


def _one_of(known: dict[str, ColumnElement[bool]], value: str, what: str) -> ColumnElement[bool]:
    if value not in known:
        raise Rejected(f'There is no request {what} "{value[:40]}"; use {", ".join(known)}.')
    return known[value]


@dataclass(frozen=True)
class IssuedOne:
    certificate: Certificate
    revocation: Revocation | None


async def certificates_by(tx: AsyncSession, order_id: int, kind: str) -> Sequence[IssuedOne]:
    """Those that reissues, or duplicates, of the order brought; the oldest first."""
    query = (
        select(Certificate, Revocation)
        .join(OrderRequest, OrderRequest.id == Certificate.request_id)
        .outerjoin(Revocation, Revocation.certificate_id == Certificate.id)
        .where(Certificate.order_id == order_id, OrderRequest.type == kind)
        .order_by(Certificate.id.desc())
        .limit(MOST_CERTIFICATES)
    )
    return [IssuedOne(*row) for row in await tx.execute(query)][::-1]


async def look_proven(tx: AsyncSession, account_id: int, domains: Sequence[str], now: datetime) -> bool:
    """Whether the account has shown control of each, or of a name above it: a guess that only decides about waiting."""
    wanted = {domain: _above(domain) for domain in domains}
    query = (
        select(RequestName.domain)
        .join(CertificateOrder, CertificateOrder.id == RequestName.order_id)
        .where(
            RequestName.domain.in_({each for above in wanted.values() for each in above}),
            RequestName.usable_until > now,
            CertificateOrder.account_id == account_id,
        )
        .distinct()
    )
    proven = set(await tx.scalars(query))
    return all(proven.intersection(above) for above in wanted.values())


def _above(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(len(labels) - 1)]


@dataclass(frozen=True)
class Handed:
    certificate: Certificate
    order_valid_till: date | None


async def certificate_of_request(tx: AsyncSession, request_id: int) -> Handed | None:
    query = (
        select(Certificate, CertificateOrder.valid_till)
        .join(OrderRequest, OrderRequest.certificate_id == Certificate.id)
        .join(CertificateOrder, CertificateOrder.id == OrderRequest.order_id)
        .where(OrderRequest.id == request_id)
    )
    found = (await tx.execute(query)).first()
    return Handed(*found) if found else None


@dataclass(frozen=True)
class Owned:
    certificate: Certificate
    account_id: int


async def certificates_with_keys(tx: AsyncSession, compromised: Sequence[Certificate], today: date) -> Sequence[Owned]:
    """Others that are valid still, of any account."""
    query = (
        select(Certificate, CertificateOrder.account_id)
        .join(CertificateOrder, CertificateOrder.id == Certificate.order_id)
        .outerjoin(Revocation, Revocation.certificate_id == Certificate.id)
        .where(
            Certificate.key_sha256.in_({each.key_sha256 for each in compromised}),
            Certificate.id.not_in([each.id for each in compromised]),
            Certificate.valid_till >= today,
            Revocation.certificate_id.is_(None),
        )
        .order_by(Certificate.id)
        .limit(MOST_CERTIFICATES)
    )
    return [Owned(*row) for row in await tx.execute(query)]
