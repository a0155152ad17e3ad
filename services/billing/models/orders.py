from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base, PartKey
from services.billing.rules.waiting import next_stage_at, stage_at


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


class AddedNames(Base):
    """Names that a reissue added to an order, to be paid for the rest of its term. `names_before`: how many were bought
    by then, so that names which the price includes stay free."""

    __tablename__ = "added_names"

    source: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    names: Mapped[list[str]]
    names_before: Mapped[int]
    starts_on: Mapped[date]
    term_ends_on: Mapped[date]
    added_by: Mapped[str]
    added_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]  # the reissue was; where the order ended, that is said of its charges
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)


class Charge(Base):
    """An order paid from funds, or the names that a request added to it; its id is the receipt number."""

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("source", "order_id", "request_id"),
        Index("ix_charge_division_id_charged_at_id", "division_id", "charged_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    order_id: Mapped[int]
    request_id: Mapped[int]  # 0: the order itself
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
    priced_on: Mapped[date]  # whose price list counts, for names that are added later too


class WaitingOrder(Base):
    """An order, or names added to one, of which nothing was charged. Price and tax stay as they were when it was first
    priced. `remind_at`: when the next stage of waiting is reached."""

    __tablename__ = "waiting_order"
    __table_args__ = (
        Index("ix_waiting_order_account_id_placed_at", "account_id", "placed_at"),
        Index("ix_waiting_order_since", "since", "id", "source", "request_id"),
        Index("ix_waiting_order_account_id_since", "account_id", "since", "id", "source", "request_id"),
        Index("ix_waiting_order_reason_since", "reason", "since", "id", "source", "request_id"),
        Index("ix_waiting_order_remind_at", "remind_at", postgresql_where=text("remind_at IS NOT NULL")),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 0: the order itself
    account_id: Mapped[int]
    division_id: Mapped[int]
    placed_at: Mapped[datetime]  # names: when they were added
    since: Mapped[datetime]
    reason: Mapped[str]
    message: Mapped[str]
    quote: Mapped[dict[str, Any] | None]
    total: Mapped[int | None]
    shortfall: Mapped[int | None]  # as the message says it
    remind_at: Mapped[datetime | None]
    reminded: Mapped[int]  # days: the last stage that was told

    @property
    def part(self) -> PartKey:
        return self.source, self.id, self.request_id

    def remind(self, now: datetime) -> int:
        """The stage that is reached by now; whoever comes late says only the last of those passed."""
        self.reminded = stage_at(self.since, now)
        self.remind_at = next_stage_at(self.since, self.reminded)
        return self.reminded


class Retry(Base):
    """An account whose waiting orders are to be tried, and how far that has come."""

    __tablename__ = "retry"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    asked_at: Mapped[datetime]
    after_placed_at: Mapped[datetime | None]
    after_id: Mapped[int | None]
    after_source: Mapped[str | None]
    after_request_id: Mapped[int | None]

    def go_on_after(self, last: WaitingOrder) -> None:
        self.after_placed_at, self.after_id = last.placed_at, last.id
        self.after_source, self.after_request_id = last.source, last.request_id
