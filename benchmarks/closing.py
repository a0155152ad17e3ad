"""Invoices per second of one worker that closes a month: python -m benchmarks.closing [DIVISIONS]"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from sqlalchemy import text

from benchmarks import ground
from services.billing import actions, worker
from services.billing.app import build
from services.billing.cli import load
from services.billing.queries import prefetch
from services.billing.settings import Settings
from shared.devstack.chosen import new_postgres
from shared.events.orders import Account, AccountOpened, OrderPlaced, Payment, Term
from shared.host import collect_less_often
from shared.migrate import ROOT, upgrade
from shared.service import Service

CHUNK = 200
PAYMENT_DAYS = 30
GRANT = text("UPDATE account SET monthly_billing = true")


async def measure(divisions: int = 6000) -> dict[str, Any]:
    with TemporaryDirectory() as directory:
        async with new_postgres(Path(directory)) as postgres:
            await postgres.make_databases(["billing"])
            url = postgres.url("billing")
            await asyncio.to_thread(upgrade, "billing", url)
            given = {"ISSUARY_DATABASE_URL": url, "ISSUARY_BILLING_DEFAULT_LIMITS": ground.LIMIT}
            service = build(Settings.from_environment(given))
            await _last_month(service, divisions)
            found = await _close(service)
            await service.stop()
    return found


async def _last_month(service: Service, divisions: int) -> None:
    """Each division has one, two or three orders on account."""
    now = datetime.now(UTC)
    customers = ground.accounts(divisions)
    await load(service.db, ROOT / "docs" / "catalogue.toml", "benchmark", now)
    listener = service.door.door.listeners[AccountOpened]
    for some in _chunks(customers):
        async with service.db.transaction() as tx:
            for account in some:
                division = ground.division(account)
                event = AccountOpened(occurred_at=now, account_id=account.id, account=account, division=division)
                await listener.apply(event, tx)
    async with service.db.transaction() as tx:
        await tx.execute(GRANT)
    recorded = now.replace(day=1) - timedelta(days=1)
    for orders in _chunks(_orders(customers, recorded)):
        async with service.db.transaction() as tx:
            await prefetch.for_placed(tx, orders)
            for order in orders:
                await actions.take_order(tx, order, recorded)


def _orders(customers: Iterable[Account], placed_at: datetime) -> list[OrderPlaced]:
    bought = [account for n, account in enumerate(customers) for _ in range(1 + n % 3)]
    return [
        OrderPlaced(
            occurred_at=placed_at, account_id=account.id, account=account, division=ground.division(account),
            order_id=n, product_name_id="ssl_dv_geotrust", term=Term(years=1), names=(f"www{n}.customer.example",),
            payment=Payment(method="on_account"), placed_by="benchmark", placed_at=placed_at,
        )
        for n, account in enumerate(bought, 1)
    ]  # fmt: skip


def _chunks(rows: list[Any]) -> Iterator[list[Any]]:
    return (rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK))


async def _close(service: Service) -> dict[str, Any]:
    collect_less_often()
    month = (datetime.now(UTC).replace(day=1) - timedelta(days=1)).date()
    async with service.db.transaction() as tx:
        await tx.execute(text("ANALYZE"))
        await actions.close_period(tx, month, "benchmark", datetime.now(UTC))
    started, cpu = time.perf_counter(), time.process_time()
    while await worker.close_month(service.db, PAYMENT_DAYS):
        pass
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    async with service.db.transaction() as tx:
        made = int(await tx.scalar(text("SELECT count(*) FROM invoice WHERE kind = 'usage'")) or 0)
    return {"close_invoices_per_s": round(made / took), "cpu_us_per_close_invoice": round(cpu / made * 1e6)}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(*(int(n) for n in sys.argv[1:])))))
