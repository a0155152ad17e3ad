"""A DNS server that knows nothing, as fast as it can: python -m benchmarks.empty_dns PORT."""

import asyncio
import sys

import uvloop


class Nothing(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        end = 12
        while data[end]:
            end += data[end] + 1
        self._transport.sendto(data[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + data[12 : end + 5], address)


async def main(port: int) -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(Nothing, local_addr=("127.0.0.1", port))
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
