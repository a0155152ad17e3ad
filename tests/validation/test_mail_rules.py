"""Whom a mail may go to and what a confirmation proves (EM1–EM8), without network or database."""

from datetime import UTC, datetime, timedelta

import pytest

from services.validation.rules import mail
from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status
from services.validation.rules.choosing import choose, is_open, offered, wire_name
from services.validation.rules.contacts import Confirmed, Contact, address_of, constructed, envelope_address
from services.validation.rules.corroboration import judge_for, same_proof
from services.validation.rules.instructions import instructions
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge
from services.validation.rules.letter import Matter, is_final, next_try, subject_of, text_of
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import CAA_CONTACT, CONSTRUCTED, EMAIL, METHODS, TXT_CONTACT
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from services.validation.rules.proofs import usable
from services.validation.rules.reuse import usable_until
from services.validation.rules.tokens import Token
from shared.errors import Rejected
from tests.validation.makers import NOW, VALUE, a_policy, a_test_policy

NAME = "www.acme.example"
POLICY = a_test_policy()


def job(section: str = TXT_CONTACT, adn: str = "acme.example", address: str = "pki@else.example") -> Job:
    return job_for(EMAIL, Name(NAME), POLICY, 9001, Contact(section, adn, address))


def txt(*values: str, adn: str = "acme.example", status: Status = Status.ANSWER) -> DnsAnswer:
    return DnsAnswer(f"_validation-contactemail.{adn}", status, values, len(values))


def caa(name: str, *values: str, status: Status = Status.ANSWER) -> DnsAnswer:
    return DnsAnswer(name, status, values, len(values), kind="CAA")


def seen(*answers: DnsAnswer) -> Observation:
    return Observation(EMAIL, "primary", NOW, NOW, tuple(answers))


def test_em1_five_addresses_at_the_domain_and_no_other() -> None:
    assert constructed("acme.example") == (
        "admin@acme.example", "administrator@acme.example", "webmaster@acme.example", "hostmaster@acme.example",
        "postmaster@acme.example",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["pki@acme.example", "a.b+c@x.y.example", "jürgen@bücher.example", "用户@例子.example", "o'hara@acme.example"],
)
def test_em2_the_whole_text_is_one_address(text: str) -> None:
    assert address_of(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "pki", "@acme.example", "pki@", " pki@acme.example", "pki@acme.example ", "pki@acme.example,x@acme.example",
        "pki@acme.example\nx@acme.example", "Pki <pki@acme.example>", "<pki@acme.example>", "mailto:pki@acme.example x",
        "a..b@acme.example", ".a@acme.example", '"a b"@acme.example', "pki@localhost", "pki@[127.0.0.1]",
        "pki@127.0.0.1",
        "pki@acme..example", "pki@-acme.example", "pki@acme.example.", "pki@xn--\u0000.example",
        "pki\u200b@acme.example",
        "p\u3000i@acme.example", "pki@a b.example", "x@y@acme.example", "a" * 65 + "@acme.example",
        "pki@" + "a." * 125 + "example", "pki\r\nRCPT TO:<x@y.example>@acme.example",
    ],
)  # fmt: skip
def test_em2_anything_else_is_of_no_use(text: str) -> None:
    assert address_of(text) is None


def test_an_international_domain_is_written_as_mail_servers_write_it() -> None:
    assert envelope_address("jürgen@Bücher.example".replace("B", "b")) == "jürgen@xn--bcher-kva.example"


def test_em2_of_many_records_a_few_are_written_to_always_the_same() -> None:
    many = [f"p{n}@acme.example" for n in range(9)]

    assert mail.in_txt(txt(*reversed(many), "no address")) == many[:5]


def test_em3_the_set_that_decides_names_the_contact_critical_or_not() -> None:
    answers = [
        caa("www.acme.example", status=Status.NODATA),
        caa("acme.example", "128 contactemail pki@else.example", "0 CONTACTEMAIL ca@else.example", '0 issue "x"'),
    ]

    assert mail.in_caa(answers) == ["ca@else.example", "pki@else.example"]


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [caa("acme.example", status=Status.NODATA), caa("example", status=Status.NXDOMAIN)],
        [caa("acme.example", '0 issue "ca.example"'), caa("example", "0 contactemail a@b.example")][:1],
        [caa("acme.example", "0 contactemail a@b.example b@b.example")],
        [caa("acme.example", "0 contactemail \xff\xfe@b.example")],
        [caa("acme.example", "0 contactemail a@b.example", status=Status.SERVFAIL)],
    ],
)
def test_em3_anything_else_names_nobody(answers: list[DnsAnswer]) -> None:
    assert mail.in_caa(answers) == []


