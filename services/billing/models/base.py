from sqlalchemy.orm import DeclarativeBase

from shared.db import COLUMN_TYPES, new_metadata

OrderKey = tuple[str, int]  # (source, order id)
PartKey = tuple[str, int, int]  # what is charged by itself: an order (0), or the names that a request added to it


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


APPEND_ONLY = ("placed_order", "charge", "invoice", "invoice_line", "tax_group", "credit_note", "credit_note_line",
               "credit_note_tax", "ended_order", "journal", "posting", "payment_item", "allocation", "on_account",
               "price", "tax_rule", "selling_entity", "exchange_rate", "opening_balance", "declared_gap")  # fmt: skip

# Every statement that writes postings is balanced for each journal entry by itself, so that no entry ever is not.
ZERO_SUM = """
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM fresh GROUP BY journal_id, currency HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'the postings of a journal entry do not sum to zero' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""

# A copy that was stored is the copy; only its rendering before that has a state.
STORED = """
CREATE TRIGGER stored BEFORE UPDATE OR DELETE ON document FOR EACH ROW
WHEN (OLD.sha256 IS NOT NULL) EXECUTE FUNCTION refuse_change()
"""

# Of money that arrived only its going back is noted.
SETTLED = """
CREATE TRIGGER settled BEFORE UPDATE OR DELETE ON payment FOR EACH ROW
WHEN (OLD.settled_at IS NOT NULL) EXECUTE FUNCTION refuse_unless_reversed()
"""
UNLESS_REVERSED = """
CREATE FUNCTION refuse_unless_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moves text[] := ARRAY['reversed_at', 'reversed_by', 'reversal_reason'];
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.reversed_at IS NULL AND to_jsonb(OLD) - moves = to_jsonb(NEW) - moves THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a settled payment never changes: it is reversed' USING ERRCODE = 'restrict_violation';
END $$
"""

# A list of prices that was added stays what it was.
ADDED = """
CREATE TRIGGER added BEFORE UPDATE OR DELETE ON price_upload FOR EACH ROW
WHEN (OLD.added_at IS NOT NULL) EXECUTE FUNCTION refuse_change()
"""

# Counts are kept for the lists that grow with every order: to count a million rows takes longer than to show a page.
COUNTED = """
CREATE FUNCTION count_{counts}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO {counts} AS kept ({by}, n)
  SELECT {by}, count(*) FROM fresh WHERE {where} GROUP BY {by} ORDER BY {by}
  ON CONFLICT ({by}) DO UPDATE SET n = kept.n + excluded.n;
  RETURN NULL;
END $$
"""
COUNTING = """
CREATE TRIGGER counted AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION count_{counts}()
"""
COUNTS = (
    ("invoice", "invoice_count", "division_id, kind", "true"),
    ("posting", "entry_count", "division_id, type", "division_id IS NOT NULL"),
    ("usage", "usage_count", "division_id", "order_id IS NOT NULL"),
)


def _counted(table: str, counts: str, by: str, where: str) -> list[str]:
    return [COUNTED.format(counts=counts, by=by, where=where), COUNTING.format(table=table, counts=counts)]


TRIGGERS: tuple[str, ...] = (
    "ALTER TABLE document ALTER COLUMN pdf SET STORAGE EXTERNAL",  # it is compressed already
    ZERO_SUM,
    "CREATE TRIGGER zero_sum AFTER INSERT ON posting REFERENCING NEW TABLE AS fresh"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()",
    STORED,
    UNLESS_REVERSED,
    SETTLED,
    ADDED,
    *(statement for counts in COUNTS for statement in _counted(*counts)),
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
)
