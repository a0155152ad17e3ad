"""One transaction per door: state, announcements and inbox rows leave in the same commit."""

from shared.db.appending import append, write_appended
from shared.db.columns import COLUMN_TYPES, POSTGRESQL, array_type, mechanism, new_metadata, to_json
from shared.db.connecting import CONNECT_WITHIN, Connector
from shared.db.database import Database, at_end, at_last, attempt, make_engine, utcnow, wake_at_commit
from shared.db.outage import is_own, is_transient
from shared.db.rows import (
    add,
    by_keys,
    key_arrays,
    known,
    lock_all,
    locked,
    locked_or_none,
    plan_for_values,
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
    "array_type",
    "at_end",
    "at_last",
    "attempt",
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
    "plan_for_values",
    "read_all",
    "remember_locked",
    "remember_read",
    "the",
    "to_json",
    "utcnow",
    "wake_at_commit",
    "write_appended",
]
