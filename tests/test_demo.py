"""The demo is itself the test of the main job; here is what it does when it cannot play."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from demo.acts.waiting import names_beyond
from demo.failure import Failed


def test_without_a_running_stack_it_says_what_to_do(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "demo", "--data", str(tmp_path)], capture_output=True, text=True)

    assert ended.returncode == 1
    assert "Start `make run` in another terminal." in ended.stdout


@pytest.mark.parametrize(
    ("available", "names"), [("0.00", 1), ("148.99", 1), ("149.00", 2), ("197.99", 2), ("198.00", 3), ("310.00", 5)]
)
def test_an_order_that_must_wait_costs_more_than_there_is(available: str, names: int) -> None:
    assert names_beyond(Decimal(available)) == names


def test_more_money_than_an_order_can_cost_is_said() -> None:
    with pytest.raises(Failed, match="make reset"):
        names_beyond(Decimal("20000.00"))
