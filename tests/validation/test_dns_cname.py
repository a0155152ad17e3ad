"""Method .7 by CNAME against a real server: DN6, DN7 and examples 15 and 20 of the rules."""

from collections.abc import AsyncIterator
from datetime import timedelta

import dns.rcode
import pytest
import pytest_asyncio

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge
from services.validation.rules.methods import DNS_CNAME, DNS_TXT
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.tokens import Token
from shared.db import utcnow
from tests.validation.dns_server import NXDOMAIN, DnsServer, Script, txt
from tests.validation.makers import a_test_policy

T = "abcdefghijklmnopqrstuvwxyz234567"
NAME = "_dnsauth.www.acme.example"
POLICY = a_test_policy(cname_zone="dcv.our.ca")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer() as running:
        yield running


async def check(server: DnsServer, age: timedelta = timedelta(), kind: str = DNS_CNAME) -> Verdict:
    observer = Observer(DnsClient([Resolver(*server.address)], 0.15))
    job = job_for(kind, Name("www.acme.example"), POLICY)
    now = utcnow()
    return judge(job, await observer.observe(job), [Token("t", T, now - age)], now)


def cname(*targets: str, name: str = NAME) -> Script:
    return Script(tuple(f"{name}. 60 IN CNAME {target}" for target in targets))


@pytest.mark.parametrize(
    "target", [f"{T}.dcv.our.ca.", f"{T.upper()}.DCV.Our.CA.", f"{T.capitalize()}.dcv.OUR.ca."]
)  # fmt: skip
async def test_example_20_the_token_in_our_zone_in_any_case(server: DnsServer, target: str) -> None:
    server.scripts[NAME] = cname(target)
    verdict = await check(server)

    assert (verdict.outcome, verdict.reason, verdict.place) == (Outcome.PASS, "cname", NAME)
    assert (verdict.adn, verdict.token_id) == ("www.acme.example", "t")


@pytest.mark.parametrize(
    "target",
    [f"{T}.dcv.our.ca.evil.example.", f"x.{T}.dcv.our.ca.", f"{T}.our.ca.", "dcv.our.ca.", f"{T}x.dcv.our.ca.",
     f"{T}dcv.our.ca.", f"{T}\\.dcv.our.ca.", f"{T}.dcv.our.ca\\..", f"{'b' * 32}.dcv.our.ca.", "."],
)  # fmt: skip
async def test_dn6_labels_are_compared_one_by_one(server: DnsServer, target: str) -> None:
    server.scripts[NAME] = cname(target)
    verdict = await check(server)

    assert (verdict.outcome, verdict.reason) == (Outcome.MISMATCH, "other_target")


async def test_dn6_the_question_is_for_a_cname_and_is_not_chased(server: DnsServer) -> None:
    """Our zone need not have the target: what it points to is all that counts."""
    server.scripts[NAME] = cname(f"{T}.dcv.our.ca.")

    assert (await check(server)).outcome is Outcome.PASS
    assert {(asked.name, asked.kind) for asked in server.asked} == {(NAME, "CNAME"), ("_dnsauth.acme.example", "CNAME")}


async def test_dn7_two_cnames_are_no_answer(server: DnsServer) -> None:
    server.scripts[NAME] = cname(f"{T}.dcv.our.ca.", "other.example.")
    verdict = await check(server)

    assert (verdict.outcome, verdict.reason) == (Outcome.DNSERR, "two_cnames")


@pytest.mark.parametrize("kind", [DNS_CNAME, DNS_TXT])
async def test_example_15_without_an_underscore_nothing_is_found(server: DnsServer, kind: str) -> None:
    bare = f"{T}.www.acme.example"
    server.scripts = {bare: cname(f"{T}.dcv.our.ca.", name=bare)} if kind == DNS_CNAME else {bare: txt(bare, T)}

    assert (await check(server, kind=kind)).outcome is Outcome.NOTFOUND
    assert bare not in server.names_asked()


async def test_a_parent_s_record_proves_the_parent(server: DnsServer) -> None:
    name = "_dnsauth.acme.example"
    server.scripts[name] = cname(f"{T}.dcv.our.ca.", name=name)
    verdict = await check(server)

    assert (verdict.outcome, verdict.adn, verdict.steps) == (Outcome.PASS, "acme.example", ("prune to acme.example",))


@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        (NXDOMAIN, Outcome.NOTFOUND, "nxdomain"),
        (Script(), Outcome.NOTFOUND, "nodata"),
        (Script((f'{NAME}. 60 IN TXT "{T}"',)), Outcome.NOTFOUND, "no_record"),
        (Script(rcode=dns.rcode.SERVFAIL), Outcome.DNSERR, "servfail"),
        (Script(rcode=dns.rcode.SERVFAIL, errors=((6, ""),)), Outcome.BOGUS, "servfail_dnssec"),
        (Script(rcode=dns.rcode.REFUSED), Outcome.DNSERR, "refused"),
    ],
)
async def test_absence_and_failure_are_told_apart(
    server: DnsServer, script: Script, outcome: Outcome, reason: str
) -> None:
    server.scripts[NAME] = script
    verdict = await check(server)

    assert (verdict.outcome, verdict.reason) == (outcome, reason)


async def test_a_token_of_thirty_days_is_refused_though_it_is_there(server: DnsServer) -> None:
    server.scripts[NAME] = cname(f"{T}.dcv.our.ca.")
    verdict = await check(server, age=timedelta(days=30))

    assert (verdict.outcome, verdict.reason) == (Outcome.POLICY, "token_expired")
