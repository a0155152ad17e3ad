"""Method .7 by TXT: where to look, and what an answer proves (DN1–DN5, DN9). The wire belongs to `clients/dns.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.validation.rules.adn import Adn
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import cleaned, quoted
from services.validation.rules.tokens import Token, looks_like_a_token

SHOWN_RECORDS = 20


class Status(StrEnum):
    """What came of one query; never mixed up with one another (NT6)."""

    ANSWER = "answer"
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    NO_TXT = "no_txt"
    BOGUS = "servfail_dnssec"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    NOTIMP = "notimp"
    FORMERR = "formerr"
    OTHER_RCODE = "other_rcode"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    CNAME_LOOP = "cname_loop"
    CNAME_CHAIN_TOO_LONG = "cname_chain_too_long"
    TWO_CNAMES = "two_cnames"


ABSENT = {
    Status.NXDOMAIN: "the name does not exist",
    Status.NODATA: "the name exists without TXT records",
    Status.NO_TXT: "its CNAME leads to a name without TXT records",
}
FAILED = {
    Status.SERVFAIL: "SERVFAIL",
    Status.REFUSED: "REFUSED",
    Status.NOTIMP: "NOTIMP",
    Status.FORMERR: "FORMERR",
    Status.OTHER_RCODE: "an unexpected response code",
    Status.TIMEOUT: "no answer in time",
    Status.UNREACHABLE: "the resolver cannot be reached",
    Status.TRUNCATED: "a truncated answer, and none over TCP",
    Status.MALFORMED: "an answer that cannot be read",
    Status.CNAME_LOOP: "a CNAME loop",
    Status.CNAME_CHAIN_TOO_LONG: "a CNAME chain of more than 15 links",
    Status.TWO_CNAMES: "more than one CNAME at one name",
}


@dataclass(frozen=True, slots=True)
class TxtAnswer:
    """One TXT query and its answer, as evidence keeps it (EV4). `values` are whole RRs that are UTF-8 (DN3, DN4)."""

    name: str
    status: Status
    values: tuple[str, ...] = ()
    count: int = 0
    chain: tuple[str, ...] = ()
    rcode: str = ""
    authentic: bool = False
    errors: tuple[tuple[int, str], ...] = ()
    resolver: str = ""
    transport: str = "udp"
    tries: int = 1
    milliseconds: int = 0

    def as_evidence(self) -> dict[str, object]:
        return {
            "name": self.name,
            "type": "TXT",
            "status": self.status.value,
            "rcode": self.rcode,
            "ad": self.authentic,
            "ede": [[code, cleaned(text)] for code, text in self.errors],
            "chain": [cleaned(name, 255) for name in self.chain],
            "records": [cleaned(value, 255) for value in self.values[:SHOWN_RECORDS]],
            "record_count": self.count,
            "resolver": self.resolver,
            "transport": self.transport,
            "tries": self.tries,
            "milliseconds": self.milliseconds,
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


Seen = tuple[Place, TxtAnswer]


def why_untrusted(signed: TxtAnswer, broken: TxtAnswer) -> str | None:
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
    matches = [(place, known[value]) for place, answer in seen for value in answer.values if value in known]
    for place, token in matches:
        if token.is_alive(now):
            return _passed(place, token)
    if matches:
        return _outlived(*matches[0])
    return _failed(seen) or _mismatched(seen) or _absent(seen)


def _passed(place: Place, token: Token) -> Verdict:
    said = f"The TXT record at {place.name} holds the value asked for."
    return Verdict(Outcome.PASS, "txt", said, place.name, place.adn.domain, place.adn.steps, token.id)


def _outlived(place: Place, token: Token) -> Verdict:
    said = (
        f"The TXT record at {place.name} holds a value that expired on {token.expires_at:%Y-%m-%d}, "
        "30 days after it was made. Submit the domain again and publish the new value."
    )
    return Verdict(Outcome.POLICY, "token_expired", said, place.name, place.adn.domain, place.adn.steps, token.id)


def _failed(seen: Sequence[Seen]) -> Verdict | None:
    for _, answer in seen:
        if answer.status is Status.BOGUS:
            detail = ", ".join(f"EDE {code} {cleaned(text)}".strip() for code, text in answer.errors)
            said = f"DNSSEC validation of {answer.name} failed ({detail}). Repair the signatures of the zone."
            return Verdict(Outcome.BOGUS, answer.status.value, said, answer.name)
    for _, answer in seen:
        if answer.status in FAILED:
            said = f"DNS gave no answer for {answer.name} that can be trusted: {FAILED[answer.status]}."
            return Verdict(Outcome.DNSERR, answer.status.value, said, answer.name)
    return None


def _mismatched(seen: Sequence[Seen]) -> Verdict | None:
    """At the bare name other TXT records are normal (SPF and the like): only what looks like a token is a wrong one."""
    for place, answer in seen:
        wrong = [v for v in answer.values if place.is_labelled or looks_like_a_token(v)]
        if wrong or (place.is_labelled and answer.count):
            return Verdict(Outcome.MISMATCH, "other_value", _holds(answer, wrong), place.name)
    return None


def _holds(answer: TxtAnswer, wrong: Sequence[str]) -> str:
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
