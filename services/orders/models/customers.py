from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from shared.events import orders as facts


class Account(Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(Identity(start=9001, maxvalue=LAST_ID), primary_key=True)
    name: Mapped[str]
    legal_name: Mapped[str | None]
    address: Mapped[dict[str, Any] | None]
    currency: Mapped[str]
    vat_number: Mapped[str | None]
    buyer_reference: Mapped[str | None]
    billing_emails: Mapped[list[str]]
    default_payment_method: Mapped[str] = mapped_column(default="balance")
    opened_at: Mapped[datetime]

    def as_fact(self) -> facts.Account:
        return facts.Account(
            id=self.id,
            name=self.name,
            legal_name=self.legal_name,
            address=facts.Address.model_validate(self.address) if self.address else None,
            currency=self.currency,
            vat_number=self.vat_number,
            buyer_reference=self.buyer_reference,
            billing_emails=tuple(self.billing_emails),
        )


class Division(Base):
    """A container on the wire. The one without parent is the top-level division."""

    __tablename__ = "division"
    __table_args__ = (
        Index("uq_division_top_level", "account_id", unique=True, postgresql_where="parent_id IS NULL"),
        Index("ix_division_account_id", "account_id"),
    )

    id: Mapped[int] = mapped_column(Identity(start=14, maxvalue=LAST_ID), primary_key=True)
    public_id: Mapped[UUID]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("division.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(lazy="raise")

    def as_fact(self) -> facts.Division:
        return facts.Division(id=self.id, name=self.name, parent_id=self.parent_id)


class AppUser(Base):
    """An operator, staff of the CA, belongs to no account."""

    __tablename__ = "app_user"

    id: Mapped[int] = mapped_column(Identity(start=151, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    role: Mapped[str]
    divisions: Mapped[list[int]] = mapped_column(JSONB)  # those assigned; none means every one
    password_hash: Mapped[str | None]
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def is_locked(self, now: datetime) -> bool:
        return self.disabled_at is not None or (self.locked_until is not None and now < self.locked_until)


Index("uq_app_user_email", func.lower(AppUser.email), unique=True)


class ApiKey(Base):
    """A key is known by its hash; the key itself is shown once and kept nowhere."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Identity(start=1501, maxvalue=LAST_ID), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    name: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    key_role: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
