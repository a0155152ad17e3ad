"""The mail server of the run: counts the Message-IDs it takes, with their recipients and times."""

import asyncio
import hashlib
import time
from types import TracebackType
from typing import NamedTuple, Self, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL = 32 * 1024 * 1024


class Mail(NamedTuple):
    message_id: str
    recipient: str
    digest: str
    at: float


class Sink:
    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.trap: asyncio.Future[int] | None = None  # gets the sender's port as soon as the next mail is answered
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def _session(self) -> SMTP:
        return SMTP(self, enable_SMTPUTF8=True, data_size_limit=LARGEST_MAIL, hostname="localhost")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        digest = hashlib.sha256(content).hexdigest()
        for recipient in envelope.rcpt_tos:
            self.mails.append(Mail(_message_id(content), recipient, digest, time.time()))
        if self.trap and not self.trap.done():
            _, port = cast(tuple[str, int], session.peer)
            asyncio.get_running_loop().call_soon(self._spring, port)
        return "250 taken"

    def _spring(self, port: int) -> None:
        if self.trap and not self.trap.done():
            self.trap.set_result(port)


def _message_id(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0]
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:")]
    return lines[0].partition(b":")[2].strip().decode() if len(lines) == 1 else ""
