import asyncio
import importlib.util
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")


class ChildEnded(RuntimeError):
    """An embedded server ended though nobody asked it to."""


class Child:
    """An embedded server as our direct child: it dies with us however we die, and Ctrl-C reaches only us.

    Start it in the main thread: the kernel sends the death signal when the *thread* that forked ends.
    """

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name, self.pid, self._process, self._log = name, process.pid, process, log

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def ended(self) -> str:
        """Waits for the end and tells it in a sentence."""
        status = await self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{self.name} {how}; its last lines in {self._log}:\n{self.last_lines()}"

    async def check(self) -> None:
        if not self.is_running:
            raise ChildEnded(await self.ended())

    async def stop(self, asked: signal.Signals, *, within: float = 5) -> None:
        """Asks with a signal, and kills when that does not help."""
        for way in (asked, signal.SIGKILL):
            if not self.is_running:
                return
            self._process.send_signal(way)
            try:
                async with asyncio.timeout(within):
                    await self._process.wait()
            except TimeoutError:
                continue

    def last_lines(self, count: int = 8) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return "\n".join("  " + line for line in lines[-count:])


async def start_child(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: signal.Signals = signal.SIGKILL,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Child:
    log.parent.mkdir(parents=True, exist_ok=True)
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), death_signal.name, user or "-"]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *launch,
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    return Child(name, process, log)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def folder_of_package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"package {name} is not installed: `make run` and `make test` install it")
    return Path(spec.origin).parent
