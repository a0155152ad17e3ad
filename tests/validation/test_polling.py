from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.validation.rules.polling import IMPATIENT, LONG_RUN, Phase, next_look, place_in_pause
from shared.ids import new_id
from tests.validation.makers import NOW

MINUTE = timedelta(minutes=1)
ENDS = [NOW + 15 * MINUTE, NOW + 75 * MINUTE, NOW + timedelta(days=1, minutes=75)]


def looks(phases: Sequence[Phase], share: float = 0.0) -> list[datetime]:
    """Every look until polling is over, each taking half a second, and the next asked for right after."""
    made: list[datetime] = []
    due = next_look(NOW, NOW - timedelta(seconds=1), phases, share)
    while due:
        made.append(due)
        due = next_look(NOW, due + timedelta(seconds=0.5), phases, share)
    return made


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_token_that_is_never_placed_is_looked_for_363_times_lc5_example_59(share: float) -> None:
    made = looks(LONG_RUN, share)

    assert len([due for due in made if due < ENDS[0]]) == 15
    assert len([due for due in made if ENDS[0] <= due < ENDS[1]]) == 12
    assert len([due for due in made if ENDS[1] <= due < ENDS[2]]) == 96
    assert len([due for due in made if due >= ENDS[2]]) == 240
    assert made[0] == NOW
    assert made[-1] < ENDS[2] + timedelta(days=10)


@given(st.floats(0, 0.9999))
def test_two_looks_of_an_attempt_are_never_closer_than_the_shorter_pause(share: float) -> None:
    made = looks(LONG_RUN, share)
    assert min(later - earlier for earlier, later in pairwise(made)) >= MINUTE * 0.9


def test_looks_missed_while_nobody_worked_are_not_made_up_for() -> None:
    due = next_look(NOW, NOW + timedelta(hours=5), share=0.9)

    assert due is not None
    assert NOW + timedelta(hours=5) < due <= NOW + timedelta(hours=5) + 15 * MINUTE


def test_after_eleven_days_polling_is_over() -> None:
    assert next_look(NOW, NOW + timedelta(days=11, minutes=75)) is None


def test_attempts_opened_in_one_moment_are_looked_at_evenly_all_through_the_hour_lc5() -> None:
    """100,000 tokens never placed are about 28 looks a second then, and not 100,000 at once."""
    later = NOW + timedelta(days=4)
    due = [next_look(NOW, later, share=place_in_pause(new_id())) for _ in range(6_000)]

    by_minute = [0] * 60
    for at in due:
        assert at is not None
        by_minute[min((at - later) // MINUTE, 59)] += 1
    assert max(by_minute) < 160, "100 a minute on average"
    assert min(by_minute) > 50


def test_a_test_stack_looks_every_second_at_first() -> None:
    made = looks(IMPATIENT)

    assert len([due for due in made if due < NOW + timedelta(minutes=1)]) == 60
    assert len(made) == 120 + 240 + 363


@given(st.timedeltas(-MINUTE, timedelta(days=12)), st.floats(0, 0.9999))
def test_the_next_look_is_always_later(passed: timedelta, share: float) -> None:
    due = next_look(NOW, NOW + passed, share=share)

    assert due is None or due > NOW + passed
