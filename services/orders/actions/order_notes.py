from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import CertificateOrder, OrderNote
from shared.db import add
from shared.errors import NotFound, Rejected

MOST_NOTES = 1000


async def add_note(tx: AsyncSession, order: CertificateOrder, text: str, who: str, now: datetime) -> OrderNote:
    if await queries.count_notes(tx, order.id) >= MOST_NOTES:
        raise Rejected(f"An order has at most {MOST_NOTES} notes; delete one first.", "invalid_state")
    note_id = await queries.take_id(tx, OrderNote)
    return add(tx, OrderNote(id=note_id, order_id=order.id, text=text, written_at=now, written_by=who))


async def change_note(tx: AsyncSession, order: CertificateOrder, note_id: int, text: str, now: datetime) -> None:
    note = await _note(tx, order, note_id)
    note.text, note.written_at = text, now


async def delete_note(tx: AsyncSession, order: CertificateOrder, note_id: int) -> None:
    await tx.delete(await _note(tx, order, note_id))


async def _note(tx: AsyncSession, order: CertificateOrder, note_id: int) -> OrderNote:
    note = await queries.note_of(tx, order.id, note_id)
    if note is None:
        raise NotFound(f"Order {order.id} has no note {note_id}.", "not_found|note")
    return note
