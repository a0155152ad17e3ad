from sqlalchemy import Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base


class OrderCount(Base):
    """How many orders of a division are in a state: the sum of changes, each a row of its own, so that no two wait for
    each other over a count. Triggers write them; `fold_counts` makes one row of many now and then."""

    __tablename__ = "order_count"
    __table_args__ = (Index("ix_order_count_division_id", "division_id", "state", postgresql_include=["n"]),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    division_id: Mapped[int]
    state: Mapped[str]
    n: Mapped[int]


COUNTED = (
    """CREATE FUNCTION count_placed_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_count (division_id, state, n)
    SELECT division_id, state, count(*) FROM fresh GROUP BY division_id, state;
    RETURN NULL;
END $$""",
    "CREATE TRIGGER counted AFTER INSERT ON certificate_order REFERENCING NEW TABLE AS fresh"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_placed_orders()",
    """CREATE FUNCTION count_changed_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_count (division_id, state, n)
    VALUES (OLD.division_id, OLD.state, -1), (NEW.division_id, NEW.state, 1);
    RETURN NULL;
END $$""",
    "CREATE TRIGGER counted_again AFTER UPDATE ON certificate_order FOR EACH ROW"
    " WHEN (OLD.state <> NEW.state OR OLD.division_id <> NEW.division_id) EXECUTE FUNCTION count_changed_order()",
)
