"""The query language of lists: `filters[…]`, `sort`, `limit`, `offset` (certcentral-api 2.6 and 2.7)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from shared.errors import Rejected

MAX_LIMIT = 1000
_FILTER = re.compile(r"filters\[(\w+)\](?:\[\d*\])?")
_PLAIN = ("limit", "offset", "sort")


@dataclass(frozen=True)
class Listing:
    limit: int = MAX_LIMIT
    offset: int = 0
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: tuple[tuple[str, bool], ...] = ()  # column, descending

    def one(self, name: str) -> str | None:
        return self.filters[name][0] if name in self.filters else None


@dataclass(frozen=True)
class Between:
    """From (included) until (excluded)."""

    start: datetime | None = None
    end: datetime | None = None


def parse_listing(
    parameters: Iterable[tuple[str, str]], filters: Iterable[str], columns: Iterable[str], plain: Iterable[str] = ()
) -> Listing:
    """`plain` names filters that are also taken without brackets. An unknown filter or column is refused: to ignore it
    would show rows that nobody asked for."""
    known, given, found = frozenset(filters), dict[str, str](), dict[str, list[str]]()
    for name, value in parameters:
        if "\0" in value:
            raise Rejected(f"{name[:40]} has a NUL character, which no text here has.")
        match = _FILTER.fullmatch(name)
        if match or name in plain:
            found.setdefault(_known(match[1] if match else name, known, "filter"), []).append(value.strip())
        elif name in _PLAIN:
            given[name] = value
    return Listing(
        limit=min(_number("limit", given.get("limit")) or MAX_LIMIT, MAX_LIMIT),
        offset=_number("offset", given.get("offset")),
        filters={name: kept for name, values in found.items() if (kept := tuple(v for v in values if v))},
        sort=tuple(_sorting(given.get("sort", ""), frozenset(columns))),
    )


def _sorting(text: str, columns: frozenset[str]) -> Iterable[tuple[str, bool]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        yield _known(part.lstrip("+-"), columns, "sort column"), part.startswith("-")


def _known(name: str, known: frozenset[str], what: str) -> str:
    if name not in known:
        raise Rejected(f'There is no {what} "{name[:40]}" here; use {", ".join(sorted(known))}.')
    return name


def _number(name: str, text: str | None) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Rejected(f"{name} is a whole number from 0 up, not {text[:40]!r}.")
    return int(text)


def period(name: str, text: str) -> Between:
    """`a...b` inclusive, `>a` after, `<b` before, a bare day that day."""
    if "..." in text:
        first, last = text.split("...", 1)
        return Between(_moment(name, first)[0], _moment(name, last)[1])
    if text.startswith(">"):
        return Between(start=_moment(name, text[1:])[1])
    if text.startswith("<"):
        return Between(end=_moment(name, text[1:])[0])
    return Between(*_moment(name, text))


def _moment(name: str, text: str) -> tuple[datetime, datetime]:
    """When it begins and when it is over: a day lasts a day, a time a second."""
    try:
        if len(text) <= 10:
            return _lasting(datetime.combine(date.fromisoformat(text.strip()), time(), UTC), timedelta(days=1))
        begin = datetime.fromisoformat(text.strip())
        return _lasting(begin.astimezone(UTC) if begin.tzinfo else begin.replace(tzinfo=UTC), timedelta(seconds=1))
    except (ValueError, OverflowError):
        raise Rejected(
            f"filters[{name}]: {text[:40]!r} is no date; use 2026-11-03 or 2026-11-03T09:12:44+00:00."
        ) from None


def _lasting(begin: datetime, span: timedelta) -> tuple[datetime, datetime]:
    """The last day there is has no end after it."""
    last = datetime.max.replace(tzinfo=UTC)
    return begin, begin + span if begin <= last - span else last
