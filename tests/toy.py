"""A service as small as can be, to break the mechanism on: things that count, each event one version further."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Index, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import COLUMN_TYPES, Database, append, lock_all, locked, new_metadata
from shared.door import Door, OpenDoor
from shared.errors import Conflict
from shared.events.base import Command, CommandRefused, Event, ShortText
from shared.ids import new_id
from shared.migrate import create_mechanism
from shared.outbox import announce
from tests.makers import NOW

TOPIC, COMMANDS, OUT = "toy.events.v1", "toy.commands.v1", "toy.counted.v1"
THINGS = range(1, 51)


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class Applied(Base):
    """What took effect, in the order it did; `name` may be there once, which PostgreSQL checks at COMMIT."""

    __tablename__ = "applied"
    __table_args__ = (Index("ix_applied_thing", "thing"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    thing: Mapped[int]
    version: Mapped[int]
    name: Mapped[str | None]


class ToyEvent(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = "issuary/toy"

    @property
    def subject(self) -> str:
        own = "" if self.source.startswith("issuary/") else f"{self.source}:"
        return f"thing/{own}{self.account_id}"


class Counted(ToyEvent):
    type: Literal["counted"] = "counted"
    version: int
    name: str | None = None
    fails: str | None = None
    note: dict[str, Any] | None = None
    lenient: bool = False  # takes any order and any number of times: what must not happen is then seen in the state


class Passed(ToyEvent):
    """What the toy says for each event that took effect."""

    topic: ClassVar[str] = OUT
    type: Literal["passed"] = "passed"
    version: int


class Count(Command):
    topic: ClassVar[str] = COMMANDS
    type: Literal["count"] = "count"
    fails: str | None = None


class ToyCommandRefused(ToyEvent, CommandRefused):
    type: Literal["command_refused"] = "command_refused"

    @property
    def subject(self) -> str:
        return f"command/{self.command_id}"


class OutOfOrder(Exception):
    pass


async def lock_things(tx: AsyncSession, events: Sequence[Event]) -> None:
    await lock_all(tx, Thing, {event.account_id for event in events})


async def on_counted(event: Counted, tx: AsyncSession) -> None:
    """Accepts a version onto the one before it only, so that a lost or swapped event is seen."""
    if event.fails == "bug":
        raise ZeroDivisionError("a bug in a consumer")
    if event.fails:
        raise Conflict(event.fails)
    thing = await locked(tx, Thing, event.account_id)
    if event.version != thing.version + 1 and not event.lenient:
        raise OutOfOrder(f"thing {thing.id} is at {thing.version}, the event is {event.version}")
    thing.version = thing.version + 1 if event.lenient else event.version
    append(
        tx,
        Applied,
        event_id=new_id() if event.lenient else event.id,
        thing=thing.id,
        version=event.version,
        name=event.name,
    )
    announce(tx, Passed(occurred_at=event.occurred_at, account_id=thing.id, version=event.version))


async def on_count(command: Count, tx: AsyncSession) -> None:
    if command.fails:
        raise Conflict(command.fails)
    thing = await locked(tx, Thing, command.account_id)
    thing.version += 1


def make_door() -> Door:
    door = Door("toy", refused=ToyCommandRefused)
    door.on(Counted, prefetch=lock_things)(on_counted)
    door.on(Count, prefetch=lock_things)(on_count)
    return door


def counted(thing: int, version: int, **changed: Any) -> Counted:
    return Counted(occurred_at=NOW, account_id=thing, version=version, **changed)


TABLES = (
    "CREATE TABLE unrelated (n bigint)",
    "CREATE FUNCTION refuse_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF NEW.name = 'refused at commit' THEN RAISE EXCEPTION 'this name is refused' USING ERRCODE = 'check_violation';"
    " END IF; RETURN NULL; END $$",
    "CREATE CONSTRAINT TRIGGER name_at_commit AFTER INSERT ON applied DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION refuse_name()",
)


async def make_tables(engine: AsyncEngine) -> None:
    def make(connection: Connection) -> None:
        create_mechanism(Operations(MigrationContext.configure(connection)))
        Base.metadata.create_all(connection)

    async with engine.begin() as connection:
        await connection.run_sync(make)
        for statement in TABLES:
            await connection.execute(text(statement))


EMPTIED = ("inbox", "outbox", "published", "parked_scope", "parked_event", "idempotency_key", "credential", "applied",
           "thing", "unrelated")  # fmt: skip


@dataclass
class Toy:
    url: str
    engine: AsyncEngine
    db: Database

    async def empty(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text("TRUNCATE audit_log"))  # its trigger refuses DELETE
            for table in EMPTIED:
                await connection.execute(text(f"DELETE FROM {table}"))
            await connection.execute(text("INSERT INTO thing SELECT n, 0 FROM generate_series(1, 50) AS n"))

    async def rows(self, sql: str, **parameters: Any) -> list[Any]:
        async with self.engine.connect() as connection:
            return list(await connection.execute(text(sql), parameters))

    async def value(self, sql: str, **parameters: Any) -> Any:
        [row] = await self.rows(sql, **parameters)
        return row[0]

    def open_door(self, **settings: Any) -> OpenDoor:
        return OpenDoor(make_door(), self.db, **settings)

    async def versions(self) -> dict[int, int]:
        return {row.id: row.version for row in await self.rows("SELECT id, version FROM thing WHERE version > 0")}

    async def parked(self) -> list[Any]:
        return await self.rows("SELECT * FROM parked_event ORDER BY seq")
