"""The whole stack in a process of its own: started, asked, killed and stopped as a person or a supervisor does."""

import os
import signal
import smtplib
import stat
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from shared.devstack.zone import publish
from tests.devstack.running import ROOT, Running, alive, gone

Start = Callable[..., Running]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all who do not need a first start: making a database takes most of the time."""
    return tmp_path_factory.mktemp("stack") / "data"


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start(how: str = "serves", directory: Path = data, **options: Any) -> Running:
        started.append(Running(directory, how, **options))
        return started[-1]

    yield start
    for running in started:
        running.clear_away()


def test_run_json_has_the_promised_keys_and_all_parts_answer_where_it_says(start: Start) -> None:
    running = start()
    run = running.until_ready()

    assert list(run) == [
        "console",
        "pid",
        "kafka",
        "smtp",
        "mails",
        "dns",
        "account",
        "sign_ins",
        "api_keys",
        "environment",
    ]
    assert (run["console"], run["pid"]) == (f"http://127.0.0.1:{running.port}", running.process.pid)
    assert (list(run["dns"]), list(run["api_keys"])) == (
        ["address", "zone_file", "views"],
        ["administrator", "operator"],
    )
    assert stat.S_IMODE((running.directory / "run.json").stat().st_mode) == 0o600
    with urllib.request.urlopen(run["console"]) as page:  # noqa: S310
        assert page.read() == b"ok"
    publish(Path(run["dns"]["zone_file"]), "_dnsauth.example.test", "TXT", "value")
    host, port = run["dns"]["address"].split(":")
    answer = dns.query.udp(dns.message.make_query("_dnsauth.example.test", "TXT"), host, port=int(port), timeout=5)
    assert str(answer.answer[0][0]) == '"value"'
    with smtplib.SMTP(*run["smtp"].split(":")) as smtp:
        smtp.sendmail("a@one.example", ["b@two.example"], "Subject: x\r\n\r\nx\r\n")
    assert len(list(Path(run["mails"]).glob("*.eml"))) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_cleanly(start: Start, number: signal.Signals) -> None:
    running = start()
    running.until_ready()
    family = running.family()

    status, seconds = running.end(number)

    assert (status, running.said.splitlines()[-1]) == (0, "Stopped.")
    assert seconds < 5
    assert len(family) > 2
    assert alive(family) == []
    assert not (running.directory / "run.json").exists()


def test_a_signal_while_it_starts_stops_what_was_started(start: Start) -> None:
    running = start("starts for ever")
    running.until_said("replay since")
    family = running.family()

    status, _ = running.end(signal.SIGINT)

    assert (status, alive(family)) == (0, [])


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [(signal.SIGTERM, False), (signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGKILL, False)],
)
def test_what_make_is_told_stops_everything(start: Start, number: signal.Signals, whole_group: bool) -> None:
    running = start(make=True)
    running.until_ready()
    family = running.family()

    if whole_group:
        os.killpg(running.process.pid, number)
    else:
        running.process.send_signal(number)
    _, seconds = running.ended()

    assert family[0].pid == running.process.pid
    gone(family)
    assert seconds < 5
    assert "Stopped." in running.said
    assert not (running.directory / "run.json").exists()


def test_a_killed_parent_leaves_no_process_behind(start: Start) -> None:
    running = start()
    running.until_ready()
    family = running.family()

    running.end(signal.SIGKILL)

    gone(family)


def test_after_a_kill_the_next_run_starts_at_once(start: Start) -> None:
    killed = start()
    killed.until_ready()
    killed.end(signal.SIGKILL)

    again = start()
    again.until_ready()

    assert again.end()[0] == 0


def test_services_that_do_not_end_are_not_waited_for(start: Start) -> None:
    running = start("ends never")
    running.until_ready()
    family = running.family()

    status, seconds = running.end()

    assert (status, alive(family)) == (0, [])
    assert 6 < seconds < 10
    assert "Not everything was finished within 7 s: the next start replays more." in running.said


def test_even_a_process_that_hears_nothing_any_more_ends_in_time(start: Start) -> None:
    running = start("ends never and deaf")
    running.until_ready()
    family = running.family()

    status, seconds = running.end()

    assert status == -signal.SIGALRM
    assert seconds < 10
    gone(family)


def test_a_second_interrupt_does_not_wait(start: Start) -> None:
    running = start("ends never")
    running.until_ready()
    running.process.send_signal(signal.SIGINT)
    running.until_said("Stopping")

    status, seconds = running.end(signal.SIGINT)

    assert status == 0
    assert seconds < 3


@pytest.mark.parametrize(("server", "name"), [("tansu", "the broker"), ("postgres", "PostgreSQL")])
def test_an_embedded_server_that_dies_is_said_and_stops_the_rest(start: Start, server: str, name: str) -> None:
    running = start()
    running.until_ready()
    family = running.family()

    running.server(server).kill()
    status, _ = running.ended()

    assert status == 1
    assert f"{name} was ended by SIGKILL" in running.said
    gone(family)


def test_what_stands_in_the_way_of_another_run_is_said_in_a_sentence(start: Start, tmp_path: Path) -> None:
    first = start()
    first.until_ready()

    second, elsewhere = start(), start(directory=tmp_path / "other", port=first.port)

    assert (second.ended()[0], elsewhere.ended()[0]) == (1, 1)
    assert second.said == (
        f"Issuary is already running at http://127.0.0.1:{first.port} (pid {first.process.pid})."
        f" Ctrl-C there, or `kill {first.process.pid}`, stops it.\n"
    )
    assert elsewhere.said == (
        f"Port {first.port} is taken by another program. Choose another one: make run PORT={first.port + 1}\n"
    )


def test_the_next_run_replays_from_the_start_of_the_last_one_that_ended_cleanly(start: Start, tmp_path: Path) -> None:
    began, since = [datetime.now(UTC)], []
    for how, end in (
        ("serves", signal.SIGTERM),
        ("serves", signal.SIGKILL),
        ("leaves by an error", signal.SIGTERM),
        ("serves", signal.SIGTERM),
        ("serves", signal.SIGTERM),
    ):
        running = start(how, tmp_path / "data")
        running.until_ready()
        since.append(running.line_with("replay since ").removeprefix("replay since "))
        running.end(end)
        began.append(datetime.now(UTC))

    assert since[0] == "None"
    after_clean, after_kill, after_error, after_second_clean = (datetime.fromisoformat(text) for text in since[1:])
    assert began[0] < after_clean == after_kill == after_error < began[1]
    assert began[3] < after_second_clean < began[4]


def test_reset_forgets_everything_but_not_while_it_runs(start: Start, tmp_path: Path) -> None:
    running = start(directory=tmp_path / "data")
    running.until_ready()
    reset = ["make", "reset", f"DATA={running.directory}"]

    refused = subprocess.run(reset, cwd=ROOT, capture_output=True, text=True)
    running.end()
    done = subprocess.run(reset, cwd=ROOT, capture_output=True, text=True)

    assert "already running" in refused.stderr
    assert (done.returncode, running.directory.exists()) == (0, False)
