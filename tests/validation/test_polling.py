from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.validation.rules.polling import IMPATIENT, LONG_RUN, Phase, next_look
from tests.validation.makers import NOW

MINUTE = timedelta(minutes=1)


def looks(phases: Sequence[Phase]) -> list[datetime]:
    """Every look until polling is over, each taking half a second, and the next asked for right after."""
    made: list[datetime] = []
    due = next_look(NOW, NOW - timedelta(seconds=1), phases)
    while due:
        made.append(due)
        due = next_look(NOW, due + timedelta(seconds=0.5), phases)
    return made


def test_a_token_that_is_never_placed_is_looked_for_363_times() -> None:
    made = looks(LONG_RUN)
    ends = [NOW + 15 * MINUTE, NOW + 75 * MINUTE, NOW + timedelta(days=1, minutes=75)]

    assert len(made) == 15 + 12 + 96 + 240
    assert len([due for due in made if due < ends[0]]) == 15
    assert len([due for due in made if ends[0] <= due < ends[1]]) == 12
    assert len([due for due in made if ends[1] <= due < ends[2]]) == 96
    assert made == sorted(made)


def test_looks_missed_while_nobody_worked_are_not_made_up_for() -> None:
    due = next_look(NOW, NOW + timedelta(hours=5))

    assert due is not None
    assert NOW + timedelta(hours=5) < due <= NOW + timedelta(hours=5) + 17 * MINUTE


def test_after_eleven_days_polling_is_over() -> None:
    assert next_look(NOW, NOW + timedelta(days=11, minutes=75)) is None


def test_a_test_stack_looks_every_second_at_first() -> None:
    made = looks(IMPATIENT)

    assert len([due for due in made if due < NOW + timedelta(minutes=1)]) == 60
    assert len(made) == 120 + 240 + 363


@given(st.timedeltas(-MINUTE, timedelta(days=12)))
def test_the_next_look_is_always_later(passed: timedelta) -> None:
    due = next_look(NOW, NOW + passed)

    assert due is None or due > NOW + passed
