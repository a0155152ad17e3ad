"""Organizations as the caller may see them, and the ones that an order's details match."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.orders.models import (
    AppUser,
    CertificateOrder,
    OrderRequest,
    Organization,
    OrganizationCheck,
    OrganizationContact,
    OrganizationEntry,
    OrganizationRecord,
    OrganizationValidation,
)
from shared.access import Caller
from shared.db import known, lock_all, read_all
from shared.errors import Rejected
from shared.listing import Listing

ORGANIZATION_FILTERS = ("account_id", "container_id", "id", "name", "search", "status")
ORGANIZATION_SORTS = {
    "id": Organization.id,
    "name": Organization.name,
    "date_created": Organization.created_at,
    "city": Organization.city,
    "country": Organization.country,
}
MOST_ALIKE = 200
HISTORY = 200

AccountKey: TypeAlias = tuple[int, str]
LOCK = text("""
SELECT pg_advisory_xact_lock(lock)
FROM (SELECT DISTINCT hashtextextended(name, 0) AS lock FROM unnest(CAST(:names AS text[])) AS name ORDER BY 1) AS locks
""")


# ── the same one ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def lock_alike(tx: AsyncSession, wanted: Iterable[AccountKey]) -> None:
    """Of two that add the same organization the second waits here for the first one's commit, and then finds it. Locked
    in order, so that chunks do not wait for each other, and remembered."""
    kept = _alike(tx)
    missing = sorted({pair for pair in wanted if pair not in kept})
    if not missing:
        return
    await tx.execute(LOCK, {"names": [f"organization/{account_id}/{key}" for account_id, key in missing]})
    query = (
        select(Organization)
        .where(tuple_(Organization.account_id, Organization.match_key).in_(missing))
        .where(Organization.deactivated_at.is_(None))
        .order_by(Organization.record_id.is_(None), Organization.id)
        .limit(MOST_ALIKE * len(missing))
    )
    kept.update({pair: [] for pair in missing})
    for found in await tx.scalars(query):
        kept[found.account_id, found.match_key].append(found)


async def alike(tx: AsyncSession, account_id: int, match_key: str, now: datetime) -> Organization | None:
    """A validated one before all others, then the oldest; inactive ones never."""
    await lock_alike(tx, [(account_id, match_key)])
    found = sorted(_alike(tx)[account_id, match_key], key=lambda each: each.id)
    validated = (each for each in found if each.is_validated("ov", now))
    return next(validated, found[0] if found else None)


def remember_alike(tx: AsyncSession, organization: Organization) -> None:
    _alike(tx)[organization.account_id, organization.match_key].append(organization)
    _only(tx).pop(organization.account_id, None)


def _alike(tx: AsyncSession) -> dict[AccountKey, list[Organization]]:
    kept: dict[AccountKey, list[Organization]] = tx.info.setdefault("organizations", {})
    return kept


async def remember_only_active(tx: AsyncSession, account_ids: Iterable[int]) -> None:
    kept = _only(tx)
    missing = sorted({account_id for account_id in account_ids if account_id not in kept})
    if not missing:
        return
    counted = (
        select(Organization.account_id, func.min(Organization.id))
        .where(Organization.account_id.in_(missing), Organization.deactivated_at.is_(None))
        .group_by(Organization.account_id)
        .having(func.count() == 1)
    )
    found = {account_id: organization_id for account_id, organization_id in await tx.execute(counted)}
    await read_all(tx, Organization, found.values())
    kept.update({account_id: found.get(account_id) for account_id in missing})


async def only_active(tx: AsyncSession, account_id: int) -> Organization | None:
    """None where the account has none, or more than one."""
    await remember_only_active(tx, [account_id])
    found = _only(tx)[account_id]
    return await known(tx, Organization, found) if found else None


async def lock_to_ask(tx: AsyncSession, now: datetime) -> None:
    """Of those read so far; a level that one lacks may be the one that is needed."""
    named: dict[int, Organization | None] = tx.info.get(("read", Organization), {})
    found = [*filter(None, named.values()), *(each for same in _alike(tx).values() for each in same)]
    await lock_all(tx, Organization, {each.id for each in found if each.needs("ov", now) or each.needs("ev", now)})


def _only(tx: AsyncSession) -> dict[int, int | None]:
    kept: dict[int, int | None] = tx.info.setdefault("only_organizations", {})
    return kept


async def next_to_go_on(tx: AsyncSession) -> tuple[int, datetime] | None:
    query = select(Organization.id, Organization.go_on_at).where(Organization.go_on_at.is_not(None))
    row = (await tx.execute(query.order_by(Organization.go_on_at).limit(1))).first()
    return (row[0], row[1]) if row and row[1] else None


async def go_on_with_orders_of(tx: AsyncSession, organization_id: int, now: datetime) -> None:
    """What waited for it is asked about again by the worker, some at a time. Orders are locked first and in order, as
    everywhere else."""
    orders = select(CertificateOrder.id).where(CertificateOrder.organization_id == organization_id)
    waiting = exists().where(
        OrderRequest.order_id == CertificateOrder.id,
        OrderRequest.closed_at.is_(None),
        OrderRequest.issue_before.is_(None),
    )
    locked = orders.where(waiting).order_by(CertificateOrder.id).with_for_update(of=CertificateOrder).cte("locked")
    await tx.execute(
        update(OrderRequest)
        .where(OrderRequest.order_id.in_(select(locked.c.id)), OrderRequest.closed_at.is_(None))
        .values(ask_again_at=now)
        .execution_options(synchronize_session=False)
    )


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_sight(caller: Caller) -> ColumnElement[bool]:
    if caller.is_operator:
        return true()
    own = Organization.account_id == caller.account_id
    return and_(own, Organization.division_id.in_(caller.divisions)) if caller.divisions else own


async def organization(tx: AsyncSession, caller: Caller, organization_id: int) -> Organization | None:
    found: Organization | None = await tx.scalar(_shown().where(Organization.id == organization_id, in_sight(caller)))
    return found


async def organizations(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[Sequence[Organization], int]:
    """A page of them and how many there are in all."""
    where = and_(in_sight(caller), *_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(Organization).where(where)) or 0
    sorts = [ORGANIZATION_SORTS[name].desc() if down else ORGANIZATION_SORTS[name].asc() for name, down in listing.sort]
    query = _shown().where(where).order_by(*sorts, Organization.id.desc())
    return (await tx.scalars(query.limit(listing.limit).offset(listing.offset))).all(), total


async def page_of_organizations(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int
) -> tuple[Sequence[Organization], int]:
    """The newest first; `before` is the last one of the page before this one."""
    where = and_(in_sight(caller), *_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(Organization).where(where)) or 0
    place = Organization.id < before if before else true()
    query = _shown().where(where, place).order_by(Organization.id.desc()).limit(listing.limit)
    return (await tx.scalars(query)).all(), total


def _shown() -> Select[Organization]:
    return select(Organization).options(joinedload(Organization.account), joinedload(Organization.division))


def _conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        yield or_(*(_condition(name, value) for value in values))


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return _status(value)
    if name == "name":
        return Organization.name.ilike(_like(value))
    if name == "search":
        found = _like(value if "%" in value else f"%{value}%")
        return or_(Organization.name.ilike(found), Organization.assumed_name.ilike(found))
    columns = {"id": Organization.id, "container_id": Organization.division_id, "account_id": Organization.account_id}
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise Rejected(f"filters[{name}] takes a number, not {value[:40]!r}.")
    return columns[name] == int(value)


def _status(value: str) -> ColumnElement[bool]:
    if value.lower() not in ("active", "inactive"):
        raise Rejected(f'There is no status "{value[:40]}" of an organization; use active or inactive.')
    is_active = Organization.deactivated_at.is_(None)
    return is_active if value.lower() == "active" else ~is_active


def _like(value: str) -> str:
    """`%` is the one wildcard of the contract; an underscore is an underscore."""
    return value.replace("\\", "\\\\").replace("_", "\\_")


# ── one of them ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def contacts_of(tx: AsyncSession, organization_id: int) -> Sequence[OrganizationContact]:
    query = select(OrganizationContact).where(
        OrganizationContact.organization_id == organization_id, OrganizationContact.removed_at.is_(None)
    )
    return (await tx.scalars(query.order_by(OrganizationContact.id))).all()


async def user_of_account(tx: AsyncSession, account_id: int, user_id: int) -> AppUser | None:
    query = select(AppUser).where(AppUser.id == user_id, AppUser.account_id == account_id)
    found: AppUser | None = await tx.scalar(query)
    return found


async def history_of(tx: AsyncSession, organization_id: int) -> Sequence[OrganizationEntry]:
    """The newest ones, in the order in which they happened."""
    query = select(OrganizationEntry).where(OrganizationEntry.organization_id == organization_id)
    newest = (await tx.scalars(query.order_by(OrganizationEntry.id.desc()).limit(HISTORY))).all()
    return newest[::-1]


async def former_checks(tx: AsyncSession, organization: Organization) -> Sequence[OrganizationCheck]:
    """Of records that are no longer in force, the newest first."""
    records = select(OrganizationRecord.id).where(OrganizationRecord.organization_id == organization.id)
    query = select(OrganizationCheck).where(OrganizationCheck.record_id.in_(records))
    if organization.record_id:
        query = query.where(OrganizationCheck.record_id != organization.record_id)
    return (await tx.scalars(query.order_by(OrganizationCheck.id.desc()).limit(HISTORY))).all()


# ── the staff's queue ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Waiting:
    asked: OrganizationValidation
    organization: Organization


async def queue(tx: AsyncSession, limit: int, after: tuple[datetime, int] | None) -> tuple[Sequence[Waiting], int]:
    """Whoever waits longest first; `after` is the last one of the page before this one."""
    is_open = and_(OrganizationValidation.open_since.is_not(None), Organization.deactivated_at.is_(None))
    place = tuple_(OrganizationValidation.open_since, OrganizationValidation.organization_id)
    query = (
        select(OrganizationValidation, Organization)
        .join(Organization, Organization.id == OrganizationValidation.organization_id)
        .options(joinedload(Organization.account), joinedload(Organization.division))
        .where(is_open, place > after if after else true())
        .order_by(place, OrganizationValidation.level)
        .limit(limit)
    )
    counted = select(func.count()).select_from(OrganizationValidation).join(Organization).where(is_open)
    return [Waiting(*row) for row in await tx.execute(query)], await tx.scalar(counted) or 0


async def due_to_tell(tx: AsyncSession, now: datetime, limit: int) -> Sequence[Organization]:
    """Locked; those that another process tells of are passed over."""
    due = exists().where(
        OrganizationValidation.organization_id == Organization.id, OrganizationValidation.look_at <= now
    )
    query = select(Organization).where(due).order_by(Organization.id).limit(limit)
    return (await tx.scalars(query.with_for_update(skip_locked=True, of=Organization))).all()
