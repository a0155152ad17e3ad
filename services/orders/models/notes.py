from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import LAST_ID, Base


class OrderNote(Base):
    """What the account's people wrote down about an order."""

    __tablename__ = "order_note"
    __table_args__ = (Index("ix_order_note_order_id", "order_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(start=1, maxvalue=LAST_ID), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    text: Mapped[str]
    written_at: Mapped[datetime]
    written_by: Mapped[str]


class CustomValue(Base):
    """What an order says in a field that its account made. The label is that of the time it was placed."""

    __tablename__ = "custom_value"
    __table_args__ = (Index("ix_custom_value_metadata_id", "metadata_id", "order_id"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"), primary_key=True)
    metadata_id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]
    value: Mapped[str]
