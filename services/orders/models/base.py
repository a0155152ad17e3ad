from sqlalchemy.orm import DeclarativeBase

from shared.db import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


# Public ids: clients hold them in 32 bits, and those from 2^30 up belong to systems that bring their own customers.
LAST_ID = 2**30 - 1

# What happened, and what was issued, is never changed; the function is the mechanism's.
APPEND_ONLY = tuple(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    for table in (
        "timeline_entry",
        "certificate",
        "organization_entry",
        "organization_record",
        "organization_check",
    )
)
