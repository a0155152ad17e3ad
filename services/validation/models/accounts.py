from sqlalchemy import text
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
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class Organization(Base):
    """For the names that domains are shown with; whose it is says who may see its name."""

    __tablename__ = "organization"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    name: Mapped[str]
    assumed_name: Mapped[str | None]

    @property
    def display_name(self) -> str:
        return f"{self.name} ({self.assumed_name})" if self.assumed_name else self.name
