from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from services.billing.rules import Wanted


class Account(Base):
    """Billing's copy of what is told about a customer. What orders announced wins over what an order says."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    legal_name: Mapped[str | None]
    address: Mapped[dict[str, Any] | None]
    currency: Mapped[str]
    vat_number: Mapped[str | None]
    buyer_reference: Mapped[str | None]
    billing_emails: Mapped[list[str]]
    top_division_id: Mapped[int | None]  # none while it was only told with divisions of others
    announced: Mapped[bool] = mapped_column(default=False)

    # Terms, which the CA's staff grant and no event of orders changes.
    payment_days: Mapped[int | None]  # none: as the service's setting says
    purchase_orders_allowed: Mapped[bool] = mapped_column(default=False)

    def wanted(self, product_name_id: str, years: int | None, days: int | None, names: tuple[str, ...]) -> Wanted:
        return Wanted(
            account_id=self.id,
            product_name_id=product_name_id,
            years=years,
            days=days,
            names=names,
            currency=self.currency,
            buyer_country=self.address["country"] if self.address else None,
            buyer_complete=bool(self.address and self.name),
            vat_number=self.vat_number,
        )

    def learn(self, told: "Account", announced: bool) -> bool:
        """The currency stays: it is the currency of the book. True where something is new."""
        if self.announced and not announced:
            return False
        new = False
        self.announced = self.announced or announced
        for name in ("name", "legal_name", "address", "vat_number", "buyer_reference", "billing_emails"):
            value = getattr(told, name)
            if (announced or value) and value != getattr(self, name):
                setattr(self, name, value)
                new = True
        return new


class Division(Base):
    __tablename__ = "division"
    __table_args__ = (Index("ix_division_account_id", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    name: Mapped[str]
    announced: Mapped[bool] = mapped_column(default=False)
