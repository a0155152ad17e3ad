"""Mails about domains: what they say, and the servers they go to."""

import email
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from ipaddress import ip_network
from typing import Any

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.mail import Post, Sender
from services.validation.clients.observing import Observer
from services.validation.rules.guard import Guard
from services.validation.worker import Mailer
from tests.conftest import World
from tests.notifications.servers import Letterbox, a_mail_server
from tests.validation.dns_server import DnsServer, Script
from tests.validation.makers import a_test_policy

CONSOLE = "http://issuary.test"
FIVE = ("admin", "administrator", "hostmaster", "postmaster", "webmaster")
LINK = re.compile(rf"{CONSOLE}/dcv/confirm/([a-z2-7]{{32}})")


@dataclass
class Mailroom:
    world: World
    zone: DnsServer
    box: Letterbox
    opened: tuple[str, ...] = ("127.0.0.0/8",)

    @property
    def post(self) -> Post:
        dns = DnsClient([Resolver(*self.zone.address)], 0.2)
        guard = Guard(smtp_port=self.box.port, opened=tuple(ip_network(one) for one in self.opened))
        return Post(dns, guard, Sender.of("Domain validation <dcv@ca.example>", "mail.ca.example"))

    def mailer(self, **changes: Any) -> Mailer:
        policy = a_test_policy(**changes)
        observer = Observer(DnsClient([Resolver(*self.zone.address)], 0.2), local=policy.local_tlds)
        return Mailer(self.world.validation.db, observer, policy, self.post, CONSOLE)

    async def work(self, **changes: Any) -> None:
        """Look up every contact and send every mail that is due."""
        mailer = self.mailer(**changes)
        while await mailer.find() or await mailer.send():
            pass

    def takes_mail(self, *domains: str) -> None:
        for domain in domains:
            self.zone.by_kind[domain, "MX"] = Script((f"{domain}. 60 IN MX 10 mx.{domain}.",))
            self.zone.by_kind[f"mx.{domain}", "A"] = Script((f"mx.{domain}. 60 IN A 127.0.0.1",))

    def contact(self, adn: str, *addresses: str) -> None:
        name = f"_validation-contactemail.{adn}"
        self.zone.by_kind[name, "TXT"] = Script(tuple(f'{name}. 60 IN TXT "{one}"' for one in addresses))

    def caa(self, adn: str, *records: str) -> None:
        self.zone.by_kind[adn, "CAA"] = Script(tuple(f"{adn}. 60 IN CAA {one}" for one in records))

    def read(self, recipient: str) -> EmailMessage:
        """The newest that went there."""
        return self.all(recipient)[-1]

    def all(self, recipient: str) -> list[EmailMessage]:
        found = [mail for mail in self.box.mails if mail.rcpt_tos == [recipient]]
        return [email.message_from_bytes(mail.content, policy=policy.default) for mail in found]  # type: ignore[arg-type]

    def value(self, recipient: str) -> str:
        found = LINK.search(self.read(recipient).get_content())
        assert found is not None
        return found[1]

    def recipients(self) -> list[str]:
        return sorted(to for mail in self.box.mails for to in mail.rcpt_tos)

    async def rows(self, columns: str = "*", where: str = "true") -> list[object]:
        sql = f"SELECT {columns} FROM dcv_mail WHERE {where} ORDER BY section, recipient"
        return await self.world.rows("validation", sql)


def five(domain: str) -> list[str]:
    return [f"{local}@{domain}" for local in FIVE]


@asynccontextmanager
async def a_mailroom(world: World, zone: DnsServer) -> AsyncIterator[Mailroom]:
    async with a_mail_server() as box:
        yield Mailroom(world, zone, box)
