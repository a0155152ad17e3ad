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


class Certificate(Base):
    """Each with what was asked for: an order has several, of reissues and duplicates."""

    __tablename__ = "certificate"
    __table_args__ = (Index("ix_certificate_order_id", "order_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(start=200001, maxvalue=LAST_ID), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    request_id: Mapped[int] = mapped_column(ForeignKey("order_request.id"))
    common_name: Mapped[str]
    dns_names: Mapped[list[str]]
    csr: Mapped[str]
    key: Mapped[str]
    key_sha256: Mapped[str] = mapped_column(index=True)
    signature_hash: Mapped[str]
    server_platform_id: Mapped[int | None]
    pem: Mapped[str]
    intermediate_pem: Mapped[str]
    root_pem: Mapped[str]
    serial_number: Mapped[str] = mapped_column(unique=True)
    thumbprint: Mapped[str] = mapped_column(unique=True)
    valid_from: Mapped[date]
    valid_till: Mapped[date]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    issued_at: Mapped[datetime]
    issuer: Mapped[str]
    issuer_key: Mapped[str]  # the identifier of the key that signed it, in hex
    irregularity: Mapped[str | None]  # it exists, so it is kept; but it should not have been issued as it is

    @property
    def pem_all(self) -> str:
        return self.pem + self.intermediate_pem + self.root_pem
