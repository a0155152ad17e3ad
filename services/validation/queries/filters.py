"""What lists of domains may be asked for (certcentral-api 2.7 and 6)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, true

from services.validation.models import Domain, Validation
from services.validation.rules.choosing import NAMES
from services.validation.rules.methods import PROVING
from services.validation.rules.policy import Policy
from services.validation.rules.reuse import usable_since
from services.validation.rules.standing import STATUSES
from shared.access import Caller
from shared.errors import Rejected
from shared.listing import Listing

NUMBERS: dict[str, Any] = {
    "account_id": Domain.account_id,
    "container_id": Domain.division_id,
    "organization_id": Domain.organization_id,
}
FILTERS = ("search", "name", "status", "is_active", "dcv_method", "revalidation_pending", *NUMBERS)
PLAIN = ("search", "container_id", "account_id", "organization_id")
# Ids are given in the order in which domains are added.
SORT_COLUMNS: dict[str, Any] = {"id": Domain.id, "name": Domain.name, "date_created": Domain.id}
MOST_TEXTS = 10
YES, NO = ("1", "true", "yes"), ("0", "false", "no")


def conditions(listing: Listing, policy: Policy, now: datetime) -> Iterable[ColumnElement[bool]]:
    """All but `search`: see `found_by`."""
    usable = is_usable(policy, now)
    for name, values in listing.filters.items():
        if name != "search":
            yield or_(*(_condition(name, value, usable) for value in values))


def is_usable(policy: Policy, now: datetime) -> ColumnElement[bool]:
    """The validation it rests on serves it at this moment, by an age that the rules say for each method."""
    fresh = [_fresh(section, since) for section, since in usable_ages(policy, now).items()]
    return exists().where(
        Validation.account_id == Domain.account_id,
        Validation.adn == Domain.current_adn,
        Validation.method == Domain.current_method,
        Validation.withdrawn_at.is_(None),
        true() if policy.test_mode else Validation.test_mode.is_(False),
        or_(false(), *fresh),
    )


def usable_ages(policy: Policy, at: datetime) -> dict[str, datetime]:
    """For each section that still proves anything then: what was observed since then is usable."""
    allowed = {section: method for section, method in PROVING.items() if policy.allows(section)}
    found = {section: usable_since(method, at, policy.lead) for section, method in allowed.items()}
    return {section: since for section, since in found.items() if since}


def _fresh(section: str, since: datetime) -> ColumnElement[bool]:
    return and_(Validation.method == section, Validation.observed_at >= since)


def _condition(name: str, value: str, usable: ColumnElement[bool]) -> ColumnElement[bool]:
    if name == "status":
        return _status(one_of(name, value.lower(), STATUSES), usable)
    if name == "is_active":
        return Domain.deactivated_at.is_(None) if _yes(name, value) else Domain.deactivated_at.is_not(None)
    if name == "revalidation_pending":
        wanted = and_(Domain.pending_id.is_not(None), usable)
        return wanted if _yes(name, value) else ~wanted
    if name == "dcv_method":
        return Domain.method == one_of(name, value.lower(), tuple(NAMES))
    if name == "name":
        return _like(Domain.name, value.lower()) if "%" in value else Domain.name == value.lower()
    found: ColumnElement[bool] = NUMBERS[name] == _number(name, value)
    return found


def _status(status: str, usable: ColumnElement[bool]) -> ColumnElement[bool]:
    """As `rules.standing.status_of` says."""
    pending, proven = Domain.pending_id.is_not(None), Domain.current_adn.is_not(None)
    return {
        "active": and_(proven, usable),
        "pending": and_(pending, ~usable),
        "expired": and_(~pending, proven, ~usable),
        "new": and_(~pending, ~proven),
    }[status]


def found_by(listing: Listing, caller: Caller) -> list[ColumnElement[bool]]:
    """The ways in which a row may fit what is searched for: each by its own index, which an OR would not use."""
    texts = listing.filters.get("search", ())
    if len(texts) > MOST_TEXTS:
        raise Rejected(f"Search for at most {MOST_TEXTS} texts at once.")
    wide = caller.is_operator and "account_id" not in listing.filters
    return [way for text in texts for way in _ways(text.lower(), wide)] if texts else [true()]


def _ways(text: str, wide: bool) -> Iterable[ColumnElement[bool]]:
    """The beginning of a name or its end; `%` says which part may be anything (contract 2.7)."""
    bare = text.strip("%")
    inner = "%" in bare or (text.startswith("%") and text.endswith("%"))
    if inner and wide:
        raise Rejected("Within names of all accounts only beginnings and ends are found; send account_id as well.")
    if inner:
        yield _like(Domain.name, text)
        return
    if not text.startswith("%"):
        yield _like(Domain.name, f"{bare}%")
    if not text.endswith("%"):
        yield _like(func.reverse(Domain.name), f"{bare[::-1]}%")


def _like(column: Any, pattern: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.like(pattern.replace("\\", "\\\\").replace("_", "\\_"))
    return found


def order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise; total in any case, so that no row is lost between pages."""
    for name, down in listing.sort:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield Domain.id.desc()


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise Rejected(f'There is no {name} "{value[:40]}"; use {", ".join(known)}.')
    return value


def _yes(name: str, value: str) -> bool:
    if value.lower() not in (*YES, *NO):
        raise Rejected(f"filters[{name}] is true or false, not {value[:40]!r}.")
    return value.lower() in YES


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Rejected(f"filters[{name}] takes a number, not {value[:40]!r}.")
    return int(value)
