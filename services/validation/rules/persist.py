"""Method .22: a TXT record that stays, and names us and the applicant's account (PT1–PT10)."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.validation.rules.adn import Adn
from services.validation.rules.answers import failure
from services.validation.rules.dns_change import Place, Seen
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import quoted

LABEL = "_validation-persist"
KNOWN = {"accounturi", "policy", "persistuntil"}
BLANKS = " \t"
TAG = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*")
VALUE = re.compile(r"[\x21-\x3A\x3C-\x7E]*")
SECONDS = re.compile(r"[0-9]+")
LONGEST_SECONDS = 12  # digits: 31,000 years on from here


class Malformed(ValueError):
    """A record for us that does not parse (PT6)."""


@dataclass(frozen=True, slots=True)
class Record:
    account_uri: str
    is_wide: bool = False
    until: int | None = None

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and now.timestamp() > self.until


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom the record is to name: the issuer domain names of CP/CPS 4.2, and our URI of the applicant's account."""

    issuers: tuple[str, ...]
    account_uri: str
    name: str
    wildcard: bool = False
    follow_cname: bool = False

    def is_exact(self, adn: Adn) -> bool:
        return adn.domain == self.name and not self.wildcard


@dataclass(frozen=True, slots=True)
class Found:
    place: Place
    record: Record | None
    fault: str = ""


def places(adns: Sequence[Adn]) -> list[Place]:
    return [Place(f"{LABEL}.{adn.domain}", adn) for adn in adns]


def issuer_of(value: str) -> str:
    return value.partition(";")[0].strip(BLANKS).lower().removesuffix(".")


def parse(value: str) -> Record:
    """The RFC 8659 issue-value of a record that names us (PT3); raises Malformed."""
    parameters: dict[str, str] = {}
    for part in value.split(";")[1:]:
        tag, text = _parameter(part)
        if tag in KNOWN and tag in parameters:
            raise Malformed(f"{tag} is given twice")
        parameters[tag] = text
    if "accounturi" not in parameters:
        raise Malformed("accounturi is missing")
    is_wide = parameters.get("policy", "").lower() == "wildcard"
    return Record(parameters["accounturi"], is_wide, _until(parameters.get("persistuntil")))


def _parameter(part: str) -> tuple[str, str]:
    """Tags in any case; unknown ones are ignored, also when repeated, but have to be well-formed (PT5, PT6)."""
    name, equals, text = part.partition("=")
    tag, text = name.strip(BLANKS).lower(), text.strip(BLANKS)
    if not part.strip(BLANKS):
        raise Malformed("a parameter is empty")
    if not equals or not TAG.fullmatch(tag) or not VALUE.fullmatch(text):
        raise Malformed(f"{quoted(part)} is no tag=value")
    return tag, text


def _until(text: str | None) -> int | None:
    if text is None:
        return None
    if not SECONDS.fullmatch(text):
        raise Malformed(f"persistUntil is {quoted(text)}, not a number of seconds")
    return int(text[-LONGEST_SECONDS:]) if len(text.lstrip("0")) <= LONGEST_SECONDS else 10**LONGEST_SECONDS


def judge(seen: Sequence[Seen], wanted: Wanted, now: datetime) -> Verdict:
    """One valid record suffices, whatever stands beside it (PT8); of several the one that reaches furthest."""
    found = list(_ours(seen, wanted))
    valid = [one for one in found if one.record and _is_valid(one.record, one.place, wanted, now)]
    if valid:
        return _passed(max(valid, key=lambda one: one.record is not None and one.record.is_wide))
    return failure([a for _, a in seen]) or _refused(found, wanted, now) or _absent(seen, wanted)


def _ours(seen: Iterable[Seen], wanted: Wanted) -> Iterable[Found]:
    """Records of other issuers are skipped, malformed ones too (PT8)."""
    for place, answer in seen:
        for value in answer.values if wanted.follow_cname or not answer.chain else ():
            if issuer_of(value) not in wanted.issuers:
                continue
            try:
                yield Found(place, parse(value))
            except Malformed as fault:
                yield Found(place, None, str(fault))


def _is_valid(record: Record, place: Place, wanted: Wanted, now: datetime) -> bool:
    """The account byte for byte (PT4); a name below it, or a wildcard, by express permission only (PT7)."""
    in_scope = record.is_wide or wanted.is_exact(place.adn)
    return record.account_uri == wanted.account_uri and in_scope and not record.is_over(now)


def _passed(found: Found) -> Verdict:
    place, exact = found.place, not (found.record and found.record.is_wide)
    said = f"The persistent TXT record at {place.name} names us and this account."
    return Verdict(Outcome.PASS, "persist", said, place.name, place.adn.domain, place.adn.steps, exact=exact)


def _refused(found: Collection[Found], wanted: Wanted, now: datetime) -> Verdict | None:
    for one in found:
        if one.record is None:
            said = f"The persistent TXT record at {one.place.name} does not parse: {one.fault}."
            return Verdict(Outcome.MALFORMED, "malformed", said, one.place.name)
    for one in found:
        if one.record and one.record.account_uri == wanted.account_uri and one.record.is_over(now):
            said = f"The persistent TXT record at {one.place.name} ended at its persistUntil, {one.record.until}."
            return Verdict(Outcome.POLICY, "persist_until_passed", said, one.place.name)
    for one in found:
        if one.record and one.record.account_uri == wanted.account_uri:
            said = (
                f"The persistent TXT record at {one.place.name} is for that exact name only; for names below it and "
                "wildcards add policy=wildcard."
            )
            return Verdict(Outcome.MISMATCH, "scope", said, one.place.name)
    for one in found:
        if one.record:
            said = (
                f"The persistent TXT record at {one.place.name} names the account {quoted(one.record.account_uri)}, "
                f"not {wanted.account_uri}."
            )
            return Verdict(Outcome.MISMATCH, "other_account", said, one.place.name)
    return None


def _absent(seen: Sequence[Seen], wanted: Wanted) -> Verdict:
    place, answer = seen[0]
    if answer.chain and not wanted.follow_cname:
        said = f"{place.name} is a CNAME, which is not followed for this method; publish the TXT record there itself."
        return Verdict(Outcome.NOTFOUND, "cname_not_followed", said, place.name)
    said = f"There is no TXT record for {wanted.issuers[0]} at {place.name} yet."
    reason = "other_issuer" if answer.values else answer.status.value
    return Verdict(Outcome.NOTFOUND, reason, said, place.name)
