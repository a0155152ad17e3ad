"""What every service is told from outside. Every setting may be given as a value or, with `_FILE`, as a file's path."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class SettingsRefused(ValueError):
    """A sentence for whoever starts the process. It names settings, never their values."""


class BaseSettings(BaseModel):
    """Read from `ISSUARY_…`, and over it from `ISSUARY_<SERVICE>_…`."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    service: ClassVar[str] = ""

    database_url: str = Field("", repr=False)
    database_tls: Literal["", "disable", "prefer", "require", "verify-ca", "verify-full"] = ""
    database_ca: str = Field("", repr=False)
    kafka: str = "127.0.0.1:9092"
    kafka_tls: bool = False
    kafka_ca: str = Field("", repr=False)
    kafka_certificate: str = Field("", repr=False)
    kafka_key: SecretStr = SecretStr("")
    kafka_user: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_idempotence: bool = True
    kafka_compression: Literal["lz4", "none"] = "lz4"
    kafka_linger_ms: int = 2
    kafka_fetch_max_wait_ms: int = 500
    kafka_batch_timeout_ms: int = 5
    kafka_session_timeout_ms: int = 30_000
    kafka_heartbeat_interval_ms: int = 3_000
    kafka_rebalance_timeout_ms: int = 60_000
    kafka_max_poll_interval_ms: int = 300_000
    kafka_metadata_max_age_ms: int = 30_000
    kafka_partitions: int = 12
    kafka_replication: int = 3
    kafka_retention_days: int = Field(14, ge=1)
    inbox_days: int = Field(35, ge=2)
    published_days: int = Field(30, ge=1)
    pool_size: int = Field(8, ge=2)
    base_url: str = "http://127.0.0.1:8080"
    env: Literal["prod", "dev"] = "prod"
    version: str = "unknown"
    session_secret: SecretStr = SecretStr("")
    service_key: SecretStr = SecretStr("")
    max_body_bytes: int = 262_144
    # requests in seconds, of one API key
    rate_limits: str = Field(
        "100/5,1000/180", pattern=r"^(none|[1-9]\d{0,6}/[1-9]\d{0,6}(,[1-9]\d{0,6}/[1-9]\d{0,6})*)$"
    )

    @classmethod
    def from_environment(cls, given: Mapping[str, str]) -> Self:
        values: dict[str, Any] = {}
        own = [f"ISSUARY_{cls.service.upper()}_"] if cls.service else []
        for prefix in ("ISSUARY_", *own):
            for name in cls.model_fields:
                if text := _given(given, prefix + name.upper()):
                    values[name] = text
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsRefused(" ".join(cls._sentences(error))) from None

    @classmethod
    def _sentences(cls, error: ValidationError) -> Iterator[str]:
        """A service's own setting by its own name; one of all services by the name that all know it by."""
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            name = str(one["loc"][0]) if one["loc"] else ""
            own = f"{cls.service.upper()}_" if name not in BaseSettings.model_fields else ""
            said = one["msg"].removeprefix("Value error, ").rstrip(".")
            yield f"ISSUARY_{own}{name.upper()}: {said}." if name else f"{said}."

    @model_validator(mode="after")
    def wire_is_sound(self) -> Self:
        told = (*self._database_faults(), *self._kafka_faults(), *self._memory_faults())
        faults = [sentence for wrong, sentence in told if wrong]
        if faults:
            raise ValueError(". ".join(faults))
        return self

    def _database_faults(self) -> Iterator[tuple[bool, str]]:
        try:
            scheme, query = urlsplit(self.database_url).scheme, urlsplit(self.database_url).query
        except ValueError:
            scheme, query = "", ""
        yield (
            bool(self.database_url) and scheme != "postgresql+asyncpg",
            "ISSUARY_DATABASE_URL has to look like postgresql+asyncpg://login:password@host/database",
        )
        yield (
            self.database_url.count("@") > 1,
            "ISSUARY_DATABASE_URL has more than one @: within a login or a password it is written %40",
        )
        yield (
            scheme == "postgresql+asyncpg" and self.database_url.count("@") < 2 and not _has_ports(self.database_url),
            "ISSUARY_DATABASE_URL names a port that is none, or not every server's: db1:5432; within a password : is"
            " written %3A, and / %2F",
        )
        yield (
            any(name.startswith("ssl") for name in parse_qs(query, keep_blank_values=True)),
            "ISSUARY_DATABASE_URL says how to encrypt; say that with ISSUARY_DATABASE_TLS and ISSUARY_DATABASE_CA",
        )
        yield (
            bool(self.database_ca) and self.database_tls in ("disable", "prefer", "require"),
            f"ISSUARY_DATABASE_CA is given, but ISSUARY_DATABASE_TLS={self.database_tls} verifies nothing: set it to"
            " verify-full, or leave it out",
        )

    def _kafka_faults(self) -> Iterator[tuple[bool, str]]:
        certificate, key, password = self.kafka_certificate, self.kafka_key, self.kafka_password
        yield (
            not all(_is_place(place.strip()) for place in self.kafka.split(",")),
            "ISSUARY_KAFKA has to look like host:port, or host:port,host:port; an address of IPv6 like [::1]:9092",
        )
        yield (
            bool(self.kafka_ca or certificate or key) and not self.kafka_tls,
            "certificates for Kafka are given, but ISSUARY_KAFKA_TLS is not true",
        )
        yield bool(certificate) and not key, "ISSUARY_KAFKA_CERTIFICATE is given without ISSUARY_KAFKA_KEY"
        yield bool(key) and not certificate, "ISSUARY_KAFKA_KEY is given without ISSUARY_KAFKA_CERTIFICATE"
        yield bool(self.kafka_user) and not password, "ISSUARY_KAFKA_USER is given without ISSUARY_KAFKA_PASSWORD"
        yield bool(password) and not self.kafka_user, "ISSUARY_KAFKA_PASSWORD is given without ISSUARY_KAFKA_USER"
        yield (
            bool(self.kafka_user) and self.kafka_mechanism == "PLAIN" and not self.kafka_tls,
            "ISSUARY_KAFKA_MECHANISM=PLAIN would send the password in the clear: set ISSUARY_KAFKA_TLS=true, or use"
            " SCRAM-SHA-512",
        )

    def _memory_faults(self) -> Iterator[tuple[bool, str]]:
        """What comes again after the inbox has forgotten it would be taken for new, or parked."""
        for name in ("kafka_retention_days", "published_days"):
            days = getattr(self, name)
            yield (
                days >= self.inbox_days,
                f"ISSUARY_{name.upper()}={days} has to be less than ISSUARY_INBOX_DAYS={self.inbox_days}",
            )


def _has_ports(url: str) -> bool:
    try:
        target = make_url(url)
        given = target.get_dialect()().create_connect_args(target)[1].get("port") or 5432
    except (ValueError, ArgumentError):
        return False
    return all(0 < port < 65_536 for port in (given if isinstance(given, list) else [given]))


def _is_place(text: str) -> bool:
    try:
        place = urlsplit(f"//{text}")
        return bool(place.hostname) and place.netloc == text and "@" not in text and place.port != 0
    except ValueError:
        return False


def _given(given: Mapping[str, str], name: str) -> str:
    text, path = given.get(name, ""), given.get(f"{name}_FILE", "")
    if text and path:
        raise SettingsRefused(f"{name} and {name}_FILE are both given; leave one out.")
    return _content(name, path) if path else text


def _content(name: str, path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsRefused(f"{name}_FILE: cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsRefused(f"{name}_FILE: {path} is not text in UTF-8.") from None
    if not text:
        raise SettingsRefused(f"{name}_FILE: {path} is empty.")
    return text
