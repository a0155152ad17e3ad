from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.notifications import rules
from shared.db import COLUMN_TYPES, new_metadata
from shared.errors import Conflict


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Message(Base):
    """A mail about one thing, mostly a document, to one person. `due_at` is the next try; while one is made, it is the
    lease of its worker."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("about", "recipient", "template"),
        Index("ix_message_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_message_created_at_id", "created_at", "id"),
        Index("ix_message_account_id_created_at_id", "account_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    division_id: Mapped[int]
    about: Mapped[str]
    document_id: Mapped[UUID | None]  # attached, as are path, hash and size
    template: Mapped[str]
    recipient: Mapped[str]
    number: Mapped[str]
    account_name: Mapped[str]
    content: Mapped[dict[str, Any]]
    path: Mapped[str | None]
    sha256: Mapped[str | None]
    size: Mapped[int | None]
    internet_message_id: Mapped[str | None]
    created_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    attempts: Mapped[int]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    final: Mapped[bool]

    @property
    def state(self) -> str:
        if self.sent_at:
            return "sent"
        if self.final:
            return "failed"
        return "retrying" if self.failed_at else "waiting"

    @property
    def may_be_resent(self) -> bool:
        return self.final and not self.sent_at and rules.why_unusable(self.recipient) is None

    def claim(self, now: datetime, mail_domain: str) -> None:
        """The identifier stays the same for good: a second copy of a mail is recognised by it."""
        self.attempts += 1
        self.due_at = now + rules.LEASE
        self.internet_message_id = self.internet_message_id or f"<{self.id}@{mail_domain}>"

    def unclaim(self, now: datetime) -> None:
        self.attempts -= 1
        self.due_at = now

    def mark_sent(self, now: datetime) -> None:
        self.sent_at = self.sent_at or now
        self.due_at = self.failed_at = self.reason = None
        self.final = False

    def mark_failed(self, reason: str, final: bool, now: datetime) -> None:
        self.failed_at, self.reason = now, reason
        self.due_at = None if final else rules.next_try(self.attempts, now, self.give_up_at)
        self.final = self.due_at is None

    def resend(self, now: datetime) -> None:
        if self.sent_at:
            raise Conflict(f"{self.number} was already sent to {self.recipient}; there is nothing to send again.")
        if not self.final:
            raise Conflict(f"{self.number} is still being sent to {self.recipient}; wait for its next try.")
        if fault := rules.why_unusable(self.recipient):
            raise Conflict(fault)
        self.due_at, self.give_up_at = now, now + rules.GIVE_UP_AFTER
        self.attempts, self.final = 0, False


class Account(Base):
    """The name by which mails call an account. What orders announced wins over what an order said of it."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    announced: Mapped[bool]


class Person(Base):
    """A user as orders last told."""

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_account_id_role", "account_id", "role", "id", postgresql_where=text("active")),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    name: Mapped[str]
    email: Mapped[str]
    role: Mapped[str]
    divisions: Mapped[list[Any]]  # none: all of them
    active: Mapped[bool]
    told_at: Mapped[datetime]

    def looks_after(self, division_id: int) -> bool:
        """0: what belongs to no division, which is for those of the whole account."""
        return not self.divisions or division_id in self.divisions


class KnownOrder(Base):
    """Whom mails about an order go to: who ordered, and the addresses that were given with it."""

    __tablename__ = "known_order"

    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    division_id: Mapped[int]
    requester_id: Mapped[int | None]
    emails: Mapped[list[str]]


class Muted(Base):
    """A kind of mail that a person does not want."""

    __tablename__ = "muted"

    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
