"""Services with secrets that can be recognised, in a world that refuses them; and all that they let be seen."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from shared.devstack.child import free_port
from tests.containers.certificates import Authority
from tests.processes import Running, running

CERTIFICATE, KEY = Authority().issue("issuary-billing")
TALKATIVE = """
import asyncio, sys
from services.__main__ import serve
from shared.log import to_json_lines

to_json_lines("DEBUG")
asyncio.run(serve(sys.argv[1:]))
"""
SECRETS = {
    "KAFKA_PASSWORD": "s3cr3t-of-kafka",
    "KAFKA_KEY": KEY,
    "SESSION_SECRET": "s3cr3t-of-sessions",
    "SERVICE_KEY": "s3cr3t-of-services",
    "ORDERS_CA_KEY": KEY,
    "ORDERS_ACME_KEY": KEY,
    "ORDERS_ACME_EAB_KEY": "s3cr3tOfTheAcmeAccounts0",  # base64, as the next
    "ORDERS_ACME_TSIG_KEY": "s3cr3tOfTheZones",
    "VALIDATION_PERSPECTIVE_KEY": KEY,
    "NOTIFICATIONS_SMTP_PASSWORD": "s3cr3t-of-mail",
}
BESIDE = {
    "KAFKA_USER": "issuary",
    "KAFKA_TLS": "true",
    "KAFKA_CERTIFICATE": CERTIFICATE,
    "ORDERS_ACME_DIRECTORY": "https://127.0.0.1:1/directory",
    "ORDERS_ACME_ROOTS": CERTIFICATE,
    "ORDERS_ACME_EAB_ID": "issuary",
    "ORDERS_ACME_DNS_SERVER": "127.0.0.1:1",
    "ORDERS_ACME_DNS_ZONE": "acme.example",
    "ORDERS_ACME_TSIG_NAME": "issuary",
    "VALIDATION_PERSPECTIVE_CERTIFICATE": CERTIFICATE,
    "VALIDATION_PERSPECTIVE_CA": CERTIFICATE,
    "NOTIFICATIONS_SMTP_USER": "issuary",
    "NOTIFICATIONS_SMTP_TLS": "starttls",
    "NOTIFICATIONS_SMTP_PORT": "1",
}
ENVIRONMENT = {f"ISSUARY_{name}": text for name, text in {**SECRETS, **BESIDE}.items()}
PLACES = ("/billing/metrics", "/billing/asyncapi.json", "/billing/health/ready", "/health/ready", "/finance")
API = ("/services/v2/finance/balance", "/services/v2/order", "/nowhere")


async def overheard(environment: Mapping[str, str], log: Path, *services: str) -> str:
    """Everything it logs, prints and answers, until it ends or some seconds after it has begun to say something."""
    seen: list[str] = []
    async with running(environment, free_port(), log, *services, program=("-c", TALKATIVE)) as program:
        await said_something(program)
        for _ in range(3):
            seen += [await answered(program, path) for path in (*PLACES, *API)]
            await asyncio.sleep(2)
    return program.said() + "\n".join(seen)


async def said_something(program: Running) -> None:
    async with asyncio.timeout(60):
        while program.process.returncode is None and not program.said():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def answered(program: Running, path: str) -> str:
    answer = await program.get(path) if program.process.returncode is None else None
    return f"{answer.headers} {answer.text}" if answer is not None else ""


def given_away(seen: str) -> list[str]:
    """Secrets in it, PEM by any of its lines; and passwords of URLs."""
    inside = KEY.splitlines()[1:-1]
    return [secret for secret in ("s3cr3t", "PRIVATE KEY", *inside) if secret in seen]
