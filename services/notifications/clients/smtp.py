import asyncio
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from services.notifications.rules import CORRECT_IT, Undelivered, is_final
from shared.waiting import LONGEST_PAUSE, PAUSE_BY_HAND, Waiting, in_words

IDLE_SECONDS = 30.0
KNOCK_EVERY = 30.0


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    tls: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    trusts: ssl.SSLContext | None = None  # whom the system trusts where it is not given
    seconds: float = 30.0


class Post:
    """One kept connection to the mail server. While `waiting` has a reason no mail is worth an attempt."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: SMTP | None = None
        self._used = 0.0
        self._next_knock = 0.0
        self._busy = asyncio.Lock()  # the steps that send and knock have one connection
        self.waiting = Waiting("notifications")

    @property
    def faults(self) -> list[str]:
        return list(self.waiting.reasons.values())

    async def knock(self) -> bool:
        """A worker's step: whether the server is to be had, also while no mail is due. A server that is just being
        spoken to is not asked."""
        if time.monotonic() >= self._next_knock and not self._busy.locked():
            async with self._busy:
                with suppress(SMTPException, OSError, ValueError):
                    await self._connected()
        return False

    async def send(self, sender: str, recipient: str, mail: bytes) -> None:
        try:
            async with self._busy:
                await (await self._connected()).sendmail(sender, [recipient], mail)
        except SMTPRecipientsRefused as error:
            raise _refused(recipient, error.recipients[0]) from error
        except SMTPDataError as error:
            raise Undelivered(f"The mail server refused the mail: {_said(error)}.", is_final(error.code)) from error
        except SMTPResponseException as error:  # about us, not about this mail: an operator can put it right
            raise Undelivered(f"The mail server {self._server.host} does not serve us: {_said(error)}.") from error
        except (SMTPException, OSError, ValueError) as error:
            raise Undelivered(f"The mail server {self._server.host} does not answer: {error}.") from error
        self._used = time.monotonic()

    async def _connected(self) -> SMTP:
        """A server may have closed a kept connection meanwhile; asking first costs a round trip and saves a failure."""
        if self._smtp and self._smtp.is_connected:
            with suppress(SMTPException, OSError):
                await self._smtp.noop()
                return self._there(self._smtp)
            self._smtp.close()
        smtp = _new_connection(self._server)
        try:
            await smtp.connect()
        except (SMTPException, OSError, ValueError) as error:
            self._wait(error)
            raise
        return self._there(smtp)

    def _there(self, smtp: SMTP) -> SMTP:
        self._smtp, self._next_knock = smtp, time.monotonic() + KNOCK_EVERY
        self.waiting.over("the mail server")
        return smtp

    def _wait(self, error: Exception) -> None:
        by_hand = isinstance(error, SMTPAuthenticationError)
        self.waiting.because("the mail server", _why(self._server, error))
        self._next_knock = time.monotonic() + (PAUSE_BY_HAND if by_hand else LONGEST_PAUSE)

    async def rest(self) -> None:
        if self._smtp and time.monotonic() - self._used > IDLE_SECONDS:
            await self.close()

    async def close(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp and smtp.is_connected:
            with suppress(SMTPException, OSError):
                await smtp.quit()
            smtp.close()


def _why(server: MailServer, error: Exception) -> str:
    place = f"{server.host}:{server.port}"
    if isinstance(error, SMTPAuthenticationError):
        check = "ISSUARY_NOTIFICATIONS_SMTP_USER and ISSUARY_NOTIFICATIONS_SMTP_PASSWORD"
        return f"the mail server {place} refuses the login {server.user}: check {check} ({error.code})"
    if isinstance(error, SMTPResponseException):
        return f"waits for the mail server {place}: {_said(error)}"
    return f"waits for the mail server {place}: {in_words(error.__cause__ or error)}"


def _new_connection(server: MailServer) -> SMTP:
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        username=server.user or None,
        password=server.password or None,
        timeout=server.seconds,
        tls_context=server.trusts,
    )


def _refused(recipient: str, error: SMTPResponseException) -> Undelivered:
    final = is_final(error.code)
    advice = f" {CORRECT_IT}" if final else ""
    return Undelivered(f"The mail server refused {recipient}: {_said(error)}.{advice}", final)


def _said(error: SMTPResponseException) -> str:
    return f"{error.code} {error.message}".rstrip(". ")
