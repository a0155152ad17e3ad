from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import Account, ApiKey, AppUser, Division
from shared.errors import Rejected
from shared.listing import Listing

USER_FILTERS = ("account_id", "container_id", "email", "role_id", "search", "status")
USER_COLUMNS = {
    "id": AppUser.id,
    "email": AppUser.email,
    "first_name": AppUser.first_name,
    "last_name": AppUser.last_name,
}
STATUSES = {"active": AppUser.disabled_at.is_(None), "inactive": AppUser.disabled_at.is_not(None)}
MOST_KEYS = 100  # a user's, revoked ones too
TAKE_TURNS = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('email ' || email, 0)) FROM unnest(CAST(:emails AS text[])) AS email"
)


@dataclass(frozen=True)
class Listed:
    """`account_id` none: of every account, staff too. `role` is the filter's number as a role."""

    account_id: int | None
    listing: Listing
    role: str | None = None


async def listed_users(tx: AsyncSession, wanted: Listed) -> tuple[Sequence[AppUser], int]:
    where = tuple(_conditions(wanted))
    total = await tx.scalar(select(func.count()).select_from(AppUser).where(*where))
    rows = select(AppUser).where(*where).order_by(*_order(wanted.listing))
    found = await tx.scalars(rows.limit(wanted.listing.limit).offset(wanted.listing.offset))
    return found.all(), total or 0


def _order(listing: Listing) -> list[ColumnElement[Any]]:
    chosen = [USER_COLUMNS[name].desc() if down else USER_COLUMNS[name].asc() for name, down in listing.sort]
    return [*chosen, AppUser.id.asc()]


def _conditions(wanted: Listed) -> Iterable[ColumnElement[bool]]:
    yield AppUser.account_id == wanted.account_id if wanted.account_id is not None else true()
    if wanted.role:
        yield AppUser.role == wanted.role
    one = wanted.listing.one
    if status := one("status"):
        if status.lower() not in STATUSES:
            raise Rejected(f'There is no status "{status[:40]}"; use active or inactive.')
        yield STATUSES[status.lower()]
    if email := one("email"):
        yield func.lower(AppUser.email) == email.lower()
    if searched := one("search"):
        yield _named_like(searched.strip("%"))
    if division := one("container_id"):
        yield AppUser.divisions.contains([_number("container_id", division)])


def _named_like(part: str) -> ColumnElement[bool]:
    whole = func.concat_ws(" ", AppUser.first_name, AppUser.last_name)
    return or_(whole.icontains(part, autoescape=True), AppUser.email.icontains(part, autoescape=True))


def _number(name: str, told: str) -> int:
    if not (told.isascii() and told.isdigit() and len(told) <= 9):
        raise Rejected(f"filters[{name}] takes a number, not {told[:40]!r}.")
    return int(told)


async def page_of_users(
    tx: AsyncSession, account_id: int | None, search: str, after: int, limit: int
) -> Sequence[AppUser]:
    """In order of their numbers, so that the index of the account serves any page."""
    query = select(AppUser).where(AppUser.id > after)
    query = query.where(AppUser.account_id == account_id) if account_id is not None else query
    query = query.where(_named_like(search)) if search else query
    return (await tx.scalars(query.order_by(AppUser.id).limit(limit))).all()


async def user_by_email(tx: AsyncSession, email: str) -> AppUser | None:
    """Who signs in with it; service users do not."""
    where = (func.lower(AppUser.email) == email.strip().lower(), ~AppUser.is_api_only)
    user: AppUser | None = await tx.scalar(select(AppUser).where(*where))
    return user


async def lock_emails(tx: AsyncSession, emails: Iterable[str]) -> None:
    """Of two who add one address at once, the second finds the first one's user. What was found is remembered."""
    kept = _emails(tx)
    missing = sorted({email.lower() for email in emails} - kept.keys())
    if not missing:
        return
    await tx.execute(TAKE_TURNS, {"emails": missing})
    found = select(func.lower(AppUser.email)).where(func.lower(AppUser.email).in_(missing), ~AppUser.is_api_only)
    taken = set(await tx.scalars(found))
    kept.update({email: email in taken for email in missing})


