"""The file of method .18, fetched hop by hop: every redirect is judged before anything is connected to (HT8)."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext, SSLError, TLSVersion

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_exceptions import ClientConnectorError
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from services.validation.clients.dns import DnsClient
from services.validation.clients.guard import guarded_sockets
from services.validation.rules.answers import Status
from services.validation.rules.guard import Blocked, Guard
from services.validation.rules.hops import BODY_CAP, Fault, Hop, Try
from services.validation.rules.http_target import FOLLOWED, Refused, Target, first_target, follow
from services.validation.rules.names import Suffixes

CONNECT_SECONDS, ALL_SECONDS = 10.0, 20.0  # HT16
HEADER_CAP = 16 * 1024
HTTP2 = re.compile(r"\\x00\\x00.\S*?\\x04|PRI \* HTTP/2")


class HttpClient:
    """Nothing is kept between requests: no cookie, no connection, no name. No proxy of the machine's is used (HT14)."""

    def __init__(
        self, dns: DnsClient, suffixes: Suffixes, guard: Guard, perspective: str = "primary",
        all_seconds: float = ALL_SECONDS, connect_seconds: float = CONNECT_SECONDS,
    ) -> None:  # fmt: skip
        self.dns, self.suffixes, self.guard = dns, suffixes, guard
        self.all_seconds, self.connect_seconds = all_seconds, connect_seconds
        self.user_agent = f"Issuary-DCV/1 (perspective {perspective})"
        self._tls = _any_certificate()
        self._session: ClientSession | None = None

    async def fetch(self, name: str, file: str) -> tuple[Hop, ...]:
        """Every request made, in their order; at least one."""
        target = first_target(name, file, self.guard)
        hops: list[Hop] = []
        visited: list[Target] = []
        ends_at = asyncio.get_running_loop().time() + self.all_seconds
        while True:
            visited.append(target)
            hop = await self._hop(target, ends_at, first=not hops)
            hop, following = self._next(target, hop, visited)
            hops.append(hop)
            if following is None:
                return tuple(hops)
            target = following

    def _next(self, target: Target, hop: Hop, visited: list[Target]) -> tuple[Hop, Target | None]:
        if hop.fault or hop.status is None or not 300 <= hop.status <= 399:
            return hop, None
        if hop.status not in FOLLOWED:
            refused = f"status {hop.status} is no redirect that may be followed; use 301, 302, 307 or 308"
            return (replace(hop, fault=Fault.STATUS, detail=refused) if hop.locations else hop), None
        try:
            return hop, follow(target, hop.locations, visited, self.guard, self.suffixes)
        except Refused as reason:
            return replace(hop, fault=reason.fault, detail=reason.sentence), None

    async def _hop(self, target: Target, ends_at: float, first: bool) -> Hop:
        hop = Hop(target.url(self.guard), target.host, target.port)
        try:
            async with asyncio.timeout_at(ends_at):
                hop = await self._resolved(target, hop)
                return hop if hop.fault else await self._asked(target, hop, first)
        except TimeoutError:
            return replace(hop, fault=Fault.TIMEOUT, detail=f"no answer within {self.all_seconds:g} s in all")

    async def _resolved(self, target: Target, hop: Hop) -> Hop:
        """One resolution a hop (SG3). A family that fails does no harm where the other has an address, except when the
        failure is one of DNSSEC (HT11)."""
        if target.is_address:
            return replace(hop, addresses=(target.host,))
        answers = tuple(await asyncio.gather(*(self.dns.ask(target.host, kind) for kind in ("AAAA", "A"))))
        addresses = tuple(value for answer in answers for value in answer.values)
        refused = tuple(address for address in addresses if not self.guard.is_open(address))
        hop = replace(hop, answers=answers, addresses=addresses, refused=refused)
        if not addresses or any(answer.status is Status.BOGUS for answer in answers):
            return replace(hop, fault=Fault.NO_ADDRESS)
        if len(refused) == len(addresses):
            why = f"its address {refused[0]} is not connected to: {self.guard.why_refused(refused[0])}"
            return replace(hop, fault=Fault.BLOCKED, detail=why)
        return hop

    async def _asked(self, target: Target, hop: Hop, first: bool) -> Hop:
        """IPv6 is preferred; IPv4 is a second try only where no connection came about on the first request (HT10)."""
        for address in _one_of_each_family(set(hop.addresses) - set(hop.refused), hop.addresses):
            hop = await self._try(target, address, hop)
            if hop.fault is not Fault.CONNECT or not first:
                break
        return hop

    async def _try(self, target: Target, address: str, hop: Hop) -> Hop:
        hop = replace(hop, fault=None, detail="")
        try:
            async with self._request(target, address) as response:
                return replace(await _read(response, hop), tries=(*hop.tries, Try(address)))
        except (ClientError, HttpProcessingError, Blocked, OSError, ValueError) as error:
            fault, detail = _why(error)
            return replace(hop, tries=(*hop.tries, Try(address, detail or fault)), fault=fault, detail=detail)

    def _request(self, target: Target, address: str):  # type: ignore[no-untyped-def]  # aiohttp's is a private type
        """To the pinned address; the name goes into Host and SNI."""
        path, _, query = target.path.partition("?")
        place = URL.build(
            scheme=target.scheme,
            host=f"[{address}]" if ":" in address else address,
            port=target.port,
            path=path,
            query_string=query,
            encoded=True,
        )
        return self._opened().get(
            place,
            headers={"Host": target.authority(self.guard), "Accept": "*/*", "Accept-Encoding": "identity",
                     "User-Agent": self.user_agent},
            allow_redirects=False,
            server_hostname=None if target.is_address or target.scheme == "http" else target.host,
        )  # fmt: skip

    def _opened(self) -> ClientSession:
        if self._session is None:
            connector = TCPConnector(
                ssl=self._tls, force_close=True, limit=0, use_dns_cache=False,
                socket_factory=guarded_sockets(self.guard, *self.guard.web_ports.values()),
            )  # fmt: skip
            self._session = ClientSession(
                connector=connector, cookie_jar=DummyCookieJar(), trust_env=False, auto_decompress=False,
                timeout=ClientTimeout(total=None, sock_connect=self.connect_seconds),
                max_line_size=HEADER_CAP, max_field_size=HEADER_CAP,
            )  # fmt: skip
        return self._session

    async def close(self) -> None:
        if self._session:
            await self._session.close()