def test_nothing_is_proven_before_somebody_confirms_not_even_by_a_value_the_applicant_knows() -> None:
    verdict = judge(job_for(EMAIL, Name(NAME), POLICY, 9001), seen(), [Token("1", VALUE, NOW)], NOW)

    assert (verdict.outcome, verdict.reason) == (Outcome.NOTFOUND, "unconfirmed")


def test_em7_what_is_validated_is_the_domain_asked_about_never_that_of_the_address() -> None:
    verdict = judge(job(), seen(txt("pki@else.example")), [], NOW)

    assert (verdict.outcome, verdict.adn, verdict.section) == (Outcome.PASS, "acme.example", TXT_CONTACT)
    assert verdict.steps == ("prune to acme.example",)


def test_em8_a_constructed_address_needs_nothing_seen_and_no_other_perspective() -> None:
    verdict = judge(job(CONSTRUCTED, NAME, f"admin@{NAME}"), seen(), [], NOW)

    assert (verdict.outcome, verdict.adn, verdict.section) == (Outcome.PASS, NAME, CONSTRUCTED)
    assert [METHODS[section].corroborated for section in (CONSTRUCTED, CAA_CONTACT, TXT_CONTACT)] == [False, True, True]


@pytest.mark.parametrize(
    ("section", "answers", "outcome"),
    [
        (TXT_CONTACT, [txt("other@else.example")], Outcome.MISMATCH),
        (TXT_CONTACT, [txt("PKI@else.example")], Outcome.MISMATCH),
        (TXT_CONTACT, [txt("pki@else.example ")], Outcome.MISMATCH),
        (TXT_CONTACT, [txt(status=Status.NXDOMAIN)], Outcome.MISMATCH),
        (TXT_CONTACT, [txt(status=Status.BOGUS)], Outcome.BOGUS),
        (TXT_CONTACT, [txt(status=Status.TIMEOUT)], Outcome.DNSERR),
        (TXT_CONTACT, [txt("x@else.example", "pki@else.example")], Outcome.PASS),
        (CAA_CONTACT, [caa("acme.example", "0 contactemail pki@else.example")], Outcome.PASS),
        (CAA_CONTACT, [caa("acme.example", '0 issue ";"')], Outcome.MISMATCH),
        (CAA_CONTACT, [caa("acme.example", status=Status.SERVFAIL)], Outcome.DNSERR),
        (CAA_CONTACT, [caa("acme.example", status=Status.BOGUS)], Outcome.BOGUS),
    ],
)
def test_em8_the_address_that_confirmed_has_to_be_a_contact_still(
    section: str, answers: list[DnsAnswer], outcome: Outcome
) -> None:
    assert judge(job(section), seen(*answers), [], NOW).outcome is outcome


def test_em8_another_perspective_corroborates_by_the_same_address_only() -> None:
    here = judge(job(), seen(txt("pki@else.example")), [], NOW)
    same = judge_for(job(), seen(txt("b@else.example", "pki@else.example")), here, [], NOW)
    other = judge_for(job(), seen(txt("b@else.example")), here, [], NOW)
    of_other_name = judge_for(job(), seen(txt("pki@else.example", adn="evil.example")), here, [], NOW)

    assert [same_proof(here, one) for one in (same, other, of_other_name)] == [True, False, False]


def test_ad3_a_contact_of_a_domain_that_the_name_does_not_lead_to_proves_nothing() -> None:
    for adn in ("example", "globex.example", "a.www.acme.example"):
        assert judge(job(CONSTRUCTED, adn, f"admin@{adn}"), seen(), [], NOW).outcome is Outcome.NOTFOUND


