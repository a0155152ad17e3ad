"""How the embedded servers are told to the services: by the same settings that a production system gives them."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shared.devstack.broker import PARTITIONS, Broker
from shared.devstack.dns import DnsServer
from shared.devstack.mail import MailSink
from shared.devstack.postgres import Postgres
from shared.devstack.secrets import Secrets
from shared.devstack.views import as_setting

# It has no idempotent producer, holds a fetch back as long as it may, and needs half a session time-out for a join.
BROKER_HABITS = {
    "ISSUARY_KAFKA_IDEMPOTENCE": "false",
    "ISSUARY_KAFKA_PARTITIONS": str(PARTITIONS),
    "ISSUARY_KAFKA_REPLICATION": "1",
    "ISSUARY_KAFKA_FETCH_MAX_WAIT_MS": "20",
    "ISSUARY_KAFKA_BATCH_TIMEOUT_MS": "20",
    "ISSUARY_KAFKA_SESSION_TIMEOUT_MS": "6000",
    "ISSUARY_KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
    "ISSUARY_KAFKA_REBALANCE_TIMEOUT_MS": "10000",
}


@dataclass(frozen=True)
class Servers:
    postgres: Postgres
    broker: Broker
    dns: DnsServer
    mail: MailSink
    views: Mapping[str, DnsServer] = field(default_factory=dict)  # of the remote perspectives


@dataclass(frozen=True)
class Embedded:
    """What the services get: settings as from an environment, a bound socket to serve on, since when to replay."""

    console: str
    environment: Mapping[str, str]
    secrets: Secrets
    listener: socket.socket
    logs: Path
    replay_since: datetime | None


def reaching(servers: Servers, services: Sequence[str]) -> dict[str, str]:
    """What `ctl` needs to work on it."""
    databases = {f"ISSUARY_{name.upper()}_DATABASE_URL": servers.postgres.url(name) for name in services}
    return {**databases, **BROKER_HABITS, "ISSUARY_KAFKA": servers.broker.address}


def settings(servers: Servers, secrets: Secrets, services: Sequence[str], console: str) -> dict[str, str]:
    """Over what the caller's own environment says: a development stack must never reach another system."""
    return {
        **{name: value for name, value in os.environ.items() if name.startswith("ISSUARY_")},
        **reaching(servers, services),
        "ISSUARY_ENV": "dev",
        "ISSUARY_BASE_URL": console,
        "ISSUARY_SESSION_SECRET": secrets.token("session_secret"),
        "ISSUARY_SERVICE_KEY": secrets.token("service_key"),
        "ISSUARY_ORDERS_CA_KEY": secrets.ec_key("ca_key"),
        "ISSUARY_VALIDATION_RESOLVERS": servers.dns.address,
        "ISSUARY_VALIDATION_TEST_MODE": "true",
        "ISSUARY_VALIDATION_PERSPECTIVES": as_setting(servers.views) if servers.views else "",
        # Mails about domains go where the zone's MX records lead, which is the sink.
        "ISSUARY_VALIDATION_SMTP_PORT": servers.mail.address.split(":")[1],
        "ISSUARY_VALIDATION_REACHABLE": "127.0.0.1/32",
        "ISSUARY_NOTIFICATIONS_SMTP_HOST": servers.mail.address.split(":")[0],
        "ISSUARY_NOTIFICATIONS_SMTP_PORT": servers.mail.address.split(":")[1],
    }


def embedded_for(
    servers: Servers, services: Sequence[str], directory: Path, listener: socket.socket, replay_since: datetime | None
) -> Embedded:
    host, port = listener.getsockname()
    console, secrets = f"http://{host}:{port}", Secrets(directory / "secrets")
    environment = settings(servers, secrets, services, console)
    return Embedded(console, environment, secrets, listener, directory / "logs", replay_since)
