from datetime import datetime
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from shared.db import COLUMN_TYPES, new_metadata


def written_together(row: object, *columns: str) -> None:
    """Neighbours that change different columns would be one UPDATE each; the same columns make one for all."""
    for column in columns:
        flag_modified(row, column)


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class OfPerspective:
    """What a remote perspective that was asked saw, or why it does not count (EV5)."""

    perspective: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str]
    corroborates: Mapped[bool]
    alarm: Mapped[bool]
    outcome: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str]
    started_at: Mapped[datetime | None]
    milliseconds: Mapped[int]
    queries: Mapped[list[dict[str, Any]]]
