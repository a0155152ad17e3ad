"""Is an error of the database's absence, and what is an operator told about it."""

import errno
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db.connecting import places
from shared.waiting import Outage, in_words

# Connection, serialisation, deadlock, resources (connections, disk), lock and idle time-out, read-only (a fail-over),
# operator (shutdown, starting up, statement time-out); a login that is refused, a database that is not there.
# A right that is missing passes where connecting lacks it, as a refused login does; in a statement it is our fault.
DENIED = "42501"
TRANSIENT = ("08", "40001", "40P01", "53", "55P03", "25P03", "25006", "57", "28", "3D000")


OWN = (errno.EMFILE, errno.ENFILE, errno.ENOSPC)


def is_transient(error: Exception) -> bool:
    if isinstance(error, OSError | PoolTimeout) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    cause = cause_of(error)
    if isinstance(cause, asyncpg.InternalClientError):  # the server's last word came in the middle of a statement
        return "cannot switch to state" in str(cause)
    if isinstance(cause, asyncpg.InterfaceError):
        return "is closed" in str(cause)
    return sqlstate(error).startswith(TRANSIENT) or (sqlstate(error) == DENIED and not isinstance(error, DBAPIError))


def is_own(error: BaseException) -> bool:
    """Of this process's files or its machine, not of a connection."""
    return isinstance(error, OSError) and (error.filename is not None or error.errno in OWN)


def cause_of(error: Exception) -> BaseException:
    """The driver's own error under SQLAlchemy's; when connecting it is not wrapped."""
    return (error.orig.__cause__ or error.orig or error) if isinstance(error, DBAPIError) and error.orig else error


def sqlstate(error: Exception) -> str:
    return str(getattr(cause_of(error), "sqlstate", None) or "")


@contextmanager
def saying_absence(url: str, service: str) -> Iterator[None]:
    """Raises Outage where the database is not to be had, or lets its login do nothing."""
    try:
        yield
    except Exception as error:
        if not is_transient(error) and sqlstate(error) != DENIED:
            raise
        raise outage(error, url, service) from error


def outage(error: Exception, url: str, service: str) -> Outage:
    """The URL holds a password and is never said."""
    target, code, setting = make_url(url), sqlstate(error), f"ISSUARY_{service.upper()}_DATABASE_URL"
    place = places(url)
    if code.startswith("28"):
        return Outage(f"PostgreSQL refuses the login {target.username} at {place}: check {setting}", by_hand=True)
    if code == DENIED:
        denied = f"PostgreSQL denies the login {target.username} the database {target.database} at {place}"
        return Outage(f"{denied}: check {setting}, and who owns the database", by_hand=True)
    if code == "3D000":
        made = f'CREATE DATABASE "{target.database}" OWNER "{target.username}"'
        return Outage(f"there is no database {target.database} at {place}: {made}; or check {setting}", by_hand=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Outage(f"PostgreSQL at {place}: {in_words(error)}; check {setting} and …_DATABASE_CA", by_hand=True)
    return Outage(f"waits for the database {target.database} at {place}: {in_words(cause_of(error))}")
