from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.base import Base


class Account(Base):
    """What is told of a customer, for lists and replies. What orders announced wins over what an order says."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    announced: Mapped[bool]


class Division(Base):
    """A container, on the wire."""

    __tablename__ = "division"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str]
    announced: Mapped[bool]
