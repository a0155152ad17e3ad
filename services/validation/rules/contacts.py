"""Whom a mail about a domain may go to (EM1–EM3), and who of them confirmed. No WHOIS, no SOA."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import idna

from services.validation.rules.methods import CAA_CONTACT, CONSTRUCTED, TXT_CONTACT
from services.validation.rules.text import cleaned

BEFORE_THE_AT = ("admin", "administrator", "webmaster", "hostmaster", "postmaster")
# A domain may name as many as it likes; each of them gets a mail.
MOST = 5
LONGEST, LONGEST_LOCAL = 254, 64  # RFC 5321 4.5.3.1
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\U0010ffff]+"
LOCAL = re.compile(rf"{ATOM}(?:\.{ATOM})*")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Contact:
    """Who confirmed: an address of the ADN, by the section of BR 3.2.2.4 that makes it one."""

    section: str
    adn: str
    address: str


@dataclass(frozen=True, slots=True)
class MailWish:
    """To which domain's addresses; which of them, nobody being all; and whether at once."""

    name_scope: str | None = None
    only: tuple[str, ...] = ()
    send: bool = True


ANY_MAIL = MailWish()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A mail that was confirmed, as evidence keeps it (EV6)."""

    contact: Contact
    source: str
    sha256: str
    created_at: datetime
    found_at: datetime | None
    sent_at: datetime | None
    message_id: str
    confirmed_at: datetime
    address: str
    agent: str

    @property
    def observed_at(self) -> datetime:
        """The contact query or, where the address is constructed, the sending (EV10)."""
        return self.found_at or self.sent_at or self.created_at

    def as_evidence(self) -> dict[str, object]:
        return {
            "type": "MAIL",
            "recipient": cleaned(self.contact.address, LONGEST),
            "source": self.source,
            "message_id": self.message_id,
            "value_sha256": self.sha256,
            "found_at": _text(self.found_at),
            "sent_at": _text(self.sent_at),
            "confirmed_at": _text(self.confirmed_at),
            "confirmed_from": self.address,
            "user_agent": self.agent,
        }


def constructed(adn: str) -> tuple[str, ...]:
    """These five, and no others (EM1)."""
    return tuple(f"{local}@{adn}" for local in BEFORE_THE_AT)


def address_of(text: str) -> str | None:
    """The whole text is one address of RFC 6532, without padding, or it is of no use (EM2)."""
    local, _, domain = text.rpartition("@")
    usable = LOCAL.fullmatch(local) and len(local.encode()) <= LONGEST_LOCAL and local.isprintable()
    if not usable or len(text.encode()) > LONGEST or ascii_domain(domain) is None:
        return None
    return text


def ascii_domain(domain: str) -> str | None:
    """As DNS and mail servers write it; None for what is no domain name of at least two labels."""
    try:
        found = domain.lower() if domain.isascii() else idna.encode(domain, strict=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    labels = found.split(".")
    sound = len(found) <= 253 and len(labels) >= 2 and all(LABEL.fullmatch(label) for label in labels)
    return found if sound and not labels[-1].isdigit() else None


def envelope_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain) or domain}"


def addresses_in(texts: Iterable[str]) -> list[str]:
    """Each once, in one order whatever the resolver's, and not more of them than we write to."""
    return sorted({address for text in texts if (address := address_of(text))})[:MOST]


def source_of(section: str, adn: str) -> str:
    """How an address was found, in words."""
    return {
        CONSTRUCTED: f"constructed for {adn}",
        CAA_CONTACT: f"CAA contactemail of {adn}",
        TXT_CONTACT: f"TXT record at _validation-contactemail.{adn}",
    }[section]


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
