"""Name intake, NM1–NM12: which names may be certified at all, in the one form they are stored and compared in."""

import ipaddress
import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import idna

from services.validation.rules.text import quoted
from shared.errors import Rejected

MAX_NAME = 253
MAX_LABELS = 10
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
REVERSE_ZONES = ("in-addr.arpa", "ip6.arpa")
# Not str.lower(): it turns the Kelvin sign into k.
TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Suffixes(Protocol):
    """The ICANN section of the Public Suffix List (NM11)."""

    @property
    def version(self) -> str: ...

    def base_domain(self, name: str) -> str | None:
        """The registrable domain `name` is or lies below; None for a suffix and for a name below no suffix."""


@dataclass(frozen=True, slots=True)
class Name:
    """`fqdn` is lower-case A-labels without `*.`: what DNS work and the domain row are about."""

    fqdn: str
    wildcard: bool = False

    @property
    def certified(self) -> str:
        return f"*.{self.fqdn}" if self.wildcard else self.fqdn


@dataclass(frozen=True, slots=True)
class Blocklist:
    exact: frozenset[str] = frozenset()
    suffixes: frozenset[str] = frozenset()

    def covers(self, name: Name) -> bool:
        """A wildcard is blocked too when it would stand for a name that is (NM12)."""
        if self.suffixes & set(_ancestors(name.fqdn)):
            return True
        if name.wildcard:
            return any(_parent(blocked) == name.fqdn for blocked in self.exact | self.suffixes)
        return name.fqdn in self.exact


NOTHING = Blocklist()


class BadName(Rejected):
    code = "invalid_dns_name"


def intake(raw: str, suffixes: Suffixes, blocked: Blocklist = NOTHING) -> Name:
    """The name as it is stored, or a BadName whose sentence says what is wrong with it."""
    _refuse_ip_address(raw)
    name = _split(raw)
    _check_shape(name, raw)
    _check_place(name, suffixes, raw)
    if blocked.covers(name):
        raise BadName(f"{quoted(raw)} is on the list of names that are not certified here.")
    return name


def _split(raw: str) -> Name:
    labels = raw.removesuffix(".").translate(TO_LOWER).split(".")
    wildcard = labels[0] == "*" and len(labels) > 1
    return Name(".".join(_a_label(label, raw) for label in labels[wildcard:]), wildcard)


def _a_label(label: str, raw: str) -> str:
    """Strict IDNA2008 without UTS 46: a mapping would make names nobody typed (NM2)."""
    if label.isascii():
        return label
    try:
        return idna.alabel(label).decode().translate(TO_LOWER)
    except (idna.IDNAError, UnicodeError):
        raise BadName(f"{quoted(raw)} holds characters that internationalized names (IDNA2008) do not allow.") from None


def _check_shape(name: Name, raw: str) -> None:
    labels = name.fqdn.split(".")
    if not all(labels):
        raise BadName(f"{quoted(raw)} has an empty label; a DNS name looks like www.example.com.")
    if "*" in name.fqdn:
        raise BadName(
            f"{quoted(raw)} is no valid wildcard: use one *, as the whole leftmost label, as in *.example.com."
        )
    for label in labels:
        _check_label(label, raw)
    if len(labels) < 2:
        raise BadName(f"{quoted(raw)} has one label only; give a full domain name as registered in public DNS.")
    if len(labels) > MAX_LABELS or len(name.certified) > MAX_NAME:
        raise BadName(f"{quoted(raw)} is too long: at most {MAX_LABELS} labels and {MAX_NAME} characters.")


def _check_label(label: str, raw: str) -> None:
    if not LABEL.fullmatch(label):
        rule = "labels are 1 to 63 letters, digits and hyphens, without a hyphen at either end"
        raise BadName(f"{quoted(raw)} is no DNS name that can be certified: {rule}.")
    if label[2:4] == "--" and not (label.startswith("xn--") and _is_punycode(label[4:])):
        raise BadName(f"{quoted(raw)} has the label {quoted(label)}, which is no valid internationalized label.")


def _is_punycode(encoded: str) -> bool:
    """Only a Punycode gate: an IDNA2008 decoder refuses labels that may be certified, emoji for one (NM5)."""
    try:
        text = encoded.encode().decode("punycode")
        again = text.encode("punycode").decode()
    except (UnicodeError, ValueError, OverflowError):
        return False
    surrogate = any(0xD800 <= ord(c) <= 0xDFFF for c in text)
    return again == encoded and not text.isascii() and not surrogate and unicodedata.is_normalized("NFC", text)


def _check_place(name: Name, suffixes: Suffixes, raw: str) -> None:
    ancestors = set(_ancestors(name.fqdn))
    if ancestors & set(REVERSE_ZONES):
        raise BadName(f"{quoted(raw)} lies in a reverse zone (in-addr.arpa, ip6.arpa), which must not be certified.")
    if "onion" in ancestors:
        raise BadName(f"{quoted(raw)} is an onion name; these are not offered here.")
    _refuse_ip_address(name.fqdn)
    if suffixes.base_domain(name.fqdn) is None:
        raise BadName(
            f"{quoted(raw)} is not below a public suffix of the ICANN section; only registered domains count."
        )


def _refuse_ip_address(text: str) -> None:
    """Looked at before and after conversion: other digits become plain ones in many a library (NM7)."""
    try:
        ipaddress.ip_address(text.strip("[]").removesuffix("."))
    except ValueError:
        return
    raise BadName(f"{quoted(text)} is an IP address; only DNS names are certified here.")


def _ancestors(fqdn: str) -> Iterable[str]:
    labels = fqdn.split(".")
    return (".".join(labels[n:]) for n in range(len(labels)))


def reversed_labels(fqdn: str) -> str:
    """`com.example.www.`: what lies below a domain begins with it."""
    return ".".join([*reversed(fqdn.split(".")), ""])


def _parent(fqdn: str) -> str:
    return fqdn.partition(".")[2]
