"""When a mail is tried again, whether an address can be written to, and what may stand in a header."""

import re
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import idna

from shared.events.billing import FundsLow, OrderStillWaiting

MESSAGES = UUID("0a7e5f5c-3f0e-4a0f-9d5a-6a1c7f2b9e41")  # the namespace of message ids
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
GIVE_UP_AFTER = timedelta(days=3)
LEASE = timedelta(minutes=15)
LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3 less the angle brackets
LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

CORRECT_IT = "Correct it in the account's billing addresses."
NOBODY = "The account has no billing e-mail address, so nobody was mailed. Add one; all of it is in the console too."


class Undelivered(Exception):
    """The mail did not leave, and why, in a sentence. `final`: trying again would not help."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = one_line(reason)[:1000]
        self.final = final


def message_id(about: str, template: str, recipient: str) -> UUID:
    """The same thing, template and recipient are the same message, however often it is asked for."""
    return uuid5(MESSAGES, f"{about}/{template}/{recipient.casefold()}")


def about(told: FundsLow | OrderStillWaiting) -> str:
    """What is said again is another message: each crossing of a threshold, each stage of waiting."""
    if isinstance(told, FundsLow):
        return f"{told.subject}/{told.id}"
    names = f"/request/{told.request_id}" if told.request_id else ""
    return f"{told.subject}{names}/{told.days}"


def next_try(attempts: int, now: datetime, give_up_at: datetime) -> datetime | None:
    due = now + PAUSES[min(attempts, len(PAUSES)) - 1]
    return due if due <= give_up_at else None


def one_line(text: str) -> str:
    return " ".join(UNPRINTABLE.sub(" ", text).split())


def recipients(told: tuple[str, ...]) -> list[str]:
    """As they were written, each once; a fault in one is found by `why_unusable`, not here."""
    shown = [one_line(address)[: LONGEST_ADDRESS + 1] for address in told]
    return list({address.casefold(): address for address in reversed(shown) if address}.values())[::-1]


def why_unusable(address: str) -> str | None:
    if len(address) > LONGEST_ADDRESS:
        return f"An e-mail address has at most {LONGEST_ADDRESS} characters, this one has more. {CORRECT_IT}"
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return f"This is not an e-mail address: the part before or after the @ is missing. {CORRECT_IT}"
    if not LOCAL_PART.fullmatch(local) or len(local) > 64:
        return f"Mail servers do not take what stands before the @ of this address. {CORRECT_IT}"
    if mail_domain(domain) is None:
        return f"What stands after the @ of this address is no domain name. {CORRECT_IT}"
    return None


def envelope_address(address: str) -> str:
    """As mail servers write it: an international domain in its ASCII form."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{mail_domain(domain) or domain}"


def is_final(code: int) -> bool:
    """A 5yz answer will not change by asking again; 552, a full mailbox, is taken as 452 (RFC 5321 4.5.3.1.10)."""
    return code >= 500 and code != 552


def mail_domain(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
