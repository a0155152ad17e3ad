"""All four services with what surrounds them: a real DNS server, a real mail server, the test CA."""

import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from typing import Any

import httpx
import pytest_asyncio

from services.billing.cli import load
from services.notifications.clients.billing import Documents
from services.notifications.clients.letter import Sender
from services.notifications.clients.smtp import MailServer, Post
from services.notifications.worker import Office, send_due
from services.orders import actions
from services.orders.actions import AccountDetails
from services.orders.clients.test_ca import TestCa
from services.orders.worker import steps as orders_steps
from services.validation.app import policy_of
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.settings import Settings
from services.validation.worker import Gate, Looker
from shared.events.base import Event
from shared.migrate import ROOT
from tests.billing.book import assert_in_order
from tests.bus import as_record
from tests.conftest import SERVICE_KEY, World
from tests.notifications.servers import Letterbox, a_mail_server
from tests.orders.conftest import Company, _add
from tests.orders.makers import NOW, body, ca_key
from tests.validation.dns_server import DnsServer, txt

GERMAN = {"line1": "Hauptstraße 1", "postcode": "10115", "city": "Berlin", "country": "DE"}
COSTS = 14900 + 4900 + 3762  # two names and 19 % VAT
ORDER = "/services/v2/order/certificate"
ROLES = ("administrator", "standard_user", "operator")


@dataclass
class Town:
    world: World
    zone: DnsServer
    box: Letterbox
    account: int = 0
    division: int = 0

    def client(self, role: str = "administrator") -> Any:
        return self.world.client(f"Acme-{role}-key")

    async def pay(self, cents: int, reference: str = "SEPA 1") -> None:
        sent = {"container_id": self.division, "amount": f"{cents / 100:.2f}", "reference": reference}
        async with self.client("operator") as http:
            answer = await http.post("/services/v2/finance/deposit", json=sent)
        assert answer.status_code == 201, answer.text

    async def order(self, role: str = "administrator", **changes: Any) -> int:
        async with self.client(role) as http:
            answer = await http.post(f"{ORDER}/ssl_dv_geotrust", json=body(**changes))
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def settle(self) -> None:
        """Everything but the looks first, so that what is to be published can be published; then the rest."""
        await self.world.settle(steps=False)
        await self.publish_tokens()
        await self.world.settle()

    async def publish_tokens(self) -> None:
        for told in await self.world.said("validation", "domain_submitted"):
            self.zone.scripts[told["record_name"]] = txt(told["record_name"], told["record_value"])

    def tell(self, event: Event) -> None:
        """As another program does, with a Kafka client of its own."""
        told = as_record(event)
        self.world.bus.put(told.topic, told.key, told.value, told.headers)

    async def shown(self, order: int) -> dict[str, Any]:
        async with self.client() as http:
            answer = await http.get(f"{ORDER}/{order}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def balance(self) -> str:
        async with self.client() as http:
            return str((await http.get("/services/v2/finance/balance")).json()["balance"])

    async def said(self, service: str, *types: str) -> list[dict[str, Any]]:
        return await self.world.said(service, *types)

    def mails(self, to: str = "") -> list[EmailMessage]:
        """All of them, or what one address has got."""
        found = [
            email.message_from_bytes(mail.content, policy=email.policy.default)
            for mail in self.box.mails
            if isinstance(mail.content, bytes)
        ]
        return [mail for mail in found if to in ("", mail["To"])]

    async def in_order(self) -> None:
        """Nothing is parked anywhere and the book keeps its invariants."""
        for name in self.world.services:
            assert await self.world.parked(name) == []
        await assert_in_order(self.world.billing.db)


def pdf_of(mail: EmailMessage) -> bytes:
    [attached] = list(mail.iter_attachments())
    assert attached.get_content_type() == "application/pdf"
    content: bytes = attached.get_content()
    return content


@pytest_asyncio.fixture
async def town(world: World) -> AsyncIterator[Town]:
    kept = {name: service.steps for name, service in world.services.items()}
    async with DnsServer() as zone, a_mail_server() as box:
        place = Town(world, zone, box)
        office = an_office(world, box)
        world.notifications.steps = [partial(send_due, world.notifications.db, office)]
        world.validation.steps = [a_looker(world, zone).step, a_gate(world, zone).step]
        world.orders.steps = orders_steps(TestCa(ca_key()), world.orders.db)
        world.billing.db._given["kept"].clear()
        await load(world.billing.db, ROOT / "docs" / "catalogue.toml", "tests", NOW)
        await open_account(place)
        yield place
        await office.post.rest()
    for name, service in world.services.items():
        service.steps = kept[name]


def an_office(world: World, box: Letterbox) -> Office:
    documents = Documents("http://issuary.test", SERVICE_KEY, transport=httpx.ASGITransport(world.host))
    sender = Sender.named("Issuary <billing@issuary.example>", "", "http://issuary.test")
    return Office(documents, Post(MailServer("127.0.0.1", box.port)), sender)


def a_looker(world: World, zone: DnsServer) -> Looker:
    settings = world.validation.settings
    assert isinstance(settings, Settings)
    return Looker(world.validation.db, Observer(DnsClient([Resolver(*zone.address)])), policy_of(settings), 100)


def a_gate(world: World, zone: DnsServer) -> Gate:
    settings = world.validation.settings
    assert isinstance(settings, Settings)
    observer = Observer(DnsClient([Resolver(*zone.address)]), local=settings.test_suffixes)
    return Gate(world.validation.db, observer, policy_of(settings))


async def open_account(town: Town) -> None:
    async with town.world.orders.db.transaction() as tx:
        details = AccountDetails("Acme", "EUR", "Acme GmbH", GERMAN, billing_emails=("ap@acme.example",))
        top = await actions.open_account(tx, details, "Main", NOW)
        town.account, town.division = top.account_id, top.id
        keyring = Company(town.world, town.account, {"Main": town.division})
        for role in ROLES:
            await _add(tx, keyring, top.account, "Acme", role, ())
    await town.world.settle()
