"""Whether two organizations are the same one: certcentral-api 5."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.organizations import COMPARED, Details, checked, normalised
from shared.errors import Rejected

ACME = Details("Acme Example Inc.", "1 Main Street", "Lehi", "us", state="Utah", zip="84043", telephone="801-555-0100")
TEXT = st.text(max_size=40)
SPACES = st.text(" \t\u00a0\u2003\u3000", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Example Inc.", "ACME  example\tinc."),
        ("Straße", "STRASSE"),
        ("Café", "Cafe\u0301"),
        ("ＡＣＭＥ", "acme"),
        ("ﬁrst", "First"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        (" Acme ", "Acme"),
    ],
)
def test_two_spellings_of_one_text_are_alike(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Acme Inc.", "Acme Inc"), ("Müller", "Muller"), ("Acme", "Acmé"), ("ac me", "acme")]
)
def test_two_texts_that_differ_in_a_letter_are_not_alike(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(TEXT)
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(TEXT, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_no_unicode_form_makes_another_of_it(text: str, form: str) -> None:
    assert normalised(unicodedata.normalize(form, text)) == normalised(text)  # type: ignore[arg-type]


@given(st.lists(st.text("abcABC.ÄÖ", min_size=1), min_size=1, max_size=5), SPACES, SPACES)
def test_no_spaces_make_another_of_it(words: list[str], between: str, around: str) -> None:
    assert normalised(around + between.join(words) + around) == normalised(" ".join(words))


@given(st.text("abcdefghijklmnopqrstuvwxyz éßñ", max_size=40))
def test_no_case_makes_another_of_it(text: str) -> None:
    assert normalised(text.upper()) == normalised(text) == normalised(text.title())


@given(st.sampled_from(COMPARED), TEXT)
def test_another_text_in_a_compared_field_is_another_organization(field: str, text: str) -> None:
    other = replace(ACME, **{field: text})

    alike = normalised(text) == normalised(getattr(ACME, field))
    assert (other.match_key == ACME.match_key) is alike


@given(TEXT, TEXT)
def test_nothing_moves_from_one_field_to_the_next(name: str, address: str) -> None:
    one, other = replace(ACME, name=name, address=address), replace(ACME, name=f"{name}\n{address}", address="")

    assert (one.match_key == other.match_key) is (normalised(address) == "")


@pytest.mark.parametrize("field", ["assumed_name", "address2", "telephone"])
def test_what_is_not_compared_makes_no_other_organization(field: str) -> None:
    assert replace(ACME, **{field: "Something else"}).match_key == ACME.match_key


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "The organization has no name; give it."),
        ({"city": "", "country": ""}, "The organization has no city and no country; give it."),
        ({"name": "A" * 65}, "name has at most 64 characters, this one has 65"),
        ({"name": "A" * 40, "assumed_name": "B" * 22}, "together at most 61 characters"),
        ({"zip": "1" * 41}, "zip has at most 40 characters"),
        ({"telephone": "1" * 33}, "telephone has at most 32 characters"),
        ({"country": "xx"}, '"xx" is no country; give its two letters of ISO 3166'),
        ({"country": "Germany"}, '"Germany" is no country'),
        ({"name": "Acme\nInc."}, "name is one line"),
        ({"address": "1 \u202eMain"}, "address is one line"),
    ],
)
def test_details_that_cannot_be_are_refused_with_what_to_do(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(Rejected) as refused:
        checked(replace(ACME, **changes))

    assert sentence in refused.value.message


def test_details_are_kept_without_the_spaces_around_them_and_with_a_country_in_lower_case() -> None:
    assert checked(replace(ACME, name=" Acme Example Inc. ", country="US")) == ACME
