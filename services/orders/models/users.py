from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, func, not_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from services.orders.models.customers import Account
from shared.errors import Conflict, Rejected
from shared.events import orders as facts


class AppUser(Base):
    """An operator, staff of the CA, belongs to no account. A service user has API keys and never signs in."""

    __tablename__ = "app_user"

    id: Mapped[int] = mapped_column(Identity(start=151, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    is_api_only: Mapped[bool] = mapped_column(default=False)
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    job_title: Mapped[str] = mapped_column(default="")
    telephone: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    divisions: Mapped[list[int]] = mapped_column(JSONB)  # those assigned; none means every one
    seen_divisions: Mapped[list[int]] = mapped_column(JSONB)  # those assigned and what is below them; none as there
    password_hash: Mapped[str | None]
    session: Mapped[int] = mapped_column(default=1)  # sessions of an earlier number are over
    link_hash: Mapped[str | None] = mapped_column(unique=True)  # of the one-time link to set a password
    link_until: Mapped[datetime | None]
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    account: Mapped[Account | None] = relationship(lazy="raise")  # so that its row is written first

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_full_administrator(self) -> bool:
        """One who may manage users: an administrator of the whole account, or an operator, who can sign in."""
        role = "administrator" if self.account_id else "operator"
        return self.role == role and not (self.divisions or self.disabled_at or self.is_api_only)

    def is_locked(self, now: datetime) -> bool:
        return self.disabled_at is not None or (self.locked_until is not None and now < self.locked_until)

    def set_password(self, password_hash: str) -> None:
        """Whoever knew the old one is signed out everywhere, and an open link is of no more use."""
        if self.is_api_only:
            raise Rejected(f"{self.name} is a service user, who has API keys and no password; make a key.")
        self.password_hash, self.link_hash, self.link_until = password_hash, None, None
        self.failed_sign_ins, self.locked_until = 0, None
        self.end_sessions()

    def end_sessions(self) -> None:
        self.session += 1

    def offer_link(self, link_hash: str, until: datetime) -> None:
        if self.is_api_only:
            raise Rejected(f"{self.name} is a service user, who has API keys and no password; make a key.")
        if self.disabled_at:
            raise Conflict(f"{self.name} is disabled; enable the user first.")
        self.link_hash, self.link_until = link_hash, until

    def see(self, division_id: int) -> None:
        self.seen_divisions = [*self.seen_divisions, division_id]

    def disable(self, now: datetime) -> None:
        self.disabled_at = self.disabled_at or now
        self.link_hash, self.link_until = None, None
        self.end_sessions()

    def enable(self) -> None:
        self.disabled_at = None

    def as_fact(self) -> facts.User:
        return facts.User(
            id=self.id,
            name=self.name or self.email,
            email=self.email,
            role=self.role,
            divisions=tuple(self.seen_divisions),
            is_active=self.disabled_at is None,
        )


# Service users share the address of whoever gets their mail; who signs in has one of their own.
Index("uq_app_user_email", func.lower(AppUser.email), unique=True, postgresql_where=not_(AppUser.is_api_only))
Index("ix_app_user_email", func.lower(AppUser.email))
Index("ix_app_user_account_id_id", AppUser.account_id, AppUser.id)


class ApiKey(Base):
    """A key is known by its hash; the key itself is shown once and kept nowhere."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Identity(start=1501, maxvalue=LAST_ID), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    name: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    key_role: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    user: Mapped[AppUser] = relationship(lazy="raise")  # so that its row is written first
