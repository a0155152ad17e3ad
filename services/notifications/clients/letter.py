"""The mail itself: the same message gives the same bytes, so that a second copy is recognised as one."""

import re
from dataclasses import dataclass
from datetime import date
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications import rules
from services.notifications.models import Message
from shared.figures import amount, money

WIRE = policy.SMTP.clone(cte_type="7bit")
NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def _day(iso: str) -> str:
    on = date.fromisoformat(iso)
    return f"{on.day} {on:%B %Y}"


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates" / "mail"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(amount=amount, money=money, day=_day)


@dataclass(frozen=True)
class Sender:
    name: str
    address: str
    reply_to: str = ""
    console: str = ""

    @classmethod
    def named(cls, mail_from: str, reply_to: str, console: str) -> "Sender":
        name, address = parseaddr(mail_from)
        return cls(name, address, reply_to, console)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def compose(message: Message, document: bytes | None, sender: Sender) -> bytes:
    mail = EmailMessage(policy=WIRE)
    context = _context(message, sender)
    mail["Message-ID"] = message.internet_message_id
    mail["Date"] = message.created_at
    mail["From"] = Address(sender.name, addr_spec=sender.address)
    mail["To"] = Address(addr_spec=rules.envelope_address(message.recipient))
    if sender.reply_to:
        mail["Reply-To"] = Address(addr_spec=sender.reply_to)
    mail["Subject"] = rules.one_line(_render(f"{message.template}.subject.txt", context))
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_render(f"{message.template}.txt", context))
    mail.add_alternative(_render(f"{message.template}.html", context), subtype="html")
    if document is not None:
        mail.add_attachment(document, maintype="application", subtype="pdf", filename=_file_name(message.number))
    return _with_fixed_boundaries(mail, message.id.hex).as_bytes()


def _context(message: Message, sender: Sender) -> dict[str, Any]:
    shown = {name: rules.one_line(getattr(message, name)) for name in ("number", "account_name", "recipient")}
    order = message.content["order"]
    ours = bool(order) and order["source"] == "issuary/orders"
    return {
        **message.content,
        **shown,
        "sender": sender,
        "order_name": _order_name(order) if order else "",
        "order_link": f"{sender.console}/orders/{order['id']}" if ours and sender.console else "",
    }


def _order_name(order: dict[str, Any]) -> str:
    source, number = order["source"], str(order["id"])
    return number if source.startswith("issuary/") else rules.one_line(f"{source}:{number}")


def _render(template: str, context: dict[str, Any]) -> str:
    return _templates.get_template(template).render(context)


def _file_name(number: str) -> str:
    return f"{NOT_IN_A_FILE_NAME.sub('-', number).strip('-.') or 'document'}.pdf"


def _with_fixed_boundaries(mail: EmailMessage, unique: str) -> EmailMessage:
    parts = (part for part in mail.walk() if part.is_multipart())
    for at, part in enumerate(parts):
        part.set_boundary(f"={unique}-{at}=")
    return mail
