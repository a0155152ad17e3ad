"""DNS checks per second of one validation worker, evidence and next try included."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from benchmarks.ground import accounts, division
from services.validation.actions import orders
from services.validation.app import policy_of
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.queries import lock_for_placed
from services.validation.rules.policy import Policy
from services.validation.settings import Settings
from services.validation.worker import Looker
from shared.db import Database, make_engine, utcnow
from shared.devstack.child import free_port
from shared.devstack.chosen import new_postgres
from shared.events.orders import OrderPlaced, Term
from shared.host import collect_less_often
from shared.migrate import ROOT, upgrade

CHUNK = 200
DUE = text("UPDATE attempt SET due_at = now() - interval '1 second'")


async def measure(names: int = 3000) -> dict[str, Any]:
    port = free_port()
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.empty_dns", str(port), cwd=ROOT)
    try:
        with TemporaryDirectory() as directory:
            async with new_postgres(Path(directory)) as postgres:
                await postgres.make_databases(["validation"])
                url = postgres.url("validation")
                await asyncio.to_thread(upgrade, "validation", url)
                return {"dns_checks_per_s": round(await _look(url, port, names))}
    finally:
        server.terminate()
        await server.wait()


async def _look(url: str, port: int, names: int) -> float:
    given = {
        "ISSUARY_ENV": "dev",
        "ISSUARY_VALIDATION_TEST_MODE": "1",
        "ISSUARY_VALIDATION_RESOLVERS": f"127.0.0.1:{port}",
    }
    settings = Settings.from_environment(given)
    db, policy = Database(make_engine(url, "benchmark")), policy_of(settings)
    await _submit(db, policy, names)
    looker = Looker(db, DnsClient([Resolver("127.0.0.1", port)]), policy, settings.looks_in_flight)
    collect_less_often()
    started, before = time.perf_counter(), await _evidence(db)
    while await _evidence(db) < before + names and await looker.step():
        pass
    rate = (await _evidence(db) - before) / (time.perf_counter() - started)
    await db.bind.dispose()  # type: ignore[union-attr]
    return rate


async def _submit(db: Database, policy: Policy, names: int) -> None:
    for first in range(0, names, CHUNK):
        placed = [_order(n) for n in range(first, first + CHUNK)]
        async with db.transaction() as tx:
            await lock_for_placed(tx, placed, policy)
            for order in placed:
                await orders.prove_names(tx, policy, order, utcnow())
    async with db.transaction() as tx:
        await tx.execute(DUE)


def _order(n: int) -> OrderPlaced:
    account, now = accounts()[0], datetime.now(UTC)
    return OrderPlaced(
        occurred_at=now, account_id=account.id, account=account, division=division(account), order_id=n + 1,
        product_name_id="ssl_dv_geotrust", term=Term(years=1), names=(f"www.n{n}.com",), placed_by="benchmark",
        placed_at=now,
    )  # fmt: skip


async def _evidence(db: Database) -> int:
    async with db.transaction() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM evidence"))).scalar_one())


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))
