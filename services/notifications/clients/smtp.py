import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from services.notifications.rules import CORRECT_IT, Undelivered, is_final

IDLE_SECONDS = 30.0


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
    """One kept connection to the mail server."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: SMTP | None = None
        self._used = 0.0

    async def send(self, sender: str, recipient: str, mail: bytes) -> None:
        try:
            smtp = await self._connected()
            await smtp.sendmail(sender, [recipient], mail)
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
                return self._smtp
        self._smtp = _new_connection(self._server)
        await self._smtp.connect()
        return self._smtp

    async def rest(self) -> None:
        if self._smtp and time.monotonic() - self._used > IDLE_SECONDS:
            await self.close()

    async def close(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp and smtp.is_connected:
            with suppress(SMTPException, OSError):
                await smtp.quit()
            smtp.close()


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
