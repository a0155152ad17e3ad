"""Which servers the suite runs on is said by STACK, and what stands in the way of it by a sentence."""

import os
import subprocess
import sys

from shared.migrate import ROOT

NOWHERE = "tcp://127.0.0.1:1"


def collect(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {name: value for name, value in os.environ.items() if name != "STACK"} | environment
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=120, check=False)


def test_containers_without_an_engine_are_refused_with_what_to_do() -> None:
    done = collect("--collect-only", __file__, STACK="containers", DOCKER_HOST=NOWHERE)

    assert done.returncode == 2
    assert "STACK=containers needs a Docker engine, and none answers" in done.stderr
    assert "`make test` without STACK takes embedded servers." in done.stderr


def test_a_stack_that_there_is_not_is_refused() -> None:
    done = collect("--collect-only", __file__, STACK="cloud")

    assert (done.returncode, "There is no STACK=cloud; there are embedded and containers." in done.stderr) == (2, True)


def test_tests_that_need_an_engine_are_skipped_with_a_sentence_where_nobody_asked_for_it() -> None:
    done = collect("-rs", "tests/containers/test_servers.py", DOCKER_HOST=NOWHERE)

    assert done.returncode == 0, done.stdout
    assert "needs a container engine: STACK=containers make test" in done.stdout
    assert "passed" not in done.stdout
