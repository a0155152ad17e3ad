from datetime import timedelta

import pytest

from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status
from services.validation.rules.dns_change import Place, judge, places, why_untrusted
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.tokens import Token
from tests.validation.makers import NOW

T = Token("current", "t" * 32, NOW)
OLD = Token("old", "o2" * 16, NOW - timedelta(days=30))
LABELLED, BARE = places([Adn("example.com")], ["_dnsauth"])


def answer(place: Place, *values: str, status: Status = Status.ANSWER, **more: object) -> tuple[Place, DnsAnswer]:
    return place, DnsAnswer(place.name, status, values, count=len(values), **more)  # type: ignore[arg-type]


def judged(*seen: tuple[Place, DnsAnswer], tokens: tuple[Token, ...] = (T,)) -> Verdict:
    return judge(seen, tokens, NOW)


def test_every_adn_is_looked_at_with_label_and_without_the_nearest_first() -> None:
    found = places([Adn("www.example.com"), Adn("example.com")], ["_dnsauth", "_acme"])

    assert [place.name for place in found] == [
        "_dnsauth.www.example.com",
        "_acme.www.example.com",
        "www.example.com",
        "_dnsauth.example.com",
        "_acme.example.com",
        "example.com",
    ]


def test_a_label_without_underscore_is_no_place_for_a_proof() -> None:
    with pytest.raises(ValueError, match="underscore"):
        places([Adn("example.com")], ["dnsauth"])


def test_the_token_at_the_label_is_proof() -> None:
    verdict = judged(answer(LABELLED, T.value), answer(BARE, status=Status.NODATA))

    assert verdict.outcome is Outcome.PASS
    assert (verdict.place, verdict.adn, verdict.token_id) == ("_dnsauth.example.com", "example.com", "current")


def test_the_token_at_the_name_itself_is_proof() -> None:
    verdict = judged(answer(LABELLED, status=Status.NXDOMAIN), answer(BARE, "v=spf1 -all", T.value))

    assert (verdict.outcome, verdict.place) == (Outcome.PASS, "example.com")


def test_the_token_at_a_parent_proves_the_parent() -> None:
    parent = Adn("example.co.uk", ("prune to b.example.co.uk", "prune to example.co.uk"))
    verdict = judged(answer(Place("_p.example.co.uk", parent), T.value))

    assert (verdict.outcome, verdict.adn, verdict.steps) == (Outcome.PASS, "example.co.uk", parent.steps)


def test_one_right_value_among_many_wins() -> None:
    assert judged(answer(LABELLED, "x", "y", "z", T.value)).outcome is Outcome.PASS


def test_proof_at_one_place_outweighs_a_failure_at_another() -> None:
    assert judged(answer(LABELLED, status=Status.SERVFAIL), answer(BARE, T.value)).outcome is Outcome.PASS


@pytest.mark.parametrize("value", [f" {T.value}", f"{T.value} ", f'"{T.value}"', T.value.upper(), f"token={T.value}"])
def test_anything_but_the_exact_value_does_not_match(value: str) -> None:
    assert judged(answer(LABELLED, value)).outcome is Outcome.MISMATCH


@pytest.mark.parametrize("status", [Status.NXDOMAIN, Status.NODATA, Status.NO_RECORD])
def test_nothing_there_is_not_found_with_its_own_reason(status: Status) -> None:
    verdict = judged(answer(LABELLED, status=status), answer(BARE, status=Status.NODATA))

    assert (verdict.outcome, verdict.reason, verdict.place) == (Outcome.NOTFOUND, status.value, "_dnsauth.example.com")
    assert "_dnsauth.example.com" in verdict.message


def test_other_records_at_the_bare_name_are_no_wrong_proof() -> None:
    verdict = judged(answer(LABELLED, status=Status.NXDOMAIN), answer(BARE, "v=spf1 -all"))

    assert (verdict.outcome, verdict.reason) == (Outcome.NOTFOUND, "nxdomain")


