from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import AppUser
from shared.db import locked

TRIES = 5
PAUSE = timedelta(minutes=5)


async def note_sign_in(tx: AsyncSession, user_id: int, now: datetime) -> None:
    user = await locked(tx, AppUser, user_id)
    user.failed_sign_ins, user.locked_until, user.last_sign_in_at = 0, None, now


async def note_failed_sign_in(tx: AsyncSession, user_id: int, now: datetime) -> None:
    """After some wrong passwords in a row a pause, so that guessing takes years."""
    user = await locked(tx, AppUser, user_id)
    user.failed_sign_ins += 1
    if user.failed_sign_ins >= TRIES:
        user.failed_sign_ins, user.locked_until = 0, now + PAUSE
