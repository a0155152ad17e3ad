"""What takes an issued invoice back, in part or in whole."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base


class CreditNote(Base):
    """`pre_payment` lowered what the invoice asked for, `post_payment` went to the funds."""

    __tablename__ = "credit_note"
    __table_args__ = (
        UniqueConstraint("entity_id", "series", "year", "seq"),
        UniqueConstraint("number"),
        CheckConstraint("total = net + tax AND total = pre_payment + post_payment", "total"),
        CheckConstraint("net >= 0 AND tax >= 0 AND pre_payment >= 0 AND post_payment >= 0", "not_negative"),
        Index(
            "uq_credit_note_ended", "order_source", "order_id", "request_id", unique=True,
            postgresql_where=text("ends_part"),
        ),
        Index("uq_credit_note_exhausting", "invoice_id", unique=True, postgresql_where=text("exhausts")),
        Index("ix_credit_note_order", "order_source", "order_id", "id"),
        Index("ix_credit_note_invoice_id", "invoice_id", "id"),
        Index("ix_credit_note_account_id_id", "account_id", "id"),
        Index("ix_credit_note_division_id_id", "division_id", "id"),
        Index("ix_credit_note_issued_at", "issued_at"),
        Index("ix_credit_note_exhausting", "account_id", "invoice_id", postgresql_where=text("exhausts")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int]
    series: Mapped[str]
    year: Mapped[int]
    seq: Mapped[int]
    number: Mapped[str] = mapped_column(Text(collation="C"))  # so that LIKE finds its beginning by the index
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    invoice_number: Mapped[str]
    account_id: Mapped[int]
    division_id: Mapped[int]
    order_source: Mapped[str | None]  # where all of its lines are of one order
    order_id: Mapped[int | None]
    request_id: Mapped[int]  # where the invoice was for names that it added
    ends_part: Mapped[bool]  # the order was cancelled or rejected, or the reissue with that request
    exhausts: Mapped[bool]  # nothing of the invoice is left after it
    currency: Mapped[str]
    net: Mapped[int]
    tax: Mapped[int]
    total: Mapped[int]
    pre_payment: Mapped[int]
    post_payment: Mapped[int]
    issued_at: Mapped[datetime]
    issued_on: Mapped[date]
    issued_by: Mapped[str | None]  # none: it came with the end of an order
    reason: Mapped[str]
    how_paid: Mapped[str]
    money_went: Mapped[str]


class CreditNoteLine(Base):
    """`line`: the position on the invoice of what it takes back."""

    __tablename__ = "credit_note_line"
    __table_args__ = (
        ForeignKeyConstraint(["invoice_id", "line"], ["invoice_line.invoice_id", "invoice_line.position"]),
        CheckConstraint("net = quantity * unit_price AND net >= 0", "net"),
        Index("ix_credit_note_line_invoice_id_line", "invoice_id", "line"),
    )

    credit_note_id: Mapped[int] = mapped_column(ForeignKey("credit_note.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    invoice_id: Mapped[int]
    line: Mapped[int]
    description: Mapped[str]
    detail: Mapped[list[str]]
    quantity: Mapped[int]
    unit_price: Mapped[int]
    net: Mapped[int]
    category: Mapped[str]
    rate: Mapped[Decimal]


class CreditNoteTax(Base):
    """VAT by the difference of cumulative rounded values, so that all notes of an invoice come to just its VAT."""

    __tablename__ = "credit_note_tax"
    __table_args__ = (
        CheckConstraint("net >= 0 AND tax >= 0", "not_negative"),
        Index("ix_credit_note_tax_invoice_id", "invoice_id"),
    )

    credit_note_id: Mapped[int] = mapped_column(ForeignKey("credit_note.id"), primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(primary_key=True)
    invoice_id: Mapped[int]
    net: Mapped[int]
    tax: Mapped[int]
    sentence: Mapped[str | None]
    accounting_currency: Mapped[str | None]
    accounting_tax: Mapped[int | None]
    exchange_rate: Mapped[Decimal | None]


class EndedOrder(Base):
    """A cancelled or rejected order, or cancelled names of it, whose invoice had been credited before: no note ends it,
    and that is said once."""

    __tablename__ = "ended_order"

    source: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ended_at: Mapped[datetime]
