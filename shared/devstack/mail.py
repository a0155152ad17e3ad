import asyncio
import itertools
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MESSAGE = 32 * 1024 * 1024


class MailSink:
    """Takes every mail and keeps it as a file: `<time>-<n>.eml`, the envelope in front as mail servers write it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._count = itertools.count(1)
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _session(self) -> SMTP:
        return SMTP(self, enable_SMTPUTF8=True, data_size_limit=LARGEST_MESSAGE, hostname="localhost")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{next(self._count)}.eml"
        self._keep(name, _as_delivered(envelope))
        return f"250 kept as {name}"

    def _keep(self, name: str, message: bytes) -> None:
        half = self.directory / f".{name}"
        half.write_bytes(message)
        half.replace(self.directory / name)


def _as_delivered(envelope: Envelope) -> bytes:
    content = envelope.content if isinstance(envelope.content, bytes) else b""
    recipients = "".join(f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
    return f"Return-Path: <{envelope.mail_from or ''}>\r\n{recipients}".encode() + content
