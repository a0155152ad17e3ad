import asyncio
import logging
from dataclasses import dataclass

from services.notifications import actions, rules
from services.notifications.clients.billing import Documents
from services.notifications.clients.letter import Sender, compose
from services.notifications.clients.smtp import Post
from services.notifications.models import Message
from services.notifications.rules import Undelivered
from shared.db import Database, utcnow

log = logging.getLogger(__name__)

BATCH = 8
SECONDS_EACH = 60  # together well below the lease


@dataclass(frozen=True)
class Office:
    documents: Documents
    post: Post
    sender: Sender


async def send_due(db: Database, office: Office) -> bool:
    if office.post.faults:  # no mail is to blame, so none uses up an attempt
        return False
    async with db.transaction() as tx:
        due = await actions.claim_due(tx, utcnow(), office.sender.domain, BATCH)
    for n, message in enumerate(due):
        failure = await _failure_of(office, message)
        if failure and not failure.final and office.post.faults:
            async with db.transaction() as tx:
                await actions.give_back(tx, due[n:], utcnow())
            return False
        await _record(db, message, failure)
    if not due:
        await office.post.rest()
    return bool(due)


async def _record(db: Database, message: Message, failure: Undelivered | None) -> None:
    async with db.transaction() as tx:
        if failure:
            await actions.record_failure(tx, message.id, message.attempts, failure, utcnow())
        else:
            await actions.record_sent(tx, message.id, utcnow())


async def _attached(office: Office, message: Message) -> bytes | None:
    if message.path is None or message.size is None or message.sha256 is None:
        return None
    return await office.documents.fetch(message.path, message.size, message.sha256)


async def _failure_of(office: Office, message: Message) -> Undelivered | None:
    """A mail that cannot be made or sent must not keep the next one from leaving, whatever is wrong with it."""
    try:
        async with asyncio.timeout(SECONDS_EACH):
            document = await _attached(office, message)
            mail = compose(message, document, office.sender)
            await office.post.send(office.sender.address, rules.envelope_address(message.recipient), mail)
    except Undelivered as failure:
        log.warning("a mail did not leave", extra={"message_id": str(message.id), "reason": failure.reason})
        return failure
    except Exception as error:
        log.exception("a mail could not be made", extra={"message_id": str(message.id)})
        return Undelivered(f"The mail could not be made: {type(error).__name__}. An operator has to look at the log.")
    return None
