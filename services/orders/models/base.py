from sqlalchemy.orm import DeclarativeBase

from shared.db import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


# Public ids: clients hold them in 32 bits, and those from 2^30 up belong to systems that bring their own customers.
LAST_ID = 2**30 - 1

TRIGGERS = (
    """
    CREATE FUNCTION refuse_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
    """,
    "CREATE TRIGGER timeline_stays BEFORE UPDATE OR DELETE ON timeline_entry "
    "FOR EACH ROW EXECUTE FUNCTION refuse_history_change()",
    "CREATE TRIGGER certificate_stays BEFORE UPDATE OR DELETE ON certificate "
    "FOR EACH ROW EXECUTE FUNCTION refuse_history_change()",
)
