"""What an account uses on account during a month, and what it has subscribed to."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base

UNBILLED = "invoice_id IS NULL AND released_at IS NULL"
RELEASED = "order_id IS NOT NULL AND released_at IS NOT NULL"
BOUGHT = "order_id IS NOT NULL AND released_at IS NULL"


class Usage(Base):
    """An order on account, names that a request added to one, or a subscription's charge for some days. From its
    recording it is owed, gross; a month's invoice claims it once, or it is released."""

    __tablename__ = "usage"
    __table_args__ = (
        CheckConstraint("total = net + tax", "total"),
        CheckConstraint("num_nonnulls(invoice_id, released_at) <= 1", "ended_once"),
        Index(
            "uq_usage_order", "source", "order_id", "request_id", unique=True,
            postgresql_where=text("order_id IS NOT NULL"),
        ),
        Index("ix_usage_unbilled", "division_id", "recorded_at", "id", postgresql_where=text(UNBILLED)),
        Index("ix_usage_account_unbilled", "account_id", "id", postgresql_where=text(UNBILLED)),
        Index("ix_usage_released", "division_id", postgresql_where=text(RELEASED)),
        Index("ix_usage_bought", "division_id", "recorded_at", "id", postgresql_where=text(BOUGHT)),
        Index("ix_usage_invoice_id", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
        Index("ix_usage_subscription_id", "subscription_id", postgresql_where=text("subscription_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False
    )  # of the charges' series: one purchase history
    account_id: Mapped[int]
    division_id: Mapped[int]
    division_name: Mapped[str]
    funds_division_id: Mapped[int]  # where it counts as unpaid
    source: Mapped[str | None]
    order_id: Mapped[int | None]
    request_id: Mapped[int]  # 0: the order itself
    purchase_order_number: Mapped[str | None]
    subscription_id: Mapped[int | None]
    first_day: Mapped[date | None]  # what a subscription's charge is for
    last_day: Mapped[date | None]
    entity_id: Mapped[int]
    currency: Mapped[str]
    net: Mapped[int]
    tax: Mapped[int]
    total: Mapped[int]
    category: Mapped[str]
    rate: Mapped[Decimal]
    quote: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]
    invoice_id: Mapped[int | None]
    first_line: Mapped[int | None]  # the position of the first of its lines on the invoice
    released_at: Mapped[datetime | None]


class Subscription(Base):
    """Charged in advance, month by month; `charged_until`: the last day that was, `charged_month`: what a month cost
    then, so that nothing is charged twice when more is wanted. `name`: the account's own for it."""

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("account_id", "name"),
        CheckConstraint("quantity > 0 AND monthly_price >= 0", "price"),
        CheckConstraint("ends_on >= starts_on - 1", "days"),
        CheckConstraint("(charged_until IS NULL) = (charged_month IS NULL)", "charged"),
        Index("ix_subscription_division_id", "division_id", "id"),
        Index("ix_subscription_account_id", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    division_id: Mapped[int]
    name: Mapped[str]
    description: Mapped[str]
    quantity: Mapped[int]
    monthly_price: Mapped[int]  # net, for each
    currency: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    charged_until: Mapped[date | None]
    charged_month: Mapped[int | None]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]

    @property
    def month(self) -> int:
        """What a whole month costs, net."""
        return self.quantity * self.monthly_price

    @property
    def next_day(self) -> date:
        """The first that was not charged yet."""
        return self.charged_until + timedelta(days=1) if self.charged_until else self.starts_on

    @property
    def is_over(self) -> bool:
        """Nothing of it is to be charged any more."""
        return self.ends_on is not None and self.ends_on < self.next_day

    def status(self, today: date) -> str:
        if self.ends_on is not None and self.ends_on < today:
            return "ended"
        return "planned" if self.starts_on > today else "active"

    def uncharged(self, until: date) -> tuple[date, date]:
        """The second day may be before the first: nothing is to be charged."""
        return self.next_day, min(until, self.ends_on or until)


class PeriodClose(Base):
    """A month that is being closed, or was: its divisions are listed, then worked off. The counts stand beside it, so
    that to look at the progress counts nothing."""

    __tablename__ = "period_close"
    __table_args__ = (Index("ix_period_close_running", "first_day", postgresql_where=text("finished_at IS NULL")),)

    first_day: Mapped[date] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    started_by: Mapped[str]
    listed_to: Mapped[int]  # divisions up to this id have been looked at
    listed: Mapped[int]
    done: Mapped[int]
    listed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]  # with parked divisions or without

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


class PeriodTotal(Base):
    """What a month's invoices come to."""

    __tablename__ = "period_total"

    first_day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    invoices: Mapped[int]
    total: Mapped[int]


class Closing(Base):
    """A division with something to invoice for a month; with a `failure` it waits until the month is closed again."""

    __tablename__ = "closing"
    __table_args__ = (
        Index(
            "ix_closing_open", "first_day", "division_id", postgresql_where=text("done_at IS NULL AND failure IS NULL")
        ),
        Index("ix_closing_parked", "first_day", "division_id", postgresql_where=text("failure IS NOT NULL")),
        CheckConstraint("done_at IS NULL OR failure IS NULL", "ended_once"),
    )

    first_day: Mapped[date] = mapped_column(primary_key=True)
    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    done_at: Mapped[datetime | None]
    failure: Mapped[str | None]
