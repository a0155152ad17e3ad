"""Lists, balances and statements over a small and over a large book: python -m benchmarks.reads [INVOICES POSTINGS].
A view is flat where the large book takes no longer; the small one is large enough to fill every page. Then the balance
against a bare route, and orders through billing where there are a million invoices already."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from itsdangerous import URLSafeTimedSerializer

from benchmarks import balances
from benchmarks.ground import open_accounts
from benchmarks.large_book import FIRST, Size, fill
from benchmarks.throughput import run_alone
from benchmarks.views import API, STAFF, views
from services.billing.app import build
from services.billing.queries.verify import verify
from services.billing.settings import Settings
from shared.access import hash_key, take_credentials
from shared.devstack.chosen import Postgres, new_postgres
from shared.events.orders import CredentialChanged
from shared.migrate import upgrade
from shared.service import Service

SMALL = Size(invoices=20_000, postings=200_000)
LARGE = Size(invoices=1_000_000, postings=10_000_000)
TURNS, WARM = 15, 8  # PostgreSQL makes its lasting plans after five executions
LATER = 3_000_000  # orders that the book has not had
USER, SECRET = 77, "benchmark"


async def measure(small: Size = SMALL, large: Size = LARGE) -> dict[str, Any]:
    """Milliseconds of each view, and how many times longer it takes over the large book."""
    with TemporaryDirectory() as directory:
        async with new_postgres(Path(directory)) as postgres:
            few, many = [await _book(postgres, f"billing_{size.invoices}", size) for size in (small, large)]
            took = {"small": await _views(few, small), "large": await _views(many, large)}
            async with _serving(many) as (service, _):
                seconds = await _verify(service)
                rates = await balances.measure(service.app, f"{API}/balance?container_id={FIRST}", "key")
            events = await run_alone(many, first=LATER)
    ratios = {view: round(took["large"][view] / took["small"][view], 2) for view in took["small"]}
    found = {"view_ms": took, "view_ratios": ratios, "verify_s": seconds, "balance_views_per_s": rates}
    return found | ({"order_events_per_s_at_1m": {"issuary": events}} if large.invoices >= 1_000_000 else {})


async def _views(url: str, size: Size) -> dict[str, float]:
    async with _serving(url) as (_, http):
        return {
            view: await time_of(http, path, "ops" if view.startswith(STAFF) else "key")
            for view, path in views(size).items()
        }


async def _book(postgres: Postgres, name: str, size: Size) -> str:
    await postgres.make_databases([name])
    url = postgres.url(name)
    await asyncio.to_thread(upgrade, "billing", url)
    await open_accounts(url)
    await fill(url, size)
    return url


@asynccontextmanager
async def _serving(url: str) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    settings = Settings.from_environment({"ISSUARY_DATABASE_URL": url, "ISSUARY_SESSION_SECRET": SECRET})
    service = build(settings)
    async with service.db.transaction() as tx:
        staff = _credential("api_key", "ops").model_copy(update={"account_id": 0, "role": "operator"})
        await take_credentials(tx, [_credential("api_key", "key"), _credential("user", None), staff])
    cookie = URLSafeTimedSerializer(SECRET, salt="session").dumps({"user": USER})
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    asked = {"cookies": {"issuary_session": cookie}}
    async with httpx.AsyncClient(transport=transport, base_url="http://issuary.test", timeout=60, **asked) as http:  # type: ignore[arg-type]
        yield service, http
    await service.stop()


def _credential(kind: Any, key: str | None) -> CredentialChanged:
    return CredentialChanged(
        occurred_at=datetime.now(UTC), credential_id=f"bench-{key or kind}", version=1, kind=kind, account_id=FIRST,
        account_name="Customer", user_id=USER, user_name="Ann", email="ann@customer.example", role="administrator",
        key_role=0, divisions=(), key_hash=hash_key(key) if key else None,
    )  # fmt: skip


async def time_of(http: httpx.AsyncClient, path: str, key: str) -> float:
    found = []
    for turn in range(WARM + TURNS):
        started = time.perf_counter()
        answer = await http.get(path, headers={"X-DC-DEVKEY": key})
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:300]}")
        if turn >= WARM:
            found.append((time.perf_counter() - started) * 1000)
    return round(median(found), 2)


async def _verify(service: Service) -> float:
    """The book that was made is one that billing could have made."""
    started = time.perf_counter()
    if broken := [str(breach) async for breach in verify(service.db, lambda table, rows: None)]:
        raise SystemExit(f"the generated book is not in order: {broken[:3]}")
    return round(time.perf_counter() - started, 1)


def table(found: dict[str, Any]) -> str:
    took, lines = found["view_ms"], []
    for view, ratio in found["view_ratios"].items():
        lines.append(f"  {view:<32} {took['small'][view]:>9} ms {took['large'][view]:>9} ms {ratio:>7} ×")
    return "\n".join([*lines, f"  the large book proved in {found['verify_s']} s"])


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    result = asyncio.run(measure(large=Size(*given)) if given else measure())
    print(f"{table(result)}\n{json.dumps(result)}")
