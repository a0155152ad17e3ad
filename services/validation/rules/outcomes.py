"""How a check ends: exactly one class, and a reason a machine can read."""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    PASS = "PASS"  # noqa: S105
    NOTFOUND = "NOTFOUND"
    MISMATCH = "MISMATCH"
    DNSERR = "DNSERR"
    BOGUS = "BOGUS"
    CONN = "CONN"
    REDIR = "REDIR"
    BLOCKED = "BLOCKED"
    MALFORMED = "MALFORMED"
    POLICY = "POLICY"
    CAA = "CAA"
    QUORUM = "QUORUM"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`place` and `adn` are where proof was found, `token_id` which live token it was."""

    outcome: Outcome
    reason: str
    message: str
    place: str | None = None
    adn: str | None = None
    steps: tuple[str, ...] = field(default=())
    token_id: str | None = None
    # The proof is for the very name, not for those below it or for its wildcard.
    exact: bool = False
    # Of the method, where its name on the wire leaves that open; and the address that confirmed.
    section: str | None = None
    address: str | None = None
