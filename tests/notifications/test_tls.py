"""The mail server is spoken to as the settings demand: encrypted, verified, signed in."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifications.clients.smtp import MailServer, Post
from services.notifications.rules import Undelivered
from shared.db import utcnow
from tests.notifications.servers import Letterbox

MAIL = b"Subject: x\r\n\r\nx\r\n"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utcnow() - timedelta(hours=1))
        .not_valid_after(utcnow() + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    path = tmp_path / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private)
    return path


@asynccontextmanager
async def a_secure_server(certificate: Path) -> AsyncIterator[Letterbox]:
    box = Letterbox()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"issuary", b"secret"), handled=False)

    def session() -> SMTP:
        loop = asyncio.get_running_loop()
        made = SMTP(
            box, tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True, loop=loop
        )
        box.connections.append(made)
        return made

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
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


async def test_a_trusted_server_gets_the_mail_after_signing_in(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with a_secure_server(certificate) as box:
        await send(box)

    assert len(box.mails) == 1


async def test_a_server_nobody_vouches_for_gets_neither_password_nor_mail(certificate: Path) -> None:
    async with a_secure_server(certificate) as box:
        with pytest.raises(Undelivered, match="certificate verify failed") as raised:
            await send(box)

    assert not raised.value.final
    assert box.mails == []


async def test_a_wrong_password_is_ours_to_put_right(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with a_secure_server(certificate) as box:
        with pytest.raises(Undelivered, match="does not serve us: 535") as raised:
            await send(box, password="old")

    assert not raised.value.final
    assert box.mails == []
