"""Facts of a domain in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.validation.models import Attempt, DcvMail
from services.validation.queries.history import Past
from services.validation.queries.standings import Standing
from services.validation.rules.choosing import NAMES
from services.validation.rules.instructions import Instructions


@dataclass(frozen=True)
class Chip:
    kind: str
    text: str
    hollow: bool = False


CHIPS = {
    "active": Chip("good", "Proven"),
    "pending": Chip("wait", "Waiting for proof"),
    "expired": Chip("bad", "Expired"),
    "new": Chip("", "Not submitted", True),
}
ENDS = {
    "expired": ("bad", "The value expired before it was seen"),
    "not_renewed": ("bad", "Not seen again while the evidence lived: it is not renewed by itself any more"),
    "failed": ("bad", "Refused by rule"),
    "not_needed": ("", "No open order needs it any more"),
    "cancelled": ("", "Cancelled"),
    "deactivated": ("", "Ended, for the domain was deactivated"),
    "deleted": ("", "Ended, for the domain was deleted"),
}


def chip_of(one: Standing) -> Chip:
    return CHIPS[one.status] if one.domain.is_active else Chip("", "Deactivated", True)


def method_name(method: str | None) -> str:
    return NAMES.get(method or "", method or "")


def record_of(wanted: Instructions) -> list[tuple[str, str]]:
    """Pairs of label and value, to be copied."""
    if wanted.type == "MAIL":
        return [("Mails go to", address) for address in wanted.addresses]
    if wanted.type == "HTTP":
        return [("Address", wanted.name), ("Content", wanted.value)]
    return [("Name", wanted.name), ("Type", wanted.type), ("Value", wanted.value)]


MAIL_CHIPS = {
    "confirmed": Chip("good", "Confirmed"),
    "sent": Chip("good", "Delivered", True),
    "waiting": Chip("wait", "On its way"),
    "retrying": Chip("wait", "Tried again"),
    "failed": Chip("bad", "Not delivered"),
    "held": Chip("", "Not sent", True),
}


def mail_row(mail: DcvMail) -> dict[str, Any]:
    return {
        "recipient": mail.recipient,
        "source": mail.source,
        "chip": MAIL_CHIPS[mail.state],
        "at": mail.confirmed_at or mail.sent_at or mail.failed_at,
        "reason": mail.reason,
    }


def timeline(history: Sequence[Past]) -> list[dict[str, Any]]:
    """The newest first, as attempts are."""
    steps = [step for past in history for step in _steps(past)]
    return sorted(steps, key=lambda step: step["at"], reverse=True)


def _steps(past: Past) -> Iterator[dict[str, Any]]:
    attempt = past.attempt
    first = past.tokens[0].method if past.tokens else attempt.method
    yield _step(attempt.opened_at, "", f"{_why(attempt)}: {method_name(first)}", attempt.opened_by)
    for number, token in enumerate(past.tokens):
        later = past.tokens[number + 1].method if number + 1 < len(past.tokens) else attempt.method
        said = f"Method changed to {method_name(later)}" if later != token.method else "New value"
        yield _step(token.ended_at, "", f"{said}; the value before is dead", token.ended_by)
    if attempt.closed_at:
        yield _end(attempt, past.proof)


def _why(attempt: Attempt) -> str:
    if attempt.renews:
        return "Looked at again by itself"
    return "Submitted" if attempt.opened_by else "Submitted, for an order needs it"


def _end(attempt: Attempt, proof: Any) -> dict[str, Any]:
    at = attempt.closed_at or attempt.opened_at
    if attempt.ended != "passed":
        kind, text = ENDS.get(attempt.ended or "", ("", attempt.ended or ""))
        return _step(at, kind, text, attempt.closed_by)
    if proof is None:
        return _step(at, "good", "Proven by what was seen for a domain above it", None)
    place = f" at {proof.place}" if proof.place else ""
    return _step(at, "good", f"Proven by {method_name(attempt.method)}{place}, for {proof.adn}", None)


def _step(at: datetime, kind: str, text: str, who: str | None) -> dict[str, Any]:
    return {"at": at, "kind": kind, "text": text, "who": who or ""}
