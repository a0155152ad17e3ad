from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base


class AcmeOrder(Base):
    """A request's order at the ACME CA, kept as soon as it is there: whoever goes on after a crash goes on with it, and
    no certificate is made twice. Once it is finalized there may be a certificate, so it is followed until that is
    recorded, whatever became of the request. Guarded by the lock on the row of the request's order."""

    __tablename__ = "acme_order"
    __table_args__ = (Index("ix_acme_order_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),)

    request_id: Mapped[int] = mapped_column(ForeignKey("order_request.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    url: Mapped[str]
    created_at: Mapped[datetime]
    finalized_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # when it is to be followed up, once finalized
