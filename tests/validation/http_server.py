"""An HTTP server that does as it is told, byte for byte, and notes every connection and request."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FILE = "/.well-known/pki-validation/fileauth.txt"
Answer = bytes | Sequence[bytes | float]  # parts are sent one after the other; a number is a pause


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(status: int, *locations: str) -> bytes:
    return answer(status, b"", *(f"Location: {location}" for location in locations))


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def host(self) -> str:
        return self.headers["host"]


@dataclass
class HttpServer:
    """`answers` by `host path`, without a port, or by the path alone."""

    answers: dict[str, Answer] = field(default_factory=dict)
    address: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    connections: int = 0
    asked: list[Request] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # SNI

    async def __aenter__(self) -> Self:
        if self.tls:
            self.tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._talk, self.address, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def says(self, given: Answer, place: str = FILE) -> None:
        self.answers[place] = given

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            request = _parsed(await reader.readuntil(b"\r\n\r\n"))
            self.asked.append(request)
            name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
            given = self.answers.get(f"{name} {request.path}") or self.answers.get(request.path, answer(404))
            for part in [given] if isinstance(given, bytes) else given:
                if isinstance(part, bytes):
                    writer.write(part)
                    await writer.drain()
                else:
                    await asyncio.sleep(part)
        except (EOFError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


def _parsed(raw: bytes) -> Request:
    first, *rest = raw.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
    return Request(method, path, headers, raw)


@cache
def certificate(expired: bool = False) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    end = datetime.now(UTC) + timedelta(days=-1 if expired else 1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=9))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem), secret


def a_tls_context(expired: bool = False, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if most < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = most
    context.maximum_version = most
    with TemporaryDirectory() as directory:
        path = Path(directory, "chain.pem")
        path.write_bytes(b"".join(certificate(expired)))
        context.load_cert_chain(path)
    return context
