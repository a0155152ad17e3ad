from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import CustomValue, OrderNote


async def notes_of(tx: AsyncSession, order_id: int) -> Sequence[OrderNote]:
    """The oldest first; an order has at most a thousand."""
    return (await tx.scalars(select(OrderNote).where(OrderNote.order_id == order_id).order_by(OrderNote.id))).all()


async def note_of(tx: AsyncSession, order_id: int, note_id: int) -> OrderNote | None:
    found: OrderNote | None = await tx.scalar(
        select(OrderNote).where(OrderNote.order_id == order_id, OrderNote.id == note_id)
    )
    return found


async def count_notes(tx: AsyncSession, order_id: int) -> int:
    return await tx.scalar(select(func.count()).select_from(OrderNote).where(OrderNote.order_id == order_id)) or 0


async def custom_values_of(tx: AsyncSession, order_id: int) -> Sequence[CustomValue]:
    query = select(CustomValue).where(CustomValue.order_id == order_id).order_by(CustomValue.metadata_id)
    return (await tx.scalars(query)).all()
