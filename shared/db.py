"""One transaction per door: state, announcements and inbox rows leave in the same commit."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    MetaData,
    Numeric,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, dialect
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, class_mapper

from shared.errors import NotFound

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
COLUMN_TYPES: dict[Any, Any] = {
    datetime: DateTime(timezone=True),
    date: Date(),
    Decimal: Numeric(),
    UUID: PgUuid(as_uuid=True),
    bytes: BYTEA(),
    str: Text(),
    int: BigInteger(),
    dict[str, Any]: JSONB(),
    list[Any]: JSONB(),
    list[str]: JSONB(),
    list[dict[str, Any]]: JSONB(),
}
TIMEOUTS = {"statement_timeout": "15s", "lock_timeout": "15s", "idle_in_transaction_session_timeout": "15s"}

M = TypeVar("M", bound=DeclarativeBase)
POSTGRESQL: Any = dialect()  # type: ignore[no-untyped-call]
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: json.dumps makes it each time
Step = Callable[[AsyncSession], Awaitable[None]]


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)


mechanism = new_metadata()


def utcnow() -> datetime:
    return datetime.now(UTC)


def make_engine(url: str, application_name: str, pool_size: int = 8) -> AsyncEngine:
    settings = {**TIMEOUTS, "application_name": application_name, "jit": "off"}
    return create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=10, connect_args={"server_settings": settings}
    )


class Database:
    """Opens the transactions of one service's database. `bind` is its engine, or in tests one connection."""

    def __init__(self, bind: AsyncEngine | AsyncConnection, given: Mapping[str, Any] | None = None) -> None:
        """`given` is found in the `info` of every transaction: the service's settings for its doors, and `kept`,
        where a query may keep what it need not read each time."""
        self._given = dict(given or {})
        self._wakers: list[asyncio.Event] = []
        self.rebind(bind)

    def rebind(self, bind: AsyncEngine | AsyncConnection) -> None:
        """A session on a connection that is in a transaction works in savepoints, and the outer one can be undone."""
        self.bind = bind
        mode: Any = "create_savepoint" if isinstance(bind, AsyncConnection) else "conditional_savepoint"
        self._sessions = async_sessionmaker(bind, expire_on_commit=False, join_transaction_mode=mode)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as tx, tx.begin():
            tx.info.update(self._given)
            yield tx
            await _finish(tx)
        if tx.info.get("announced"):
            self.wake_all()

    def waker(self) -> asyncio.Event:
        """Set after each commit of this process that announced something; whoever waits for it clears it."""
        self._wakers.append(asyncio.Event())
        return self._wakers[-1]

    def wake_all(self) -> None:
        for waker in self._wakers:
            waker.set()


async def _finish(tx: AsyncSession) -> None:
    steps: dict[Step, None] = tx.info.get("at_end", {})
    done: set[Step] = set()
    while waiting := [step for step in steps if step not in done]:
        done.add(waiting[0])
        await waiting[0](tx)
    await tx.flush()
    await _write_appended(tx)
    for last in tx.info.get("at_last", ()):
        await last(tx)


def at_end(tx: AsyncSession, step: Step) -> None:
    """Run `step` once, when every function of this transaction has run: gapless numbers are drawn here, so that
    their counter is held for as short as possible and after every other lock."""
    tx.info.setdefault("at_end", {})[step] = None


def at_last(tx: AsyncSession, step: Step) -> None:
    """Run `step` once after the flush and the appended rows: the outbox, whose ids must follow every lock."""
    tx.info.setdefault("at_last", {})[step] = None


# ── rows that change ─────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── rows that are only ever added ────────────────────────────────────────────────────────────────────────────────────


def append(tx: AsyncSession, model: type[DeclarativeBase], **values: Any) -> None:
    """Collect a row that never changes; one INSERT … SELECT FROM unnest of whole columns when the transaction ends.
    Every column without a server default is to be given; all rows of a table in one transaction name the same ones."""
    rows = tx.info.setdefault("appended", {}).setdefault(model.__table__, [])
    if rows and rows[0].keys() != values.keys():
        raise TypeError(f"rows of {model.__tablename__} name different columns: {rows[0].keys() ^ values.keys()}")
    rows.append(values)


def appended(tx: AsyncSession, model: type[DeclarativeBase]) -> list[dict[str, Any]]:
    """The rows of this transaction that are not written yet."""
    rows: list[dict[str, Any]] = tx.info.get("appended", {}).get(model.__table__, [])
    return rows


async def _write_appended(tx: AsyncSession) -> None:
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
    types = [table.c[name].type.compile(dialect=POSTGRESQL) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, first))
    return f" INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({arrays})"  # noqa: S608


def _array(values: list[Any], as_json: bool) -> list[Any]:
    if not as_json:
        return values
    dumped: dict[int, str | None] = {id(None): None}  # many rows share one object: the seller, the buyer
    for value in values:
        if id(value) not in dumped:
            dumped[id(value)] = to_json(value)
    return [dumped[id(value)] for value in values]
