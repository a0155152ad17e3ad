"""The demo is itself the test of the main job; here is what it does when it cannot play."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from demo.acts.waiting import names_beyond
from demo.failure import Failed
from demo.mails import Mailpit
from demo.run import find


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


def test_among_the_containers_it_calls_other_addresses_than_it_shows(tmp_path: Path) -> None:
    told = {
        "console": "http://127.0.0.1:8080",
        "kafka": "127.0.0.1:9094",
        "mails": "http://127.0.0.1:8025",
        "inside": {"console": "http://gateway", "kafka": "kafka:9092", "mails": "http://mail:8025"},
        "dns": {"zone_file": "/data/dns.zone"},
        "account": {"id": 9001, "divisions": [{"id": 14}]},
        "sign_ins": [],
        "api_keys": {"administrator": "a", "limited_user": "l", "operator": "o"},
    }
    (tmp_path / "run.json").write_text(json.dumps(told))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "api_key_limited_user").write_text("l")

    run = find(tmp_path)

    assert (run.console, run.api, run.kafka) == ("http://127.0.0.1:8080", "http://gateway", "kafka:9092")
    assert run.mails == Mailpit("http://mail:8025", "http://127.0.0.1:8025")
