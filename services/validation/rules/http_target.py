"""Where an HTTP check starts, and where a redirect may lead it: judged before anything is connected to (HT1–HT8)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urljoin, urlsplit

from services.validation.rules.guard import Guard
from services.validation.rules.hops import Fault
from services.validation.rules.names import Suffixes
from services.validation.rules.text import quoted

FOLLOWED = {301, 302, 307, 308}  # HT5
MAX_REDIRECTS = 10
MAX_PATH = 2000
DIRECTORY = "/.well-known/pki-validation/"
PLAIN = re.compile(r"[!-~]+")
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Target:
    """`host` is a lower-case name or the text of an address; `path` begins with a slash and has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_address(self) -> bool:
        return ":" in self.host or NUMERIC.fullmatch(self.host.rpartition(".")[2]) is not None

    def authority(self, guard: Guard) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == guard.web_ports[self.scheme] else f"{host}:{self.port}"

    def url(self, guard: Guard) -> str:
        return f"{self.scheme}://{self.authority(guard)}{self.path}"


class Refused(Exception):
    """A redirect that is not followed, with the reason as a sentence."""

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault, self.sentence = fault, sentence


def first_target(name: str, file: str, guard: Guard) -> Target:
    """HTTP and its port, at the very name; https is reached by redirect only (HT1)."""
    return Target("http", name, guard.http_port, DIRECTORY + file)


def follow(
    target: Target, locations: Sequence[str], visited: Collection[Target], guard: Guard, suffixes: Suffixes
) -> Target:
    """Where the answer sends us, as its final absolute value (HT5)."""
    if not locations:
        raise Refused(Fault.NO_LOCATION, "the redirect has no Location header")
    if len(locations) > 1:
        raise Refused(Fault.TWO_LOCATIONS, "the redirect has more than one Location header")
    found = _absolute(target, locations[0], guard)
    _check_host(found, guard, suffixes)
    if found in visited:
        raise Refused(Fault.LOOP, f"{quoted(found.url(guard))} was asked before: the redirects go in a circle")
    if len(visited) > MAX_REDIRECTS:
        raise Refused(Fault.TOO_MANY, f"there are more than {MAX_REDIRECTS} redirects")
    return found


def _absolute(target: Target, location: str, guard: Guard) -> Target:
    if not PLAIN.fullmatch(location) or "\\" in location:
        raise Refused(Fault.LOCATION, f"{quoted(location)} is no URL of plain ASCII characters")
    try:
        given = urlsplit(location)
        parts = urlsplit(urljoin(target.url(guard), location))
        port = parts.port
    except ValueError:
        raise Refused(Fault.LOCATION, f"{quoted(location)} is no URL") from None
    if parts.scheme not in guard.web_ports:
        raise Refused(Fault.SCHEME, f"{quoted(location)} is neither http nor https")
    if given.scheme and not given.netloc:
        raise Refused(Fault.HOST, f"{quoted(location)} names no host")
    if "@" in parts.netloc:
        raise Refused(Fault.LOCATION, f"{quoted(location)} holds a user name")
    port = guard.web_ports[parts.scheme] if port is None else port
    if port not in guard.web_ports.values():
        raise Refused(Fault.PORT, f"port {port} is not allowed, only {guard.http_port} and {guard.https_port} are")
    return Target(parts.scheme, _host(parts, location), port, _path(parts, location))


def _host(parts: SplitResult, location: str) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if "[" in parts.netloc:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise Refused(Fault.HOST, f"{quoted(location)} holds no valid IPv6 address") from None
    return host


def _path(parts: SplitResult, location: str) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if len(path) > MAX_PATH:
        raise Refused(Fault.LOCATION, f"the path of {quoted(location)} is longer than {MAX_PATH} bytes")
    return path


def _check_host(target: Target, guard: Guard, suffixes: Suffixes) -> None:
    host = target.host
    if target.is_address:
        return _check_address(host, guard)
    labels = host.split(".")
    if labels[-1] == "well-known" or host.endswith(".well-known"):
        said = f"the host is {quoted(host)}: there seems to be a slash missing in the redirect, before .well-known"
        raise Refused(Fault.HOST, said)
    if not all(LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        raise Refused(Fault.HOST, f"{quoted(host)} is no host name")
    if suffixes.base_domain(f"a.b.{labels[-1]}") is None:
        raise Refused(Fault.HOST, f"{quoted(host)} is in no top-level domain of the public DNS")
    return None


def _check_address(host: str, guard: Guard) -> None:
    """Any other spelling of an IPv4 address than the usual one is refused: others read it otherwise than we do."""
    if "%" in host:
        raise Refused(Fault.HOST, f"{quoted(host)} names a zone of one machine")
    try:
        address = str(IPv6Address(host) if ":" in host else IPv4Address(host))
    except ValueError:
        raise Refused(Fault.HOST, f"{quoted(host)} is neither a host name nor an IP address") from None
    if why := guard.why_refused(address):
        raise Refused(Fault.BLOCKED, f"{address} is not connected to: {why}")
