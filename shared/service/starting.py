"""What a service waits for before it begins, and what it does not begin with."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from sqlalchemy import text

from shared.db import Database
from shared.db.outage import saying_absence, sqlstate
from shared.schema import compare, has_migrations
from shared.service.reaching import reach
from shared.service.topics import CTL, faults, look, wanted
from shared.settings import BaseSettings
from shared.waiting import Outage, in_words

log = logging.getLogger(__name__)

NO_TABLE = "42P01"


class StartRefused(Exception):
    """It would do harm, and waiting would not help; sentences with the commands that mend it."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


async def see_schema(name: str, db: Database, settings: BaseSettings) -> None:
    if not has_migrations(name):
        return
    schema = compare(name, await _revision(name, db, settings))
    if schema.is_older:
        raise StartRefused([schema.sentence])
    if not schema.fits:
        log.warning(schema.sentence, extra={"service": name})


async def _revision(name: str, db: Database, settings: BaseSettings) -> str | None:
    try:
        with saying_absence(settings.database_url, name):
            async with asyncio.timeout(5), db.transaction() as tx:
                return (await tx.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except Exception as error:
        if sqlstate(error) == NO_TABLE:
            return None
        raise


async def see_topics(topics: Sequence[str], settings: BaseSettings) -> str | None:
    """Why the topics' settings could not be compared, where they could not."""
    admin = await reach(settings)
    try:
        return await _compare(admin, topics, settings)
    except (KafkaError, OSError) as error:
        raise Outage(f"waits for Kafka at {settings.kafka}: {in_words(error)}") from error
    finally:
        await admin.close()


async def _compare(admin: AIOKafkaAdminClient, topics: Sequence[str], settings: BaseSettings) -> str | None:
    seen = await look(admin, topics)
    if missing := [name for name in topics if name not in seen.found]:
        raise Outage(
            f"waits for topics that are not there, or not to be seen: {', '.join(missing)}; to make them: {CTL}"
        )
    wrong = [fault for name in topics for fault in faults(seen.found[name], wanted(name, settings), settings)]
    if wrong:
        raise StartRefused(wrong)
    return seen.untold
