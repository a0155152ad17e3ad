import pytest

from services.orders.rules.divisions import within

#  14 Main ── 15 Hosting ── 17 Berlin ── 18 Rack
#         └── 16 Labs
TREE = {14: None, 15: 14, 16: 14, 17: 15, 18: 17}


@pytest.mark.parametrize(
    ("assigned", "seen"),
    [
        ((), []),
        ((15,), [15, 17, 18]),
        ((17,), [17, 18]),
        ((16,), [16]),
        ((16, 15), [15, 16, 17, 18]),
        ((15, 17), [15, 17, 18]),
        ((14,), [14]),
        ((14, 17), [14, 17, 18]),
    ],
)
def test_an_assigned_division_is_seen_with_all_below_it_but_the_top_level_one_alone(
    assigned: tuple[int, ...], seen: list[int]
) -> None:
    assert within(assigned, TREE) == seen
