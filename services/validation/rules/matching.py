"""A value of ours was found somewhere: whether that proves anything is a question of the value's age (TK1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.validation.rules.adn import Adn
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.tokens import Token

TOKEN_EXPIRED = "token_expired"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Match:
    """`what` begins a sentence: "The TXT record at …"."""

    what: str
    place: str
    adn: Adn
    token: Token


def best(matches: Sequence[Match], reason: str, now: datetime) -> Verdict | None:
    """Any value that lives is proof; one that died is refused, though it is still there."""
    if not matches:
        return None
    match = next((one for one in matches if one.token.is_alive(now)), matches[0])
    where = match.place, match.adn.domain, match.adn.steps, match.token.id
    if match.token.is_alive(now):
        return Verdict(Outcome.PASS, reason, f"{match.what} holds the value asked for.", *where)
    said = (
        f"{match.what} holds a value that expired on {match.token.expires_at:%Y-%m-%d}, "
        "30 days after it was made. Submit the domain again and publish the new value."
    )
    return Verdict(Outcome.POLICY, TOKEN_EXPIRED, said, *where)
