"""CAA, RFC 8659 and RFC 8657: what a set of records permits. Climbing is in test_caa_climbing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.validation.rules import caa
from services.validation.rules.caa import Issuer, Permission, Record, parse, rule
from services.validation.rules.names import Name

OURS = Issuer(("ca.example", "ca2.example"), "acct:9001@ca.example")
ALL = frozenset(caa.LABELS)
TXT, FILE = "3.2.2.4.7", "3.2.2.4.18"


def permits(*records: str, wildcard: bool = False) -> frozenset[str]:
    return rule(Name("www.acme.com", wildcard), [Record.of(text) for text in records], "acme.com", OURS).permits


@pytest.mark.parametrize(
    ("records", "allowed"),
    [
        (["0 issue ca.example"], True),
        (["0 issue ca2.example"], True),
        (["0 issue  \tCA.Example \t"], True),
        (["0 issue ca.example;"], True),
        (["0 issue ;"], False),  # example 45
        (["0 issue "], False),
        (["0 issue caatestsuite.com"], False),  # example 45
        (["0 ISSUE caatestsuite.com"], False),
        (["0 IsSuE caatestsuite.com"], False),
        (["0 issue other.example", "0 issue ca.example"], True),
        (["0 issue ca.example."], False),  # malformed grants nothing (CA4)
        (["0 issue ca.example; x=y;"], False),
        (["0 issue ca.example; =y"], False),
        (["0 issue ca.example x"], False),
        (["0 issue ca.example; x=y z"], False),
        (["0 issue ca.example; x=y; z=é"], False),
        (["0 issue ca.example; unknown=1; unknown=2"], True),  # unknown parameters are ignored, repeated ones too
        (["0 iodef mailto:a@b.example"], True),  # a set without relevant tag restricts nobody (CA4)
        (["0 issuewild ;"], True),  # example 47: not a wildcard
        (["128 issue ca.example"], True),
        (["128 contactemail a@b.example"], True),
        (["0 newtag x"], True),
        (["128 newtag x"], False),  # unknown and critical (CA5)
        (["1 newtag x", "0 issue ca.example"], False),  # bit value 1 is meant as critical
        (["2 newtag x"], True),
    ],
)
def test_a_set_permits_or_forbids(records: list[str], allowed: bool) -> None:
    assert bool(permits(*records)) is allowed


@pytest.mark.parametrize(
    ("records", "allowed"),
    [
        (["0 issue ;"], False),  # example 47: a wildcard under an `issue` deny
        (["0 issuewild ;"], False),  # and under an `issuewild` deny
        (["0 issue ca.example"], True),
        (["0 issue ca.example", "0 issuewild ;"], False),
        (["0 issue ;", "0 ISSUEWILD ca.example"], True),
        (["0 issuewild not ok", "0 issue ca.example"], False),
    ],
)
def test_issuewild_counts_for_wildcards_and_replaces_issue(records: list[str], allowed: bool) -> None:
    assert bool(permits(*records, wildcard=True)) is allowed


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("validationmethods=ca-tbr-7", {TXT}),  # example 50
        ("validationmethods=dns-01,ca-tbr-18", {FILE}),
        ("validationmethods=bad_label,ca-tbr-18", set()),
        ("validationmethods=CA-TBR-7", set()),
        ("validationmethods=", set()),
        ("validationmethods=ca-tbr-7,", set()),
        ("validationmethods=dns-persist-01,ca-tbr-4", {"3.2.2.4.22", "3.2.2.4.4"}),
        ("validationmethods=http-01", {"3.2.2.4.19"}),
        ("validationmethods=ca-tbr-7; validationmethods=ca-tbr-18", set()),
        ("ValidationMethods=ca-tbr-7", {TXT}),
        ("accounturi=acct:9001@ca.example", ALL),
        ("accounturi=ACCT:9001@ca.example", set()),
        ("accounturi=acct:9001@ca.example; accounturi=acct:9001@ca.example", set()),
        ("accounturi=acct:9001@ca.example; validationmethods=ca-tbr-7", {TXT}),
        ("AccountURI=acct:9002@ca.example", set()),
    ],
)
def test_parameters_of_rfc_8657_narrow_a_permission(parameters: str, expected: set[str]) -> None:
    assert permits(f"0 issue ca.example; {parameters}") == expected


def test_permissions_of_several_records_add_up() -> None:
    found = permits("0 issue ca.example; validationmethods=ca-tbr-7", "0 issue ca.example; validationmethods=ca-tbr-18")

    assert found == {TXT, FILE}


def test_the_sentence_names_the_deciding_set_and_what_to_publish() -> None:
    denied = rule(Name("www.acme.com"), [Record(0, "issue", "other.example")], "acme.com", OURS)

    assert denied.message == (
        'The CAA record 0 issue "other.example" at acme.com does not permit us. '
        'Publish acme.com. CAA 0 issue "ca.example"'
    )


def test_hostile_text_is_cut_and_cleaned() -> None:
    hostile = "\x1b[31m" + "a" * 500 + "\x00%s{0}<b>"

    message = rule(Name("acme.com"), [Record(0, "issue", hostile)], "acme.com", OURS).message

    assert len(message) < 300
    assert message.isprintable()


def test_the_climb_goes_up_to_the_tld() -> None:
    assert caa.levels("a.b.acme.com") == ["a.b.acme.com", "b.acme.com", "acme.com", "com"]


OCTETS = st.text(st.characters(max_codepoint=255), max_size=300)
NEAR = st.lists(
    st.sampled_from(["ca.example", ";", " ", "\t", "=", "accounturi", "validationmethods", "x", "ca-tbr-7", ",", "."])
).map("".join)


@given(OCTETS | NEAR)
def test_no_text_is_an_exception_and_none_permits_without_naming_us(value: str) -> None:
    found = permits(f"0 issue {value}")

    assert found <= ALL
    if found:
        assert value.split(";")[0].strip(" \t").lower() in OURS.domains


@given(OCTETS | NEAR)
def test_what_parses_is_of_the_grammar_and_comes_back_the_same(value: str) -> None:
    found = parse(value)
    if found is None:
        return

    assert not found.issuer or re.fullmatch(r"[a-z0-9.-]+", found.issuer)
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag, _ in found.parameters)
    written = ";".join([found.issuer, *(f"{tag}={text}" for tag, text in found.parameters)])
    assert parse(written) == found


@given(st.lists(st.tuples(st.integers(0, 255), st.sampled_from(["issue", "issuewild", "iodef", "zz"]), OCTETS | NEAR)))
def test_order_and_repetition_of_records_change_nothing(records: list[tuple[int, str, str]]) -> None:
    texts = [f"{flags} {tag} {value}" for flags, tag, value in records]

    assert permits(*texts) == permits(*reversed(texts)) == permits(*texts, *texts)


@given(OCTETS | NEAR)
def test_a_record_more_never_undoes_an_unknown_critical_one(value: str) -> None:
    assert permits("128 newtag x", f"0 issue {value}") == frozenset()


def test_an_empty_issuer_with_parameters_parses_and_permits_nobody() -> None:
    assert parse(" ; a = b") == Permission("", (("a", "b"),))
    assert permits("0 issue ; a=b") == frozenset()
