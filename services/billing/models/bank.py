"""Statement files of the bank, and each transfer on them until somebody knows whose it is."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from shared.errors import Conflict, Rejected

IS_OPEN = "payment_id IS NULL AND dismissed_at IS NULL"


class BankFile(Base):
    """The same bytes are one file, however often they come. Counts are of the day it came; `known` were on an earlier
    file."""

    __tablename__ = "bank_file"
    __table_args__ = (UniqueConstraint("sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    name: Mapped[str]
    received_at: Mapped[datetime]
    received_by: Mapped[str]
    ibans: Mapped[list[str]]
    statement_ids: Mapped[list[str]]
    credits: Mapped[int]
    returns: Mapped[int]
    known: Mapped[int]
    pending: Mapped[int]
    debits: Mapped[int]

    @property
    def settles_as(self) -> str:
        return f"bank file {self.name}"


class BankLine(Base):
    """`kind` return: the bank took money back; booked, its payment is the one that was reversed. `tried_at`: whose it
    is was looked for; `note` says why it stays open."""

    __tablename__ = "bank_line"
    __table_args__ = (
        UniqueConstraint("iban", "kind", "bank_reference"),
        CheckConstraint("amount > 0", "amount"),
        CheckConstraint("num_nonnulls(payment_id, dismissed_at) <= 1", "ended_once"),
        CheckConstraint("(dismissed_at IS NULL) = (reason IS NULL)", "reason"),
        Index("ix_bank_line_file_id_id", "file_id", "id"),
        Index("ix_bank_line_payment_id", "payment_id"),
        Index("ix_bank_line_untried", "id", postgresql_where=text("tried_at IS NULL")),
        Index("ix_bank_line_open", "id", postgresql_where=text(IS_OPEN)),
        Index("ix_bank_line_booked", "id", postgresql_where=text("payment_id IS NOT NULL")),
        Index("ix_bank_line_dismissed", "id", postgresql_where=text("dismissed_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("bank_file.id"))
    iban: Mapped[str]
    kind: Mapped[str]  # credit, or return
    bank_reference: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    booked_on: Mapped[date]
    valued_on: Mapped[date | None]
    text: Mapped[str]
    payer: Mapped[str]
    gives_back: Mapped[bool]  # a credit that undoes what was sent from this account
    tried_at: Mapped[datetime | None]
    note: Mapped[str | None]
    names_payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    assigned_at: Mapped[datetime | None]
    assigned_by: Mapped[str | None]
    dismissed_at: Mapped[datetime | None]
    dismissed_by: Mapped[str | None]
    reason: Mapped[str | None]

    @property
    def status(self) -> str:
        if self.payment_id is not None:
            return "booked"
        return "dismissed" if self.dismissed_at else "open"

    def refuse_ended(self) -> None:
        if self.payment_id is not None:
            raise Conflict(
                f"Line {self.id} was booked by {self.assigned_by}; a transfer counts once. Reverse that payment first "
                "if it was wrong.",
                "line_booked",
            )
        if self.dismissed_at:
            raise Conflict(
                f"Line {self.id} was dismissed by {self.dismissed_by}: {self.reason} What was dismissed stays so; "
                "deposit the money by hand if it is a customer's.",
                "line_dismissed",
            )

    def refuse_other_kind(self, kind: str) -> None:
        if self.kind != kind:
            raise Rejected(
                f"Line {self.id} is money that the bank took back: reverse the payment that it names, or dismiss it."
                if kind == "credit"
                else f"Line {self.id} is money that came; only what the bank took back reverses a payment."
            )

    def book(self, payment_id: int, who: str, now: datetime) -> None:
        self.refuse_ended()
        self.payment_id, self.assigned_by, self.assigned_at, self.note = payment_id, who, now, None
        self.tried_at = self.tried_at or now

    def leave_open(self, note: str, now: datetime, names_payment_id: int | None = None) -> None:
        self.tried_at, self.note, self.names_payment_id = now, note, names_payment_id

    def dismiss(self, reason: str, who: str, now: datetime) -> None:
        self.refuse_ended()
        self.dismissed_at, self.dismissed_by, self.reason = now, who, reason
        self.tried_at = self.tried_at or now
