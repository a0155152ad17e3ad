import asyncio
import email
import email.policy
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from shared.devstack.mail import MailSink


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[MailSink]:
    async with MailSink(tmp_path / "mails") as sink:
        yield sink


def a_mail(attachment: bytes = b"%PDF-1.7") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "billing@ca.example", "jörg@büro.example", "Rechnung – № 1"
    mail.set_content("Guten Tag,\n.a line that starts with a dot\n")
    mail.add_attachment(attachment, maintype="application", subtype="pdf", filename="invoice.pdf")
    return mail


async def send(sink: MailSink, mail: EmailMessage, recipients: list[str]) -> None:
    def blocking() -> None:
        host, port = sink.address.split(":")
        with smtplib.SMTP(host, int(port), timeout=10) as smtp:
            smtp.send_message(mail, "bounces@ca.example", recipients)

    await asyncio.to_thread(blocking)


async def test_a_mail_is_kept_whole_with_its_envelope_in_front(sink: MailSink) -> None:
    await send(sink, a_mail(), ["a@one.example", "b@two.example"])

    (path,) = sink.directory.iterdir()
    kept = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert path.name.endswith("Z-1.eml")
    assert kept["Return-Path"] == "<bounces@ca.example>"
    assert kept.get_all("Delivered-To") == ["a@one.example", "b@two.example"]
    assert kept["Subject"] == "Rechnung – № 1"
    assert kept.get_body().get_content().splitlines()[1] == ".a line that starts with a dot"  # type: ignore[union-attr]
    assert [part.get_content() for part in kept.iter_attachments()] == [b"%PDF-1.7"]


async def test_mails_that_arrive_together_get_files_of_their_own_in_order(sink: MailSink) -> None:
    await asyncio.gather(*[send(sink, a_mail(bytes([n])), [f"r{n}@one.example"]) for n in range(10)])

    numbers = [int(path.stem.rsplit("-")[-1]) for path in sorted(sink.directory.iterdir())]
    assert numbers == list(range(1, 11))


async def test_a_large_attachment_is_taken(sink: MailSink) -> None:
    await send(sink, a_mail(b"x" * 12_000_000), ["a@one.example"])

    assert next(sink.directory.iterdir()).stat().st_size > 16_000_000
