from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.validity import Span, ceiling, certificate_span, lifetime, span, term
from shared.errors import Rejected
from tests.orders.makers import NOW

TODAY = NOW.date()


@pytest.mark.parametrize(
    ("day", "days"),
    [
        (date(2019, 1, 1), 397),
        (date(2026, 3, 14), 397),
        (date(2026, 3, 15), 199),
        (date(2026, 11, 23), 199),
        (date(2027, 3, 14), 199),
        (date(2027, 3, 15), 99),
        (date(2029, 3, 14), 99),
        (date(2029, 3, 15), 46),
        (date(2040, 1, 1), 46),
    ],
)
def test_the_ceiling_falls_on_its_dates(day: date, days: int) -> None:
    assert ceiling(day) == days


def test_the_most_exact_wish_wins_and_zero_is_none() -> None:
    last = date(2027, 6, 1)

    assert span(2, 30, last) == Span(ends_on=last)
    assert span(2, 30, None) == Span(days=30)
    assert span(2, 0, None) == Span(years=2)
    assert span(0, 0, None) is None


@pytest.mark.parametrize(
    "wished", [Span(years=1), Span(years=3), Span(days=1), Span(days=1095), Span(ends_on=TODAY + timedelta(1))]
)
def test_a_term_is_never_refused_for_the_ceiling_of_certificates(wished: Span) -> None:
    assert term(wished, TODAY) == wished


@pytest.mark.parametrize(
    ("wished", "sentence"),
    [
        (None, 'no validity: give "order_validity"'),
        (Span(years=4), "1 to 3 years, not 4"),
        (Span(years=2_000_000_000), "1 to 3 years"),
        (Span(days=1096), "1 to 1095 days from today, not 1096"),
        (Span(days=2_000_000_000), "1 to 1095 days"),
        (Span(ends_on=TODAY), "not 0"),
        (Span(ends_on=date(2020, 1, 1)), "1 to 1095 days"),
        (Span(ends_on=date(9999, 12, 31)), "1 to 1095 days"),
    ],
)
def test_a_term_that_is_none_is_refused(wished: Span | None, sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        term(wished, TODAY)

    assert sentence in refusal.value.message


def test_only_an_express_certificate_validity_is_refused_for_the_ceiling() -> None:
    assert certificate_span(None, TODAY) is None
    assert certificate_span(Span(days=199), TODAY) == Span(days=199)
    for wished in (Span(days=200), Span(years=1), Span(years=9000), Span(ends_on=TODAY + timedelta(days=200))):
        with pytest.raises(Rejected, match="1 to 199; leave it out"):
            certificate_span(wished, TODAY)


@pytest.mark.parametrize(
    ("wished", "term_end", "not_after"),
    [
        (None, date(2027, 11, 23), datetime(2027, 6, 10, 8, 59, 59, tzinfo=UTC)),  # the ceiling
        (Span(days=90), date(2027, 11, 23), datetime(2027, 2, 21, 8, 59, 59, tzinfo=UTC)),  # the wish
        (Span(ends_on=date(2027, 1, 31)), date(2027, 11, 23), datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)),
        (None, date(2026, 12, 3), datetime(2026, 12, 3, 23, 59, 59, tzinfo=UTC)),  # the rest of the term
    ],
)
def test_a_certificate_lives_for_the_shortest_of_wish_ceiling_and_rest_of_the_term(
    wished: Span | None, term_end: date, not_after: datetime
) -> None:
    assert lifetime(wished, term_end, NOW) == (NOW - timedelta(hours=1), not_after)


def test_nothing_is_issued_once_the_term_is_over() -> None:
    assert lifetime(None, TODAY - timedelta(days=1), NOW) is None


@given(
    st.integers(0, 2400).map(lambda days: NOW + timedelta(days=days, hours=days % 24)),
    st.one_of(st.none(), st.integers(1, 46).map(lambda days: Span(days=days))),
    st.integers(0, 1200),
)
def test_no_certificate_outlives_the_maximum_of_the_day_it_is_issued(
    now: datetime, wished: Span | None, rest: int
) -> None:
    life = lifetime(wished, now.date() + timedelta(days=rest), now)

    assert life is not None
    length = life[1] - life[0] + timedelta(seconds=1)
    assert timedelta(0) < length <= timedelta(days=ceiling(now.date()))
    assert now - life[0] <= timedelta(hours=1, seconds=1)


def test_years_end_on_the_same_day_and_a_leap_day_on_the_28th() -> None:
    assert Span(years=1).end(date(2026, 11, 23)) == date(2027, 11, 23)
    assert Span(years=1).end(date(2028, 2, 29)) == date(2029, 2, 28)
    assert Span(days=10).end(date(2026, 11, 23)) == date(2026, 12, 3)
