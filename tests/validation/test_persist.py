"""Method .22: PT1–PT10 and examples 40–43 of the rules, against a real server where DNS has a say."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status
from services.validation.rules.dns_change import Place
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge as judge_job
from services.validation.rules.methods import DNS_PERSIST, METHODS
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.persist import Malformed, Record, Wanted, issuer_of, judge, parse
from services.validation.rules.reuse import is_usable, usable_until
from shared.db import utcnow
from tests.validation.dns_server import DnsServer, Script
from tests.validation.makers import NOW, a_test_policy

I = "ca.example"  # noqa: E741
U = "acct:9001@ca.example"
NAME, PARENT = "www.acme.example", "acme.example"
AT = f"_validation-persist.{NAME}"
EXACT = Wanted((I, "second.example"), U, NAME)
WILD = Wanted((I,), U, NAME, wildcard=True)


def seen(*values: str, parent: tuple[str, ...] = (), chain: tuple[str, ...] = ()) -> list[tuple[Place, DnsAnswer]]:
    here, above = Place(AT, Adn(NAME)), Place(f"_validation-persist.{PARENT}", Adn(PARENT, ("prune",)))
    status = Status.ANSWER if values else Status.NXDOMAIN
    return [
        (here, DnsAnswer(here.name, status, values, len(values), chain)),
        (above, DnsAnswer(above.name, Status.ANSWER if parent else Status.NXDOMAIN, parent, len(parent))),
    ]


def judged(*values: str, wanted: Wanted = EXACT, parent: tuple[str, ...] = ()) -> Verdict:
    return judge(seen(*values, parent=parent), wanted, NOW)


@pytest.mark.parametrize(
    "value",
    [
        f"{I};accounturi={U}", f"{I}.;accounturi={U}", f"CA.Example;accounturi={U}", f"second.example; accounturi={U}",
        f" {I} \t;\t AccountURI \t=  {U}  ", f"{I};accounturi={U};unknown=x;unknown=y", f"{I};accounturi={U};x=",
        f"{I};policy=other;accounturi={U}", f"{I};accounturi={U};persistUntil=9999999999999999999999",
        f"{I};accounturi={U};PERSISTUNTIL={int(NOW.timestamp())}",
    ],
)  # fmt: skip
def test_example_40_pt6_ways_to_write_one_and_the_same(value: str) -> None:
    verdict = judged(value)

    assert (verdict.outcome, verdict.reason, verdict.adn, verdict.exact) == (Outcome.PASS, "persist", NAME, True)


async def test_example_40_split_strings_over_the_wire() -> None:
    value = f"{I};accounturi={U}"
    async with DnsServer(scripts={AT: Script((f'{AT}. 600 IN TXT "{value[:9]}" "{value[9:]}"',))}) as server:
        observer = Observer(DnsClient([Resolver(*server.address)], 0.15))
        job = job_for(DNS_PERSIST, Name(NAME), a_test_policy(), account_id=9001)
        observation = await observer.observe(job)

        assert judge_job(job, observation, [], utcnow()).outcome is Outcome.PASS
        assert observation.as_evidence()[0]["ttl"] == 600  # PT9
        assert server.names_asked() == [AT, f"_validation-persist.{PARENT}"]


@pytest.mark.parametrize(
    "value", [f";accounturi={U}", f"other.example;accounturi={U}", "", ";", "v=spf1 -all", f"x{I};accounturi={U}",
              f"{I}..;accounturi={U}", "other.example;;;=", f"accounturi={U};{I}"],
)  # fmt: skip
def test_example_41_pt8_records_of_others_are_no_record_for_us(value: str) -> None:
    assert (judged(value).outcome, judged(value).reason) == (Outcome.NOTFOUND, "other_issuer")


def test_example_42_one_valid_record_suffices() -> None:
    valid, malformed, other = f"{I};accounturi={U}", f"{I};;", f"{I};accounturi=acct:1@ca.example"

    assert judged(malformed, other, valid).outcome is Outcome.PASS
    assert judged(malformed, "other.example;accounturi=x").outcome is Outcome.MALFORMED
    assert judged(other).reason == "other_account"


def test_example_43_evidence_of_this_method_lives_ten_days() -> None:
    method, lead = METHODS["3.2.2.4.22"], timedelta(0)

    assert is_usable(NOW, method, NOW + timedelta(days=10), lead)
    assert not is_usable(NOW, method, NOW + timedelta(days=10, seconds=1), lead)
    assert usable_until(NOW, method, timedelta(days=1)) == NOW + timedelta(days=9)


@pytest.mark.parametrize(
    "value",
    [
        f"{I};", f"{I};accounturi={U};", f"{I};;accounturi={U}", f"{I};accounturi={U};accounturi={U}",
        f"{I};accounturi={U};policy=a;POLICY=b", f"{I};accounturi={U};persistUntil=1;persistuntil=1",
        f"{I};accounturi={U};persistUntil=", f"{I};accounturi={U};persistUntil=1.5",
        f"{I};accounturi={U};persistUntil=-1",
        f"{I};accounturi={U};persistUntil=0x1", f"{I};accounturi={U};persistUntil=١", f"{I};accounturi", I,
        f"{I};policy=wildcard", f"{I};=x;accounturi={U}", f"{I};a_b=x;accounturi={U}", f"{I};-a=x;accounturi={U}",
        f"{I};accounturi={U};x=a b", f"{I};accounturi={U};x=ä", f"{I};accounturi={U};x=\x7f",
    ],
)  # fmt: skip
def test_pt5_and_pt6_malformed_records_of_ours(value: str) -> None:
    verdict = judged(value)

    assert (verdict.outcome, verdict.reason) == (Outcome.MALFORMED, "malformed")
    assert verdict.message.isprintable()


@pytest.mark.parametrize(
    "uri", [U.upper(), U.replace("acct", "ACCT"), U + "/", "acct:9001@CA.example", "", f"%61{U[1:]}"]
)
def test_pt4_the_account_is_compared_byte_for_byte(uri: str) -> None:
    assert judged(f"{I};accounturi={uri}").reason == "other_account"


def test_pt5_a_record_is_unusable_after_its_end_and_not_before() -> None:
    value = f"{I};accounturi={U};persistUntil={int(NOW.timestamp())}"

    assert judge(seen(value), EXACT, NOW).outcome is Outcome.PASS
    later = judge(seen(value), EXACT, NOW + timedelta(seconds=1))
    assert (later.outcome, later.reason) == (Outcome.POLICY, "persist_until_passed")


@pytest.mark.parametrize("policy", ["wildcard", "WildCard"])
def test_pt7_names_below_and_wildcards_need_express_permission(policy: str) -> None:
    narrow, wide = f"{I};accounturi={U}", f"{I};accounturi={U};policy={policy}"

    assert judged(parent=(narrow,)).reason == "scope"
    assert judged(narrow, wanted=WILD).reason == "scope"
    for verdict in (judged(parent=(wide,)), judged(wide, wanted=WILD), judged(wide)):
        assert (verdict.outcome, verdict.exact) == (Outcome.PASS, False)
    assert judged(parent=(wide,)).adn == PARENT
    assert judged(narrow, wide).exact is False


def test_pt2_a_cname_is_not_followed_unless_it_is_allowed() -> None:
    aliased = seen(f"{I};accounturi={U}", chain=("elsewhere.example",))
    following = Wanted((I,), U, NAME, follow_cname=True)

    assert judge(aliased, EXACT, NOW).reason == "cname_not_followed"
    assert judge(aliased, following, NOW).outcome is Outcome.PASS


def test_a_failure_is_no_absence_but_a_valid_record_elsewhere_suffices() -> None:
    wide = f"{I};accounturi={U};policy=wildcard"
    (here, _), above = seen(parent=(wide,))
    failed = (here, DnsAnswer(here.name, Status.BOGUS))

    assert judge([failed, seen()[1]], EXACT, NOW).outcome is Outcome.BOGUS
    assert judge([failed, above], EXACT, NOW).outcome is Outcome.PASS


def test_pt11_the_account_uri_names_the_account_at_the_ca() -> None:
    assert a_test_policy(account_domain="ca.example").account_uri(9001) == U


PIECES = st.lists(
    st.sampled_from([I, I.upper(), ";", "=", " ", "\t", "accounturi", "AccountUri", U, "policy", "wildcard",
                     "persistUntil",
                     "17", "\x00", "ä", "-", ".", "a"]) | st.text(max_size=3),
    max_size=24,
)  # fmt: skip


@given(PIECES.map("".join))
@example("")
@example(";" * 5000)
def test_pt6_whatever_the_record_says_it_parses_or_is_malformed(value: str) -> None:
    try:
        record = parse(value)
    except Malformed:
        return
    assert isinstance(record, Record)
    assert judge(seen(value), EXACT, NOW).outcome in Outcome


@given(PIECES.map("".join))
def test_pt3_only_the_issuer_s_and_the_account_s_own_record_ever_passes(value: str) -> None:
    if judged(value).outcome is Outcome.PASS:
        assert issuer_of(value) in EXACT.issuers
        assert f"={U}" in value.replace(" ", "").replace("\t", "")


@given(blanks=st.lists(st.sampled_from(["", " ", "\t", "  "]), min_size=6, max_size=6), upper=st.booleans())
def test_pt6_blanks_and_case_of_tags_make_no_difference(blanks: list[str], upper: bool) -> None:
    a, b, c, d, e, f = blanks
    tag = "ACCOUNTURI" if upper else "accounturi"

    assert parse(f"{a}{I}{b};{c}{tag}{d}={e}{U}{f}") == Record(U)
