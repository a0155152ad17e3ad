from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import LAST_ID, Base


class CustomField(Base):
    """What an account wants to be told with every order; `metadata` on the wire. It is never deleted: orders that have
    a value keep its label."""

    __tablename__ = "custom_field"

    id: Mapped[int] = mapped_column(Identity(start=1, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    label: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    data_type: Mapped[str] = mapped_column(default="text")
    is_required: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)


Index("ix_custom_field_account_id_id", CustomField.account_id, CustomField.id)
