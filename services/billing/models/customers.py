from collections.abc import Iterator
from typing import Any

from sqlalchemy import Index, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from services.billing.rules import Wanted

CONTACT = JSONB(none_as_null=True)  # {name, phone, emails, address}, as rules/contact.py makes it


class Account(Base):
    """Billing's copy of what is told about a customer. What orders announced wins over what an order says."""

    __tablename__ = "account"
    __table_args__ = (
        Index(
            "ix_account_name",
            literal_column("lower(name)").label("lower_name"),
            postgresql_ops={"lower_name": "text_pattern_ops"},
        ),
    )

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
    monthly_billing: Mapped[bool] = mapped_column(default=False)
    default_payment_method: Mapped[str] = mapped_column(default="balance")
    low_funds: Mapped[int | None]  # whoever is billed is told when available funds fall below it

    billing_contact: Mapped[dict[str, Any] | None] = mapped_column(CONTACT)  # of every division without its own

    def address_for(self, division: "Division | None") -> dict[str, Any] | None:
        """What was given here as a contact wins over what orders told."""
        given = (contact["address"] for contact in self.contacts(division))
        return next(filter(None, given), self.address)

    def emails_for(self, division: "Division | None") -> list[str]:
        given: Iterator[list[str]] = (contact["emails"] for contact in self.contacts(division))
        return next(filter(None, given), self.billing_emails)

    def as_buyer(self, division: "Division | None") -> dict[str, Any]:
        """As documents print and mail it."""
        same = (None, self.name, self.legal_name)
        names = [contact["name"] for contact in self.contacts(division) if contact["name"] not in same]
        return {
            "name": self.name,
            "legal_name": self.legal_name,
            "address": self.address_for(division),
            "vat_number": self.vat_number,
            "buyer_reference": self.buyer_reference,
            "emails": self.emails_for(division),
            **({"contact": names[0]} if names else {}),
        }

    def contacts(self, division: "Division | None") -> list[dict[str, Any]]:
        """The division's own first; an order may name a division of another account, whose contact is not ours."""
        own = division.billing_contact if division and division.account_id == self.id else None
        return [contact for contact in (own, self.billing_contact) if contact]

    def wanted(
        self, product_name_id: str, years: int | None, days: int | None, names: tuple[str, ...],
        division: "Division | None" = None,
    ) -> Wanted:  # fmt: skip
        address = self.address_for(division)
        return Wanted(
            account_id=self.id,
            product_name_id=product_name_id,
            years=years,
            days=days,
            names=names,
            currency=self.currency,
            buyer_country=address["country"] if address else None,
            buyer_complete=bool(address and self.name),
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
    __table_args__ = (
        Index("ix_division_account_id", "account_id", "name", "id"),
        Index("ix_division_contact", "account_id", "id", postgresql_where=text("billing_contact IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    name: Mapped[str]
    announced: Mapped[bool] = mapped_column(default=False)
    billing_contact: Mapped[dict[str, Any] | None] = mapped_column(CONTACT)