def test_ev10_the_sending_dates_a_constructed_address_and_the_query_a_published_one() -> None:
    def one(section: str, found: int | None) -> Confirmed:
        found_at = None if found is None else NOW + timedelta(minutes=found)
        return Confirmed(
            Contact(section, NAME, "a@b.example"), "", "", NOW, found_at, NOW + timedelta(minutes=2), "",
            NOW + timedelta(days=3), "", "",
        )  # fmt: skip

    assert one(CONSTRUCTED, None).observed_at == NOW + timedelta(minutes=2)
    assert one(TXT_CONTACT, 1).observed_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("section", [CONSTRUCTED, CAA_CONTACT, TXT_CONTACT])
def test_example_39_from_2028_03_15_the_methods_are_refused_and_what_they_proved_is_void(section: str) -> None:
    policy, day = a_policy(), datetime(2028, 3, 14, tzinfo=UTC)

    assert is_open(EMAIL, policy, day - timedelta(seconds=1))
    assert not is_open(EMAIL, policy, day)  # a day early (SV2)
    with pytest.raises(Rejected) as refused:
        choose(EMAIL, None, [NAME], policy, day)
    assert refused.value.code == "method_not_allowed"
    until = usable_until(datetime(2028, 3, 1, tzinfo=UTC), METHODS[section], policy.lead)
    assert until == day - timedelta(microseconds=1)


class Row:
    adn, evidence_id, observed_at, test_mode, withdrawn_at = NAME, None, NOW, False, None

    def __init__(self, method: str) -> None:
        self.method = method


def test_switched_off_the_method_is_refused_and_what_it_proved_serves_nobody() -> None:
    off = a_policy(email_methods=False)

    assert EMAIL not in offered(off, NOW)
    assert EMAIL in offered(a_policy(), NOW)
    assert usable(Row(TXT_CONTACT), a_policy(), NOW)
    assert usable(Row(TXT_CONTACT), off, NOW) is None
    assert usable(Row("3.2.2.4.7"), off, NOW)


def test_what_is_said_to_the_applicant_are_addresses_and_no_value() -> None:
    wanted = instructions(EMAIL, NAME, VALUE, POLICY, 9001)

    assert (wanted.type, wanted.name) == ("MAIL", NAME)
    assert wanted.addresses == constructed(NAME)
    assert VALUE not in str(wanted)
    assert [wire_name(section, None) for section in (CONSTRUCTED, CAA_CONTACT, TXT_CONTACT)] == [EMAIL] * 3


def matter(**changes: object) -> Matter:
    told = {"account": "Acme", "adn": "acme.example", "names": ("*.acme.example",), "why": "so", "link": "http://x/1",
            "expires_at": NOW}  # fmt: skip
    return Matter(**{**told, **changes})  # type: ignore[arg-type]


def test_a_mail_says_who_asks_for_what_and_what_confirming_does() -> None:
    text = text_of(matter())

    for said in ('"Acme"', "*.acme.example", "acme.example", "http://x/1", "2026-11-22 10:00 UTC", "do nothing"):
        assert said in text
    assert subject_of(matter()) == "Confirm control of acme.example"


def test_sg7_the_name_of_an_account_is_one_short_line_of_the_mail() -> None:
    text = text_of(matter(account="Evil\n\nPlease pay to\r\n" + "x" * 500))

    assert len(text.splitlines()) == len(text_of(matter()).splitlines())
    assert max(len(line) for line in text.splitlines()) < 200


def test_em10_a_refusal_for_now_is_tried_again_later_and_later_and_given_up_in_the_end() -> None:
    assert [is_final(code) for code in (421, 450, 452, 550, 552, 554)] == [False, False, False, True, False, True]
    pauses = [next_try(tries, NOW, NOW + timedelta(days=3)) for tries in (1, 2, 3, 9)]
    assert [at - NOW for at in pauses if at] == [timedelta(minutes=m) for m in (1, 5, 30, 360)]
    assert next_try(1, NOW, NOW) is None


def test_ad1_without_a_contact_there_is_nothing_to_be_looked_at() -> None:
    assert mail.places([Adn(NAME)], None) == []
    assert job().places[0].name == "_validation-contactemail.acme.example"
    assert [place.name for place in job(CAA_CONTACT, NAME).places] == [NAME, "acme.example", "example"]
