from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import Period, Point, draw, month_before, month_of

OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
TENTH = datetime(2026, 10, 10, tzinfo=UTC)
BALANCES = st.integers(-(10**15), 10**15)


def test_money_steps_and_does_not_slope() -> None:
    chart = draw(10_000, [Point(TENTH, -2_500, -2_500, -2_500)], OCTOBER, OCTOBER.end, None)

    assert chart.heights == [10_000, 5_000, 0, -5_000]
    assert chart.line == "M0 0H290V166H1000"
    assert chart.area == "M0 0H290V166H1000V133H0Z"
    assert (chart.grid, chart.zero, chart.limit) == ([0, 66, 133, 200], 133, None)


def test_a_run_of_rows_shows_how_far_it_went() -> None:
    assert draw(0, [Point(TENTH, -100, 100, 0)], OCTOBER, OCTOBER.end, None).line == "M0 100H290V0V200V100H1000"


def test_the_line_ends_today_and_the_limit_is_within_the_drawing() -> None:
    chart = draw(0, [], OCTOBER, OCTOBER.start + timedelta(days=15.5), -200_000)

    assert chart.line.endswith("H500")
    assert chart.limit == 200


@given(BALANCES, st.lists(BALANCES, max_size=5), st.none() | st.integers(-(10**15), 0))
def test_whatever_the_balances_all_is_within_the_drawing(opening: int, balances: list[int], limit: int | None) -> None:
    points = [Point(OCTOBER.start + timedelta(days=n), b, b, b) for n, b in enumerate(balances)]
    chart = draw(opening, points, OCTOBER, OCTOBER.end, limit)

    assert 2 <= len(chart.heights) <= 7
    assert chart.heights[0] >= max(opening, 0, *balances)
    assert chart.heights[-1] <= min(opening, 0, *balances)
    assert all(0 <= y <= 200 for y in [*chart.grid, chart.zero, chart.limit or 0])
    assert len({one - other for one, other in zip(chart.heights, chart.heights[1:], strict=False)}) == 1


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 11, 1), date(2026, 11, 30), "November 2026"),
        (date(2026, 11, 3), date(2026, 11, 3), "3 November 2026"),
        (date(2026, 11, 1), date(2026, 12, 31), "1 November 2026 to 31 December 2026"),
    ],
)
def test_a_period_is_said_in_words(first: date, last: date, words: str) -> None:
    assert str(Period(first, last)) == words


def test_months_end_with_their_last_day() -> None:
    assert month_of(date(2028, 2, 3)) == Period(date(2028, 2, 1), date(2028, 2, 29))
    assert month_before(date(2026, 1, 31)) == Period(date(2025, 12, 1), date(2025, 12, 31))
