from datetime import timedelta

import pytest

from services.notifications import rules
from shared.errors import Conflict
from tests.notifications.makers import NOW, a_message


def test_claiming_moves_the_next_try_behind_the_lease_and_keeps_the_identifier() -> None:
    message = a_message()

    message.claim(NOW, "ca.example")
    first = message.internet_message_id
    message.claim(NOW + rules.LEASE, "other.example")

    assert first == f"<{message.id}@ca.example>" == message.internet_message_id
    assert message.attempts == 2
    assert message.due_at == NOW + 2 * rules.LEASE


def test_a_failure_that_may_pass_is_tried_again_a_minute_later() -> None:
    message = a_message(attempts=1)

    message.mark_failed("The mail server does not answer.", False, NOW)

    assert (message.state, message.due_at) == ("retrying", NOW + timedelta(minutes=1))


def test_the_last_try_within_three_days_ends_it() -> None:
    message = a_message(attempts=9)

    message.mark_failed("The mail server does not answer.", False, NOW + timedelta(days=3))

    assert (message.state, message.due_at) == ("failed", None)
    assert message.may_be_resent


def test_sent_is_sent_whatever_failed_before() -> None:
    message = a_message(attempts=2, failed_at=NOW, reason="no answer")

    message.mark_sent(NOW)
    message.mark_sent(NOW + timedelta(hours=1))

    assert (message.state, message.sent_at, message.reason, message.due_at) == ("sent", NOW, None, None)


def test_a_failed_message_can_be_sent_again_with_three_new_days() -> None:
    message = a_message(attempts=9, final=True, failed_at=NOW, due_at=None)
    later = NOW + timedelta(days=30)

    message.resend(later)

    assert (message.state, message.due_at, message.attempts) == ("retrying", later, 0)
    assert message.give_up_at == later + timedelta(days=3)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (a_message(sent_at=NOW), "already sent"),
        (a_message(), "still being sent"),
        (a_message(final=True, recipient="nobody"), "not an e-mail address"),
        (a_message(final=True, recipient=""), "not an e-mail address"),
    ],
)
def test_nothing_else_is_sent_again(message: object, sentence: str) -> None:
    with pytest.raises(Conflict, match=sentence):
        message.resend(NOW)  # type: ignore[attr-defined]
