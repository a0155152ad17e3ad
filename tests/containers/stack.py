"""compose.yaml as it is shipped, from a copy of its files, under a project of its own and on free ports."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 240  # 90 on a machine that does nothing else


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Stack:
    project: str
    folder: Path
    image: str
    environment: Mapping[str, str]

    @property
    def compose(self) -> list[str]:
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        return [*(["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]), "-p", self.project]

    @property
    def network(self) -> str:
        return f"{self.project}_default"

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT']}"

    @property
    def kafka(self) -> str:
        return f"127.0.0.1:{self.environment['KAFKA_PORT']}"

    def run_compose(self, *arguments: str) -> None:
        self._run([*self.compose, *arguments])

    def docker(self, *arguments: str) -> None:
        self._run(["docker", *arguments])

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


@contextmanager
def running_stack(name: str, scale: Mapping[str, int]) -> Iterator[Stack]:
    """Started and ready; afterwards nothing of it is left."""
    with tempfile.TemporaryDirectory() as folder:
        stack = prepared(name, Path(folder))
        try:
            stack.run_compose("up", "-d", "--no-build", *(f"--scale={part}={count}" for part, count in scale.items()))
            wait_until_ready(stack)
            yield stack
        finally:
            stack.run_compose("down", "--volumes", "--timeout", "5")


def prepared(name: str, folder: Path) -> Stack:
    shutil.copy(ROOT / "compose.yaml", folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    image = os.environ.get("ISSUARY_IMAGE", "issuary:dev")
    ports = {port: str(free_port()) for port in ("PORT", "KAFKA_PORT", "MAIL_PORT")}
    stack = Stack(f"issuary-{name}-{uuid.uuid4().hex[:8]}", folder, image, {**os.environ, **ports})
    stack._run(["sh", "deploy/secrets.sh"])
    return stack


def wait_until_ready(stack: Stack) -> None:
    until = time.monotonic() + START_SECONDS
    waiting = {f"/{service}/health/ready" for service in ("orders", "billing", "validation", "notifications")}
    while waiting and time.monotonic() < until:
        waiting = {path for path in waiting if not answers(stack.console + path)}
        time.sleep(0.5)
    assert not waiting, f"not ready in {START_SECONDS} s: {waiting}"


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
