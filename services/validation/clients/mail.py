"""A mail straight to the servers of its recipient's domain: MX, address, guard, SMTP (EM9, EM10). No relay is trusted
with what confirms control of a domain."""

import asyncio
import random
import re
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from services.validation.clients.dns import DnsClient
from services.validation.clients.guard import connect
from services.validation.rules.answers import DnsAnswer, Status, failure
from services.validation.rules.contacts import envelope_address
from services.validation.rules.guard import Guard
from services.validation.rules.letter import Delivered, Letter, Undelivered, is_final
from services.validation.rules.text import cleaned, quoted
from shared.db import utcnow

WIRE = policy.SMTP.clone(cte_type="7bit")
MOST_SERVERS, MOST_ADDRESSES = 4, 2
CONNECT_SECONDS, SMTP_SECONDS, ALL_SECONDS = 10.0, 20.0, 120.0
MX = re.compile(r"(\d{1,5}) (\S+)")


@dataclass(frozen=True, slots=True)
class Sender:
    """`hostname`: how we greet a server."""

    name: str
    address: str
    hostname: str

    @classmethod
    def of(cls, mail_from: str, hostname: str = "") -> "Sender":
        name, address = parseaddr(mail_from)
        return cls(name, address, hostname or address.rpartition("@")[2])


