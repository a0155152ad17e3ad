from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import allocate, decimals, from_text, half_up, printed
from shared.errors import Rejected

CURRENCIES = {"EUR": 2, "USD": 2, "JPY": 0, "ISK": 0, "BHD": 3, "KWD": 3}
minor_units = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(("currency", "places"), CURRENCIES.items())
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, places: int) -> None:
    assert decimals(currency) == places


@pytest.mark.parametrize("code", ["EURO", "eur", "", "XYZ", "€"])
def test_what_is_no_currency_is_refused_with_a_sentence(code: str) -> None:
    with pytest.raises(Rejected, match="no ISO 4217 currency code"):
        decimals(code)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("454.00", "USD", 45400),
        ("-1000.70", "EUR", -100070),
        ("-0.05", "EUR", -5),
        ("7", "EUR", 700),
        ("1.5", "EUR", 150),
        ("1.500", "EUR", 150),
        ("1.234", "BHD", 1234),
        ("379", "JPY", 379),
        ("379.0", "JPY", 379),
        ("1000000000000000", "EUR", 10**17),
    ],
)
def test_an_amount_is_read_in_minor_units(text: str, currency: str, minor: int) -> None:
    assert from_text(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("0.001", "EUR", "more decimals"),
        ("1.5", "JPY", "more decimals"),
        ("1.2345", "BHD", "more decimals"),
        ("1.00000000000000000001", "EUR", "more decimals"),
        ("123456789012345.0000000000000001", "EUR", "more decimals"),
        ("1000000000000000.01", "EUR", "more than can be booked"),
        ("9" * 17, "EUR", "no amount"),
        ("1e3", "EUR", "no amount"),
        ("2.5E+2", "EUR", "no amount"),
        ("NaN", "EUR", "no amount"),
        ("-Infinity", "EUR", "no amount"),
        ("1_000", "EUR", "no amount"),
        ("1,000.00", "EUR", "no amount"),
        ("+5", "EUR", "no amount"),
        (" 5", "EUR", "no amount"),
        ("5\n", "EUR", "no amount"),
        (".5", "EUR", "no amount"),
        ("5.", "EUR", "no amount"),
        ("٥", "EUR", "no amount"),
        ("", "EUR", "no amount"),
        ("0x10", "EUR", "no amount"),
    ],
)
def test_what_is_no_exact_amount_is_refused_and_never_rounded(text: str, currency: str, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        from_text(text, currency)


@given(minor_units, st.sampled_from(sorted(CURRENCIES)))
def test_what_is_printed_is_read_back_as_the_same_amount(amount: int, currency: str) -> None:
    text = printed(amount, currency)

    assert from_text(text, currency) == amount
    assert Decimal(text) == Decimal(amount).scaleb(-CURRENCIES[currency])
    assert len(text.partition(".")[2]) == CURRENCIES[currency]


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=6), st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_is_read_exactly_or_not_at_all(value: Decimal, currency: str) -> None:
    exact = value.scaleb(CURRENCIES[currency])
    if exact == exact.to_integral_value():
        assert from_text(f"{value:f}", currency) == exact
    else:
        with pytest.raises(Rejected):
            from_text(f"{value:f}", currency)


@given(st.integers(0, 10**14), st.decimals(0, 99, places=3))
def test_tax_is_half_up_and_never_half_even(net: int, rate: Decimal) -> None:
    tax = half_up(net * rate / 100)

    with localcontext(prec=60):
        exact = Decimal(net) * rate / 100
        assert tax == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        assert abs(exact - tax) <= Decimal("0.5")


def test_a_half_is_rounded_up_away_from_zero() -> None:
    assert [half_up(Decimal(text)) for text in ("0.5", "1.5", "2.5", "-2.5", "2.4999")] == [1, 2, 3, -3, 2]


@given(minor_units, st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_parts_add_up_and_each_is_within_one_unit_of_its_share(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)

    assert sum(parts) == total
    assert len(parts) == len(weights)
    if whole := sum(weights):
        with localcontext(prec=60):
            for part, weight in zip(parts, weights, strict=True):
                assert abs(part - Decimal(total) * weight / whole) < 1
                assert weight or not part


def test_the_largest_remainder_gets_the_cent_and_ties_go_by_order() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]
    assert allocate(5, [1, 3]) == [1, 4]
    assert allocate(10, [0, 0]) == [10, 0]
    assert allocate(10, []) == []