def _any_certificate() -> SSLContext:
    """There may be no valid certificate yet (HT9); what is proven is the content, and the name by DNS."""
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, CERT_NONE
    context.minimum_version = TLSVersion.TLSv1_2
    return context


def _one_of_each_family(usable: set[str], in_order: Iterable[str]) -> list[str]:
    found: dict[bool, str] = {}
    for address in in_order:
        if address in usable:
            found.setdefault(":" in address, address)
    return [found[family] for family in (True, False) if family in found]


async def _read(response: ClientResponse, hop: Hop) -> Hop:
    hop = replace(
        hop,
        status=response.status,
        locations=tuple(response.headers.getall("Location", ())),
        encoding=",".join(response.headers.getall("Content-Encoding", ())),
    )
    if sum(len(name) + len(value) + 4 for name, value in response.raw_headers) > HEADER_CAP:
        return replace(hop, fault=Fault.HEADERS)
    return hop if response.status != 200 else replace(hop, body=await _body(response))


async def _body(response: ClientResponse) -> str:
    """In a loop until the end or the cap: one `read(n)` stops at the first chunk (HT12)."""
    parts = bytearray()
    async for part in response.content.iter_any():
        parts += part
        if len(parts) > BODY_CAP:
            break
    return bytes(parts[: BODY_CAP + 1]).decode("latin-1")


def _why(error: Exception) -> tuple[Fault, str]:
    said = getattr(error, "message", None)
    text = said if isinstance(said, str) and said else str(error)
    if isinstance(error, Blocked):
        return Fault.BLOCKED, text
    if isinstance(error, (ClientSSLError, SSLError)):
        return Fault.TLS, text
    if isinstance(error, ConnectionTimeoutError):
        return Fault.CONNECT, "no connection in time"
    if isinstance(error, ClientConnectorError) and isinstance(error.os_error, ConnectionResetError):
        return Fault.TLS, "the connection was closed during the handshake"
    if isinstance(error, ClientConnectorError):
        return Fault.CONNECT, error.strerror or text
    if "Got more than" in text or "Too many headers" in text:  # of aiohttp's parser, which says it in words only
        return Fault.HEADERS, ""
    if HTTP2.search(text):
        return Fault.HTTP2, ""
    return Fault.BROKEN, " ".join(text.split()) or type(error).__name__
