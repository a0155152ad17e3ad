"""CAA at issuance (BR 4.2.2.1): which set of records decides about a name, and whether it lets us issue (CA1–CA9).

The text of the records is hostile: a value that does not parse grants nothing, and what is shown is cut (CA14)."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status, failure
from services.validation.rules.dns_change import Place
from services.validation.rules.looking import Job
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from services.validation.rules.text import quoted

CAA = "caa"  # the kind of job
ISSUE, ISSUEWILD = "issue", "issuewild"
KNOWN = {ISSUE, ISSUEWILD, "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}
# Bit 0 (128) is the critical flag; many publish 1 and mean it (CA5).
CRITICAL = 129

LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
ISSUER = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.ASCII)
PARAMETER = re.compile(rf"({LABEL})[ \t]*=[ \t]*([!-:<-~]*)", re.ASCII)
METHOD_LABELS = re.compile(r"[A-Za-z0-9-]+(?:,[A-Za-z0-9-]+)*", re.ASCII)

# RFC 8657 and BR 3.2.2.4 (SC-098v2): what a domain owner may call each method. Compared exactly, in lower case (CA9).
LABELS: dict[str, frozenset[str]] = {
    "3.2.2.4.4": frozenset({"ca-tbr-4"}),
    "3.2.2.4.7": frozenset({"ca-tbr-7"}),
    "3.2.2.4.13": frozenset({"ca-tbr-13"}),
    "3.2.2.4.14": frozenset({"ca-tbr-14"}),
    "3.2.2.4.18": frozenset({"ca-tbr-18"}),
    "3.2.2.4.19": frozenset({"ca-tbr-19", "http-01"}),
    "3.2.2.4.22": frozenset({"ca-tbr-22", "dns-persist-01"}),
}


@dataclass(frozen=True, slots=True)
class Record:
    flags: int
    tag: str
    value: str

    @classmethod
    def of(cls, text: str) -> "Record":
        """`0 issue ca.example`, as the DNS client says it."""
        flags, tag, value = text.split(" ", 2)
        return cls(int(flags), tag.lower(), value)

    @property
    def is_critical(self) -> bool:
        return bool(self.flags & CRITICAL)

    def __str__(self) -> str:
        return f"{self.flags} {self.tag} {quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Permission:
    """An `issue` or `issuewild` value that parsed: whom it permits, and the parameters in their order."""

    issuer: str
    parameters: tuple[tuple[str, str], ...] = ()

    def values(self, tag: str) -> list[str]:
        return [value for name, value in self.parameters if name == tag]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who asks: the domains disclosed in CP/CPS 4.2, and the account as RFC 8657 names it."""

    domains: tuple[str, ...]
    account_uri: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """`permits`: the methods (BR sections) with which we may issue; empty is forbidden. `decided_at`: whose records
    decided, if any did."""

    permits: frozenset[str]
    outcome: Outcome
    reason: str
    message: str
    decided_at: str | None = None


def levels(fqdn: str) -> list[str]:
    """Where CAA is looked for: the name itself, then its parents up to the TLD; the first non-empty set decides (CA3).
    What an alias points to is followed by the resolver; the parents of its target are nobody's business here."""
    labels = fqdn.split(".")
    return [".".join(labels[n:]) for n in range(len(labels))]


def job(fqdn: str) -> Job:
    return Job(CAA, fqdn, tuple(Place(level, Adn(level)) for level in levels(fqdn)))


def decides(answer: DnsAnswer, local: Collection[str] = ()) -> bool:
    """A set that is not empty, or an error: no answer is never permission (CA6). That a TLD does not exist is no answer
    either (CA7); `local` are those that exist in test mode only."""
    if answer.status is Status.NXDOMAIN:
        return "." not in answer.name and answer.name not in local
    return answer.status not in (Status.NODATA, Status.NO_RECORD)


def judge(name: Name, answers: Sequence[DnsAnswer], issuer: Issuer, local: Collection[str] = ()) -> Ruling:
    """`answers` from the name upwards, at least as far as the one that decides; what is above does not matter (CA3)."""
    for level, answer in zip(levels(name.fqdn), answers, strict=False):
        if answer.name != level:
            break
        if decides(answer, local):
            return _by(name, answer, issuer)
    else:
        if len(answers) >= len(levels(name.fqdn)):
            return _permitted_to_all("no_records", f"There are no CAA records for {name.fqdn} or above it.")
    return _failed("incomplete", f"CAA of {name.fqdn} was not looked at as far as its TLD.")


