"""STARTTLS is taken where it is offered and works, whoever the certificate is for (EM10)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from services.validation.rules.letter import Letter
from shared.ids import new_id
from tests.conftest import World
from tests.containers.certificates import Authority
from tests.notifications.servers import Letterbox
from tests.validation.dns_server import DnsServer
from tests.validation.mailroom import Mailroom
from tests.validation.makers import NOW


@asynccontextmanager
async def offering(context: ssl.SSLContext) -> AsyncIterator[Letterbox]:
    box = Letterbox()

    def session() -> SMTP:
        box.connections.append(SMTP(box, tls_context=context, loop=asyncio.get_running_loop()))
        return box.connections[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    box.drop_all()
    await asyncio.sleep(0)


def letter(recipient: str = "admin@acme.example") -> Letter:
    return Letter(new_id(), recipient, "Confirm", "Please.\n", "<1@ca.example>", NOW, 1)


@pytest.mark.parametrize("names", [("mail.elsewhere.example",), ("mx.acme.example",)])
async def test_the_mail_is_encrypted_whoever_the_certificate_is_for(
    world: World, zone: DnsServer, tmp_path: Path, names: tuple[str, ...]
) -> None:
    (tmp_path / "mail.pem").write_text("\n".join(Authority("Nobody we trust").issue(*names)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "mail.pem")
    async with offering(context) as box:
        room = Mailroom(world, zone, box)
        room.takes_mail("acme.example")
        delivered = await room.post.deliver(letter())

    assert delivered.encrypted
    assert len(box.mails) == 1


async def test_where_starttls_is_offered_and_breaks_the_mail_goes_without(world: World, zone: DnsServer) -> None:
    async with offering(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)) as box:  # it has no certificate
        room = Mailroom(world, zone, box)
        room.takes_mail("acme.example")
        delivered = await room.post.deliver(letter())

    assert not delivered.encrypted
    assert (len(box.mails), len(box.connections)) == (1, 2)
