"""How Kafka, PostgreSQL and mail servers are reached: encrypted, verified, signed in, as the settings say. Whatever of
ours connects anywhere asks here, so that nothing connects otherwise."""

import os
import ssl
from typing import Any

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.settings import BaseSettings, SettingsRefused

MECHANISMS = {"SCRAM-SHA-512": SASLScram512, "SCRAM-SHA-256": SASLScram256, "PLAIN": SASLPlaintext}


def kafka_client(settings: BaseSettings) -> dict[str, Any]:
    """For an aiokafka client."""
    return {"bootstrap_servers": settings.kafka.split(","), **parse_security(kafka_security(settings))}


def kafka_security(settings: BaseSettings) -> BaseSecurity:
    """For a FastStream broker."""
    context = _kafka_context(settings) if settings.kafka_tls else None
    if not settings.kafka_user:
        return BaseSecurity(ssl_context=context)
    password = settings.kafka_password.get_secret_value()
    return MECHANISMS[settings.kafka_mechanism](settings.kafka_user, password, ssl_context=context)


def _kafka_context(settings: BaseSettings) -> ssl.SSLContext:
    context = verifying("ISSUARY_KAFKA_CA", settings.kafka_ca)
    if settings.kafka_certificate:
        _show(context, settings.kafka_certificate, settings.kafka_key.get_secret_value())
    return context


def database_ssl(settings: BaseSettings) -> ssl.SSLContext | str:
    """What asyncpg is told. `verify-…` have a context, since asyncpg itself looks for the CA in a home directory."""
    mode = settings.database_tls or ("verify-full" if settings.database_ca else "prefer")
    if not mode.startswith("verify"):
        return mode
    context = verifying("ISSUARY_DATABASE_CA", settings.database_ca)
    context.check_hostname = mode == "verify-full"
    return context


def verifying(name: str, ca: str) -> ssl.SSLContext:
    """Trusts `ca`, PEM, and nobody else; without one, whom the system trusts."""
    try:
        return ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError):
        raise SettingsRefused(f"{name} is no certificate in PEM; for a file's path use {name}_FILE.") from None


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL reads files only: this one is in memory, so that no key gets on a disk and a read-only root will do."""
    with os.fdopen(os.memfd_create("certificate"), "w") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        try:
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=lambda: "")
        except (ssl.SSLError, ValueError):
            raise SettingsRefused(
                "ISSUARY_KAFKA_CERTIFICATE and ISSUARY_KAFKA_KEY are no certificate and its unencrypted key in PEM."
            ) from None
