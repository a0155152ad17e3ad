from datetime import UTC, date, datetime, timedelta

import pytest

from services.orders.rules.expiry import ENDED, due_notice, next_notice, reissue_at
from services.orders.rules.reasons import revocation_reason
from shared.errors import Rejected

END = date(2027, 6, 10)


def at(days_before: int, hours: int = 10) -> datetime:
    return datetime(2027, 6, 10, hours, tzinfo=UTC) - timedelta(days=days_before)


@pytest.mark.parametrize(
    ("days_left", "notice", "following"),
    [(100, None, 90), (90, 90, 60), (89, 90, 60), (60, 60, 30), (30, 30, 7), (7, 7, 0), (1, 7, 0), (0, 0, -1),
     (-1, ENDED, None), (-400, ENDED, None)],
)  # fmt: skip
def test_each_notice_is_due_on_its_day_and_what_was_missed_is_not_told_late(
    days_left: int, notice: int | None, following: int | None
) -> None:
    assert due_notice(END, at(days_left)) == notice
    assert next_notice(END, at(days_left)) == (None if following is None else at(following, 0))


@pytest.mark.parametrize(
    ("valid_from", "term_ends_on", "days_before"),
    [
        (date(2026, 11, 23), date(2027, 11, 23), 30),
        (date(2027, 4, 25), date(2027, 11, 23), 15),  # 46 days, as from 2029 on
        (date(2026, 11, 23), END, None),
        (date(2026, 11, 23), END - timedelta(days=1), None),
    ],
)
def test_a_certificate_is_replaced_a_month_before_its_end_where_the_order_goes_on(
    valid_from: date, term_ends_on: date, days_before: int | None
) -> None:
    expected = None if days_before is None else at(days_before, 0)

    assert reissue_at(valid_from, END, term_ends_on) == expected


@pytest.mark.parametrize(
    "text", ["keyCompromise", "key_compromise", "KEYCOMPROMISE", "key-compromise", "Key Compromise"]
)
def test_reasons_are_taken_in_every_spelling(text: str) -> None:
    """T8."""
    assert revocation_reason(text) == "keyCompromise"


def test_no_reason_is_unspecified_and_an_unknown_one_is_refused() -> None:
    assert revocation_reason(None) == "unspecified"
    for unknown in ("because", "", "privilegeWithdrawn", "cACompromise"):
        with pytest.raises(Rejected, match="There is no revocation reason"):
            revocation_reason(unknown)
