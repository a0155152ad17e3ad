"""The lists of revoked certificates of the built-in CA: signed by the worker, kept in a table, published by a route."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import Authority, RevocationList
from services.orders.rules.revocation import WantedList, listed_since, rhythm
from shared.db import locked


@dataclass(frozen=True)
class Key:
    """An authority as it is published."""

    key_id: str
    name: str
    certificate: bytes
    is_root: bool


async def register_authorities(tx: AsyncSession, keys: Sequence[Key], now: datetime) -> None:
    """At start. A new address makes new certificates for the same keys; their lists and numbers go on."""
    rows = [
        {"key_id": key.key_id, "name": key.name, "certificate": key.certificate, "is_root": key.is_root,
         "list_number": 0, "due_at": now}
        for key in sorted(keys, key=lambda key: key.key_id)
    ]  # fmt: skip
    new = insert(Authority).values(rows)
    changed = {"name": new.excluded.name, "certificate": new.excluded.certificate}
    await tx.execute(new.on_conflict_do_update(index_elements=["key_id"], set_=changed))


async def claim_list(tx: AsyncSession, keys: Sequence[str], now: datetime) -> WantedList | None:
    """The next list that is due, of a key that is here; the lease keeps others off while it is signed."""
    query = (
        select(Authority)
        .where(Authority.due_at <= now, Authority.key_id.in_(keys))
        .order_by(Authority.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    authority = await tx.scalar(query)
    if authority is None:
        return None
    this_update = now.replace(microsecond=0)
    entries = await queries.revoked_by(tx, authority.key_id, listed_since(now, authority.is_root))
    next_update = this_update + rhythm(authority.is_root).lives
    return WantedList(authority.key_id, authority.claim_list(this_update), this_update, next_update, entries)


async def record_list(tx: AsyncSession, wanted: WantedList, der: bytes, now: datetime) -> None:
    """What is out of date is no longer kept: nobody may use it."""
    authority = await locked(tx, Authority, wanted.authority)
    authority.note_published(wanted.number, wanted.this_update)
    old = RevocationList.next_update < now
    await tx.execute(delete(RevocationList).where(RevocationList.authority == wanted.authority, old))
    tx.add(
        RevocationList(
            authority=wanted.authority,
            number=wanted.number,
            der=der,
            entries=len(wanted.entries),
            this_update=wanted.this_update,
            next_update=wanted.next_update,
        )
    )
