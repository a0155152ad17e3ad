from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import LAST_ID, Base


class TimelineEntry(Base):
    """What happened to an order, in sentences. Rows are never changed."""

    __tablename__ = "timeline_entry"
    __table_args__ = (Index("ix_timeline_entry_order_id", "order_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    at: Mapped[datetime]
    who: Mapped[str]
    kind: Mapped[str]  # good, wait, bad or plain: the colour of its dot
    sentence: Mapped[str]
    link: Mapped[str | None]


class OrderRequest(Base):
    """The wish that needs approval. Its status is its order's, so that the two cannot differ."""

    __tablename__ = "order_request"

    id: Mapped[int] = mapped_column(Identity(start=900001, maxvalue=LAST_ID), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"), index=True)
    type: Mapped[str]
    requested_at: Mapped[datetime]


class Certificate(Base):
    __tablename__ = "certificate"

    id: Mapped[int] = mapped_column(Identity(start=200001, maxvalue=LAST_ID), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"), index=True)
    pem: Mapped[str]
    intermediate_pem: Mapped[str]
    root_pem: Mapped[str]
    serial_number: Mapped[str] = mapped_column(unique=True)
    thumbprint: Mapped[str] = mapped_column(unique=True)
    valid_from: Mapped[date]
    valid_till: Mapped[date]
    issued_at: Mapped[datetime]

    @property
    def pem_all(self) -> str:
        return self.pem + self.intermediate_pem + self.root_pem
