"""One JSON object a line on standard error. Bodies, keys and passwords are never given to a logger."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

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


def to_json_lines(level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("issuary.kafka").addFilter(lambda record: "Auto create topics" not in record.getMessage())
    for noisy in ("aiokafka", "faststream", "uvicorn.access", "httpx", "httpcore", "mail.log"):
        logging.getLogger(noisy).setLevel("WARNING")
