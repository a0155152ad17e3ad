"""The stack of compose.yaml as a whole, started once: what it keeps apart, what it shares, and the main job on it."""

import json
import os
import time
from collections.abc import Callable
from itertools import permutations
from typing import Any

import httpx
import pytest

from shared.ctl import topics
from tests.containers.compose import SECRETS, SERVICES, Compose, Ended, run
from tests.waiting import wait_for

READY_WITHIN = 90
MOST_LOAD = 4  # per processor: 31 s were measured beside it
PARTITIONS = 12
KAFKA = ("--bootstrap-server", "kafka:9092")


def until(holds: Callable[[], bool], what: str, seconds: float = 90) -> None:
    wait_for(holds, lambda: f"{what} did not happen within {seconds:.0f} s", seconds, pause=1)


def state(container: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("docker", "inspect", container).stdout)[0]
    return found


def password(service: str) -> str:
    return (SECRETS / f"{service}_database_url").read_text().split(":")[2].split("@")[0]


def connect(stack: Compose, login: str, database: str) -> Ended:
    words = ("psql", "--host=127.0.0.1", f"--username={login}", f"--dbname={database}", "--command=SELECT 1")
    return stack.execute("postgres", *words, check=False, environment=[f"PGPASSWORD={password(login)}"])


def members(stack: Compose, group: str) -> list[int]:
    """How many partitions each member of a group has."""
    words = ("/opt/kafka/bin/kafka-consumer-groups.sh", *KAFKA, "--describe", "--members", "--group", group)
    rows = [line.split() for line in stack.execute("kafka", *words).stdout.splitlines() if line.startswith(f"{group} ")]
    return sorted(int(row[-1]) for row in rows)


# ── start ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_from_nothing_to_ready_it_takes_less_than_ninety_seconds(stack: Compose, record_property: Any) -> None:
    record_property("seconds from start to ready", round(stack.ready_after, 1))
    if stack.load > MOST_LOAD * (os.cpu_count() or 1):
        pytest.skip(f"others kept this machine busy (load {stack.load:.0f}): {stack.ready_after:.0f} s say nothing")

    assert stack.ready_after < READY_WITHIN


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_becomes_healthy(stack: Compose, service: str) -> None:
    [container] = stack.containers(service)

    until(lambda: state(container)["State"]["Health"]["Status"] == "healthy", f"{service} healthy")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_changes_no_file_but_in_its_temporary_folder(stack: Compose, service: str) -> None:
    refused = stack.execute(service, "touch", "/app/a-file", check=False)

    assert refused.returncode
    assert "Read-only file system" in refused.stderr + refused.stdout
    stack.execute(service, "touch", "/tmp/a-file")  # noqa: S108


# ── databases ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("service", SERVICES)
def test_a_login_reaches_its_own_database(stack: Compose, service: str) -> None:
    assert connect(stack, service, service).returncode == 0


@pytest.mark.parametrize(("login", "database"), [*permutations(SERVICES, 2)])
def test_a_login_reaches_no_other_database(stack: Compose, login: str, database: str) -> None:
    refused = connect(stack, login, database)

    assert refused.returncode
    assert f'permission denied for database "{database}"' in refused.stderr + refused.stdout


def test_no_secret_is_in_the_environment_of_a_service(stack: Compose) -> None:
    kept = [path.read_text().strip() for path in SECRETS.iterdir() if not path.name.startswith(".")]
    shown = " ".join(str(state(container)["Config"]) for name in SERVICES for container in stack.containers(name))

    assert len(kept) == 7
    assert [text for text in kept if text in shown] == []


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ("databases", "validation: only for validation"),
        ("migrate", "validation: up to date"),
        ("topics", "nothing, all topics are there"),
        ("catalogue", "0 rows are new"),
    ],
)
def test_a_job_that_runs_again_changes_nothing(stack: Compose, job: str, says: str) -> None:
    assert says in stack("run", "--rm", "-T", "--no-deps", job).stdout


def test_every_topic_has_the_fixed_number_of_partitions(stack: Compose) -> None:
    words = ("/opt/kafka/bin/kafka-topics.sh", *KAFKA, "--describe")
    rows = [line.split("\t") for line in stack.execute("kafka", *words).stdout.splitlines() if "PartitionCount" in line]
    counts = {row[0].removeprefix("Topic: "): int(row[2].removeprefix("PartitionCount: ")) for row in rows}

    assert {name: counts.get(name) for name in topics()} == dict.fromkeys(topics(), PARTITIONS)
    assert set(counts) - set(topics()) <= {"__consumer_offsets"}


# ── gateway ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateway_finds_every_service(stack: Compose, service: str) -> None:
    answer = httpx.get(f"{stack.url}/{service}/openapi.json")

    assert answer.json()["info"]["title"] == f"Issuary {service}"


def test_figures_are_for_those_inside(stack: Compose) -> None:
    ask = "import urllib.request as u; print(u.urlopen('http://billing:8080/billing/metrics').status)"

    assert httpx.get(f"{stack.url}/billing/metrics").status_code == 404
    assert stack.execute("orders", "python", "-c", ask).stdout.strip() == "200"


# ── the main job, and processes that come and go ─────────────────────────────────────────────────────────────────────


def test_the_demo_plays(stack: Compose) -> None:
    [container] = stack.containers("demo")
    until(lambda: state(container)["State"]["Health"]["Status"] == "healthy", "the demo account")

    played = stack.execute("demo", "python", "-m", "demo", "--data", "/data", check=False)

    assert played.returncode == 0, played.stdout[-3000:]
    assert "All 43 steps worked" in played.stdout


def test_three_processes_share_the_partitions_and_the_gateway_follows(stack: Compose) -> None:
    try:
        stack("up", "--detach", "--no-build", "--no-deps", "--scale", "billing=3", "billing")
        until(lambda: members(stack, "billing") == [12, 12, 12], "three members with a third of the partitions each")

        run("docker", "stop", "--time", "40", stack.containers("billing")[0])

        until(lambda: members(stack, "billing") == [18, 18], "two members with a half each")
        answers = [httpx.get(f"{stack.url}/billing/health/live").status_code for _ in range(10)]
        assert answers == [200] * 10
    finally:
        stack("up", "--detach", "--no-build", "--no-deps", "--scale", "billing=1", "billing")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_asked_to_end_does_so_in_time_and_well(stack: Compose, service: str) -> None:
    container = stack.containers(service)[0]
    began = time.monotonic()

    run("docker", "stop", "--time", "40", container)

    took, ended = time.monotonic() - began, state(container)["State"]
    run("docker", "start", container)
    assert ended["ExitCode"] == 0
    assert took < 20
    until(lambda: state(container)["State"]["Health"]["Status"] == "healthy", f"{service} healthy again")
