"""Commands out of the pages of docs/operations, and what they have to print."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.migrate import ROOT
from tests.containers.compose import Compose, command

FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"

# Debian's docker-compose is not a command of docker, asks for a terminal where Compose looks for itself, and finds no
# process but the one numbered 1.
OLDER = """
docker() {
    if [ "$1" != compose ]; then command docker "$@"; return; fi
    shift
    case "$1" in
        run) docker-compose run -T "${@:2}" ;;
        exec)
            shift
            [ "$1" = -T ] && shift
            mine=label=com.docker.compose.project=$COMPOSE_PROJECT_NAME
            container=$(command docker ps -q --filter $mine --filter label=com.docker.compose.service=$1 | head -1)
            command docker exec -i $container "${@:2}" ;;
        *) docker-compose "$@" ;;
    esac
}
"""


@dataclass(frozen=True)
class Step:
    page: str
    typed: str
    prints: tuple[str, ...]


def steps(page: Path) -> Iterator[Step]:
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for told in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            typed, *prints = told.splitlines()
            yield Step(page.stem, typed, tuple(prints))


def play(step: Step, stack: Compose, folder: Path) -> None:
    shim = "" if command() == ("docker", "compose") else OLDER
    ended = subprocess.run(
        ["bash", "-c", shim + step.typed],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env=os.environ | surroundings(stack),
        capture_output=True,
        text=True,
        timeout=240,
    )
    told = f"{step.page}: {step.typed}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    assert ended.returncode == 0, told
    assert (missing := first_missing(step.prints, ended.stdout)) is None, f"{told}\nprinted no: {missing}"


def surroundings(stack: Compose) -> dict[str, str]:
    files = f"{ROOT / 'compose.yaml'}:{ROOT / 'compose.demo.yaml'}"
    return {
        **stack.ports,
        "ISSUARY_BASE_URL": stack.url,
        "COMPOSE_PROJECT_NAME": stack.project,
        "COMPOSE_FILE": files,
    }


def first_missing(prints: tuple[str, ...], printed: str) -> str | None:
    """The first line of the page that was not printed after the one before it; how wide columns are does not count."""
    lines = iter(printed.splitlines())
    for line in prints:
        pattern = re.compile(r"\s*".join(map(wanted, line.split())))
        if line.strip(" ") != ANYTHING and not any(pattern.fullmatch(found.strip()) for found in lines):
            return line
    return None


def wanted(word: str) -> str:
    return ".*".join(map(re.escape, word.split(ANYTHING)))
