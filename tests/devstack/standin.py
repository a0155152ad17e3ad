"""`python -m tests.devstack.standin [how] --port … --data …`: the real stack around the smallest thing that serves."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.devstack.embedded import Embedded
from shared.devstack.progress import say
from shared.devstack.stack import main
from shared.devstack.summary import Opened

SERVICES = ("orders", "billing", "validation", "notifications")
TOPICS = tuple(f"{service}.events.v1" for service in SERVICES)
HOW, *ARGUMENTS = sys.argv[1:]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    writer.close()


@asynccontextmanager
async def serve(embedded: Embedded) -> AsyncIterator[Opened]:
    say(f"replay since {embedded.replay_since}")
    await asyncio.sleep(60 if HOW == "starts for ever" else 0)
    url = embedded.environment["ISSUARY_ORDERS_DATABASE_URL"].replace("+asyncpg", "")
    connection = await asyncpg.connect(url)  # open to the end: a session must not hold up the stop
    server = await asyncio.start_server(answer, sock=embedded.listener)
    token = embedded.secrets.token
    yield {
        "account": {"id": 1, "name": "Demo", "divisions": [{"id": 1, "name": "Head office"}]},
        "sign_ins": [{"email": "a@b.test", "password": embedded.secrets.password("a"), "role": "administrator"}],
        "api_keys": {"administrator": token("administrator_key"), "operator": token("operator_key")},
    }
    server.close()
    if HOW == "leaves by an error":
        raise RuntimeError("the doors did not reach the end")
    await asyncio.sleep(60 if HOW == "ends never" else 0.1)
    if HOW == "ends never and deaf":
        while True:
            pass
    await connection.close()


if __name__ == "__main__":
    sys.exit(main(serve, services=SERVICES, topics=TOPICS, arguments=ARGUMENTS))
