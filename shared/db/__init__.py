"""One transaction per door: state, announcements and inbox rows leave in the same commit."""

from shared.db.appending import append
from shared.db.columns import COLUMN_TYPES, POSTGRESQL, mechanism, new_metadata, to_json
from shared.db.connecting import CONNECT_WITHIN, Connector
from shared.db.database import Database, at_end, at_last, make_engine, utcnow
from shared.db.outage import is_own, is_transient
from shared.db.rows import (
    add,
    by_keys,
    key_arrays,
    known,
    lock_all,
    locked,
    locked_or_none,
    read_all,
    remember_locked,
    remember_read,
    the,
)

__all__ = [
    "COLUMN_TYPES",
    "CONNECT_WITHIN",
    "POSTGRESQL",
    "Connector",
    "Database",
    "add",
    "append",
    "at_end",
    "at_last",
    "by_keys",
    "is_own",
    "is_transient",
    "key_arrays",
    "known",
    "lock_all",
    "locked",
    "locked_or_none",
    "make_engine",
    "mechanism",
    "new_metadata",
    "read_all",
    "remember_locked",
    "remember_read",
    "the",
    "to_json",
    "utcnow",
]
