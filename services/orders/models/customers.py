from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from shared.errors import Conflict, NotFound
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
    default_payment_method: Mapped[str] = mapped_column(
        default="balance"
    )  # this and the next two as billing tells them
    may_go_on_account: Mapped[bool] = mapped_column(default=False)
    negative_limit: Mapped[int | None]  # in minor units; none: not told, or without limit
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
    product_name_ids: Mapped[list[str]] = mapped_column(default=list)  # that may be ordered; none means every one
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(lazy="raise")

    def as_fact(self) -> facts.Division:
        return facts.Division(id=self.id, name=self.name, parent_id=self.parent_id, is_active=self.is_active)

    def offers(self, product_name_id: str) -> bool:
        return not self.product_name_ids or product_name_id in self.product_name_ids

    def require_product(self, product_name_id: str) -> None:
        if not self.offers(product_name_id):
            offered = ", ".join(self.product_name_ids)
            raise NotFound(
                f'"{product_name_id}" is not ordered for division {self.name}. Products there: {offered}.',
                "not_found|product",
            )

    def deactivate(self, has_active_children: bool) -> None:
        if self.parent_id is None:
            raise Conflict(f"{self.name} is the top-level division of its account, which always stays active.")
        if has_active_children:
            raise Conflict(f"{self.name} has active sub-divisions; deactivate them first.")
        self.is_active = False

    def activate(self, parent: "Division | None") -> None:
        if parent and not parent.is_active:
            raise Conflict(f"{self.name} belongs to {parent.name}, which is not active; activate that one first.")
        self.is_active = True
