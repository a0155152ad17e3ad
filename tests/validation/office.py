"""Who works with domains: people and API keys of two accounts, known to validation alone."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from itsdangerous import URLSafeTimedSerializer

from services.validation.worker import ByHand
from shared.access import hash_key
from shared.events.base import Event
from shared.events.orders import Account, AccountOpened, CredentialChanged, Division, DivisionAdded
from tests.conftest import ENVIRONMENT, World
from tests.validation.conftest import a_looker
from tests.validation.dns_server import DnsServer
from tests.validation.makers import ACCOUNT, NOW

D = "/services/v2/domain"
MAIN, LABS, OTHERS = 14, 15, 99
OTHER_ACCOUNT = 9002
# role, key role, account, divisions
PEOPLE: dict[str, tuple[str, int, int, tuple[int, ...]]] = {
    "ann": ("administrator", 0, ACCOUNT, ()),
    "max": ("manager", 0, ACCOUNT, (LABS,)),
    "sue": ("standard_user", 0, ACCOUNT, (MAIN,)),
    "lea": ("standard_user", 0, ACCOUNT, (LABS,)),
    "lou": ("limited_user", 0, ACCOUNT, ()),
    "fin": ("finance_manager", 0, ACCOUNT, ()),
    "orders-key": ("administrator", 100, ACCOUNT, ()),
    "domains-key": ("administrator", 101, ACCOUNT, ()),
    "view-key": ("administrator", 102, ACCOUNT, ()),
    "users-key": ("administrator", 103, ACCOUNT, ()),
    "eve": ("administrator", 0, OTHER_ACCOUNT, ()),
    "olga": ("operator", 0, 0, ()),
}


def _credential(n: int, name: str, kind: str) -> CredentialChanged:
    role, key_role, account_id, divisions = PEOPLE[name]
    return CredentialChanged(
        credential_id=f"{kind}/{n}", version=1, kind=kind, account_id=account_id, account_name="Acme", user_id=n,
        user_name=name, email=f"{name}@acme.example", role=role, key_role=key_role, divisions=divisions,
        key_hash=hash_key(name) if kind == "api_key" else None, occurred_at=NOW,
    )  # fmt: skip


def _opened(account_id: int, name: str, division: int) -> Event:
    account = Account(id=account_id, name=name, currency="EUR")
    return AccountOpened(
        occurred_at=NOW, account_id=account_id, account=account, division=Division(id=division, name="Main")
    )


async def open_office(world: World, zone: DnsServer) -> World:
    labs = Division(id=LABS, name="Labs", parent_id=MAIN)
    await world.deliver(
        "validation", _opened(ACCOUNT, "Acme", MAIN), _opened(OTHER_ACCOUNT, "Globex", OTHERS),
        DivisionAdded(occurred_at=NOW, account_id=ACCOUNT, division=labs),
    )  # fmt: skip
    credentials = [_credential(n, name, kind) for n, name in enumerate(PEOPLE, 1) for kind in ("api_key", "user")]
    await world.deliver("validation", *credentials)
    world.validation.app.state.by_hand = ByHand(a_looker(world, zone))
    return world


@asynccontextmanager
async def key_of(world: World, name: str = "ann", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client(name, **headers) as http:
        yield http


@asynccontextmanager
async def signed_in(world: World, name: str = "ann") -> AsyncIterator[httpx.AsyncClient]:
    number = list(PEOPLE).index(name) + 1
    session = URLSafeTimedSerializer(ENVIRONMENT["ISSUARY_SESSION_SECRET"], salt="session").dumps({"user": number})
    async with world.client(Accept="text/html", Cookie=f"issuary_session={session}") as http:
        yield http


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found is not None, page.text[:500]
    return found[1]


def words(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text[:800]
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


async def add(http: httpx.AsyncClient, name: str, method: str | None = "dns-txt-token", **more: Any) -> dict[str, Any]:
    body = {"name": name, "validations": [{"type": "ov"}], "organization": {"id": 7}, "dcv_method": method, **more}
    answer = await http.post(D, json={key: value for key, value in body.items() if value is not None})
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.json()
    return added
