"""Lists of orders over few and over a million of them: python -m benchmarks.order_lists [ORDERS]."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from itsdangerous import URLSafeTimedSerializer

from benchmarks.large_orders import fill, statements
from benchmarks.reads import SECRET, time_of
from services.orders import actions, worker
from services.orders.actions import AccountDetails, Placer, UserDetails
from services.orders.app import build
from services.orders.clients.test_ca import TestCa
from services.orders.models import OrderRequest
from services.orders.rules.intake import Wish
from services.orders.rules.validity import Span
from services.orders.settings import Settings
from shared.devstack.chosen import new_postgres
from shared.migrate import upgrade
from shared.service import Service

FEW, MANY = 20_000, 1_000_000
API, PAGE = "/services/v2/order/certificate", "/orders"


@dataclass(frozen=True)
class Place:
    account: int
    division: int
    user: int


def views(orders: int) -> dict[str, str]:
    """Half of all orders are the customer's own, numbered evenly."""
    middle = 200_000 + orders // 2
    return {
        "orders, newest": f"{API}?limit=100",
        "orders, pending": f"{API}?filters[status]=pending&limit=100",
        "orders, issued": f"{API}?filters[status]=issued&limit=100",
        "orders, of a day": f"{API}?filters[date_created]=2026-01-03&limit=100",
        "orders, by name": f"{API}?filters[domain_name]=www.n1770.example",
        "orders, by the end of a name": f"{API}?filters[domain_name]=%25n1770.example",
        "orders, by serial number": f"{API}?filters[serial_number]={format(201_770, 'A>32X')}",
        "orders, searched": f"{API}?filters[search]=n1770&limit=100",
        "orders, by common name": f"{API}?sort=common_name&limit=100",
        "one order": f"{API}/{middle}",
        "page: orders": PAGE,
        "page: orders, in the middle": f"{PAGE}?before={middle}",
        "page: orders, pending": f"{PAGE}?status=pending",
        "page: orders, found": f"{PAGE}?search=n1770",
        "staff: orders, newest": f"{API}?limit=100",
        "staff: orders, pending": f"{API}?filters[status]=pending&limit=100",
        "staff: orders, searched": f"{API}?filters[search]=n1770&limit=100",
    }


async def measure(many: int = MANY) -> dict[str, Any]:
    took: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as directory:
        async with new_postgres(Path(directory)) as postgres:
            for size, orders in (("small", FEW), ("large", many)):
                name = f"orders_{orders}"
                await postgres.make_databases([name])
                took[size] = await _over(postgres.url(name), orders)
    ratios = {view: round(took["large"][view] / took["small"][view], 2) for view in took["small"]}
    return {"order_list_ms": took, "order_list_ratios": ratios}


async def _over(url: str, orders: int) -> dict[str, float]:
    await asyncio.to_thread(upgrade, "orders", url)
    async with _serving(url, orders) as http:
        return {
            view: await time_of(http, path, "ops" if view.startswith("staff") else "key")
            for view, path in views(orders).items()
        }


@asynccontextmanager
async def _serving(url: str, orders: int) -> AsyncIterator[httpx.AsyncClient]:
    service = build(Settings.from_environment({"ISSUARY_DATABASE_URL": url, "ISSUARY_SESSION_SECRET": SECRET}))
    here, elsewhere = await _open(service, "Acme", "key"), await _open(service, "Globex", "other")
    await _issue_one(service, here)
    async with service.db.transaction() as tx:
        given = statements(orders, here.account, here.division, elsewhere.account, elsewhere.division)
        await fill(await tx.connection(), given)
    cookie = URLSafeTimedSerializer(SECRET, salt="session").dumps({"user": here.user})
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    asked: Any = {"cookies": {"issuary_session": cookie}}
    async with httpx.AsyncClient(transport=transport, base_url="http://issuary.test", timeout=60, **asked) as http:
        yield http
    await service.stop()


async def _open(service: Service, name: str, key: str) -> Place:
    now = datetime.now(UTC)
    async with service.db.transaction() as tx:
        top = await actions.open_account(tx, AccountDetails(name, "EUR"), "Main", now)
        user = await _keyed(tx, top.account, name, "administrator", key, now)
        if key == "key":
            await _keyed(tx, None, "staff", "operator", "ops", now)
        return Place(top.account_id, top.id, user)


async def _keyed(tx: Any, account: Any, name: str, role: str, key: str, now: datetime) -> int:
    user = await actions.add_user(tx, account, UserDetails(f"{name}@example.net", name, role, role), now)
    await actions.add_api_key(tx, user, account, "bench", key, now)
    return user.id


async def _issue_one(service: Service, place: Place) -> None:
    """The order that all others are copies of, as if paid and proven."""
    now = datetime.now(UTC)
    async with service.db.transaction() as tx:
        division = await actions.division_of_command(tx, place.account, place.division)
        wish = Wish("ssl_dv_geotrust", "www.acme.example", (), _csr(), term=Span(years=1))
        order, request = await actions.place_order(tx, wish, division, Placer("bench", place.user, True), now)
        order.paid_at, request_id = now, request.id
    async with service.db.transaction() as tx:
        request = await tx.get_one(OrderRequest, request_id)
        request.issue_before = now + timedelta(hours=1)
    await worker.issue_next(service.db, TestCa(_pem(ec.generate_private_key(ec.SECP256R1()))))


def _csr() -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def table(found: dict[str, Any]) -> str:
    took = found["order_list_ms"]
    return "\n".join(
        f"  {view:<32} {took['small'][view]:>9} ms {took['large'][view]:>9} ms {ratio:>7} ×"
        for view, ratio in found["order_list_ratios"].items()
    )


if __name__ == "__main__":
    result = asyncio.run(measure(*(int(text) for text in sys.argv[1:])))
    print(f"{table(result)}\n{json.dumps(result)}")
