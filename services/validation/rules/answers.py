"""One DNS question and what came of it. Plain values: evidence keeps them, and a perspective elsewhere sends them."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import cleaned

SHOWN_RECORDS = 20


class Status(StrEnum):
    """What came of one query; never mixed up with one another (NT6)."""

    ANSWER = "answer"
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    NO_RECORD = "no_record"
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
class DnsAnswer:
    """One query and its answer, as evidence keeps it (EV4). `values` are whole RRs at the end of the CNAME chain: of
    TXT those that are UTF-8 (DN3, DN4), of CAA `flags tag value` with the value's bytes as Latin-1, of MX
    `preference exchange`, of CNAME the target, of A and AAAA the address."""

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
    kind: str = "TXT"
    ttl: int | None = None

    def as_evidence(self) -> dict[str, object]:
        return {
            "name": self.name,
            "type": self.kind,
            "status": self.status.value,
            "rcode": self.rcode,
            "ad": self.authentic,
            "ede": [[code, cleaned(text)] for code, text in self.errors],
            "chain": [cleaned(name, 255) for name in self.chain],
            "records": [cleaned(value, 255) for value in self.values[:SHOWN_RECORDS]],
            "record_count": self.count,
            "ttl": self.ttl,
            "resolver": self.resolver,
            "transport": self.transport,
            "tries": self.tries,
            "milliseconds": self.milliseconds,
        }


def failure(answers: Collection[DnsAnswer]) -> Verdict | None:
    """No trustworthy answer to one of the questions, which is never an absence; a broken signature speaks first."""
    for answer in answers:
        if answer.status is Status.BOGUS:
            detail = ", ".join(f"EDE {code} {cleaned(text)}".strip() for code, text in answer.errors)
            said = f"DNSSEC validation of {answer.name} failed ({detail}). Repair the signatures of the zone."
            return Verdict(Outcome.BOGUS, answer.status.value, said, answer.name)
    for answer in answers:
        if answer.status in FAILED:
            said = f"DNS gave no answer for {answer.name} that can be trusted: {FAILED[answer.status]}."
            return Verdict(Outcome.DNSERR, answer.status.value, said, answer.name)
    return None
