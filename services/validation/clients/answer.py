"""From a DNS message to what it says about one question."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from services.validation.rules.answers import DnsAnswer, Status

MAX_CNAMES = 15
# Extended DNS Errors (RFC 8914, IANA registry) with which a validating resolver says that DNSSEC validation failed.
DNSSEC_ERRORS = {1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27}
RCODES = {
    dns.rcode.SERVFAIL: Status.SERVFAIL,
    dns.rcode.REFUSED: Status.REFUSED,
    dns.rcode.NOTIMP: Status.NOTIMP,
    dns.rcode.FORMERR: Status.FORMERR,
}


class BrokenChain(Exception):
    def __init__(self, status: Status, chain: list[dns.name.Name]) -> None:
        super().__init__(status.value)
        self.status = status
        self.chain = chain


def read_answer(name: str, kind: str, response: dns.message.Message, transport: str) -> DnsAnswer:
    """`response` is parsed with one RR per RRset: merged ones would hide a second CNAME (DN7)."""
    answer = DnsAnswer(
        name,
        Status.ANSWER,
        rcode=dns.rcode.to_text(response.rcode()),
        authentic=bool(response.flags & dns.flags.AD),
        errors=_extended_errors(response),
        transport=transport,
        kind=kind,
    )
    if not response.question or response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return replace(answer, status=_failure(answer, response.rcode()))
    try:
        chain = _chain(response, response.question[0].name, kind)
    except BrokenChain as broken:
        return replace(answer, status=broken.status, chain=_texts(broken.chain))
    return _with_records(replace(answer, chain=_texts(chain[1:])), response, chain[-1])


def _with_records(answer: DnsAnswer, response: dns.message.Message, owner: dns.name.Name) -> DnsAnswer:
    """Only RRs at the end of the chain count (DN5). NXDOMAIN is the target's, and final (NT7)."""
    if response.rcode() == dns.rcode.NXDOMAIN:
        return replace(answer, status=Status.NXDOMAIN)
    rrsets = _rrsets(response, owner, KIND[answer.kind])
    records = [rr for rrset in rrsets for rr in rrset]
    if not records:
        return replace(answer, status=Status.NO_RECORD if response.answer else Status.NODATA)
    values = tuple(text for rr in records if (text := READ[answer.kind](rr)) is not None)
    return replace(answer, values=values, count=len(records), ttl=min(rrset.ttl for rrset in rrsets))


def _chain(response: dns.message.Message, name: dns.name.Name, kind: str) -> list[dns.name.Name]:
    """From the name asked for to where its CNAMEs end; loops and a second CNAME are errors at once (NT5, DN7). Who asks
    for the CNAME itself wants that one and no further (DN6)."""
    chain = [name]
    while targets := {rr.target for rrset in _rrsets(response, chain[-1], dns.rdatatype.CNAME) for rr in rrset}:
        if len(targets) > 1:
            raise BrokenChain(Status.TWO_CNAMES, chain[1:])
        if kind == "CNAME":
            break
        (target,) = targets
        if target in chain:
            raise BrokenChain(Status.CNAME_LOOP, [*chain[1:], target])
        if len(chain) > MAX_CNAMES:
            raise BrokenChain(Status.CNAME_CHAIN_TOO_LONG, chain[1:])
        chain.append(target)
    return chain


def _rrsets(
    response: dns.message.Message, owner: dns.name.Name, kind: dns.rdatatype.RdataType
) -> list[dns.rrset.RRset]:
    """dns.name compares case-insensitively, as owner names are to be compared."""
    return [
        rrset
        for rrset in response.answer
        if rrset.name == owner and rrset.rdtype == kind and rrset.rdclass == dns.rdataclass.IN
    ]


def _text(rr: Any) -> str | None:
    """RRs that are not UTF-8 are skipped, never an exception (DN4)."""
    try:
        return b"".join(rr.strings).decode()
    except UnicodeDecodeError:
        return None


READ: dict[str, Callable[[Any], str | None]] = {
    "TXT": _text,
    "A": lambda rr: str(rr.address),
    "AAAA": lambda rr: str(rr.address),
    "CNAME": lambda rr: _name(rr.target),
    "MX": lambda rr: f"{rr.preference} {_name(rr.exchange)}",
    "CAA": lambda rr: f"{rr.flags} {rr.tag.decode()} {rr.value.decode('latin-1')}",
}
KIND = {kind: dns.rdatatype.from_text(kind) for kind in READ}


def _failure(answer: DnsAnswer, rcode: dns.rcode.Rcode) -> Status:
    if rcode == dns.rcode.SERVFAIL and any(code in DNSSEC_ERRORS for code, _ in answer.errors):
        return Status.BOGUS
    return RCODES.get(rcode, Status.OTHER_RCODE)


def _extended_errors(response: dns.message.Message) -> tuple[tuple[int, str], ...]:
    return tuple(
        (int(option.code), option.text or "") for option in response.options if isinstance(option, dns.edns.EDEOption)
    )


def _texts(names: list[dns.name.Name]) -> tuple[str, ...]:
    return tuple(_name(name) for name in names)


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
