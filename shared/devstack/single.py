"""One stack per directory, and one program per port. Standard library only: `make reset` runs it before any install."""

import errno
import fcntl
import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import IO


class Refused(Exception):
    """Something outside is in the way; the text says what, and what to do."""


def take(directory: Path) -> IO[str]:
    """The lock is the kernel's, so it is free again however we end."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(_who_runs(directory)) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _who_runs(directory: Path) -> str:
    pid = (directory / "lock").read_text(encoding="ascii") or "unknown"
    try:
        console = json.loads((directory / "run.json").read_text(encoding="utf-8"))["console"]
    except (OSError, ValueError, KeyError):
        return f"Issuary is already starting or stopping here (pid {pid})."
    return f"Issuary is already running at {console} (pid {pid}). Ctrl-C there, or `kill {pid}`, stops it."


def listen_later(port: int) -> socket.socket:
    """The port is ours from now on; connections are refused until somebody listens on the socket."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        raise Refused(f"Port {port} {why}. Choose another one: make run PORT={max(port, 1024) + 1}") from None
    return listener


def reset(directory: Path) -> None:
    with take(directory):
        shutil.rmtree(directory)


if __name__ == "__main__":
    try:
        reset(Path(sys.argv[1]))
    except Refused as refused:
        sys.exit(str(refused))
