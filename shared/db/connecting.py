"""To whichever server of a URL takes writes; a server that vanished without a word is given up after seconds."""

import logging
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

log = logging.getLogger(__name__)

CONNECT_WITHIN = 5.0
# Of a machine that is gone nothing comes any more, not even an end: what it has not acknowledged for 20 s breaks the
# connection, and so do three unanswered probes of an idle one. Without them Linux waits a quarter of an hour.
PROBES = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
# A login refused, no right to the database, no database: an operator has to mend it.
BY_HAND = ("28", "42501", "3D000")
OF_SQLALCHEMY = ("prepared_statement_cache_size", "prepared_statement_name_func")


class Connector:
    """Tries the servers one by one, first the one that was right last time. asyncpg would do so itself, but bounds the
    time of all together, so that one that hangs would hide the next."""

    def __init__(
        self,
        url: str,
        settings: Mapping[str, str],
        encryption: ssl.SSLContext | str = "prefer",
        within: float = CONNECT_WITHIN,
    ) -> None:
        self._given = connect_args(url)
        self._places = _places(self._given.pop("host", "localhost"), self._given.pop("port", 5432))
        if len(self._places) > 1:
            self._given.setdefault("target_session_attrs", "read-write")
        self._given |= {"timeout": within, "ssl": encryption, "server_settings": dict(settings)}
        self._last = 0

    async def __call__(self) -> Any:
        faults: list[Exception] = []
        for turn in range(len(self._places)):
            number = (self._last + turn) % len(self._places)
            try:
                connection = await _connect(self._places[number], self._given)
            except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
                faults.append(error)
                continue
            self._last = number
            return connection
        raise _fault_of(self._places, faults)


async def _connect(place: tuple[str, Any], given: dict[str, Any]) -> Any:
    connection = await asyncpg.connect(host=place[0], port=int(place[1]), **given)
    _probe(connection._transport.get_extra_info("socket"))
    return connection


def _probe(sock: Any) -> None:
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    for name, value in PROBES.items():
        if option := getattr(socket, name, None):  # not every system knows all of them
            sock.setsockopt(socket.SOL_SOCKET if name == "SO_KEEPALIVE" else socket.IPPROTO_TCP, option, value)


def _fault_of(places: Sequence[tuple[str, Any]], faults: Sequence[Exception]) -> Exception:
    """With one server its own words; with several those that say what to mend, else that none could be had, which is
    worth another try."""
    telling = [fault for fault in faults if str(getattr(fault, "sqlstate", "")).startswith(BY_HAND)]
    if len(places) == 1 or telling:
        return (telling or faults)[0]
    told = "; ".join(
        f"{host}:{port} {error or type(error).__name__}" for (host, port), error in zip(places, faults, strict=True)
    )
    return ConnectionError(f"no server of the database takes writes: {told}")


def places(url: str) -> str:
    """The servers of a URL, as `host:port` by commas."""
    given = connect_args(url)
    return ", ".join(
        f"{host}:{port}" for host, port in _places(given.get("host", "localhost"), given.get("port", 5432))
    )


def _places(host: Any, port: Any) -> list[tuple[str, Any]]:
    return list(zip(host, port, strict=True)) if isinstance(host, list) else [(host, port)]


def connect_args(url: str) -> dict[str, Any]:
    """What the driver needs to know of a URL."""
    parsed = make_url(url)
    given = parsed.get_dialect()().create_connect_args(parsed)[1]
    return {name: value for name, value in given.items() if name not in OF_SQLALCHEMY}
