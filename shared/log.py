"""One JSON object a line on standard error. Bodies, keys and passwords are never given to a logger."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import asyncpg

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
AGAIN_AFTER = 300.0
PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "log": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in record.__dict__.items() if name not in PLAIN},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)

    def formatException(self, ei: Raised) -> str:
        """Without the values of rows and arguments that PostgreSQL and its driver quote."""
        told = super().formatException(ei)
        for quoted in _quoting(ei[1]):
            told = told.replace(quoted, "…")
        return told


def _quoting(error: BaseException | None) -> Iterator[str]:
    while error:
        if isinstance(error, asyncpg.DataError):
            yield str(error)
        elif isinstance(error, asyncpg.PostgresError) and error.detail:
            yield error.detail
        error = error.__cause__ or error.__context__


class Seldom(logging.Filter):
    """Clients and the relay say each attempt anew. One of a kind in five minutes is enough, and what a service waits
    for it says itself."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(("aiokafka", "issuary.kafka", "shared.relay.sending")):
            return True
        if str(record.msg).startswith(("Auto create topics", "Unable connect", "Unable to update metadata")):
            return False
        kind, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._said.get(kind, -AGAIN_AFTER) < AGAIN_AFTER:
            return False
        self._said[kind] = now
        return True


def to_json_lines(level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(Seldom())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "faststream", "uvicorn.access", "httpx", "httpcore", "mail.log"):
        logging.getLogger(noisy).setLevel("WARNING")
