"""A small name server on loopback that takes updates signed with TSIG (RFC 2136) and answers from what it was told."""

import asyncio
import struct
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.update

KEY_NAME, KEY = "issuary.", "c2VjcmV0LW9mLXRoZS10ZXN0cw=="
Records = dict[tuple[dns.name.Name, dns.rdatatype.RdataType], set[str]]


class ZoneServer:
    """TCP for updates, UDP for questions; `refuses` answers every update so."""

    def __init__(self) -> None:
        self.records: Records = {}
        self.updates: list[str] = []
        self.refuses: dns.rcode.Rcode | None = None
        self.port = 0
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "ZoneServer":
        self._tcp = await asyncio.start_server(self._stream, "127.0.0.1", 0)
        self.port = self._tcp.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Questions(self), ("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._tcp and self._udp:
            self._tcp.close()
            self._udp.close()
            await self._tcp.wait_closed()

    def point(self, name: str, to: str) -> None:
        self.records[dns.name.from_text(name), dns.rdatatype.CNAME] = {f"{to.rstrip('.')}."}

    def texts(self, name: str) -> set[str]:
        return self.records.get((dns.name.from_text(name), dns.rdatatype.TXT), set())

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                [length] = struct.unpack("!H", await reader.readexactly(2))
                answer = self.answer(await reader.readexactly(length))
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    def answer(self, wire: bytes) -> bytes:
        keyring = dns.tsigkeyring.from_text({KEY_NAME: KEY})
        try:
            asked = dns.message.from_wire(wire, keyring=keyring)
        except Exception:
            return self._refused(wire)
        response = dns.message.make_response(asked)
        if asked.opcode() == dns.opcode.UPDATE:
            response.set_rcode(self._update(asked))
        else:
            self._look_up(asked.question[0], response)
        return response.to_wire()

    def _refused(self, wire: bytes) -> bytes:
        """A signature that does not fit: NOTAUTH (RFC 8945 5.2), unsigned."""
        return wire[:2] + struct.pack("!HHHHH", 0xA800 | dns.rcode.NOTAUTH, 0, 0, 0, 0)

    def _update(self, asked: Any) -> dns.rcode.Rcode:
        if self.refuses is not None or not asked.had_tsig:
            return self.refuses or dns.rcode.REFUSED
        for rrset in asked.update:
            kept = self.records.setdefault((rrset.name, rrset.rdtype), set())
            texts = {record.to_text() for record in rrset}
            gone = rrset.deleting is not None
            self.updates.append(f"{'-' if gone else '+'} {rrset.name}")
            self.records[rrset.name, rrset.rdtype] = kept - texts if gone else kept | texts
        return dns.rcode.NOERROR

    def _look_up(self, question: Any, response: Any) -> None:
        """Follows an alias, as a resolver does."""
        response.flags |= dns.flags.AA | dns.flags.RA
        name = question.name
        for _ in range(8):
            alias = self.records.get((name, dns.rdatatype.CNAME))
            if not alias:
                break
            [target] = alias
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", target))
            name = dns.name.from_text(target)
        if texts := self.records.get((name, question.rdtype)):
            response.answer.append(dns.rrset.from_text_list(name, 60, "IN", question.rdtype, sorted(texts)))


class _Questions(asyncio.DatagramProtocol):
    def __init__(self, server: ZoneServer) -> None:
        self.server = server

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(self.server.answer(data), addr)
