"""The double-entry book. Amounts are integers in minor units; the postings of a journal entry sum to zero."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base


class Receipt:
    """What one change of the funds row left behind: its place in the row's history and the balance after it."""

    __slots__ = ("amount", "balance_after", "seq")

    def __init__(self, amount: int, seq: int, balance_after: int) -> None:
        self.amount, self.seq, self.balance_after = amount, seq, balance_after


class Funds(Base):
    """The money of a division, changed only under its row lock."""

    __tablename__ = "funds"
    __table_args__ = (Index("ix_funds_account_id", "account_id"), CheckConstraint("negative_limit >= 0", "limit"))

    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    currency: Mapped[str]
    balance: Mapped[int]
    unpaid: Mapped[int]  # owed on credit: billing-rules.md 4.2
    negative_limit: Mapped[int]
    unlimited: Mapped[bool]
    seq: Mapped[int]

    @property
    def available(self) -> int:
        return self.balance + self.negative_limit - self.unpaid

    def covers(self, amount: int) -> bool:
        return self.unlimited or amount <= self.available

    def shortfall(self, amount: int) -> int:
        return 0 if self.covers(amount) else amount - self.available

    def change(self, amount: int) -> Receipt:
        """Positive: money comes in. The caller has asked `covers` under the same lock where that is the rule."""
        self.balance += amount
        self.seq += 1
        return Receipt(amount, self.seq, self.balance)


class Journal(Base):
    """`at`: when it was booked, so that it rises with the `seq` of every division and a period is a run of places.
    `subject_id`: the charge, the credit note or the payment behind an entry of that kind."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_account_id_at", "account_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    text: Mapped[str]
    order_source: Mapped[str | None]
    order_id: Mapped[int | None]
    subject_id: Mapped[int | None]


class Posting(Base):
    """`ledger`: funds:14, revenue:1, vat:1:S:19, clearing:wire_transfer. Funds rise with positive amounts; `seq` and
    `balance_after` stand on the postings of funds only, and count 1..n there. `id` is what the API calls an adjustment:
    below 2^31, where a division's number and a place in its history would not fit."""

    __tablename__ = "posting"
    __table_args__ = (
        UniqueConstraint("division_id", "seq"),
        Index("ix_posting_ledger", "ledger"),
        Index("uq_posting_id", "id", unique=True, postgresql_where=text("division_id IS NOT NULL")),
    )

    journal_id: Mapped[UUID] = mapped_column(ForeignKey("journal.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ledger: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    division_id: Mapped[int | None]
    seq: Mapped[int | None]
    balance_after: Mapped[int | None]
    id: Mapped[int] = mapped_column(BigInteger, Identity())