def _by(name: Name, answer: DnsAnswer, issuer: Issuer) -> Ruling:
    if answer.status is Status.ANSWER:
        return rule(name, [Record.of(text) for text in answer.values], answer.name, issuer)
    if found := failure([answer]):
        said = f"CAA of {name.fqdn} cannot be read, which is no permission. {found.message}"
        return Ruling(frozenset(), found.outcome, found.reason, said, answer.name)
    return _failed("no_such_tld", f"The top-level domain {answer.name} does not exist, says the resolver.", answer.name)


def parse(value: str) -> Permission | None:
    """RFC 8659 4.2, to the letter; None for what does not parse."""
    issuer, semicolon, rest = value.partition(";")
    issuer, rest = issuer.strip(" \t"), rest.strip(" \t")
    if issuer and not ISSUER.fullmatch(issuer):
        return None
    found = [PARAMETER.fullmatch(part.strip(" \t")) for part in rest.split(";")] if semicolon and rest else []
    parameters = [(one[1].lower(), one[2]) for one in found if one]
    return Permission(issuer.lower(), tuple(parameters)) if len(parameters) == len(found) else None


def rule(name: Name, records: Sequence[Record], at: str, issuer: Issuer) -> Ruling:
    """By the set found at `at`."""
    if unknown := next((r for r in records if r.is_critical and r.tag not in KNOWN), None):
        return _forbidden("unknown_critical", f"The CAA record {unknown} at {at} is critical and unknown to us.", at)
    relevant = _relevant(name, records)
    if not relevant:
        return _permitted_to_all("no_restriction", f"The CAA records at {at} restrict nobody.", at)
    granted = [p for r in relevant if (p := parse(r.value)) and p.issuer in issuer.domains]
    permits = frozenset(section for one in granted for section in _permitted(one, issuer.account_uri))
    if permits:
        said = f"The CAA records at {at} permit {issuer.domains[0]}."
        return Ruling(permits, Outcome.PASS, "permitted", said, at)
    return _denied(name, at, relevant, issuer, bool(granted))


def _relevant(name: Name, records: Iterable[Record]) -> list[Record]:
    """`issuewild` is for wildcards alone, and where there is one it replaces `issue` (CA4)."""
    wild = [r for r in records if r.tag == ISSUEWILD] if name.wildcard else []
    return wild or [r for r in records if r.tag == ISSUE]


def _permitted(permission: Permission, account_uri: str) -> frozenset[str]:
    """RFC 8657: our account exactly, and two accounts in one record are nobody's; unknown parameters are ignored."""
    accounts = permission.values("accounturi")
    if accounts and accounts != [account_uri]:
        return frozenset()
    sections = set(LABELS)
    for value in permission.values("validationmethods"):
        named = set(value.split(",")) if METHOD_LABELS.fullmatch(value) else set()
        sections &= {section for section, labels in LABELS.items() if labels & named}
    return frozenset(sections)


def why_not_by(method: str, at: str, issuer: Issuer) -> str:
    """The set permits us, but not with what was proven."""
    label = min(LABELS.get(method, {method}))
    return (
        f"The CAA records at {at} permit {issuer.domains[0]}, but not by the method that control was proven with: "
        f'add "{label}" to their validationmethods, or prove control by a method they name.'
    )


def _denied(name: Name, at: str, relevant: Sequence[Record], issuer: Issuer, named: bool) -> Ruling:
    more = f" (and {len(relevant) - 1} more)" if len(relevant) > 1 else ""
    # The least, not the first: resolvers turn the records round, and the same finding is to read the same.
    shown = min(map(str, relevant))
    add = f'{at}. CAA 0 {ISSUEWILD if name.wildcard else ISSUE} "{issuer.domains[0]}"'
    if named:
        cure = f"its parameters exclude this account or every method; the account is {issuer.account_uri}."
        return _forbidden("parameters", f"The CAA record {shown}{more} at {at} names us, but {cure}", at)
    return _forbidden("forbidden", f"The CAA record {shown}{more} at {at} does not permit us. Publish {add}", at)


def _permitted_to_all(reason: str, message: str, at: str | None = None) -> Ruling:
    return Ruling(frozenset(LABELS), Outcome.PASS, reason, message, at)


def _forbidden(reason: str, message: str, at: str) -> Ruling:
    return Ruling(frozenset(), Outcome.CAA, reason, message, at)


def _failed(reason: str, message: str, at: str | None = None) -> Ruling:
    return Ruling(frozenset(), Outcome.DNSERR, reason, message, at)
