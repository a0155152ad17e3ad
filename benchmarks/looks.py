"""Checks per second of one validation worker, DNS and file, evidence and next try included; and whole validations, with
five remote perspectives in the same process."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from benchmarks.ground import accounts, division
from benchmarks.nobody import PROOF
from services.validation.actions import orders
from services.validation.app import policy_of
from services.validation.clients.answering import Answerer
from services.validation.clients.configured import guard_of
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.http import HttpClient
from services.validation.clients.observing import Observer
from services.validation.clients.panel import InProcess, Panel
from services.validation.queries import lock_for_placed
from services.validation.rules.methods import DNS_TXT, HTTP_FILE
from services.validation.rules.policy import Policy
from services.validation.settings import Settings
from services.validation.worker import Looker
from shared.db import Database, make_engine, utcnow
from shared.devstack.child import free_port
from shared.devstack.chosen import new_postgres
from shared.events.orders import OrderPlaced, Term
from shared.host import collect_less_often
from shared.migrate import ROOT, upgrade

CHUNK, VALIDATED = 200, 1000
REGIONS = {"fra": "RIPE NCC", "nyc": "ARIN", "sin": "APNIC", "sao": "LACNIC", "jnb": "AFRINIC"}
DUE = text("UPDATE attempt SET due_at = now() - interval '1 second', leased_until = NULL, method = :method")


async def measure(names: int = 3000) -> dict[str, Any]:
    dns, web = free_port(), free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.nobody", str(dns), str(web), cwd=ROOT
    )
    try:
        with TemporaryDirectory() as directory:
            async with new_postgres(Path(directory)) as postgres:
                await postgres.make_databases(["validation"])
                url = postgres.url("validation")
                await asyncio.to_thread(upgrade, "validation", url)
                return await _measure(Bench(url, dns, web), names)
    finally:
        server.terminate()
        await server.wait()


@dataclass(frozen=True)
class Bench:
    url: str
    dns_port: int
    http_port: int

    @property
    def settings(self) -> Settings:
        given = {
            "ISSUARY_ENV": "dev",
            "ISSUARY_VALIDATION_TEST_MODE": "1",
            "ISSUARY_VALIDATION_RESOLVERS": f"127.0.0.1:{self.dns_port}",
            "ISSUARY_VALIDATION_HTTP_PORT": str(self.http_port),
            "ISSUARY_VALIDATION_REACHABLE": "127.0.0.0/8",
        }
        return Settings.from_environment(given)


async def _measure(bench: Bench, names: int) -> dict[str, Any]:
    db, policy = Database(make_engine(bench.url, "benchmark")), policy_of(bench.settings)
    await _submit(db, policy, names)
    collect_less_often()
    found = {}
    for key, method in (("dns_checks_per_s", DNS_TXT), ("http_checks_per_s", HTTP_FILE)):
        async with db.transaction() as tx:
            await tx.execute(DUE, {"method": method})
        found[key] = round(await _look(db, bench, policy, names))
    await _submit(db, policy, VALIDATED, first=names, below="net", value=PROOF)
    found["validations_per_s"] = round(await _validate(db, bench, policy))
    await db.bind.dispose()  # type: ignore[union-attr]
    return found


async def _validate(db: Database, bench: Bench, policy: Policy) -> float:
    """Seen from here and then by five others, CAA read as advice, all of it kept."""
    remotes = [Answerer(name, region, Observer(_client(bench), name)) for name, region in REGIONS.items()]
    panel = Panel(REGIONS, [InProcess(remotes)], policy.lead)
    looker = Looker(db, Observer(_client(bench)), policy, bench.settings.looks_in_flight, panel=panel)
    started, before = time.perf_counter(), await _proven(db)
    while await _proven(db) < before + VALIDATED and await looker.step():
        pass
    return (await _proven(db) - before) / (time.perf_counter() - started)


def _client(bench: Bench) -> DnsClient:
    return DnsClient([Resolver("127.0.0.1", bench.dns_port)])


async def _look(db: Database, bench: Bench, policy: Policy, names: int) -> float:
    dns = DnsClient([Resolver("127.0.0.1", bench.dns_port)])
    http = HttpClient(dns, policy.suffixes, guard_of(bench.settings))
    looker = Looker(db, Observer(dns, http=http), policy, bench.settings.looks_in_flight)
    started, before = time.perf_counter(), await _evidence(db)
    while await _evidence(db) < before + names and await looker.step():
        pass
    rate = (await _evidence(db) - before) / (time.perf_counter() - started)
    await http.close()
    return rate


async def _submit(
    db: Database, policy: Policy, names: int, first: int = 0, below: str = "com", value: str | None = None
) -> None:
    for start in range(first, first + names, CHUNK):
        placed = [_order(n, below, value) for n in range(start, start + CHUNK)]
        async with db.transaction() as tx:
            await lock_for_placed(tx, placed, policy)
            for order in placed:
                await orders.prove_names(tx, policy, order, utcnow())


def _order(n: int, below: str, value: str | None) -> OrderPlaced:
    account, now = accounts()[0], datetime.now(UTC)
    return OrderPlaced(
        occurred_at=now, account_id=account.id, account=account, division=division(account), order_id=n + 1,
        product_name_id="ssl_dv_geotrust", term=Term(years=1), names=(f"www.n{n}.{below}",),
        placed_by="benchmark", placed_at=now, dcv_random_value=value,
    )  # fmt: skip


async def _proven(db: Database) -> int:
    async with db.transaction() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM evidence WHERE quorum = '5/5'"))).scalar_one())


async def _evidence(db: Database) -> int:
    async with db.transaction() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM evidence"))).scalar_one())


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))
