"""The mail server is spoken to as the settings demand: encrypted, verified, signed in."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from services.notifications.clients.smtp import MailServer, Post
from services.notifications.rules import Undelivered
from shared.wire import verifying
from tests.containers.certificates import Authority
from tests.notifications.servers import Letterbox, a_mail_server

MAIL = b"Subject: x\r\n\r\nx\r\n"


@pytest.fixture
def authority() -> Authority:
    return Authority("Our own CA")


@pytest.fixture
def certificate(authority: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "mail.pem"
    path.write_text("\n".join(authority.issue("mail.test", "127.0.0.1")))
    return path


@asynccontextmanager
async def a_secure_server(certificate: Path, tls: str = "starttls") -> AsyncIterator[Letterbox]:
    box = Letterbox()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        box.logins.append(data.login.decode())
        return AuthResult(success=(data.login, data.password) == (b"issuary", b"secret"), handled=False)

    def session() -> SMTP:
        loop = asyncio.get_running_loop()
        made = SMTP(
            box,
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=authenticate,
            auth_required=tls == "starttls",
            auth_require_tls=tls == "starttls",  # where the connection itself is encrypted it does not know so
            loop=loop,
        )
        box.connections.append(made)
        return made

    encrypted = context if tls == "tls" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=encrypted)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    box.drop_all()
    await asyncio.sleep(0)


async def send(box: Letterbox, **other: Any) -> None:
    post = Post(
        MailServer("127.0.0.1", box.port, **({"tls": "starttls", "user": "issuary", "password": "secret"} | other))
    )
    try:
        await post.send("from@ca.example", "ap@acme.example", MAIL)
    finally:
        await post.close()


async def test_a_server_that_the_system_trusts_gets_the_mail_after_signing_in(
    authority: Authority, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text(authority.pem)
    async with a_secure_server(certificate) as box:
        await send(box)

    assert len(box.mails) == 1


async def test_a_server_nobody_vouches_for_gets_neither_password_nor_mail(certificate: Path) -> None:
    async with a_secure_server(certificate) as box:
        with pytest.raises(Undelivered, match="certificate verify failed") as raised:
            await send(box)

    assert not raised.value.final
    assert box.mails == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_that_our_own_authority_vouches_for_gets_the_mail(
    authority: Authority, certificate: Path, tls: str
) -> None:
    async with a_secure_server(certificate, tls) as box:
        await send(box, tls=tls, trusts=verifying("", authority.pem))

    assert len(box.mails) == 1
    assert box.logins == ["issuary"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_that_another_authority_vouches_for_gets_neither(certificate: Path, tls: str) -> None:
    async with a_secure_server(certificate, tls) as box:
        with pytest.raises(Undelivered, match="certificate verify failed"):
            await send(box, tls=tls, trusts=verifying("", Authority("Somebody else").pem))

    assert (box.mails, box.logins) == ([], [])


async def test_a_server_by_another_name_gets_neither(authority: Authority, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_text("\n".join(authority.issue("mail.test", "mail.test")))
    async with a_secure_server(elsewhere) as box:
        with pytest.raises(Undelivered, match="certificate is not valid for '127\\.0"):
            await send(box, trusts=verifying("", authority.pem))

    assert (box.mails, box.logins) == ([], [])


async def test_a_server_that_offers_no_encryption_gets_neither(authority: Authority) -> None:
    async with a_mail_server() as box:
        with pytest.raises(Undelivered, match="STARTTLS"):
            await send(box, trusts=verifying("", authority.pem))

    assert box.mails == []


async def test_a_wrong_password_is_ours_to_put_right(authority: Authority, certificate: Path) -> None:
    async with a_secure_server(certificate) as box:
        with pytest.raises(Undelivered, match="does not serve us: 535") as raised:
            await send(box, password="old", trusts=verifying("", authority.pem))

    assert not raised.value.final
    assert box.mails == []


async def test_a_refused_login_is_said_with_the_settings_to_look_at(authority: Authority, certificate: Path) -> None:
    ours = verifying("", authority.pem)
    async with a_secure_server(certificate) as box:
        post = Post(MailServer("127.0.0.1", box.port, tls="starttls", user="issuary", password="old", trusts=ours))
        await post.knock()
        await post.close()

    settings = "ISSUARY_NOTIFICATIONS_SMTP_USER and ISSUARY_NOTIFICATIONS_SMTP_PASSWORD"
    assert post.faults == [f"the mail server 127.0.0.1:{box.port} refuses the login issuary: check {settings} (535)"]
