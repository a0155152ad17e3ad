"""Rows that change: read or locked for a whole chunk in one query, in key order, and remembered, absences too."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Select, and_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, class_mapper

from shared.errors import NotFound

M = TypeVar("M", bound=DeclarativeBase)


async def plan_for_values(tx: AsyncSession) -> None:
    """Until the transaction ends: what may be asked for in many ways is planned for the values that are asked for. A
    plan for any values, which PostgreSQL makes after some executions, passes over the index of the rare ones."""
    await tx.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


@cache
def _primary_key(model: type[DeclarativeBase]) -> tuple[Any, ...]:
    return tuple(class_mapper(model).primary_key)


@cache
def by_keys(model: type[M]) -> Select[M]:
    """The rows whose primary keys are in the arrays k0 (and k1 … of a composite key): made once, so compiled once."""
    columns = _primary_key(model)
    arrays = [bindparam(f"k{n}", type_=ARRAY(column.type)) for n, column in enumerate(columns)]
    wanted = func.unnest(*arrays).table_valued(*(f"k{n}" for n in range(len(columns)))).render_derived()
    match = [column == wanted.c[f"k{n}"] for n, column in enumerate(columns)]
    return select(model).join(wanted, and_(*match))


@cache
def _locking(model: type[M]) -> Select[M]:
    ordered = by_keys(model).order_by(*_primary_key(model)).with_for_update(of=model)
    return ordered.execution_options(populate_existing=True)


def key_arrays(ids: Iterable[Any]) -> dict[str, list[Any]]:
    """Values, or tuples for composite keys, as the parameters of `by_keys`."""
    rows = [key if isinstance(key, tuple) else (key,) for key in ids]
    return {f"k{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))}


async def read_all(tx: AsyncSession, model: type[M], ids: Iterable[Any]) -> None:
    """Read rows that this transaction does not compete for, in one query, and remember them for `known`."""
    remembered = tx.info.setdefault(("read", model), {})
    missing = {key for key in ids if key not in remembered}
    if missing:
        remembered.update(dict.fromkeys(missing))
        for row in await tx.scalars(by_keys(model), key_arrays(missing)):
            remembered[_key_of(row)] = row


def remember_read(tx: AsyncSession, model: type[M], rows: Mapping[Any, M | None]) -> None:
    """For a query of one's own; None stands for a row that is not there."""
    tx.info.setdefault(("read", model), {}).update(rows)


def remember_locked(tx: AsyncSession, model: type[M], rows: Mapping[Any, M | None]) -> None:
    """For a query of one's own that locked the rows in key order."""
    tx.info.setdefault(("locked", model), {}).update(rows)


async def known(tx: AsyncSession, model: type[M], key: Any) -> M | None:
    """The remembered row, or a read."""
    remembered = tx.info.setdefault(("read", model), {})
    if key not in remembered:
        await read_all(tx, model, [key])
    row: M | None = remembered[key]
    return row


async def the(tx: AsyncSession, model: type[M], key: Any) -> M:
    """`known`, where the row has to be there: raises NotFound."""
    row = await known(tx, model, key)
    if row is None:
        raise _none_such(model, key)
    return row


def _none_such(model: type[DeclarativeBase], key: Any) -> NotFound:
    return NotFound(f"There is no {model.__tablename__.replace('_', ' ')} {key}.")


async def lock_all(tx: AsyncSession, model: type[M], ids: Iterable[Any]) -> None:
    """Lock the rows in key order and remember rows and absences, so that `locked` needs no query."""
    remembered = tx.info.setdefault(("locked", model), {})
    missing = sorted({key for key in ids if key not in remembered})
    if not missing:
        return
    found = (await tx.scalars(_locking(model), key_arrays(missing))).all()
    remembered.update(dict.fromkeys(missing))
    for row in found:
        remembered[_key_of(row)] = row


def _key_of(row: DeclarativeBase) -> Any:
    key = class_mapper(type(row)).primary_key_from_instance(row)
    return key[0] if len(key) == 1 else tuple(key)


async def locked_or_none(tx: AsyncSession, model: type[M], key: Any) -> M | None:
    remembered = tx.info.setdefault(("locked", model), {})
    if key not in remembered:
        await lock_all(tx, model, [key])
    row: M | None = remembered[key]
    return row


async def locked(tx: AsyncSession, model: type[M], key: Any) -> M:
    row = await locked_or_none(tx, model, key)
    if row is None:
        raise _none_such(model, key)
    return row


def add(tx: AsyncSession, row: M) -> M:
    """Add a new row and remember it as read and as locked: nobody else can see it yet."""
    tx.add(row)
    for how in ("read", "locked"):
        tx.info.setdefault((how, type(row)), {})[_key_of(row)] = row
    return row
