from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import AGES, aging

DAY = date(2026, 7, 31)
DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@pytest.mark.parametrize(
    ("late", "name"),
    [
        (-1, "not_due_yet"), (0, "days_0_30"), (30, "days_0_30"), (31, "days_31_60"), (60, "days_31_60"),
        (61, "days_61_90"), (90, "days_61_90"), (91, "days_over_90"), (4000, "days_over_90"),
    ],
)  # fmt: skip
def test_a_debt_has_the_age_of_the_days_past_its_due_date(late: int, name: str) -> None:
    found = aging([(DAY - timedelta(days=late), 100)], DAY)

    assert [age.name for age, amount in found if amount] == [name]


@given(st.lists(st.tuples(DAYS, st.integers(1, 10**12))), DAYS)
def test_whatever_is_due_all_of_it_has_an_age(due: list[tuple[date, int]], day: date) -> None:
    found = aging(due, day)

    assert [age for age, _ in found] == list(AGES)
    assert sum(amount for _, amount in found) == sum(amount for _, amount in due)
    assert found[0][1] == sum(amount for on, amount in due if on > day)
