"""On the embedded stack any domain can be validated by e-mail: its mails are in the sink."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.validation.clients.configured import post_of
from services.validation.rules.letter import Letter, Undelivered
from services.validation.settings import Settings
from shared.devstack.dns import DnsServer
from shared.devstack.mail import MailSink
from shared.devstack.mailable import Mailable
from shared.devstack.zone import ZoneFile, publish
from shared.ids import new_id
from tests.validation.makers import NOW

LETTER = Letter(new_id(), "admin@acme.example", "Confirm", "Please.\n", "<1@ca.example>", NOW, 1)


@dataclass
class Town:
    zone: Path
    mails: Path
    settings: Settings


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    zone = ZoneFile(tmp_path / "dns.zone", print)
    async with AsyncExitStack() as stack:
        dns = await stack.enter_async_context(DnsServer(Mailable(zone)))
        sink = await stack.enter_async_context(MailSink(tmp_path / "mails"))
        settings = Settings.from_environment({
            "ISSUARY_ENV": "dev", "ISSUARY_VALIDATION_TEST_MODE": "1", "ISSUARY_VALIDATION_RESOLVERS": dns.address,
            "ISSUARY_VALIDATION_SMTP_PORT": sink.address.split(":")[1],
            "ISSUARY_VALIDATION_REACHABLE": "127.0.0.1/32",
        })  # fmt: skip
        yield Town(zone.path, sink.directory, settings)


async def test_a_mail_about_any_domain_is_kept_by_the_sink(town: Town) -> None:
    publish(town.zone, "_dnsauth.acme.example", "TXT", "something")
    delivered = await post_of(town.settings).deliver(LETTER)

    assert delivered.server == "mail-sink.test [127.0.0.1]"
    (kept,) = town.mails.glob("*.eml")
    assert "Delivered-To: admin@acme.example" in kept.read_text()


async def test_a_zone_that_says_otherwise_is_believed(town: Town) -> None:
    publish(town.zone, "acme.example", "MX", "0 .")

    with pytest.raises(Undelivered) as refused:
        await post_of(town.settings).deliver(LETTER)
    assert "takes no mail" in refused.value.reason
    assert list(town.mails.glob("*.eml")) == []
