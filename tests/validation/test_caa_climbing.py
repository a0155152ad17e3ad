"""CAA against a real DNS server: examples 44–48 and what may go wrong on the way up."""

import time

import dns.rcode
import pytest

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.rules import caa
from services.validation.rules.caa import Issuer, Ruling
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from tests.validation.dns_server import NXDOMAIN, SILENCE, DnsServer, Script

OURS = Issuer(("ca.example",), "acct:9001@ca.example")
NODATA = Script()
DENY, PERMIT = ('0 issue ";"',), ('0 issue "ca.example"',)


def a_set(name: str, *records: str) -> Script:
    return Script(tuple(f"{name}. 60 IN CAA {record}" for record in records))


def alias(name: str, target: str, *records: str) -> Script:
    return Script((f"{name}. 60 IN CNAME {target}.", *(f"{target}. 60 IN CAA {record}" for record in records)))


async def look(zone: DnsServer, name: str = "www.acme.com", wildcard: bool = False) -> Ruling:
    zone.scripts.setdefault("com", NODATA)
    observer = Observer(DnsClient([Resolver(*zone.address)], 0.2))
    seen = await observer.observe(caa.job(name))
    return caa.judge(Name(name, wildcard), seen.answers, OURS)


# The numbers are those of the examples in the reference.
CASES = [
    ("44 none up to the TLD", {}, False, Outcome.PASS, None),
    ("45 nobody", {"www.acme.com": DENY}, False, Outcome.CAA, "www.acme.com"),
    ("45 another", {"www.acme.com": ('0 issue "caatestsuite.com"',)}, False, Outcome.CAA, "www.acme.com"),
    ("45 in capitals", {"www.acme.com": ('0 ISSUE "caatestsuite.com"',)}, False, Outcome.CAA, "www.acme.com"),
    ("45 in both", {"www.acme.com": ('0 IsSuE "caatestsuite.com"',)}, False, Outcome.CAA, "www.acme.com"),
    ("46 at the parent", {"acme.com": DENY}, False, Outcome.CAA, "acme.com"),
    ("46 at the TLD", {"com": DENY}, False, Outcome.CAA, "com"),
    ("47 wildcard, issue", {"acme.com": DENY}, True, Outcome.CAA, "acme.com"),
    ("47 wildcard, issuewild", {"acme.com": (*PERMIT, '0 issuewild ";"')}, True, Outcome.CAA, "acme.com"),
    ("47 no wildcard, issuewild", {"acme.com": ('0 issuewild ";"',)}, False, Outcome.PASS, "acme.com"),
    ("48 deny below permit", {"www.acme.com": DENY, "acme.com": PERMIT}, False, Outcome.CAA, "www.acme.com"),
    ("48 permit below deny", {"www.acme.com": PERMIT, "acme.com": DENY}, False, Outcome.PASS, "www.acme.com"),
]


@pytest.mark.parametrize(
    ("sets", "wildcard", "outcome", "decided_at"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_the_nearest_set_decides(
    zone: DnsServer, sets: dict[str, tuple[str, ...]], wildcard: bool, outcome: Outcome, decided_at: str | None
) -> None:
    zone.scripts.update({name: a_set(name, *records) for name, records in sets.items()})

    found = await look(zone, wildcard=wildcard)

    assert (found.outcome, found.decided_at) == (outcome, decided_at)
    assert bool(found.permits) is (outcome is Outcome.PASS)
    assert decided_at is None or decided_at in found.message


async def test_an_alias_is_followed_but_the_parents_of_its_target_are_not_climbed(zone: DnsServer) -> None:
    zone.scripts["www.acme.com"] = alias("www.acme.com", "edge.cdn.net")
    zone.scripts["cdn.net"] = a_set("cdn.net", *DENY)

    assert (await look(zone)).reason == "no_records"
    assert not [name for name in zone.names_asked() if name.endswith("net")]


async def test_the_set_at_the_target_of_an_alias_decides(zone: DnsServer) -> None:
    zone.scripts["www.acme.com"] = alias("www.acme.com", "edge.cdn.net", *DENY)

    found = await look(zone)

    assert (found.outcome, found.decided_at) == (Outcome.CAA, "www.acme.com")


@pytest.mark.parametrize(
    ("failing", "outcome"),
    [
        (Script(rcode=dns.rcode.SERVFAIL), Outcome.DNSERR),
        (Script(rcode=dns.rcode.REFUSED), Outcome.DNSERR),
        (SILENCE, Outcome.DNSERR),
        (Script(rcode=dns.rcode.SERVFAIL, errors=((6, "bogus"),)), Outcome.BOGUS),  # CA11
    ],
)
async def test_an_error_below_is_an_error_of_all_and_never_permission(
    zone: DnsServer, failing: Script, outcome: Outcome
) -> None:
    zone.scripts["www.acme.com"] = failing
    zone.scripts["acme.com"] = a_set("acme.com", *PERMIT)

    found = await look(zone)

    assert (found.outcome, found.permits, found.decided_at) == (outcome, frozenset(), "www.acme.com")
    assert "no permission" in found.message


async def test_an_error_above_the_deciding_set_does_not_matter_and_is_not_waited_for(zone: DnsServer) -> None:
    zone.scripts["www.acme.com"] = a_set("www.acme.com", *PERMIT)
    zone.scripts["acme.com"] = SILENCE
    begun = time.monotonic()

    assert (await look(zone)).outcome is Outcome.PASS
    assert time.monotonic() - begun < 0.15


async def test_a_tld_that_does_not_exist_is_an_error(zone: DnsServer) -> None:
    zone.scripts["com"] = NXDOMAIN

    found = await look(zone)

    assert (found.outcome, found.reason, found.decided_at) == (Outcome.DNSERR, "no_such_tld", "com")


async def test_a_tld_of_test_mode_need_not_exist(zone: DnsServer) -> None:
    observer = Observer(DnsClient([Resolver(*zone.address)]), local={"example"})
    seen = await observer.observe(caa.job("www.acme.example"))

    assert caa.judge(Name("www.acme.example"), seen.answers, OURS, {"example"}).reason == "no_records"


async def test_a_set_that_is_cut_off_is_fetched_over_tcp(zone: DnsServer) -> None:
    many = [f'0 issue "ca{n}.example.net"' for n in range(200)]
    zone.scripts["www.acme.com"] = Script(truncated=True)
    zone.tcp["www.acme.com"] = a_set("www.acme.com", *many, *PERMIT)

    assert (await look(zone)).outcome is Outcome.PASS


async def test_a_truncated_nxdomain_that_tcp_does_not_repair_is_an_error(zone: DnsServer) -> None:
    zone.scripts["www.acme.com"] = Script(rcode=dns.rcode.NXDOMAIN, truncated=True)
    zone.tcp["www.acme.com"] = SILENCE
    zone.scripts["acme.com"] = a_set("acme.com", *PERMIT)

    found = await look(zone)

    assert (found.outcome, found.reason) == (Outcome.DNSERR, "truncated")


async def test_answers_that_stop_short_or_are_of_other_names_are_no_permission(zone: DnsServer) -> None:
    observer = Observer(DnsClient([Resolver(*zone.address)]))
    zone.scripts["com"] = NODATA
    seen = await observer.observe(caa.job("www.acme.com"))

    for answers in (seen.answers[:-1], seen.answers[::-1], ()):
        assert caa.judge(Name("www.acme.com"), answers, OURS).reason == "incomplete"
