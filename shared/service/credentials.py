"""Every service keeps the credentials that orders says, so that it knows callers by itself."""

from sqlalchemy.ext.asyncio import AsyncSession

from shared.access import take_credentials
from shared.db import at_end
from shared.events.orders import CredentialChanged


async def on_credential_changed(event: CredentialChanged, tx: AsyncSession) -> None:
    """All of a chunk in one statement."""
    tx.info.setdefault("credentials", []).append(event)
    at_end(tx, _write_credentials)


async def _write_credentials(tx: AsyncSession) -> None:
    await take_credentials(tx, tx.info.pop("credentials"))
