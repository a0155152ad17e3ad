"""One HTTP request and what came of it, as evidence keeps it (EV3). Plain values, as `rules.answers` has them."""

from dataclasses import dataclass
from enum import StrEnum

from services.validation.rules.answers import DnsAnswer
from services.validation.rules.text import cleaned

BODY_CAP = 1024  # HT12
SHOWN_BODY = 128


class Fault(StrEnum):
    """Why a request, or the redirect it was answered with, ended the attempt."""

    NO_ADDRESS = "no_address"
    BLOCKED = "blocked_address"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN = "broken_http"
    HTTP2 = "http2"
    HEADERS = "headers_too_large"
    STATUS = "redirect_status"
    NO_LOCATION = "no_location"
    TWO_LOCATIONS = "two_locations"
    LOCATION = "location"
    SCHEME = "scheme"
    PORT = "port"
    HOST = "host"
    LOOP = "redirect_loop"
    TOO_MANY = "too_many_redirects"


@dataclass(frozen=True, slots=True)
class Try:
    """A connection to one address; `error` when it did not come about."""

    address: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """`addresses` are those the name resolved to, `refused` those of them the guard does not let us connect to. `body`
    is Latin-1, that is, the bytes, up to one more than the cap."""

    url: str
    host: str
    port: int
    answers: tuple[DnsAnswer, ...] = ()
    addresses: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    tries: tuple[Try, ...] = ()
    status: int | None = None
    locations: tuple[str, ...] = ()
    encoding: str = ""
    body: str = ""
    fault: Fault | None = None
    detail: str = ""

    def as_evidence(self) -> dict[str, object]:
        return {
            "type": "HTTP",
            "url": cleaned(self.url, 2048),
            "host": self.host,
            "port": self.port,
            "queries": [answer.as_evidence() for answer in self.answers],
            "addresses": list(self.addresses[:20]),
            "addresses_refused": list(self.refused[:20]),
            "tries": [{"address": one.address, "error": cleaned(one.error)} for one in self.tries],
            "status": self.status,
            "redirect": [cleaned(location, 2048) for location in self.locations[:2]],
            "content_encoding": cleaned(self.encoding),
            "body": cleaned(self.body[:SHOWN_BODY], SHOWN_BODY),
            "body_bytes": len(self.body),
            "fault": self.fault,
            "detail": cleaned(self.detail, 255),
        }
