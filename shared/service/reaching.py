"""Is Kafka to be had, and if not, why: the client says only that it could not."""

import ssl
from contextlib import suppress

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from faststream.kafka import KafkaBroker

from shared.settings import BaseSettings
from shared.waiting import Outage, in_words
from shared.wire import kafka_client

PATIENCE_MS = 5000
REFUSED = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


async def reach(settings: BaseSettings) -> AIOKafkaAdminClient:
    """A started client for the caller to close; raises Outage."""
    await knock(settings)
    admin = AIOKafkaAdminClient(**kafka_client(settings), request_timeout_ms=PATIENCE_MS)
    try:
        await admin.start()
        await admin.describe_cluster()
    except BaseException as error:
        await admin.close()
        if not isinstance(error, KafkaError | OSError):
            raise
        raise Outage(
            f"Kafka at {settings.kafka} answers, but not the brokers it names: check their advertised listeners"
            f" ({in_words(error)})"
        ) from error
    return admin


async def knock(settings: BaseSettings) -> None:
    """One broker that answers is enough."""
    why: list[Outage] = []
    for host, port, _ in collect_hosts(settings.kafka.split(",")):
        outage = await _outage_at(host, port, settings)
        if outage is None:
            return
        why.append(outage)
    by_hand = next((outage for outage in why if outage.by_hand), None)
    raise by_hand or Outage("; ".join(dict.fromkeys(outage.reason for outage in why)))


async def see_brokers(broker: KafkaBroker, settings: BaseSettings) -> None:
    """The same for a broker that has been reached before; cheap enough for every other second."""
    if await broker.ping(2.0):
        return
    await knock(settings)
    raise Outage(f"Kafka at {settings.kafka} takes connections, but its brokers do not answer")


async def _outage_at(host: str, port: int, settings: BaseSettings) -> Outage | None:
    given = {name: value for name, value in kafka_client(settings).items() if name != "bootstrap_servers"}
    try:
        connection = await create_conn(host, port, **given, request_timeout_ms=PATIENCE_MS)
    except REFUSED as error:
        return Outage(_refused(f"{host}:{port}", settings.kafka_user, error), by_hand=True)
    except ssl.SSLCertVerificationError as error:
        said = f"Kafka at {host}:{port}: {in_words(error)}; check ISSUARY_KAFKA_CA, and the name in ISSUARY_KAFKA"
        return Outage(said, by_hand=True)
    except ssl.SSLError as error:
        return Outage(f"Kafka at {host}:{port} and this service find no TLS in common: {error.reason}", by_hand=True)
    except (KafkaError, OSError) as error:
        return Outage(f"waits for Kafka at {host}:{port}: {in_words(error)}")
    with suppress(Exception):
        connection.close()
    return None


def _refused(place: str, login: str, error: Exception) -> str:
    check = "ISSUARY_KAFKA_USER, ISSUARY_KAFKA_PASSWORD and ISSUARY_KAFKA_MECHANISM"
    return f"Kafka refuses the login {login} at {place}: check {check} ({type(error).__name__})"
