"""Rows that are only ever added: collected while the functions run, written in one statement."""

from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from shared.db.columns import array_type, to_json


def append(tx: AsyncSession, model: type[DeclarativeBase], **values: Any) -> None:
    """Collect a row that never changes; one INSERT … SELECT FROM unnest of whole columns when the transaction ends.
    Every column without a server default is to be given; all rows of a table in one transaction name the same ones."""
    rows = tx.info.setdefault("appended", {}).setdefault(model.__table__, [])
    if rows and rows[0].keys() != values.keys():
        raise TypeError(f"rows of {model.__tablename__} name different columns: {rows[0].keys() ^ values.keys()}")
    rows.append(values)


async def write_appended(tx: AsyncSession) -> None:
    """At the end, or sooner where they are read. What they refer to goes first."""
    await tx.flush()
    waiting: dict[Table, list[dict[str, Any]]] = tx.info.get("appended", {})
    if not waiting:
        return
    shape = tuple((table, tuple(rows[0])) for table, rows in waiting.items())
    statement, columns = _insert_all(shape)
    arrays = tuple(_array([row[name] for row in waiting[table]], as_json) for table, name, as_json in columns)
    waiting.clear()
    await (await tx.connection()).exec_driver_sql(statement, arrays)


@cache
def _insert_all(shape: tuple[tuple[Table, tuple[str, ...]], ...]) -> tuple[str, list[tuple[Table, str, bool]]]:
    """All tables in one statement, one round trip: foreign keys are checked at its end, so their order is free. With it
    the columns in the order of its parameters, and whether each is JSON."""
    columns = [(table, name, isinstance(table.c[name].type, JSONB)) for table, names in shape for name in names]
    inserts, first = [], 1
    for table, names in shape:
        inserts.append(_insert_from_arrays(table, names, first))
        first += len(names)
    *parts, last = inserts
    return "".join(f"{',' if n else 'WITH'} i{n} AS ({part})" for n, part in enumerate(parts)) + last, columns


def _insert_from_arrays(table: Table, names: tuple[str, ...], first: int) -> str:
    types = [array_type(table.c[name].type) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types, first))
    return f" INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({arrays})"  # noqa: S608


def _array(values: list[Any], as_json: bool) -> list[Any]:
    if not as_json:
        return values
    dumped: dict[int, str | None] = {id(None): None}  # many rows share one object: the seller, the buyer
    for value in values:
        if id(value) not in dumped:
            dumped[id(value)] = to_json(value)
    return [dumped[id(value)] for value in values]
