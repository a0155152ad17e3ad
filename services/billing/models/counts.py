"""How many rows the long lists have. Triggers keep the counts, one statement for all rows that an INSERT added."""

from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base


class InvoiceCount(Base):
    """`kind` as the invoice's. Whoever adds more than one holds the account's lock, and all add after every other lock,
    so that no two wait for each other here."""

    __tablename__ = "invoice_count"

    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class EntryCount(Base):
    """Of the history of funds."""

    __tablename__ = "entry_count"

    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class UsageCount(Base):
    """Orders on account, released ones too."""

    __tablename__ = "usage_count"

    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]
