"""Issued documents never change: a correction is a credit note. Triggers refuse everything else."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, literal_column, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from shared.errors import Conflict

OPEN = "paid + credited < total"
# Built-in boxes, account by days: ranges beside a number would need an extension. What is open has no end. Written as
# PostgreSQL writes it back, for Alembic compares the texts.
DAYS_OPEN = (
    "box(point(account_id, (issued_on - '2000-01-01'::date)), "
    "point(account_id, (COALESCE(settled_on, '9999-12-31'::date) - '2000-01-01'::date)))"
)

PO_NUMBER: Any = literal_column("lower(purchase_order_number)").label("lower_po_number")
HAS_PO_NUMBER = "purchase_order_number IS NOT NULL"
BY_BEGINNING = {"lower_po_number": "text_pattern_ops"}


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
        Index(
            "uq_invoice_order", "order_source", "order_id", "request_id", unique=True,
            postgresql_where=text("kind = 'order'"),
        ),
        UniqueConstraint("purchase_order_id"),
        Index(
            "uq_invoice_period",
            "division_id",
            "period_first",
            "kind",
            "entity_id",
            unique=True,
            postgresql_where=text("period_first IS NOT NULL"),
        ),
        Index(
            "uq_invoice_legacy",
            "legacy_source",
            "legacy_number",
            unique=True,
            postgresql_where=text("legacy_number IS NOT NULL"),
        ),
        Index("ix_invoice_account_id_id", "account_id", "id"),
        Index("ix_invoice_division_id_id", "division_id", "id"),
        Index("ix_invoice_issued", "account_id", "issued_at", "id", postgresql_include=["division_id"]),
        Index("ix_invoice_due", "account_id", "due_on", "id", postgresql_include=["division_id"]),
        Index("ix_invoice_total", "account_id", "total", "id"),
        Index("ix_invoice_days", "issued_at", "due_on", postgresql_using="brin"),  # for staff: of all accounts
        Index("ix_invoice_rarer", "account_id", "kind", "id", postgresql_where=text("kind <> 'order'")),
        Index(
            "ix_invoice_po_number", "account_id", PO_NUMBER, "id", postgresql_ops=BY_BEGINNING,
            postgresql_where=text(HAS_PO_NUMBER),
        ),
        Index(
            "ix_invoice_po_number_anywhere", PO_NUMBER, "id", postgresql_ops=BY_BEGINNING,
            postgresql_where=text(HAS_PO_NUMBER),
        ),
        Index(
            "ix_invoice_legacy_search",
            literal_column("lower(legacy_number)").label("lower_legacy_number"),
            postgresql_ops={"lower_legacy_number": "text_pattern_ops"},
            postgresql_where=text("legacy_number IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int]
    series: Mapped[str]
    year: Mapped[int]
    seq: Mapped[int]
    number: Mapped[str] = mapped_column(Text(collation="C"))  # so that LIKE finds its beginning by the index
    kind: Mapped[str]
    account_id: Mapped[int]
    division_id: Mapped[int]
    division_name: Mapped[str]
    order_source: Mapped[str | None]
    order_id: Mapped[int | None]
    request_id: Mapped[int]  # by which the names of it were added; 0: the order itself, and invoices of other kinds
    purchase_order_id: Mapped[int | None]
    purchase_order_number: Mapped[str | None]
    period_first: Mapped[date | None]  # the month that it closed
    period_last: Mapped[date | None]
    legacy_source: Mapped[str | None]  # of an invoice that came from an older system
    legacy_number: Mapped[str | None]
    legacy_issued_on: Mapped[date | None]
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
        """Asks for money to be deposited, and is no supply: no VAT, a series of its own."""
        return self.kind in REQUESTS

    @property
    def paid_before(self) -> int:
        """What came in an older system; its money is in an opening balance."""
        return self.total - self.due_at_issue if self.legacy_number else 0

    @property
    def imported_note(self) -> str | None:
        """It stands last of three, after what payment requests say and how this one was issued before."""
        return self.notes[2] if self.legacy_number and len(self.notes) > 2 else None


REQUESTS = ("purchase_order", "amount_owed")


class Receivable(Base):
    """What an issued invoice still asks for. It stands beside the document, which never changes; an order charged to
    the funds asks for nothing and has none."""

    __tablename__ = "receivable"
    __table_args__ = (
        CheckConstraint("paid >= paid_before AND credited >= 0 AND paid + credited <= total", "due"),
        CheckConstraint("returned >= 0 AND returned <= paid", "returned"),
        CheckConstraint(f"(settled_on IS NULL) = ({OPEN})", "settled"),
        Index("ix_receivable_open_ids", "account_id", "invoice_id", postgresql_where=text(OPEN)),
        Index(
            "ix_receivable_open", "account_id", "due_on", "invoice_id",
            postgresql_include=["division_id", "total", "paid", "credited"], postgresql_where=text(OPEN),
        ),
        Index(
            "ix_receivable_seller_open", "account_id", "entity_id", "due_on", "invoice_id", postgresql_where=text(OPEN)
        ),
        Index(
            "ix_receivable_division_open", "division_id", "entity_id", "due_on", "invoice_id",
            postgresql_include=["total", "paid", "credited"], postgresql_where=text(OPEN),
        ),
        Index("ix_receivable_due_on", "due_on", postgresql_where=text(f"overdue_at IS NULL AND {OPEN}")),
        Index("ix_receivable_owed", "funds_division_id", "due_on", "invoice_id", postgresql_where=text(OPEN)),
        Index(
            "ix_receivable_funds_division_id", "funds_division_id",
            postgresql_where=text("funds_division_id IS NOT NULL"),
        ),
        Index("ix_receivable_days_open", text(DAYS_OPEN), postgresql_using="gist"),
    )  # fmt: skip

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True, autoincrement=False)
    number: Mapped[str]
    kind: Mapped[str]
    entity_id: Mapped[int]  # who sells: its bank is where a transfer for it goes
    account_id: Mapped[int]
    division_id: Mapped[int]
    currency: Mapped[str]
    funds_division_id: Mapped[int | None]  # where it counts as unpaid, or whose debt it asks for; none: a deposit
    issued_on: Mapped[date]
    due_on: Mapped[date]
    settled_on: Mapped[date | None]  # the last day on which it was open; none while it is
    total: Mapped[int]
    paid_before: Mapped[int]  # in an older system: the money is in the opening balance
    paid: Mapped[int]  # that, and the sum of its allocations
    credited: Mapped[int]  # before it was paid
    returned: Mapped[int]  # credited after it was paid: that went to the funds
    overdue_at: Mapped[datetime | None]  # announced, here or by an older system

    @property
    def extends_credit(self) -> bool:
        """Counts as unpaid until it is paid; others ask for money that becomes funds."""
        return self.kind == "usage"

    @property
    def money_of(self) -> int:
        """The division whose funds its payment changes."""
        return self.funds_division_id or self.division_id

    @hybrid_property
    def due(self) -> int:
        return self.total - self.paid - self.credited

    @hybrid_property
    def is_open(self) -> bool:
        """As OPEN says it, for the indexes of what is open."""
        return self.paid + self.credited < self.total

    def take(self, amount: int, on: date) -> None:
        """Money for it, or with a negative amount money that went back: `give_back`."""
        if not self.paid_before <= self.paid + amount <= self.total - self.credited:
            raise Conflict(f"Invoice {self.number} does not owe that much any more; look at it again.", "stale_total")
        self.paid += amount
        self._note_settled(on)

    def give_back(self, amount: int, on: date) -> int:
        """Money for it bounced. What was returned of that money counts against the amount due instead: how much."""
        self.take(-amount, on)
        self.overdue_at = None
        excess = max(0, self.returned - self.paid)
        self.returned -= excess
        self.credited += excess
        self._note_settled(on)
        return excess

    def credit(self, amount: int, on: date) -> int:
        """What lowers the amount due; the rest of it has been paid, and is returned."""
        before = min(amount, self.due)
        self.credited += before
        self.returned += amount - before
        if before:
            self._note_settled(on)
        return before

    def _note_settled(self, on: date) -> None:
        self.settled_on = None if self.due else on


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
    order_source: Mapped[str | None]
    order_id: Mapped[int | None]


class TaxGroup(Base):
    """VAT once per (category, rate) on the sum of its lines' nets (EN 16931 BR-S-08, BR-S-09)."""

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
    silent: Mapped[bool]  # nobody is told by mail that it is ready
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
