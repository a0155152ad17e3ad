"""Method .7 by TXT: where to look, and what an answer proves (DN1–DN5, DN9). The wire belongs to `clients/dns.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.validation.rules.adn import Adn
from services.validation.rules.answers import FAILED, DnsAnswer, Status, failure
from services.validation.rules.matching import Match, best
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import quoted
from services.validation.rules.tokens import Token, looks_like_a_token

ABSENT = {
    Status.NXDOMAIN: "the name does not exist",
    Status.NODATA: "the name exists without TXT records",
    Status.NO_RECORD: "its CNAME leads to a name without TXT records",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A name to look at, and the ADN it speaks for."""

    name: str
    adn: Adn

    @property
    def is_labelled(self) -> bool:
        return self.name != self.adn.domain


def places(adns: Sequence[Adn], labels: Sequence[str]) -> list[Place]:
    """`<label>.<ADN>` and the ADN itself, for every ADN (DN1, DN2); the place applicants are told comes first."""
    if bad := [label for label in labels if not label.startswith("_")]:
        raise ValueError(f"a DNS change is looked for at labels that begin with an underscore only, not at {bad[0]!r}")
    return [Place(name, adn) for adn in adns for name in (*(f"{label}.{adn.domain}" for label in labels), adn.domain)]


Seen = tuple[Place, DnsAnswer]


def why_untrusted(signed: DnsAnswer, broken: DnsAnswer) -> str | None:
    """A validating resolver vouches for a signed zone (AD) and refuses a broken one (SERVFAIL); NT8."""
    if signed.status in FAILED or signed.status is Status.BOGUS:
        return f"the resolver gave no answer for the signed zone {signed.name} ({signed.status.value})"
    if not signed.authentic:
        return f"the resolver {signed.resolver} does not validate DNSSEC: no AD for the signed zone {signed.name}"
    if broken.status not in (Status.BOGUS, Status.SERVFAIL):
        return f"the resolver {broken.resolver} does not refuse the broken zone {broken.name} ({broken.status.value})"
    return None


def judge(seen: Sequence[Seen], tokens: Iterable[Token], now: datetime) -> Verdict:
    """Proof anywhere wins. Otherwise the gravest finding speaks: a failure is never taken for an absence."""
    known = {token.value: token for token in tokens}
    matches = [
        Match(f"The TXT record at {place.name}", place.name, place.adn, known[value])
        for place, answer in seen
        for value in answer.values
        if value in known
    ]
    return best(matches, "txt", now) or failure([answer for _, answer in seen]) or _mismatched(seen) or _absent(seen)


def _mismatched(seen: Sequence[Seen]) -> Verdict | None:
    """At the bare name other TXT records are normal (SPF and the like): only what looks like a token is a wrong one."""
    for place, answer in seen:
        wrong = [v for v in answer.values if place.is_labelled or looks_like_a_token(v)]
        if wrong or (place.is_labelled and answer.count):
            return Verdict(Outcome.MISMATCH, "other_value", _holds(answer, wrong), place.name)
    return None


def _holds(answer: DnsAnswer, wrong: Sequence[str]) -> str:
    if not wrong:
        return f"The TXT records at {answer.name} are not UTF-8 text; the value asked for is not among them."
    # The least, not the first: resolvers turn the records round, and the same finding is to read the same.
    others = answer.count - 1
    more = f" (and {others} more)" if others else ""
    return f"The TXT record at {answer.name} holds {quoted(min(wrong))}{more}, not the value asked for."


def _absent(seen: Sequence[Seen]) -> Verdict:
    place, answer = seen[0]
    why = ABSENT.get(answer.status, "no TXT record there is a proof")
    said = f"There is no TXT record at {place.name} yet: {why}. Publish one with the value asked for."
    reason = answer.status.value if answer.status in ABSENT else "other_txt"
    return Verdict(Outcome.NOTFOUND, reason, said, place.name)
