"""What outlives a run in its directory: run.json while it is ready, and from when the next one must replay."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


class Record:
    def __init__(self, directory: Path, started_at: datetime) -> None:
        self.run_json, self._since, self._started_at = directory / "run.json", directory / "replay_since", started_at
        self.clear()  # left by a run that was killed

    def replay_since(self) -> datetime | None:
        """The start of the last run that ended cleanly: the broker forgot everything, and later runs may have said
        things nobody heard. None on the first run of all."""
        if self._since.exists():
            return datetime.fromisoformat(self._since.read_text(encoding="ascii"))
        self.ended_cleanly()  # nothing was said before the first run
        return None

    def ended_cleanly(self) -> None:
        _replace(self._since, self._started_at.isoformat())

    def ready(self, run: Mapping[str, Any]) -> None:
        _replace(self.run_json, json.dumps(run, indent=2, ensure_ascii=False) + "\n")

    def clear(self) -> None:
        self.run_json.unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
