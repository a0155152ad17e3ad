"""A mail is one message for each recipient: the same fact, template and recipient are the same message."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import rules
from services.notifications.actions.sending import announce_failure
from services.notifications.models import Message
from shared.db import add, locked_or_none


@dataclass(frozen=True)
class Party:
    """Whose the thing is. `division_id` is 0 for what belongs to the whole account."""

    account_id: int
    account_name: str
    division_id: int = 0


@dataclass(frozen=True)
class Letter:
    """What a mail says; `document` is what is attached: its id, path, hash and size."""

    about: str
    template: str
    party: Party
    number: str  # by which the thing is known, and searched for
    content: dict[str, Any]
    document: dict[str, Any] = field(default_factory=dict)


async def mail(tx: AsyncSession, letter: Letter, recipients: Iterable[str], now: datetime) -> None:
    """One message per recipient; an empty one stands for nobody, and says so to whoever looks for the mail."""
    for recipient in recipients:
        key = rules.message_id(letter.about, letter.template, recipient)
        if await locked_or_none(tx, Message, key):
            continue
        fault = rules.why_unusable(recipient) if recipient else rules.NOBODY
        message = add(tx, _new_message(key, letter, recipient, fault, now))
        if fault and recipient:
            announce_failure(tx, message, now)


def _new_message(key: UUID, letter: Letter, recipient: str, fault: str | None, now: datetime) -> Message:
    party = letter.party
    message = Message(
        id=key, about=letter.about, template=letter.template, recipient=recipient, content=letter.content,
        account_id=party.account_id, division_id=party.division_id, number=letter.number,
        account_name=party.account_name,
        created_at=now, give_up_at=now + rules.GIVE_UP_AFTER, due_at=now, attempts=0, final=False, **letter.document,
    )  # fmt: skip
    if fault:
        message.mark_failed(fault, final=True, now=now)
    return message
