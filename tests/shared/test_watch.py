from aiokafka import TopicPartition

from shared.watch import STUCK_SECONDS, Lag

PLACE = TopicPartition("orders.events.v1", 3)


def test_a_partition_that_is_behind_and_does_not_move_is_stuck() -> None:
    lag = Lag()
    lag.look({PLACE: (5, 9)}, now=0)
    lag.look({PLACE: (5, 9)}, now=STUCK_SECONDS - 1)
    assert lag.stuck(STUCK_SECONDS - 1) == []

    lag.look({PLACE: (5, 12)}, now=STUCK_SECONDS + 1)

    assert lag.stuck(STUCK_SECONDS + 1) == ["orders.events.v1/3"]
    lag.look({PLACE: (6, 12)}, now=STUCK_SECONDS + 2)
    assert lag.stuck(STUCK_SECONDS + 2) == []


def test_the_first_record_after_a_quiet_night_is_no_standstill() -> None:
    lag = Lag()
    lag.look({PLACE: (5, 5)}, now=0)
    lag.look({PLACE: (5, 5)}, now=30_000)
    lag.look({PLACE: (5, 6)}, now=30_002)

    assert lag.stuck(30_002) == []
    lag.look({PLACE: (5, 6)}, now=30_002 + STUCK_SECONDS + 1)
    assert lag.stuck(30_002 + STUCK_SECONDS + 1) == ["orders.events.v1/3"]


def test_a_partition_that_went_to_another_member_is_not_watched_any_more() -> None:
    lag = Lag()
    lag.look({PLACE: (5, 9)}, now=0)
    lag.look({}, now=1000)

    assert lag.stuck(1000) == []
    assert lag.behind == {}
