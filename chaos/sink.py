"""The mail server of the run: counts the Message-IDs it takes, with their recipients and times."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple, Self, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL = 32 * 1024 * 1024


class Mail(NamedTuple):
    message_id: str
    recipient: str
    digest: str
    at: float


class Trap:
    """Holds the answer to the next mail back, until nobody is left who could note it."""

    def __init__(self) -> None:
        self.caught: asyncio.Future[int] = asyncio.get_running_loop().create_future()  # the sender's port
        self._nobody_runs, self._answered = asyncio.Event(), asyncio.Event()

    async def hold(self, port: int) -> None:
        self.caught.set_result(port)
        await self._nobody_runs.wait()
        asyncio.get_running_loop().call_soon(self._answered.set)  # the answer leaves before that

    async def answer(self) -> None:
        self.open()
        await self._answered.wait()

    def open(self) -> None:
        self.caught.cancel()
        self._nobody_runs.set()


class Sink:
    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self._trap: Trap | None = None
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

    @contextmanager
    def trapped(self) -> Iterator[Trap]:
        self._trap = trap = Trap()
        try:
            yield trap
        finally:
            trap.open()

    def _session(self) -> SMTP:
        return SMTP(self, enable_SMTPUTF8=True, data_size_limit=LARGEST_MAIL, hostname="localhost")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        digest = hashlib.sha256(content).hexdigest()
        for recipient in envelope.rcpt_tos:
            self.mails.append(Mail(_message_id(content), recipient, digest, time.time()))
        if self._trap and not self._trap.caught.done():
            _, port = cast(tuple[str, int], session.peer)
            await self._trap.hold(port)
        return "250 taken"


def _message_id(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0]
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:")]
    return lines[0].partition(b":")[2].strip().decode() if len(lines) == 1 else ""
