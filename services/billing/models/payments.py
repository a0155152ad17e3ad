"""A customer announces a payment, which changes nothing; staff, the bank feed or a bank file settle it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from services.billing.rules import reference_of
from shared.errors import Conflict, Denied

NEXT_RECEIPT: Any = func.nextval("charge_id_seq")
PENDING = "settled_at IS NULL AND canceled_at IS NULL"


class Payment(Base):
    """`amount` is what was announced, `received` what came. The same bank reference of the same method counts once. Its
    receipt has a number of the charges' series: there is one place to ask for both."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("account_id", "method", "bank_reference"),
        UniqueConstraint("receipt_id"),
        CheckConstraint("amount > 0 AND received > 0", "amount"),
        CheckConstraint("(settled_at IS NULL) = (received IS NULL)", "received"),
        CheckConstraint("(settled_at IS NULL) = (receipt_id IS NULL)", "receipt"),
        CheckConstraint("num_nonnulls(settled_at, canceled_at) <= 1", "ended_once"),
        CheckConstraint("reversed_at IS NULL OR settled_at IS NOT NULL", "reversed"),
        Index("ix_payment_account_id_id", "account_id", "id"),
        Index("ix_payment_division_id_id", "division_id", "id"),
        Index("ix_payment_bank_reference", "bank_reference"),
        Index("ix_payment_pending", "account_id", "id", postgresql_where=text(PENDING)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    division_id: Mapped[int]
    purpose: Mapped[str]  # deposit, or invoices
    amount: Mapped[int]
    currency: Mapped[str]
    method: Mapped[str]
    bank_reference: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    received: Mapped[int | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    receipt_id: Mapped[int | None]
    canceled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[str | None]
    reversal_reason: Mapped[str | None]

    @property
    def reference(self) -> str:
        """Ours, which the customer gives to the bank."""
        return reference_of(self.id)

    def status(self, now: datetime) -> str:
        if self.settled_at:
            return "reversed" if self.reversed_at else "settled"
        if self.canceled_at:
            return "canceled"
        return "expired" if self.expires_at and self.expires_at <= now else "pending"

    def was_settled_with(self, received: int, bank_reference: str) -> bool:
        """The same is told again."""
        is_settled = self.settled_at is not None and self.reversed_at is None
        return is_settled and (self.received, self.bank_reference) == (received, bank_reference)

    def settle(self, received: int, bank_reference: str, who: str, now: datetime) -> None:
        if who == self.created_by:
            raise Denied("A payment is settled by somebody else than who announced it; ask a colleague.")
        self.refuse_ended("settled", now)
        self.received, self.bank_reference = received, bank_reference
        self.settled_at, self.settled_by, self.receipt_id = now, who, NEXT_RECEIPT

    def was_changed_at(self, at: datetime) -> bool:
        return at in (self.settled_at, self.reversed_at)

    def cancel(self, reason: str, now: datetime) -> None:
        self.refuse_ended("canceled", now)
        self.canceled_at, self.cancel_reason = now, reason

    def refuse_ended(self, wish: str, now: datetime) -> None:
        if (status := self.status(now)) != "pending":
            raise Conflict(
                f"Payment {self.reference} is {status} and cannot be {wish}; other money needs another payment.",
                f"payment_{status}",
            )

    def reverse(self, reason: str, who: str, now: datetime) -> None:
        if (status := self.status(now)) != "settled":
            raise Conflict(
                f"Payment {self.reference} is {status}; only a settled payment is reversed.", f"payment_{status}"
            )
        self.reversed_at, self.reversed_by, self.reversal_reason = now, who, reason


class PaymentItem(Base):
    """What a payment was announced for. It reserves nothing."""

    __tablename__ = "payment_item"
    __table_args__ = (CheckConstraint("amount > 0", "amount"), Index("ix_payment_item_invoice_id", "invoice_id"))

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True, autoincrement=False)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True, autoincrement=False)
    amount: Mapped[int]


class Allocation(Base):
    """Money of a payment that went to an invoice; taken back by one with the opposite amount."""

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint("amount <> 0", "amount"),
        Index("ix_allocation_payment_id", "payment_id"),
        Index("ix_allocation_invoice_id", "invoice_id"),
        Index("ix_allocation_taken_back", "invoice_id", postgresql_where=text("amount < 0")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))  # none: from the funds
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    amount: Mapped[int]
    at: Mapped[datetime]
    journal_id: Mapped[UUID | None]
