import asyncio
import errno
import struct
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from shared.devstack.child import free_port
from shared.devstack.zone import Answer, ZoneFile

LARGEST_UDP = 1232  # what passes everywhere unfragmented (DNS flag day 2020)
IDLE_TCP_SECONDS = 10.0
HEADER_LENGTH = 12


class Answers(Protocol):
    def answer(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Answer: ...


class Source(Protocol):
    """A zone file, or a view of one."""

    path: Path

    def current(self) -> Answers: ...


class DnsServer:
    """Authoritative for everything its zone file holds, on loopback, over UDP and TCP on the same port."""

    def __init__(self, zone_file: "Path | Source", say: Callable[[str], None] = print, port: int = 0) -> None:
        self.zone_file: Source = ZoneFile(zone_file, say) if isinstance(zone_file, Path) else zone_file
        self._wanted = port
        self._tcp: asyncio.Server
        self._udp: asyncio.DatagramTransport
        self._connections: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._talk, "127.0.0.1", await self._free_udp_port(loop))
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._udp.close()
        self._tcp.close()
        for writer in self._connections:
            writer.close()

    @property
    def port(self) -> int:
        port: int = self._udp.get_extra_info("sockname")[1]
        return port

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def _free_udp_port(self, loop: asyncio.AbstractEventLoop) -> int:
        while True:  # a port that is free for TCP may be taken for UDP
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Udp(self.respond), local_addr=("127.0.0.1", self._wanted or free_port())
                )
            except OSError as error:
                if self._wanted or error.errno != errno.EADDRINUSE:
                    raise
            else:
                return self.port

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                async with asyncio.timeout(IDLE_TCP_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    response = self.respond(await reader.readexactly(length), over_udp=False)
                if response is None:
                    return
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        except (TimeoutError, EOFError, ConnectionError):
            return
        finally:
            self._connections.discard(writer)
            writer.close()

    def respond(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        try:
            query = dns.message.from_wire(wire)
            response = _response(query, self.zone_file.current())
        except (dns.exception.DNSException, ValueError):
            return _malformed(wire)
        room = max(512, min(query.payload, LARGEST_UDP)) if over_udp else 65535
        return response.to_wire(max_size=room, prefer_truncation=True)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, respond: Callable[..., bytes | None]) -> None:
        self._respond = respond

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._respond(data, over_udp=True)
        if response is not None:
            self._transport.sendto(response, addr)


def _response(query: dns.message.Message, zone: Answers) -> dns.message.Message:
    response = dns.message.make_response(query, our_payload=LARGEST_UDP)
    refusal = _refusal(query)
    if refusal is not None:
        response.set_rcode(refusal)
        return response
    answer = zone.answer(query.question[0].name, query.question[0].rdtype)
    response.flags |= dns.flags.AA
    response.set_rcode(answer.rcode)
    response.answer = answer.records
    response.authority = [answer.soa] if answer.soa else []
    return response


def _refusal(query: dns.message.Message) -> dns.rcode.Rcode | None:
    if query.edns > 0:
        return dns.rcode.BADVERS
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if len(query.question) != 1:
        return dns.rcode.FORMERR
    return None if query.question[0].rdclass == dns.rdataclass.IN else dns.rcode.REFUSED


def _malformed(wire: bytes) -> bytes | None:
    """FORMERR with the id of the query; what has no header, or is itself a response, gets no answer."""
    if len(wire) < HEADER_LENGTH or wire[2] & 0x80:
        return None
    response = dns.message.Message(id=int.from_bytes(wire[:2]))
    response.flags = dns.flags.QR
    response.set_rcode(dns.rcode.FORMERR)
    return response.to_wire()
