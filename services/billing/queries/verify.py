"""Proves the book: every invariant over every row, a window at a time, so that memory stays flat and progress is seen.
What breaks one is told and never mended."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.queries.invariants import WALKS, WHOLE, History, Invariant, Walk
from shared.db import Database

EXAMPLES = 20  # of one fault in one window
PATIENT = text("SET LOCAL statement_timeout = '15min'")

Progress = Callable[[str, int], None]  # the table, and how many of its rows were looked at


@dataclass(frozen=True)
class Breach:
    invariant: Invariant
    what: str

    def __str__(self) -> str:
        return f"{self.what}: not true that {self.invariant.name} (invariant {self.invariant.number})"


async def verify(db: Database, progress: Progress, walks: Sequence[Walk] = WALKS) -> AsyncIterator[Breach]:
    """Each window is one moment; the book may be written meanwhile."""
    for invariant in WHOLE:
        async with db.transaction() as tx:
            await tx.execute(PATIENT)
            found = await _breaches(tx, invariant, {})
        for one in found:
            yield one
    for walk in walks:
        async for one in _walked(db, walk, progress):
            yield one


async def _walked(db: Database, walk: Walk, progress: Progress) -> AsyncIterator[Breach]:
    after, seen = (walk.first, 0), 0
    while True:
        async with db.transaction() as tx:
            await tx.execute(PATIENT)
            until, count = await _window(tx, walk, after)
            if not until:
                break
            found = [
                one for invariant in walk.invariants for one in await _in_window(tx, walk, invariant, after, until)
            ]
        for one in found:
            yield one
        after, seen = until, seen + count
        progress(walk.table, seen)
        if count < walk.window:
            break


async def _window(tx: AsyncSession, walk: Walk, after: tuple[Any, ...]) -> tuple[tuple[Any, ...] | None, int]:
    """The last key of it, and how many rows it has."""
    is_history = isinstance(walk, History)
    beyond = "(division_id, seq) > (:after, :after_seq)" if is_history else f"{walk.key} > :after"
    there = " AND division_id IS NOT NULL" if walk.table == "posting" else ""
    newest = ", ".join(f"{name} DESC" for name in walk.key.split(", "))
    query = f"""
        SELECT {walk.key}, count(*) OVER () AS n FROM (
          SELECT {walk.key} FROM {walk.table} WHERE {beyond}{there} ORDER BY {walk.key} LIMIT {walk.window}) AS w
        ORDER BY {newest} LIMIT 1"""  # noqa: S608
    row = (await tx.execute(text(query), _given(walk, "after", after))).first()
    return (tuple(row[:-1]), row[-1]) if row else (None, 0)


async def _in_window(
    tx: AsyncSession, walk: Walk, invariant: Invariant, after: tuple[Any, ...], until: tuple[Any, ...]
) -> list[Breach]:
    return await _breaches(tx, invariant, _given(walk, "after", after) | _given(walk, "until", until))


def _given(walk: Walk, name: str, key: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip((name, f"{name}_seq"), key, strict=False)) if isinstance(walk, History) else {name: key[0]}


async def _breaches(tx: AsyncSession, invariant: Invariant, given: dict[str, Any]) -> list[Breach]:
    rows = await tx.scalars(text(f"{invariant.breaches} LIMIT {EXAMPLES}"), given)
    return [Breach(invariant, what) for what in rows]
