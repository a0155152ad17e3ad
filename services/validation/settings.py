from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.settings import BaseSettings


def _listed(given: object) -> object:
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


def address(text: str) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53`. A host name is refused: finding it would need a resolver."""
    host, _, port = text.rpartition(":")
    if not host or (":" in host and not host.startswith("[")):
        host, port = text, "53"
    return str(ip_address(host.strip("[]"))), int(port)


class Settings(BaseSettings):
    """`ISSUARY_VALIDATION_…`. `resolvers` are our own validating recursive resolvers, `address:port` by commas."""

    service: ClassVar[str] = "validation"

    resolvers: Listed = ("127.0.0.1:53",)
    # Hash of the resolvers' own configuration, kept in evidence (BR 4.2.2.2.7).
    resolver_configuration: str = ""
    txt_labels: Listed = ("_dnsauth",)
    blocked_names: Listed = ()
    blocked_suffixes: Listed = ()
    reuse_for_dv: bool = True
    lead_days: int = Field(1, ge=1)
    # Test mode looks every second at first, takes `test_suffixes` for public and says so in evidence and events.
    test_mode: bool = False
    test_suffixes: Listed = ("example", "test")
    # At start and hourly: a zone that is signed, and one whose signatures are broken on purpose.
    signed_zone: str = "ietf.org"
    broken_zone: str = "dnssec-failed.org"
    looks_in_flight: int = Field(500, ge=1)

    @property
    def resolver_addresses(self) -> list[tuple[str, int]]:
        return [address(text) for text in self.resolvers]

    @property
    def lead(self) -> timedelta:
        return timedelta(days=self.lead_days)

    @model_validator(mode="after")
    def sound(self) -> Self:
        if self.test_mode and self.env == "prod":
            raise ValueError("test mode proves nothing to the public: set ISSUARY_ENV=dev with it, or switch it off")
        if not self.resolver_addresses:
            raise ValueError("name at least one resolver in ISSUARY_VALIDATION_RESOLVERS")
        if not self.txt_labels or not all(label.startswith("_") for label in self.txt_labels):
            raise ValueError("each label in ISSUARY_VALIDATION_TXT_LABELS begins with an underscore (BR 3.2.2.4.7)")
        return self
