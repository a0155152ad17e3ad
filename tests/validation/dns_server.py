"""A DNS server that does as it is told: answers by name, transport and n-th query, late, wrong or never."""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Change = Callable[[dns.message.Message], dns.message.Message | bytes]
LARGEST = 1232


@dataclass(frozen=True)
class Script:
    """What to say. `records` are lines of a zone file with full names; `change` has the last word on the response."""

    records: tuple[str, ...] = ()
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    errors: tuple[tuple[int, str], ...] = ()
    authentic: bool = False
    truncated: bool = False
    delay: float = 0.0
    silent: bool = False
    before: tuple[bytes, ...] = ()
    change: Change | None = None


NXDOMAIN = Script(rcode=dns.rcode.NXDOMAIN)
SILENCE = Script(silent=True)


def txt(name: str, *values: str, **more: Any) -> Script:
    return Script(tuple(f'{name}. 60 IN TXT "{value}"' for value in values), **more)


@dataclass
class Asked:
    name: str
    kind: str
    transport: str
    message: dns.message.Message


@dataclass
class DnsServer:
    """`scripts` by name; a list is gone through query by query, its last entry stays. `tcp` overrides them over TCP."""

    scripts: dict[str, Script | Sequence[Script]] = field(default_factory=dict)
    tcp: dict[str, Script | Sequence[Script]] = field(default_factory=dict)
    by_kind: dict[tuple[str, str], Script] = field(default_factory=dict)  # goes before both
    asked: list[Asked] = field(default_factory=list)
    otherwise: Script = NXDOMAIN
    address: tuple[str, int] = ("127.0.0.1", 0)

    async def __aenter__(self) -> Self:
        self._turns: Counter[tuple[str, str]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        while not await self._listen():
            pass
        return self

    async def _listen(self) -> bool:
        """One port for both; that TCP's is free says nothing of UDP's."""
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.address = self._server.sockets[0].getsockname()[:2]
        loop = asyncio.get_running_loop()
        try:
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=self.address)
        except OSError:
            self._server.close()
            return False
        return True

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._udp.close()
        self._server.close()
        for task in self._tasks:
            task.cancel()

    def names_asked(self) -> list[str]:
        return [asked.name for asked in self.asked]

    def answer_soon(self, wire: bytes, send: Callable[[bytes], None]) -> None:
        task = asyncio.create_task(self._answer(wire, "udp", send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, wire: bytes, transport: str, send: Callable[[bytes], None]) -> None:
        query = dns.message.from_wire(wire)
        script = self._script_for(query, transport)
        for stray in script.before:
            send(wire[:2] + stray[2:] if stray[:2] == b"id" else stray)
        await asyncio.sleep(script.delay)
        if not script.silent:
            send(_response(query, script, transport))

    def _script_for(self, query: dns.message.Message, transport: str) -> Script:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.asked.append(Asked(name, dns.rdatatype.to_text(question.rdtype), transport, query))
        if kind := self.by_kind.get((name, self.asked[-1].kind)):
            return kind
        scripts = self.tcp if transport == "tcp" and name in self.tcp else self.scripts
        found = scripts.get(name, self.otherwise)
        if isinstance(found, Script):
            return found
        turn = self._turns[name, transport]
        self._turns[name, transport] += 1
        return found[min(turn, len(found) - 1)]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            wire = await reader.readexactly(length)
            await self._answer(wire, "tcp", lambda data: writer.write(struct.pack("!H", len(data)) + data))
            await writer.drain()
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.server.answer_soon(data, lambda wire: self.transport.sendto(wire, addr))


def _response(query: dns.message.Message, script: Script, transport: str) -> bytes:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(script.rcode)
    if script.authentic:
        response.flags |= dns.flags.AD
    if script.errors:
        options = [dns.edns.EDEOption(dns.edns.EDECode.make(code), text or None) for code, text in script.errors]
        response.use_edns(0, payload=LARGEST, options=list(options))
    response.answer = [_record(line) for line in script.records]
    changed = script.change(response) if script.change else response
    if isinstance(changed, bytes):
        return changed
    if script.truncated and transport == "udp":
        changed.answer = []
        changed.flags |= dns.flags.TC
    return changed.to_wire(max_size=65535)


def _record(line: str) -> dns.rrset.RRset:
    name, ttl, kind_class, kind, value = line.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), kind_class, kind, value)
