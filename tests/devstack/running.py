"""A stack in a process of its own, as somebody at a terminal starts it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from shared.devstack.child import free_port
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]


class Running:
    def __init__(self, directory: Path, how: str = "serves", *, port: int | None = None, make: bool = False) -> None:
        self.directory, self.port = directory, port or free_port()
        self._output = directory.with_name(f"output-{time.monotonic_ns()}")
        command = self._by_make() if make else [sys.executable, "-m", "tests.devstack.standin", how]
        command += [] if make else ["--port", str(self.port), "--data", str(directory)]
        with self._output.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)

    def _by_make(self) -> list[str]:
        """Our Makefile, with the stand-in where the services are."""
        makefile = self.directory.with_name("Makefile")
        makefile.write_text((ROOT / "Makefile").read_text().replace("services dev", "tests.devstack.standin serves"))
        installed = Path(sys.prefix) / "installed"
        variables = [f"PORT={self.port}", f"DATA={self.directory}", f"VENV={sys.prefix}"]
        return ["make", "-f", str(makefile), "-o", str(installed), *variables, "run"]

    @property
    def said(self) -> str:
        return self._output.read_text()

    def until_ready(self) -> dict[str, Any]:
        self.until_said("Issuary is ready")
        run: dict[str, Any] = json.loads((self.directory / "run.json").read_text())
        return run

    def line_with(self, words: str) -> str:
        return next(line for line in self.said.splitlines() if words in line)

    def until_said(self, words: str) -> None:
        wait_for(lambda: re.search(words, self.said) is not None, lambda: self.said)

    def family(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def server(self, name: str) -> psutil.Process:
        return next(process for process in self.family() if process.name() == name)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        self.process.send_signal(number)
        return self.ended()

    def ended(self, within: float = 12) -> tuple[int, float]:
        began = time.monotonic()
        status = self.process.wait(within)
        return status, time.monotonic() - began

    def clear_away(self) -> None:
        """Whatever a failed test left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in family if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    """One that is dead and only waits for its parent to ask is not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(family: list[psutil.Process], within: float = 5) -> None:
    wait_for(lambda: not alive(family), lambda: f"still there: {alive(family)}", within)
