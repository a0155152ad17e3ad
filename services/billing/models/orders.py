from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base


class Order(Base):
    """What was ordered, as it was told; an order is (source, id)."""

    __tablename__ = "placed_order"

    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    division_id: Mapped[int]
    division_name: Mapped[str]
    currency: Mapped[str]
    product_name_id: Mapped[str]
    years: Mapped[int | None]
    days: Mapped[int | None]
    names: Mapped[list[str]]
    payment_method: Mapped[str]
    purchase_order_number: Mapped[str | None]
    placed_by: Mapped[str]
    placed_by_user: Mapped[int | None]
    placed_at: Mapped[datetime]


class Charge(Base):
    """An order paid from funds; its id is the receipt number."""

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("source", "order_id"),
        Index("ix_charge_division_id_charged_at_id", "division_id", "charged_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    order_id: Mapped[int]
    account_id: Mapped[int]
    division_id: Mapped[int]
    currency: Mapped[str]
    net: Mapped[int]
    tax: Mapped[int]
    total: Mapped[int]
    entity_id: Mapped[int]
    category: Mapped[str]
    rate: Mapped[Decimal]
    invoice_id: Mapped[int]
    invoice_number: Mapped[str]
    charged_at: Mapped[datetime]


class WaitingOrder(Base):
    """An order of which nothing was charged. Price and tax stay as they were when it was first priced."""

    __tablename__ = "waiting_order"
    __table_args__ = (
        Index("ix_waiting_order_account_id_placed_at", "account_id", "placed_at"),
        Index("ix_waiting_order_reason", "reason"),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    division_id: Mapped[int]
    placed_at: Mapped[datetime]
    since: Mapped[datetime]
    reason: Mapped[str]
    message: Mapped[str]
    quote: Mapped[dict[str, Any] | None]
    total: Mapped[int | None]


class Retry(Base):
    """An account whose waiting orders are to be tried, and how far that has come."""

    __tablename__ = "retry"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    asked_at: Mapped[datetime]
    after_placed_at: Mapped[datetime | None]
    after_id: Mapped[int | None]
    after_source: Mapped[str | None]
