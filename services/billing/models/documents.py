"""Issued documents never change: a correction is a credit note. Triggers refuse everything else."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from shared.errors import Conflict

OPEN = "paid + credited < total"


class NumberCounter(Base):
    """Nothing else stands in this row, so that drawing a number blocks nobody else."""

    __tablename__ = "number_counter"

    entity_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Invoice(Base):
    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("entity_id", "series", "year", "seq"),
        UniqueConstraint("number"),
        CheckConstraint("total = net + tax", "total"),
        Index("uq_invoice_order", "order_source", "order_id", unique=True, postgresql_where=text("kind = 'order'")),
        UniqueConstraint("purchase_order_id"),
        Index("ix_invoice_account_id_id", "account_id", "id"),
        Index("ix_invoice_division_id_id", "division_id", "id"),
        Index("ix_invoice_account_id_purchase_order_number", "account_id", "purchase_order_number"),
        Index("ix_invoice_number_search", "number", postgresql_ops={"number": "text_pattern_ops"}),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int]
    series: Mapped[str]
    year: Mapped[int]
    seq: Mapped[int]
    number: Mapped[str]
    kind: Mapped[str]
    account_id: Mapped[int]
    division_id: Mapped[int]
    division_name: Mapped[str]
    order_source: Mapped[str | None]
    order_id: Mapped[int | None]
    purchase_order_id: Mapped[int | None]
    purchase_order_number: Mapped[str | None]
    currency: Mapped[str]
    net: Mapped[int]
    tax: Mapped[int]
    total: Mapped[int]
    due_at_issue: Mapped[int]  # 0 for an order charged to the funds
    issued_at: Mapped[datetime]
    issued_on: Mapped[date]
    due_on: Mapped[date]
    seller: Mapped[dict[str, Any]]
    buyer: Mapped[dict[str, Any]]
    receipt_id: Mapped[int | None]
    payment_text: Mapped[str]
    notes: Mapped[list[str]]

    @property
    def is_request(self) -> bool:
        """Asks for money to be deposited, and is no supply: no VAT, a series of its own (billing-rules.md 4.2)."""
        return self.kind in REQUESTS


REQUESTS = ("purchase_order", "amount_owed")


class Receivable(Base):
    """What an issued invoice still asks for. It stands beside the document, which never changes; an order charged to
    the funds asks for nothing and has none."""

    __tablename__ = "receivable"
    __table_args__ = (
        CheckConstraint("paid >= 0 AND credited >= 0 AND paid + credited <= total", "due"),
        Index("ix_receivable_open", "account_id", "due_on", "invoice_id", postgresql_where=text(OPEN)),
        Index("ix_receivable_due_on", "due_on", postgresql_where=text(f"overdue_at IS NULL AND {OPEN}")),
    )

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True, autoincrement=False)
    number: Mapped[str]
    kind: Mapped[str]
    account_id: Mapped[int]
    division_id: Mapped[int]
    currency: Mapped[str]
    due_on: Mapped[date]
    total: Mapped[int]
    paid: Mapped[int]  # the sum of its allocations
    credited: Mapped[int]  # before it was paid
    overdue_at: Mapped[datetime | None]  # announced

    @property
    def due(self) -> int:
        return self.total - self.paid - self.credited

    def take(self, amount: int) -> None:
        """Money for it, or with a negative amount money that went back."""
        if not 0 <= self.paid + amount <= self.total - self.credited:
            raise Conflict(f"Invoice {self.number} does not owe that much any more; look at it again.", "stale_total")
        self.paid += amount
        if amount < 0:
            self.overdue_at = None


class Line(Base):
    __tablename__ = "invoice_line"

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    description: Mapped[str]
    detail: Mapped[list[str]]
    quantity: Mapped[int]
    unit_price: Mapped[int]
    net: Mapped[int]
    category: Mapped[str]
    rate: Mapped[Decimal]


class TaxGroup(Base):
    """VAT once per (category, rate) on the sum of its lines' nets: billing-rules.md 6."""

    __tablename__ = "tax_group"

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(primary_key=True)
    net: Mapped[int]
    tax: Mapped[int]
    sentence: Mapped[str | None]
    accounting_currency: Mapped[str | None]  # where it differs from the document's: EN 16931 BT-6, BT-111
    accounting_tax: Mapped[int | None]
    exchange_rate: Mapped[Decimal | None]


class CreditNote(Base):
    """Takes back what an order's invoice charged, in full; lines and VAT groups are the invoice's own."""

    __tablename__ = "credit_note"
    __table_args__ = (
        UniqueConstraint("entity_id", "series", "year", "seq"),
        UniqueConstraint("number"),
        UniqueConstraint("order_source", "order_id"),
        Index("ix_credit_note_invoice_id", "invoice_id"),
        Index("ix_credit_note_account_id_id", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int]
    series: Mapped[str]
    year: Mapped[int]
    seq: Mapped[int]
    number: Mapped[str]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    invoice_number: Mapped[str]
    account_id: Mapped[int]
    division_id: Mapped[int]
    order_source: Mapped[str]
    order_id: Mapped[int]
    currency: Mapped[str]
    net: Mapped[int]
    tax: Mapped[int]
    total: Mapped[int]
    issued_at: Mapped[datetime]
    issued_on: Mapped[date]
    reason: Mapped[str]
    how_paid: Mapped[str]
    money_went: Mapped[str]


class Document(Base):
    """The stored PDF of an invoice or credit note: rendered once from the snapshot, then only served."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id"),
        Index("ix_document_due_at", "due_at", postgresql_where=text("sha256 IS NULL")),
        CheckConstraint("(sha256 IS NULL) = (pdf IS NULL)", "stored"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int]
    account_id: Mapped[int]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    failure: Mapped[str | None]
    rendered_at: Mapped[datetime | None]
    sha256: Mapped[str | None]
    pdf: Mapped[bytes | None]

    def store(self, pdf: bytes, sha256: str, now: datetime) -> bool:
        """False where it was stored already: a second rendering changes nothing."""
        if self.sha256:
            return False
        self.pdf, self.sha256, self.rendered_at = pdf, sha256, now
        return True
