"""What a service is told from outside: as values, as files; and what it refuses, in sentences that name no value."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.notifications.app import make_office
from services.notifications.settings import Settings as Notifications
from shared.db import make_engine
from shared.migrate import ROOT
from shared.settings import BaseSettings, SettingsRefused
from shared.wire import database_ssl, kafka_client
from tests.containers.certificates import Authority
from tests.processes import command

NAMES = ("orders", "billing", "validation", "notifications")
DATABASE = "postgresql+asyncpg://billing:s3cr3t-of-the-database@127.0.0.1:1/billing"
CERTIFICATE, KEY = Authority().issue("issuary-billing")
NEEDED = {  # what has to be given with a setting
    "kafka_password": {"ISSUARY_KAFKA_USER": "billing"},
    "kafka_key": {"ISSUARY_KAFKA_TLS": "true", "ISSUARY_KAFKA_CERTIFICATE": CERTIFICATE},
    "acme_eab_key": {"ISSUARY_ORDERS_ACME_EAB_ID": "kid-1"},
    "acme_tsig_key": {
        "ISSUARY_ORDERS_ACME_DNS_SERVER": "127.0.0.1:53",
        "ISSUARY_ORDERS_ACME_DNS_ZONE": "proofs.acme.example",
        "ISSUARY_ORDERS_ACME_TSIG_NAME": "issuary",
    },
    "smtp_password": {"ISSUARY_NOTIFICATIONS_SMTP_USER": "mail", "ISSUARY_NOTIFICATIONS_SMTP_TLS": "tls"},
}


def settings_class(service: str) -> type[BaseSettings]:
    found: type[BaseSettings] = import_module(f"services.{service}.settings").Settings
    return found


SECRETS = [
    (service, name)
    for service in NAMES
    for name, field in settings_class(service).model_fields.items()
    if field.annotation is SecretStr or name == "database_url"
]


@pytest.mark.parametrize(("service", "name"), SECRETS)
def test_every_secret_may_be_a_file(service: str, name: str, tmp_path: Path) -> None:
    text = DATABASE if name == "database_url" else "a-secret"
    (tmp_path / "secret").write_text(f"{text}\n")
    given = {f"ISSUARY_{service.upper()}_{name.upper()}_FILE": str(tmp_path / "secret"), **NEEDED.get(name, {})}

    value = getattr(settings_class(service).from_environment(given), name)

    assert (value.get_secret_value() if isinstance(value, SecretStr) else value) == text


def test_there_are_secrets_to_try() -> None:
    assert {name for _, name in SECRETS} == {
        "database_url", "kafka_key", "kafka_password", "session_secret", "service_key", "ca_key", "smtp_password",
        "perspective_key",
        "acme_key", "acme_eab_key", "acme_tsig_key",
    }  # fmt: skip


def refused(given: dict[str, str], of: type[BaseSettings] = BaseSettings) -> str:
    with pytest.raises(SettingsRefused) as raised:
        of.from_environment(given)
    return str(raised.value)


def test_a_file_that_cannot_be_read_is_said_with_the_name_of_the_setting(tmp_path: Path) -> None:
    missing = refused({"ISSUARY_SESSION_SECRET_FILE": "/nowhere/session"})
    folder = refused({"ISSUARY_SESSION_SECRET_FILE": str(tmp_path)})
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    assert missing == "ISSUARY_SESSION_SECRET_FILE: cannot read /nowhere/session: No such file or directory."
    assert folder == f"ISSUARY_SESSION_SECRET_FILE: cannot read {tmp_path}: Is a directory."
    assert "is empty" in refused({"ISSUARY_SESSION_SECRET_FILE": str(tmp_path / "empty")})
    assert "not text" in refused({"ISSUARY_SESSION_SECRET_FILE": str(tmp_path / "binary")})


def test_a_setting_given_as_value_and_as_file_is_refused(tmp_path: Path) -> None:
    said = refused({"ISSUARY_SERVICE_KEY": "old-s3cr3t", "ISSUARY_SERVICE_KEY_FILE": "/run/secrets/new"})

    assert said == "ISSUARY_SERVICE_KEY and ISSUARY_SERVICE_KEY_FILE are both given; leave one out."


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"KAFKA_USER": "billing"}, "ISSUARY_KAFKA_USER is given without ISSUARY_KAFKA_PASSWORD"),
        ({"KAFKA_PASSWORD": "s3cr3t"}, "ISSUARY_KAFKA_PASSWORD is given without ISSUARY_KAFKA_USER"),
        ({"KAFKA_TLS": "1", "KAFKA_CERTIFICATE": "x"}, "ISSUARY_KAFKA_CERTIFICATE is given without ISSUARY_KAFKA_KEY"),
        ({"KAFKA_TLS": "1", "KAFKA_KEY": "s3cr3t"}, "ISSUARY_KAFKA_KEY is given without ISSUARY_KAFKA_CERTIFICATE"),
        ({"KAFKA_CA": "x"}, "certificates for Kafka are given, but ISSUARY_KAFKA_TLS is not true"),
        ({"KAFKA_USER": "b", "KAFKA_PASSWORD": "s3cr3t", "KAFKA_MECHANISM": "PLAIN"}, "password in the clear"),
        ({"DATABASE_CA": "x", "DATABASE_TLS": "require"}, "ISSUARY_DATABASE_TLS=require verifies nothing"),
        ({"DATABASE_URL": "postgresql+asyncpg://a:s3cr3t@b/c?ssl=require"}, "say that with ISSUARY_DATABASE_TLS"),
        ({"DATABASE_URL": "postgresql+asyncpg://a:s3cr3t@b/c?sslmode="}, "say that with ISSUARY_DATABASE_TLS"),
        ({"DATABASE_URL": "postgresql://a:s3cr3t@b/c"}, "postgresql+asyncpg://login:password@host/database"),
        ({"DATABASE_URL": "postgresql+asyncpg://[a:s3cr3t@b/c"}, "postgresql+asyncpg://login:password@host/database"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:pa@s3cr3t@h/db"}, "more than one @"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:s3cr3t@P4:word@h/db"}, "more than one @"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:pa@ss/s3cr3t@h/db"}, "more than one @"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:p@h:s3cr3t/db"}, "names a port that is none"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:p@h:65536/db"}, "names a port that is none"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:p@/db?host=a:1&host=b"}, "not every server's"),
        ({"KAFKA": "kafka:s3cr3t"}, "ISSUARY_KAFKA has to look like host:port"),
        ({"KAFKA": "a:1,b:65536"}, "ISSUARY_KAFKA has to look like host:port"),
        ({"KAFKA": "u:s3cr3t@kafka:9092"}, "ISSUARY_KAFKA has to look like host:port"),
        ({"KAFKA": "::1"}, "ISSUARY_KAFKA has to look like host:port"),
        ({"KAFKA_RETENTION_DAYS": "35"}, "ISSUARY_KAFKA_RETENTION_DAYS=35 has to be less than ISSUARY_INBOX_DAYS=35"),
        ({"INBOX_DAYS": "14", "PUBLISHED_DAYS": "2"}, "ISSUARY_KAFKA_RETENTION_DAYS=14 has to be less than"),
        ({"PUBLISHED_DAYS": "35"}, "ISSUARY_PUBLISHED_DAYS=35 has to be less than ISSUARY_INBOX_DAYS=35"),
        ({"DATABASE_TLS": "s3cr3t"}, "ISSUARY_DATABASE_TLS: Input should be"),
        ({"POOL_SIZE": "s3cr3t"}, "ISSUARY_POOL_SIZE: Input should be a valid integer"),
    ],
)
def test_what_contradicts_itself_is_refused_without_its_value(given: dict[str, str], sentence: str) -> None:
    said = refused({f"ISSUARY_{name}": text for name, text in given.items()})

    assert sentence in said
    assert "s3cr3t" not in said


@pytest.mark.parametrize(
    "given",
    [
        {"KAFKA": "kafka"},
        {"KAFKA": "a:9092, b:9093,[::1]:9094"},
        {"DATABASE_URL": "postgresql+asyncpg://u:p%40%3A%2Fss@h:5433/db"},
        {"DATABASE_URL": "postgresql+asyncpg://u:p@/db?host=db1:5432&host=db2:5433"},
        {"DATABASE_URL": "postgresql+asyncpg://u:p@/db?host=/run/postgresql&port=5433"},
        {"KAFKA_RETENTION_DAYS": "34", "PUBLISHED_DAYS": "34"},
    ],
)
def test_what_may_be_given_is_taken(given: dict[str, str]) -> None:
    taken = BaseSettings.from_environment({f"ISSUARY_{name}": text for name, text in given.items()})

    assert {name: str(getattr(taken, name.lower())) for name in given} == given


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SMTP_USER": "mail", "SMTP_TLS": "tls"}, "belong together"),
        ({"SMTP_PASSWORD": "s3cr3t", "SMTP_TLS": "tls"}, "belong together"),
        ({"SMTP_CA": "x"}, "SMTP_CA is given, but ISSUARY_NOTIFICATIONS_SMTP_TLS=none"),
        ({"SMTP_USER": "mail", "SMTP_PASSWORD": "s3cr3t"}, "password in the clear"),
        ({"SMTP_PORT": "s3cr3t"}, "ISSUARY_NOTIFICATIONS_SMTP_PORT: Input should be a valid integer"),
    ],
)
def test_mail_settings_that_contradict_themselves_are_refused(given: dict[str, str], sentence: str) -> None:
    said = refused({f"ISSUARY_NOTIFICATIONS_{name}": text for name, text in given.items()}, Notifications)

    assert sentence in said
    assert "s3cr3t" not in said


def test_what_is_no_certificate_is_said_with_the_name_of_the_setting() -> None:
    authority = Authority()

    with pytest.raises(SettingsRefused, match="ISSUARY_DATABASE_CA is no certificate"):
        database_ssl(BaseSettings(database_ca="/run/secrets/ca.pem"))
    with pytest.raises(SettingsRefused, match="ISSUARY_KAFKA_CA_FILE"):
        kafka_client(
            BaseSettings(kafka_tls=True, kafka_ca="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")
        )
    with pytest.raises(SettingsRefused, match="ISSUARY_NOTIFICATIONS_SMTP_CA is no certificate"):
        make_office(Notifications(smtp_tls="tls", smtp_ca="x"))
    with pytest.raises(SettingsRefused, match="no certificate and its unencrypted key"):
        kafka_client(
            BaseSettings(kafka_tls=True, kafka_certificate=authority.issue("a")[0], kafka_key=authority.issue("b")[1])
        )


def test_settings_and_what_is_made_of_them_show_no_secret() -> None:
    settings = Notifications(
        database_url=DATABASE, kafka_user="u", kafka_password="s3cr3t-1", kafka_tls=True, kafka_certificate=CERTIFICATE,
        kafka_key=KEY, session_secret="s3cr3t-2", service_key="s3cr3t-3", smtp_tls="tls", smtp_user="u",
        smtp_password="s3cr3t-4",
    )  # fmt: skip
    engine = make_engine(settings.database_url, "shown")

    shown = f"{settings!r} {settings} {engine!r} {engine.url} {make_office(settings)!r}"

    assert "s3cr3t" not in shown
    assert "PRIVATE KEY" not in shown


async def test_a_process_says_what_is_wrong_with_its_settings_and_ends() -> None:
    unread = await command({"ISSUARY_BILLING_DATABASE_URL_FILE": "/nowhere/url"}, "billing")
    without = await command({}, "billing")
    tool = await command({"ISSUARY_KAFKA_USER": "setup"}, "ctl", "topics")

    assert unread == (2, "ISSUARY_BILLING_DATABASE_URL_FILE: cannot read /nowhere/url: No such file or directory.\n")
    assert without == (2, "ISSUARY_BILLING_DATABASE_URL is not given; billing needs its database.\n")
    assert tool == (2, "ISSUARY_KAFKA_USER is given without ISSUARY_KAFKA_PASSWORD.\n")


def test_nothing_of_ours_reaches_kafka_otherwise_than_the_settings_say() -> None:
    """The embedded broker of the tests apart, which speaks plain."""
    sources = {path: path.read_text() for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py")}
    product = {path: text for path, text in sources.items() if "devstack" not in path.parts}
    made = [line for text in product.values() for line in text.splitlines() if re.search(r"AIOKafka\w+\(", line)]

    assert made
    assert [line for line in made if "(**kafka_client(settings)" not in line] == []
    for text in product.values():
        assert "KafkaBroker(\n" not in text or "security=kafka_security(settings)" in text
