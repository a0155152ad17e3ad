from datetime import timedelta
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from shared.settings import BaseSettings


def _listed(given: object) -> object:
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Port = Annotated[int, Field(ge=1, le=65_535)]


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
    # The zone, ours, that CNAME proofs point into; it holds no TXT records (DN8).
    cname_zone: str = "dcv.ca.example"
    http_file: str = "fileauth.txt"
    # Both are disclosed in CP/CPS 4.2.
    issuer_domains: Listed = ("ca.example",)
    account_domain: str = "ca.example"
    persist_follow_cname: bool = False
    # Validation by e-mail, which ends by itself on 2028-03-15. Who our mails are from; how we greet mail servers.
    email_methods: bool = True
    mail_from: str = "Domain validation <no-reply@localhost>"
    mail_hostname: str = ""
    # Test mode only: other ports, and addresses that the guard would not let us connect to.
    http_port: Port = 80
    https_port: Port = 443
    smtp_port: Port = 25
    reachable: Listed = ()
    # JSON: where we stand ourselves, and then each remote perspective (BR 3.2.2.9).
    perspectives: str = ""
    # Of a process that is a perspective, its region; and for checks over HTTPS, at both ends: PEM.
    perspective_region: str = ""
    perspective_port: int = Field(0, ge=0, lt=65536)
    perspective_certificate: str = Field("", repr=False)
    perspective_key: SecretStr = SecretStr("")
    perspective_ca: str = Field("", repr=False)

    @property
    def resolver_addresses(self) -> list[tuple[str, int]]:
        return [address(text) for text in self.resolvers]

    @property
    def reachable_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(text) for text in self.reachable)

    @property
    def mail_sender(self) -> str:
        return parseaddr(self.mail_from)[1]

    @property
    def lead(self) -> timedelta:
        return timedelta(days=self.lead_days)

    @property
    def has_identity(self) -> bool:
        return bool(self.perspective_certificate and self.perspective_key and self.perspective_ca)

    @model_validator(mode="after")
    def sound(self) -> Self:
        if self.test_mode and self.env == "prod":
            raise ValueError("test mode proves nothing to the public: set ISSUARY_ENV=dev with it, or switch it off")
        weakened = (self.http_port, self.https_port, self.smtp_port) != (80, 443, 25) or self.reachable_networks
        if weakened and not self.test_mode:
            raise ValueError(
                "other ports and ISSUARY_VALIDATION_REACHABLE belong to test mode: leave HTTP_PORT, HTTPS_PORT,"
                " SMTP_PORT and REACHABLE out, or set ISSUARY_VALIDATION_TEST_MODE=true"
            )
        if self.perspective_port and not self.has_identity:
            raise ValueError(
                "checks over HTTPS need ISSUARY_VALIDATION_PERSPECTIVE_CERTIFICATE, …_KEY, and …_CA of who may ask"
            )
        if "@" not in self.mail_sender or any(mark in self.mail_from for mark in "\r\n"):
            raise ValueError("ISSUARY_VALIDATION_MAIL_FROM has to look like Domain validation <dcv@ca.example>")
        if not self.resolver_addresses:
            raise ValueError("name at least one resolver in ISSUARY_VALIDATION_RESOLVERS")
        if not self.txt_labels or not all(label.startswith("_") for label in self.txt_labels):
            raise ValueError("each label in ISSUARY_VALIDATION_TXT_LABELS begins with an underscore (BR 3.2.2.4.7)")
        return self
