"""Servers that have nothing, as fast as they can: python -m benchmarks.nobody DNS_PORT HTTP_PORT. Every name has the
address of loopback and no other record, but those below .net, which hold PROOF where it is looked for; every file is
missing."""

import asyncio
import sys

import uvloop

A, IN, TXT, CAA = b"\0\1", b"\0\1", b"\0\x10", b"\1\1"
PROOF = "c8c1f0aa3d5b4c0f8a3e1d2b7f9e6a54"
HOLDS = b"\xc0\x0c" + TXT + IN + b"\0\0\0\x3c\0\x21\x20" + PROOF.encode()
LOOPBACK = b"\xc0\x0c" + A + IN + b"\0\0\0\x3c\0\4\x7f\0\0\1"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Names(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        end = 12
        while data[end]:
            end += data[end] + 1
        question = data[12 : end + 5]
        if question[-4:-2] == A:
            self._transport.sendto(data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + LOOPBACK, address)
        elif question[-4:-2] == TXT and question[:9] == b"\x08_dnsauth" and question[-9:-4] == b"\3net\0":
            self._transport.sendto(data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + HOLDS, address)
        elif question[-4:-2] == CAA:
            self._transport.sendto(data[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + question, address)
        else:
            self._transport.sendto(data[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + question, address)


class Files(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._transport.write(MISSING)
        self._transport.close()


async def main(dns_port: int, http_port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", dns_port))
    server = await loop.create_server(Files, "127.0.0.1", http_port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