class Post:
    def __init__(self, dns: DnsClient, guard: Guard, sender: Sender) -> None:
        self.dns, self.guard, self.sender = dns, guard, sender

    async def deliver(self, letter: Letter) -> Delivered:
        """Raises Undelivered."""
        began_at, recipient = utcnow(), envelope_address(letter.recipient)
        try:
            async with asyncio.timeout(ALL_SECONDS):
                server, encrypted = await self._through_any(recipient, compose(letter, self.sender))
        except TimeoutError:
            raise Undelivered(f"The mail servers of {_domain(recipient)} took too long.") from None
        return Delivered(began_at, server, encrypted)

    async def _through_any(self, recipient: str, mail: bytes) -> tuple[str, bool]:
        """The first server that takes it. What one says of the recipient is final; who does not serve us, or is not to
        be had, leaves it to the next."""
        refusal: Undelivered | None = None
        for host in await self._servers(_domain(recipient)):
            try:
                return await self._through(host, recipient, mail)
            except NotHere as unreached:
                refusal = unreached if refusal is None or not unreached.final else refusal
        raise refusal or Undelivered(f"{_domain(recipient)} has no mail server.", final=True)

    async def _servers(self, domain: str) -> list[str]:
        answer = await self.dns.ask(domain, "MX")
        if found := failure([answer]):
            raise Undelivered(f"The mail servers of {domain} cannot be looked up. {found.message}")
        if answer.status is not Status.ANSWER:
            said = f"{domain} has no MX record, so no mail goes there. Publish one, or choose another method."
            raise Undelivered(said, final=True)
        listed = [(int(one[1]), one[2].lower()) for value in answer.values if (one := MX.fullmatch(value))]
        if any(host == "." for _, host in listed):
            said = f"{domain} takes no mail: its MX record says so (RFC 7505). Choose another method."
            raise Undelivered(said, final=True)
        random.shuffle(listed)  # those of one preference share the load (RFC 5321 5.1)
        return [host for _, host in sorted(listed, key=lambda one: one[0])][:MOST_SERVERS]

    async def _through(self, host: str, recipient: str, mail: bytes) -> tuple[str, bool]:
        refusal = NotHere(f"The mail server {quoted(host)} has no address.")
        for address in await self._addresses(host):
            try:
                encrypted = await self._speak(host, address, recipient, mail)
            except NotHere as unreached:
                refusal = unreached
                continue
            return f"{cleaned(host)} [{address}]", encrypted
        raise refusal

    async def _addresses(self, host: str) -> list[str]:
        """Of both families; one that is not validated spoils it (EM9), and none is let past the guard (SG3)."""
        answers = await asyncio.gather(self.dns.ask(host, "AAAA"), self.dns.ask(host, "A"))
        if fault := _why_untrusted(answers):
            raise NotHere(f"The address of the mail server {quoted(host)} cannot be looked up. {fault}")
        found = [address for answer in answers for address in answer.values[:MOST_ADDRESSES]]
        open_ones = [address for address in found if self.guard.is_open(address)]
        if found and not open_ones:
            why = self.guard.why_refused(found[0])
            raise NotHere(f"The mail server {quoted(host)} is not connected to: {found[0]}, {why}.", final=True)
        return open_ones

    async def _speak(self, host: str, address: str, recipient: str, mail: bytes) -> bool:
        """Encrypted where the server offers it and it works, else not: whoever insists could only refuse (RFC 7435)."""
        try:
            return await self._dialogue(host, address, recipient, mail, encrypt=True)
        except NoTls:
            return await self._dialogue(host, address, recipient, mail, encrypt=False)

    async def _dialogue(self, host: str, address: str, recipient: str, mail: bytes, *, encrypt: bool) -> bool:
        smtp = await self._connected(host, address)
        try:
            encrypted = encrypt and await _encrypted(smtp, host)
            await _handed_over(smtp, self.sender.address, recipient, mail)
        finally:
            with suppress(SMTPException, OSError, TimeoutError):
                await smtp.quit(timeout=2)
            smtp.close()
        return encrypted

    async def _connected(self, host: str, address: str) -> SMTP:
        """Over a socket that the guard made for this very address (SG4)."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                made = await connect(self.guard, address, self.guard.smtp_port)
        except (OSError, TimeoutError) as error:
            said = cleaned(str(error)) or "no answer in time"
            raise NotHere(f"The mail server {quoted(host)} cannot be reached: {said}.") from None
        smtp = aiosmtplib.SMTP(sock=made, local_hostname=self.sender.hostname, timeout=SMTP_SECONDS, start_tls=False)
        try:
            await smtp.connect()
            await _greet(smtp)
        except SMTPResponseException as error:
            smtp.close()
            raise NotHere(f"The mail server {quoted(host)} does not serve us: {_said(error)}.") from None
        except (SMTPException, OSError, ValueError) as error:
            smtp.close()
            made.close()
            raise NotHere(f"The mail server {quoted(host)} does not answer: {cleaned(str(error))}.") from None
        return smtp


class NotHere(Undelivered):
    """By this server; another one may take it."""


class NoTls(Exception):
    pass


async def _greet(smtp: SMTP) -> None:
    try:
        await smtp.ehlo()
    except SMTPResponseException:  # a server of the old days
        await smtp.helo()


async def _encrypted(smtp: SMTP, host: str) -> bool:
    if not smtp.supports_extension("starttls"):
        return False
    try:
        await smtp.starttls(server_hostname=host, validate_certs=False)
        await smtp.ehlo()
    except (SMTPException, OSError, ValueError):
        raise NoTls from None
    return True


async def _handed_over(smtp: SMTP, sender: str, recipient: str, mail: bytes) -> None:
    if not recipient.isascii() and not smtp.supports_extension("smtputf8"):
        raise Undelivered("The mail server takes no addresses with letters beyond ASCII (SMTPUTF8).", final=True)
    options = [] if recipient.isascii() else ["SMTPUTF8"]
    try:
        await smtp.sendmail(sender, [recipient], mail, mail_options=options)
    except SMTPRecipientsRefused as error:
        raise _refused("this recipient", error.recipients[0]) from None
    except SMTPResponseException as error:
        raise _refused("the mail", error) from None
    except (SMTPException, OSError, ValueError) as error:
        raise Undelivered(f"The mail server broke off: {cleaned(str(error))}.") from None


def compose(letter: Letter, sender: Sender) -> bytes:
    """The same letter gives the same bytes (EM4)."""
    mail = EmailMessage(policy=WIRE)
    mail["Message-ID"] = letter.message_id
    mail["Date"] = letter.created_at
    mail["From"] = Address(sender.name, addr_spec=sender.address)
    mail["To"] = _to(envelope_address(letter.recipient))
    mail["Subject"] = letter.subject
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    return mail.as_bytes(policy=WIRE if letter.recipient.isascii() else WIRE.clone(utf8=True, cte_type="8bit"))


def _to(address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(username=local, domain=domain)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _why_untrusted(answers: list[DnsAnswer] | tuple[DnsAnswer, ...]) -> str | None:
    """A failure counts where nothing was found; a broken signature always (EM9, HT11)."""
    bogus = failure([one for one in answers if one.status is Status.BOGUS])
    nothing = not any(one.values for one in answers)
    found = bogus or (failure(answers) if nothing else None)
    return found.message if found else None


def _refused(what: str, error: SMTPResponseException) -> Undelivered:
    return Undelivered(f"The mail server refused {what}: {_said(error)}.", is_final(error.code))


def _said(error: SMTPResponseException) -> str:
    """A stranger's words: cut, and escaped where they are shown (SG7)."""
    return cleaned(f"{error.code} {error.message}".replace("\n", " ")).rstrip(". ")
