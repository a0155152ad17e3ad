"""A mail server and a document server on loopback, real as far as a socket can tell, that can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Letterbox:
    """`answers` by command: what is said instead of 250. HANGUP closes the connection there."""

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    mails: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connections: list[SMTP] = field(default_factory=list)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._answer("MAIL", server)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT", server)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self._answer("DATA", server)
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer

    def _answer(self, command: str, server: SMTP) -> str:
        answer = self.answers.get(command, "250 OK")
        if answer == "HANGUP" and server.transport:
            server.transport.close()
        return answer

    def drop_all(self) -> None:
        """As a server does that was idle too long, or restarted."""
        for connection in self.connections:
            if connection.transport:
                connection.transport.close()

    def session(self) -> SMTP:
        self.connections.append(SMTP(self, hostname="mail.test", loop=asyncio.get_running_loop()))
        return self.connections[-1]


@asynccontextmanager
async def a_mail_server(port: int = 0) -> AsyncIterator[Letterbox]:
    box = Letterbox()
    server = await asyncio.get_running_loop().create_server(box.session, "127.0.0.1", port)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    box.drop_all()
    await asyncio.sleep(0)


@dataclass
class Shelf:
    """Documents by path; `status`, `pause` and `location` spoil the answer."""

    origin: str = ""
    documents: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    pause: float = 0.0
    location: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path, headers = _parsed(request)
        self.asked.append((path, headers))
        body = self.documents.get(path)
        writer.write(self._head(self.status if body is not None else 404, len(body or b"")).encode())
        for at in range(0, len(body or b""), 4096):
            await asyncio.sleep(self.pause)
            writer.write((body or b"")[at : at + 4096])
        writer.close()

    def _head(self, status: int, size: int) -> str:
        moved = f"Location: {self.location}\r\n" if self.location else ""
        return f"HTTP/1.1 {status} x\r\nContent-Length: {size}\r\nConnection: close\r\n{moved}\r\n"


def _parsed(request: str) -> tuple[str, dict[str, str]]:
    first, *lines = request.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return first.split(" ")[1], headers


@asynccontextmanager
async def a_document_server(**spoilt: Any) -> AsyncIterator[Shelf]:
    shelf = Shelf(**spoilt)
    server = await asyncio.start_server(shelf.answer, "127.0.0.1", 0)
    shelf.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield shelf
    server.close()
