"""How a service's tables are named and typed, and the metadata of the mechanism's own."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, dialect
from sqlalchemy.dialects.postgresql import UUID as PgUuid

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
POSTGRESQL: Any = dialect()  # type: ignore[no-untyped-call]
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: json.dumps makes it each time


def array_type(kind: Any) -> str:
    """In SQL; a column's collation is none of an array's."""
    return f"{kind.compile(dialect=POSTGRESQL).partition(' COLLATE')[0]}[]"


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)


mechanism = new_metadata()
