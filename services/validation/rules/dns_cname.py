"""Method .7 by CNAME: `_dnsauth.<ADN>` points to `<token>.<zone>`, where the zone is ours (DN6)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status, failure
from services.validation.rules.dns_change import Place, Seen
from services.validation.rules.matching import Match, best
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import quoted
from services.validation.rules.tokens import Token

ABSENT = {
    Status.NXDOMAIN: "the name does not exist",
    Status.NODATA: "the name exists without a CNAME record",
    Status.NO_RECORD: "the name has other records",
}


def places(adns: Sequence[Adn], labels: Sequence[str]) -> list[Place]:
    """Under a label that begins with an underscore only: the ADN itself has other records beside (DN1)."""
    return [Place(f"{label}.{adn.domain}", adn) for adn in adns for label in labels]


def judge(seen: Sequence[Seen], zone: str, tokens: Iterable[Token], now: datetime) -> Verdict:
    """Compared label by label, in any case: the first is the token, the rest exactly our zone."""
    known = {f"{token.value}.{zone}".lower(): token for token in tokens}
    matches = [
        Match(f"The CNAME record at {place.name}", place.name, place.adn, known[target])
        for place, answer in seen
        for target in _targets(answer)
        if target in known
    ]
    return (
        best(matches, "cname", now) or failure([a for _, a in seen]) or _mismatched(seen, zone) or _absent(seen, zone)
    )


def _targets(answer: DnsAnswer) -> list[str]:
    return [value.lower().removesuffix(".") for value in answer.values]


def _mismatched(seen: Sequence[Seen], zone: str) -> Verdict | None:
    for place, answer in seen:
        for target in _targets(answer):
            said = (
                f"The CNAME record at {place.name} points to {quoted(target)}, not to the value asked for under {zone}."
            )
            return Verdict(Outcome.MISMATCH, "other_target", said, place.name)
    return None


def _absent(seen: Sequence[Seen], zone: str) -> Verdict:
    place, answer = seen[0]
    why = ABSENT.get(answer.status, "nothing there is a proof")
    said = f"There is no CNAME record at {place.name} yet: {why}. Publish one that points to the value under {zone}."
    return Verdict(Outcome.NOTFOUND, answer.status.value, said, place.name)
