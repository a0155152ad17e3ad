"""What every service is told from outside. Every setting may be given as a value or, with `_FILE`, as a file's path."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class BaseSettings(BaseModel):
    """Read from `ISSUARY_…`, and over it from `ISSUARY_<SERVICE>_…`."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    service: ClassVar[str] = ""

    database_url: str = ""
    kafka: str = "127.0.0.1:9092"
    kafka_idempotence: bool = True
    kafka_compression: Literal["lz4", "none"] = "lz4"
    kafka_linger_ms: int = 2
    kafka_fetch_max_wait_ms: int = 500
    kafka_batch_timeout_ms: int = 5
    kafka_session_timeout_ms: int = 30_000
    kafka_heartbeat_interval_ms: int = 3_000
    kafka_rebalance_timeout_ms: int = 60_000
    kafka_max_poll_interval_ms: int = 300_000
    kafka_partitions: int = 12
    kafka_replication: int = 3
    inbox_days: int = Field(35, ge=2)
    published_days: int = Field(30, ge=1)
    pool_size: int = Field(8, ge=2)
    base_url: str = "http://127.0.0.1:8080"
    env: Literal["prod", "dev"] = "prod"
    version: str = "unknown"
    session_secret: SecretStr = SecretStr("")
    service_key: SecretStr = SecretStr("")
    max_body_bytes: int = 262_144

    @classmethod
    def from_environment(cls, given: Mapping[str, str]) -> Self:
        values: dict[str, Any] = {}
        for prefix in ("ISSUARY_", f"ISSUARY_{cls.service.upper()}_"):
            for name in cls.model_fields:
                if path := given.get(f"{prefix}{name.upper()}_FILE"):
                    values[name] = Path(path).read_text().strip()
                if text := given.get(prefix + name.upper()):
                    values[name] = text
        return cls.model_validate(values)
