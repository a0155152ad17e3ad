"""What a mail about a domain says. The same facts give the same words: a mail is only ever repeated word for word
(EM4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.validation.rules.text import cleaned

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
GIVE_UP_AFTER = timedelta(days=3)
LINES = 6


@dataclass(frozen=True, slots=True)
class Matter:
    """`why`: what makes the recipient the one who is asked."""

    account: str
    adn: str
    names: tuple[str, ...]
    why: str
    link: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it leaves; `tries` tells whose claim it was."""

    id: UUID
    recipient: str
    subject: str
    text: str
    message_id: str
    created_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """`server`: who took it, and in which words. `began_at` is when we began to send it."""

    began_at: datetime
    server: str
    encrypted: bool


class Undelivered(Exception):
    """Why, in a sentence. `final`: trying again would not help."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.final = reason, final


def subject_of(matter: Matter) -> str:
    return f"Confirm control of {matter.adn}"


def text_of(matter: Matter) -> str:
    """The name of an account is somebody's free text: short, on one line, in quotes."""
    asks = f'"{cleaned(matter.account)}"'
    names = [cleaned(name) for name in matter.names[:LINES]] or [matter.adn]
    more = [f"and {len(matter.names) - LINES} more"] if len(matter.names) > LINES else []
    return "\n".join([
        "Hello,",
        "",
        f"the account {asks} asks us, a certificate authority, to issue certificates for",
        "",
        *(f"    {name}" for name in [*names, *more]),
        "",
        f"Before we do, somebody who controls the domain {matter.adn} has to agree.",
        f"You are asked because {matter.why}.",
        "",
        "If you agree, open this page and press the button on it:",
        "",
        f"    {matter.link}",
        "",
        f"This lets {asks} have certificates for {matter.adn} and for every name below",
        "it, until the confirmation is too old by the rules for certificate authorities.",
        f"The page can be used until {matter.expires_at:%Y-%m-%d %H:%M} UTC. Whoever has the",
        "link can confirm: do not pass it on, also not to the one who asks.",
        "",
        f"If you do not know {asks}, or do not agree, do nothing. Without a",
        "confirmation nothing is issued because of this mail.",
        "",
    ])  # fmt: skip


def is_final(code: int) -> bool:
    """A 5yz answer will not change by asking again; 552, a full mailbox, is taken as 452 (RFC 5321 4.5.3.1.10)."""
    return code >= 500 and code != 552


def next_try(tries: int, now: datetime, give_up_at: datetime) -> datetime | None:
    due = now + PAUSES[min(tries, len(PAUSES)) - 1]
    return due if due <= give_up_at else None
