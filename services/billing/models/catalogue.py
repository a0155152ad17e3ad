"""Dated data of the CA's staff: of several rows that fit, the one valid from the latest day counts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base


class SellingEntity(Base):
    __tablename__ = "selling_entity"
    __table_args__ = (UniqueConstraint("number", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    valid_from: Mapped[date]
    country: Mapped[str]
    currency: Mapped[str]  # of its accounts
    sells_to: Mapped[list[str]]  # countries; empty: wherever no other entity sells
    invoice_prefix: Mapped[str]
    credit_note_prefix: Mapped[str]
    request_prefix: Mapped[str]  # of payment requests: purchase-order and amount-owed invoices
    printed: Mapped[dict[str, Any]]


class Price(Base):
    __tablename__ = "price"
    __table_args__ = (
        UniqueConstraint(
            "account_id", "product_name_id", "years", "currency", "valid_from", postgresql_nulls_not_distinct=True
        ),
        Index("ix_price_listed", "product_name_id", "currency", "years", "id"),
        Index("ix_price_currency", "currency", "product_name_id", "years", "id"),
        Index("ix_price_account_id", "account_id", "product_name_id", "currency", "years", "id"),
        CheckConstraint(
            "base >= 0 AND extra_name >= 0 AND extra_wildcard >= 0 AND included_names >= 0", "not_negative"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None]  # none: for every account that has no price of its own
    product_name_id: Mapped[str]
    description: Mapped[str]
    years: Mapped[int]
    currency: Mapped[str]
    base: Mapped[int]
    included_names: Mapped[int]
    extra_name: Mapped[int]
    extra_wildcard: Mapped[int]
    valid_from: Mapped[date]


class PriceUpload(Base):
    """A file of prices, kept as it came: what is added is what was looked at, and who did both is known."""

    __tablename__ = "price_upload"
    __table_args__ = (Index("ix_price_upload_uploaded_at", "uploaded_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    file_name: Mapped[str]
    content: Mapped[str]
    uploaded_by: Mapped[str]
    uploaded_at: Mapped[datetime]
    added_by: Mapped[str | None]
    added_at: Mapped[datetime | None]
    added: Mapped[int | None]  # rows

    def mark_added(self, rows: int, who: str, now: datetime) -> None:
        self.added, self.added_by, self.added_at = rows, who, now


class TaxRule(Base):
    """`buyer_country` "*" and `vat_number_known` none fit all; the more exact rule wins."""

    __tablename__ = "tax_rule"
    __table_args__ = (
        UniqueConstraint(
            "seller_country", "buyer_country", "vat_number_known", "valid_from", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("rate >= 0 AND rate < 100", "rate"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_country: Mapped[str]
    buyer_country: Mapped[str]
    vat_number_known: Mapped[bool | None]
    category: Mapped[str]  # EN 16931: S, Z, E, AE, G, O
    rate: Mapped[Decimal]
    sentence: Mapped[str | None]
    valid_from: Mapped[date]


class ExchangeRate(Base):
    __tablename__ = "exchange_rate"
    __table_args__ = (UniqueConstraint("currency", "to_currency", "valid_from"), CheckConstraint("rate > 0", "rate"))

    id: Mapped[int] = mapped_column(primary_key=True)
    currency: Mapped[str]
    to_currency: Mapped[str]
    rate: Mapped[Decimal]
    valid_from: Mapped[date]
