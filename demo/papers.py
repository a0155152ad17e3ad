"""The PDF as billing gives it out, and the mail as it left."""

import asyncio
import hashlib
import io
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

import httpx
from pypdf import PdfReader

from demo.failure import Failed, must, until
from demo.mails import Mail, Mails
from demo.wire import Fact


@dataclass(frozen=True)
class Pdf:
    number: str
    path: str
    sha256: str
    size: int


async def fetch(http: httpx.AsyncClient, ready: Fact) -> Pdf:
    """The stored document, whose bytes have the size and hash that were announced and show its number."""
    answer = await http.get(ready["path"])
    must(answer.status_code == 200, f"GET {ready['path']} answered {answer.status_code}: {answer.text[:300]}")
    sha256, number = hashlib.sha256(answer.content).hexdigest(), ready["number"]
    must(
        len(answer.content) == ready["size"], f"The PDF of {number} has {len(answer.content)} bytes, not as announced."
    )
    must(sha256 == ready["sha256"], f"The PDF of {number} has another hash than was announced.")
    text = await asyncio.to_thread(_text, answer.content)
    must(number in text, f"The PDF does not show its number {number}.")
    return Pdf(number, ready["path"], sha256, ready["size"])


def _text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def find_mail(mails: Mails, pdf: Pdf) -> Mail:
    """The one that has this very PDF attached."""

    async def look() -> Mail | None:
        return await asyncio.to_thread(_with_attached, await mails.newest(), pdf.sha256)

    return await until(look, f"A mail with {pdf.number} attached")


def _with_attached(newest: list[Mail], sha256: str) -> Mail | None:
    hashes = ((mail, {hashlib.sha256(part).hexdigest() for part in _attached(_read(mail))}) for mail in newest)
    return next((mail for mail, found in hashes if sha256 in found), None)


def _read(mail: Mail) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    if not isinstance(message, EmailMessage):
        raise Failed(f"{mail.where} is no mail.")
    return message


def _attached(mail: EmailMessage) -> list[bytes]:
    return [part.get_content() for part in mail.iter_attachments() if part.get_content_type() == "application/pdf"]


def recipient(mail: Mail) -> str:
    return str(_read(mail)["To"])
