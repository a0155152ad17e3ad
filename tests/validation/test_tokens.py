from datetime import timedelta

import pytest

from services.validation.rules.tokens import Token, fingerprint, looks_like_a_token, random_value, why_unfit
from tests.validation.makers import NOW, VALUE


def test_a_value_is_32_lower_case_base32_characters_and_never_the_same() -> None:
    values = {random_value() for _ in range(1000)}

    assert len(values) == 1000
    assert all(len(value) == 32 and set(value) <= set("abcdefghijklmnopqrstuvwxyz234567") for value in values)
    assert all(looks_like_a_token(value) for value in values)
    assert all(why_unfit(value) is None for value in values)


def test_a_token_lives_thirty_days_and_not_an_instant_longer() -> None:
    token = Token("t", VALUE, NOW)

    assert token.is_alive(NOW)
    assert token.is_alive(NOW + timedelta(days=30) - timedelta(microseconds=1))
    assert not token.is_alive(NOW + timedelta(days=30))
    assert not token.is_alive(NOW - timedelta(microseconds=1))


def test_evidence_keeps_a_sha256_of_the_value() -> None:
    assert fingerprint("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


OURS = pytest.param(random_value()[:24], id="24 of ours")  # each worker makes another; its name is the same in all


@pytest.mark.parametrize("value", [VALUE, VALUE.upper(), "aB3xYz9QwErTyUiOpLkJ", "7f9" * 10 + "0123456789", OURS])
def test_a_value_that_can_hold_112_bits_is_taken(value: str) -> None:
    assert why_unfit(value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("12345", "too short"),
        ("0123456789" * 3, "too short"),
        (VALUE[:27], "too short"),
        ("a" * 64, "too short"),
        ("", "visible ASCII"),
        (VALUE + " ", "visible ASCII"),
        (f'"{VALUE}"', "visible ASCII"),
        ("ü" * 40, "visible ASCII"),
        (VALUE * 8, "visible ASCII"),
    ],
)
def test_a_weak_or_unprintable_value_is_not_taken(value: str, why: str) -> None:
    assert why in (why_unfit(value) or "")
