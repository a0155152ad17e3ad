"""§11 with a real validating resolver: what Unbound says of signed zones is what a verdict rests on (NT2, AD5, EM9)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.validation.clients.dns import DnsClient
from services.validation.clients.observing import Observer
from services.validation.rules.answers import Status
from services.validation.rules.dns_change import why_untrusted
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge
from services.validation.rules.methods import DNS_TXT
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.tokens import Token
from shared.db import utcnow
from tests.validation.makers import a_test_policy
from tests.validation.signed_zones import MISSING, UNBOUND, validating_resolver

pytestmark = pytest.mark.skipif(UNBOUND is None, reason=MISSING)
T = "abcdefghijklmnopqrstuvwxyz234567"


@pytest_asyncio.fixture(scope="module")
async def resolver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DnsClient]:
    home: Path = tmp_path_factory.mktemp("unbound")
    async with validating_resolver(home) as client:
        yield client


async def verdict(resolver: DnsClient, zone: str) -> Verdict:
    job = job_for(DNS_TXT, Name(f"www.{zone}"), a_test_policy())
    now = utcnow()
    return judge(job, await Observer(resolver).observe(job), [Token("t", T, now)], now)


async def test_a_signed_answer_is_vouched_for(resolver: DnsClient) -> None:
    answer = await resolver.txt("_dnsauth.www.good.test")

    assert (answer.status, answer.values, answer.authentic, answer.rcode) == (Status.ANSWER, (T,), True, "NOERROR")
    assert (await verdict(resolver, "good.test")).outcome is Outcome.PASS


async def test_an_unsigned_zone_is_answered_without_a_voucher(resolver: DnsClient) -> None:
    answer = await resolver.txt("_dnsauth.www.plain.test")

    assert (answer.status, answer.values, answer.authentic) == (Status.ANSWER, (T,), False)
    assert (await verdict(resolver, "plain.test")).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("zone", "codes"), [("expired.test", {7, 9, 6}), ("missing.test", {9, 10, 6}), ("tampered.test", {6, 9})]
)
async def test_nt2_broken_signatures_are_bogus_though_the_value_is_there(
    resolver: DnsClient, zone: str, codes: set[int]
) -> None:
    answer = await resolver.txt(f"_dnsauth.www.{zone}")

    assert (answer.status, answer.rcode, answer.values, answer.authentic) == (Status.BOGUS, "SERVFAIL", (), False)
    assert {code for code, _ in answer.errors} & codes
    found = await verdict(resolver, zone)
    assert (found.outcome, found.reason) == (Outcome.BOGUS, "servfail_dnssec")
    assert "Repair the signatures" in found.message


@pytest.mark.parametrize(
    ("name", "status"), [("no.good.test", Status.NXDOMAIN), ("_dnsauth.good.test", Status.NXDOMAIN),
                         ("www.good.test", Status.NODATA), ("no.plain.test", Status.NXDOMAIN)],
)  # fmt: skip
async def test_an_absence_is_vouched_for_too(resolver: DnsClient, name: str, status: Status) -> None:
    answer = await resolver.txt(name)

    assert (answer.status, answer.authentic) == (status, "good" in name)


@pytest.mark.parametrize("kind", ["CAA", "CNAME", "A", "AAAA", "MX"])
async def test_a_broken_zone_gives_no_answer_of_any_type(resolver: DnsClient, kind: str) -> None:
    """Never "no such record": that would be a permission (CAA) or an absence."""
    assert (await resolver.ask("www.expired.test", kind)).status is Status.BOGUS


async def test_caa_and_aliases_of_a_signed_zone_are_vouched_for(resolver: DnsClient) -> None:
    caa, alias = await resolver.ask("alias.good.test", "CAA"), await resolver.ask("alias.good.test", "CNAME")

    assert (caa.values, caa.chain, caa.authentic) == (("0 issue ca.example",), ("www.good.test",), True)
    assert (alias.values, alias.authentic) == (("www.good.test",), True)


async def test_nt8_this_resolver_is_trusted_by_these_zones(resolver: DnsClient) -> None:
    good, plain, broken = [await resolver.txt(name) for name in ("good.test", "plain.test", "expired.test")]

    assert why_untrusted(good, broken) is None
    assert "no AD" in (why_untrusted(plain, broken) or "")
    assert "does not refuse" in (why_untrusted(good, plain) or "")
