from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.attributes import flag_modified

from shared.db import COLUMN_TYPES, new_metadata


def written_together(row: object, *columns: str) -> None:
    """Neighbours that change different columns would be one UPDATE each; the same columns make one for all."""
    for column in columns:
        flag_modified(row, column)


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES
