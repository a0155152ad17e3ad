"""What came from an older system, and from which number on a series goes on here."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base


class OpeningBalance(Base):
    """What a division had, or owed: booked once for each source. `funds_division_id`: where it was booked."""

    __tablename__ = "opening_balance"
    __table_args__ = (
        CheckConstraint("amount <> 0", "amount"),
        Index("ix_opening_balance_division_id", "division_id"),
    )

    legacy_source: Mapped[str] = mapped_column(primary_key=True)
    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    funds_division_id: Mapped[int]
    amount: Mapped[int]
    currency: Mapped[str]
    as_of: Mapped[date]
    note: Mapped[str | None]
    imported_at: Mapped[datetime]
    imported_by: Mapped[str]
    journal_id: Mapped[UUID] = mapped_column(ForeignKey("journal.id"))


class DeclaredGap(Base):
    """Numbers that an older system used, or nobody ever will. Gaps are declared, never filled."""

    __tablename__ = "declared_gap"
    __table_args__ = (CheckConstraint("first > 0 AND last >= first", "numbers"),)

    entity_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
    why: Mapped[str]
    declared_at: Mapped[datetime]
    declared_by: Mapped[str]