def test_a_former_token_is_a_mismatch_wherever_it_is() -> None:
    former = "abcdefghijklmnopqrstuvwxyz234567"

    assert judged(answer(LABELLED, former)).outcome is Outcome.MISMATCH
    assert judged(answer(LABELLED, status=Status.NXDOMAIN), answer(BARE, former)).outcome is Outcome.MISMATCH


def test_the_sentence_names_the_first_value_and_how_many_others() -> None:
    verdict = judged(answer(LABELLED, "first", "second", "third"))

    assert verdict.message == (
        'The TXT record at _dnsauth.example.com holds "first" (and 2 more), not the value asked for.'
    )


def test_the_sentence_stays_the_same_when_records_come_in_another_order() -> None:
    assert judged(answer(LABELLED, "a", "b")).message == judged(answer(LABELLED, "b", "a")).message


def test_remote_text_is_cleaned_and_cut() -> None:
    verdict = judged(answer(LABELLED, "\x1b[31m\x00{evil}%s" + "x" * 500))

    assert "\x1b" not in verdict.message
    assert "\x00" not in verdict.message
    assert len(verdict.message) < 220


def test_records_that_are_not_text_are_a_mismatch_and_no_error() -> None:
    verdict = judged((LABELLED, DnsAnswer(LABELLED.name, Status.ANSWER, count=1)))

    assert verdict.outcome is Outcome.MISMATCH
    assert "UTF-8" in verdict.message


def test_a_value_older_than_thirty_days_is_refused_though_it_matches() -> None:
    verdict = judged(answer(LABELLED, OLD.value), tokens=(T, OLD))

    assert (verdict.outcome, verdict.reason) == (Outcome.POLICY, "token_expired")


def test_a_live_value_beside_an_expired_one_is_proof() -> None:
    assert judged(answer(LABELLED, OLD.value), answer(BARE, T.value), tokens=(T, OLD)).outcome is Outcome.PASS


def test_a_dnssec_failure_is_bogus_and_says_what_the_resolver_said() -> None:
    seen = answer(BARE, status=Status.BOGUS, errors=((9, "no DNSKEY\x07"),))
    verdict = judged(answer(LABELLED, status=Status.TIMEOUT), seen)

    assert (verdict.outcome, verdict.place) == (Outcome.BOGUS, "example.com")
    assert "EDE 9 no DNSKEY" in verdict.message


@pytest.mark.parametrize(
    "status",
    [s for s in Status if s not in (Status.ANSWER, Status.NXDOMAIN, Status.NODATA, Status.NO_RECORD, Status.BOGUS)],
)
def test_a_failed_query_is_never_an_absence(status: Status) -> None:
    verdict = judged(answer(LABELLED, status=status), answer(BARE, status=Status.NXDOMAIN))

    assert (verdict.outcome, verdict.reason) == (Outcome.DNSERR, status.value)


def test_evidence_keeps_twenty_records_and_the_count() -> None:
    kept = DnsAnswer("x.example.com", Status.ANSWER, tuple(f"v{n}\x00" for n in range(50)), count=50).as_evidence()

    assert kept["records"] == [f"v{n}" for n in range(20)]
    assert kept["record_count"] == 50


@pytest.mark.parametrize(
    ("signed", "authentic", "broken", "why"),
    [
        (Status.ANSWER, True, Status.BOGUS, None),
        (Status.NODATA, True, Status.SERVFAIL, None),
        (Status.ANSWER, False, Status.BOGUS, "no AD"),
        (Status.ANSWER, True, Status.ANSWER, "does not refuse"),
        (Status.ANSWER, True, Status.TIMEOUT, "does not refuse"),
        (Status.TIMEOUT, False, Status.TIMEOUT, "no answer for the signed zone"),
        (Status.BOGUS, False, Status.BOGUS, "no answer for the signed zone"),
    ],
)
def test_a_resolver_is_trusted_that_vouches_for_the_signed_and_refuses_the_broken(
    signed: Status, authentic: bool, broken: Status, why: str | None
) -> None:
    fault = why_untrusted(DnsAnswer("s.example", signed, authentic=authentic), DnsAnswer("b.example", broken))

    assert fault is None if why is None else why in (fault or "")
