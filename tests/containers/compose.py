"""One composed stack under a project name and on ports of its own, by whichever Compose is there."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from shared.migrate import ROOT

SERVICES = ("orders", "billing", "validation", "notifications")
FILES = ("-f", "compose.yaml", "-f", "compose.demo.yaml")
SECRETS = ROOT / "deploy" / "secrets"
Ended = subprocess.CompletedProcess[str]


@cache
def command() -> tuple[str, ...]:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True)
    return ("docker", "compose") if plugin.returncode == 0 else ("docker-compose",)


def run(*words: str | Path, check: bool = True, seconds: float = 300, **environment: str) -> Ended:
    """The whole output stands in the error: without it nobody finds out why a container did not start."""
    ended = subprocess.run(
        [*map(str, words)], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=seconds
    )
    if check and ended.returncode:
        raise AssertionError(
            f"{' '.join(map(str, words))} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        )
    return ended


@dataclass
class Compose:
    project: str
    ports: dict[str, str]  # PORT, KAFKA_PORT and MAIL_PORT
    ready_after: float = field(default=0, init=False)
    load: float = field(default=0, init=False)  # of the machine, before

    def __call__(self, *words: str, check: bool = True, seconds: float = 300) -> Ended:
        return run(*command(), *FILES, "-p", self.project, *words, check=check, seconds=seconds, **self._environment())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['PORT']}"

    def pull(self) -> None:
        """What is not here yet, so that no clock counts it; an image that was only made here is in no registry."""
        for image in sorted(set(re.findall(r"^ +image: (\S+)$", self("config").stdout, re.MULTILINE))):
            if run("docker", "image", "inspect", image, check=False).returncode:
                run("docker", "pull", "--quiet", image, check=False, seconds=900)

    def up(self) -> None:
        began, self.load = time.monotonic(), os.getloadavg()[0]
        self("up", "--detach", "--no-build")
        run(sys.executable, "deploy/ready.py", self.url)
        self.ready_after = time.monotonic() - began

    def execute(self, service: str, *words: str, check: bool = True, environment: Sequence[str] = ()) -> Ended:
        given = [word for pair in environment for word in ("-e", pair)]
        return self("exec", "-T", *given, service, *words, check=check)

    @contextmanager
    def removed(self) -> Iterator[None]:
        """Whatever becomes of this process: the reaper removes what is left when it has ended, in order or killed."""
        words = [sys.executable, "-m", "shared.devstack.reaper", f"com.docker.compose.project={self.project}"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True):
            try:
                yield
            finally:
                self("down", "--volumes", "--timeout", "20", check=False)

    def containers(self, service: str) -> list[str]:
        return self("ps", "-q", service).stdout.split()

    def _environment(self) -> dict[str, str]:
        return {**self.ports, "ISSUARY_BASE_URL": self.url}