async def take_email(tx: AsyncSession, email: str) -> bool:
    """Whether it was free; afterwards it is not."""
    await lock_emails(tx, [email])
    was_free, _emails(tx)[email.lower()] = not _emails(tx)[email.lower()], True
    return was_free


def _emails(tx: AsyncSession) -> dict[str, bool]:
    kept: dict[str, bool] = tx.info.setdefault("emails", {})
    return kept


async def user_by_link(tx: AsyncSession, link_hash: str) -> AppUser | None:
    user: AppUser | None = await tx.scalar(select(AppUser).where(AppUser.link_hash == link_hash))
    return user


async def lock_administrators(tx: AsyncSession, account_id: int | None) -> set[int]:
    """Who may manage the account, or for none the staff; asked again when another transaction has changed one."""
    mine = AppUser.account_id == account_id if account_id else AppUser.account_id.is_(None)
    able = (AppUser.disabled_at.is_(None), ~AppUser.is_api_only, AppUser.divisions == [])
    role = AppUser.role == ("administrator" if account_id else "operator")
    query = select(AppUser.id).where(mine, role, *able).order_by(AppUser.id).with_for_update()
    return set(await tx.scalars(query))


async def first_administrator(tx: AsyncSession, account_id: int) -> AppUser | None:
    able = (AppUser.role == "administrator", AppUser.disabled_at.is_(None), ~AppUser.is_api_only)
    query = select(AppUser).where(AppUser.account_id == account_id, *able).order_by(AppUser.id).limit(1)
    user: AppUser | None = await tx.scalar(query)
    return user


async def users_of(tx: AsyncSession, account_id: int) -> Sequence[AppUser]:
    """All of them, locked: what an account's name stands in."""
    query = select(AppUser).where(AppUser.account_id == account_id).order_by(AppUser.id).with_for_update()
    return (await tx.scalars(query)).all()


async def lock_users_seeing(tx: AsyncSession, division: Division) -> Sequence[AppUser]:
    """Because they are assigned it, or one above."""
    mine = (AppUser.account_id == division.account_id, AppUser.seen_divisions.contains([division.id]))
    return (await tx.scalars(select(AppUser).where(*mine).order_by(AppUser.id).with_for_update())).all()


async def keys_of(tx: AsyncSession, user_ids: Iterable[int]) -> Sequence[ApiKey]:
    query = select(ApiKey).where(ApiKey.user_id.in_(list(user_ids))).order_by(ApiKey.id)
    return (await tx.scalars(query)).all()


async def key_of(tx: AsyncSession, user_id: int, key_id: int) -> ApiKey | None:
    key: ApiKey | None = await tx.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id))
    return key


async def page_of_keys(
    tx: AsyncSession, account_id: int | None, after: int, limit: int
) -> Sequence[tuple[ApiKey, AppUser]]:
    query = select(ApiKey, AppUser).join(AppUser, AppUser.id == ApiKey.user_id).where(ApiKey.id > after)
    query = query.where(AppUser.account_id == account_id) if account_id is not None else query
    return [(key, user) for key, user in await tx.execute(query.order_by(ApiKey.id).limit(limit))]


async def accounts_named(tx: AsyncSession, ids: Iterable[int]) -> dict[int, str]:
    rows = await tx.execute(select(Account.id, Account.name).where(Account.id.in_(list(ids))))
    return {row.id: row.name for row in rows}


async def page_of_accounts(tx: AsyncSession, search: str, after: int, limit: int) -> Sequence[Account]:
    query = select(Account).where(Account.id > after)
    if search.isascii() and search.isdigit() and len(search) <= 10:
        query = query.where(Account.id == int(search))
    elif search:
        query = query.where(Account.name.icontains(search, autoescape=True))
    return (await tx.scalars(query.order_by(Account.id).limit(limit))).all()
