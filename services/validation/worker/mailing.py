"""Mails to who controls a domain: its contacts looked up, the mails written, then sent. No transaction is open while
the network is used."""

import asyncio
import logging

from services.validation.actions import letters, mailing
from services.validation.actions.letters import Desk
from services.validation.actions.mailing import Contacts, Task
from services.validation.clients.caa import climb
from services.validation.clients.mail import Post
from services.validation.clients.observing import Observer
from services.validation.clients.watch import ResolverWatch
from services.validation.rules import mail
from services.validation.rules.adn import Adn
from services.validation.rules.answers import failure
from services.validation.rules.choosing import is_open
from services.validation.rules.letter import Delivered, Letter, Undelivered
from services.validation.rules.looking import Job
from services.validation.rules.methods import CAA_CONTACT, EMAIL, TXT_CONTACT
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow

log = logging.getLogger(__name__)

BURST, LETTERS = 20, 200
# What became of mails within this time is recorded in one transaction.
GATHER_SECONDS = 0.02
DEFECT = "The mail could not be made; the certificate authority has to look at its log."


class Mailer:
    def __init__(
        self,
        db: Database,
        observer: Observer,
        policy: Policy,
        post: Post,
        console: str,
        watch: ResolverWatch | None = None,
    ) -> None:
        """Contacts are looked up as the primary perspective sees them; `console` is where links lead to."""
        self.db, self.observer, self.policy, self.post, self.watch = db, observer, policy, post, watch
        self._under_way: set[asyncio.Task[tuple[Letter, Delivered | Undelivered]]] = set()
        self.desk = Desk(console, post.sender.address.rpartition("@")[2])

    @property
    def _rests(self) -> bool:
        """While the resolver validates nothing (NT8), and where the method is switched off or over."""
        return bool(self.watch and self.watch.fault) or not is_open(EMAIL, self.policy, utcnow())

    async def find(self) -> bool:
        if self._rests:
            return False
        async with self.db.transaction() as tx:
            tasks = await mailing.claim_mailings(tx, utcnow(), BURST)
        if not tasks:
            return False
        found = await asyncio.gather(*(self._contacts(task) for task in tasks))
        async with self.db.transaction() as tx:
            await mailing.write_mails(tx, found, utcnow())
        return True

    async def _contacts(self, task: Task) -> Contacts:
        found_at, adn = utcnow(), Adn(task.adn)
        levels = Job(EMAIL, task.adn, tuple(mail.places_of(CAA_CONTACT, adn)))
        txt, caa = await asyncio.gather(
            self.observer.dns.txt(mail.txt_name(task.adn)), climb(self.observer.dns, levels, self.observer.local)
        )
        addresses = {TXT_CONTACT: mail.in_txt(txt), CAA_CONTACT: mail.in_caa(caa)}
        fault = failure([txt, *caa[-1:]])
        return Contacts(task, found_at, addresses, fault.message if fault else None)

    async def send(self) -> bool:
        """Side by side: a server that keeps us waiting delays its own mail only."""
        await self._claim()
        if not self._under_way:
            return False
        done, self._under_way = await asyncio.wait(self._under_way, timeout=GATHER_SECONDS)
        if done:
            async with self.db.transaction() as tx:
                await letters.record_deliveries(tx, [task.result() for task in done], utcnow())
        return True

    async def stop(self) -> None:
        """What is on its way is tried again when its lease is over."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _claim(self) -> None:
        free = min(BURST, LETTERS - len(self._under_way))
        if free <= 0 or self._rests:
            return
        async with self.db.transaction() as tx:
            claimed = await letters.claim_letters(tx, self.desk, utcnow(), free)
        self._under_way |= {asyncio.create_task(self._sent(letter)) for letter in claimed}

    async def _sent(self, letter: Letter) -> tuple[Letter, Delivered | Undelivered]:
        try:
            return letter, await self.post.deliver(letter)
        except Undelivered as refused:
            return letter, refused
        except Exception:
            log.exception("a mail could not be made", extra={"mail_id": str(letter.id)})
            return letter, Undelivered(DEFECT)
