"""From a DNS message to what it says about one TXT question."""

from dataclasses import replace
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from services.validation.rules.dns_change import Status, TxtAnswer

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


def read_answer(name: str, response: dns.message.Message, transport: str) -> TxtAnswer:
    """`response` is parsed with one RR per RRset: merged ones would hide a second CNAME (DN7)."""
    answer = TxtAnswer(
        name,
        Status.ANSWER,
        rcode=dns.rcode.to_text(response.rcode()),
        authentic=bool(response.flags & dns.flags.AD),
        errors=_extended_errors(response),
        transport=transport,
    )
    if not response.question or response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return replace(answer, status=_failure(answer, response.rcode()))
    try:
        chain = _chain(response, response.question[0].name)
    except BrokenChain as broken:
        return replace(answer, status=broken.status, chain=_texts(broken.chain))
    return _with_records(replace(answer, chain=_texts(chain[1:])), response, chain[-1])


def _with_records(answer: TxtAnswer, response: dns.message.Message, owner: dns.name.Name) -> TxtAnswer:
    """Only RRs at the end of the chain count (DN5). NXDOMAIN is the target's, and final (NT7)."""
    if response.rcode() == dns.rcode.NXDOMAIN:
        return replace(answer, status=Status.NXDOMAIN)
    records = [b"".join(rr.strings) for rr in _records(response, owner, dns.rdatatype.TXT)]
    if not records:
        return replace(answer, status=Status.NO_TXT if response.answer else Status.NODATA)
    return replace(answer, values=tuple(_readable(records)), count=len(records))


def _chain(response: dns.message.Message, name: dns.name.Name) -> list[dns.name.Name]:
    """From the name asked for to where its CNAMEs end; loops and a second CNAME are errors at once (NT5, DN7)."""
    chain = [name]
    while targets := {rr.target for rr in _records(response, chain[-1], dns.rdatatype.CNAME)}:
        if len(targets) > 1:
            raise BrokenChain(Status.TWO_CNAMES, chain[1:])
        (target,) = targets
        if target in chain:
            raise BrokenChain(Status.CNAME_LOOP, [*chain[1:], target])
        if len(chain) > MAX_CNAMES:
            raise BrokenChain(Status.CNAME_CHAIN_TOO_LONG, chain[1:])
        chain.append(target)
    return chain


def _records(response: dns.message.Message, owner: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[Any]:
    """dns.name compares case-insensitively, as owner names are to be compared."""
    return [
        rr
        for rrset in response.answer
        if rrset.name == owner and rrset.rdtype == kind and rrset.rdclass == dns.rdataclass.IN
        for rr in rrset
    ]


def _readable(records: list[bytes]) -> list[str]:
    """RRs that are not UTF-8 are skipped, never an exception (DN4)."""
    texts = []
    for record in records:
        try:
            texts.append(record.decode())
        except UnicodeDecodeError:
            continue
    return texts


def _failure(answer: TxtAnswer, rcode: dns.rcode.Rcode) -> Status:
    if rcode == dns.rcode.SERVFAIL and any(code in DNSSEC_ERRORS for code, _ in answer.errors):
        return Status.BOGUS
    return RCODES.get(rcode, Status.OTHER_RCODE)


def _extended_errors(response: dns.message.Message) -> tuple[tuple[int, str], ...]:
    return tuple(
        (int(option.code), option.text or "") for option in response.options if isinstance(option, dns.edns.EDEOption)
    )


def _texts(names: list[dns.name.Name]) -> tuple[str, ...]:
    return tuple(name.to_text(omit_final_dot=True).lower() for name in names)
