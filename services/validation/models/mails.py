from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.attempts import TooSoon
from services.validation.models.base import Base
from services.validation.rules.contacts import Confirmed, Contact, source_of
from services.validation.rules.letter import GIVE_UP_AFTER, next_try
from services.validation.rules.tokens import TOKEN_LIFE

RESEND_PAUSE, MOST_ASKED = timedelta(seconds=60), 20


class Mailing(Base):
    """That mails are to be written for an attempt by e-mail, while its token lives: a worker looks up the contacts that
    the domain names in the DNS, then writes to each. `due_at` is when, or the lease of whoever looks."""

    __tablename__ = "mailing"
    __table_args__ = (Index("ix_mailing_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),)

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    attempt_id: Mapped[UUID]
    account_id: Mapped[int]
    name: Mapped[str]
    adn: Mapped[str]
    only: Mapped[list[str]]  # the addresses that were asked for; none: all
    held: Mapped[bool]  # written, but sent only when somebody asks
    due_at: Mapped[datetime | None]
    tries: Mapped[int]
    fault: Mapped[str | None]  # why contacts in the DNS could not be looked up
    created_at: Mapped[datetime]
    asked: Mapped[int]  # how often they were asked for again
    asked_at: Mapped[datetime | None]

    def looked(self, fault: str | None, now: datetime) -> None:
        self.fault = fault
        self.due_at = next_try(self.tries, now, self.created_at + GIVE_UP_AFTER) if fault else None

    def ask(self, now: datetime) -> None:
        """Each time ends in mailboxes of others, so they are rationed."""
        if self.asked >= MOST_ASKED:
            raise TooSoon(f"The mails about {self.name} were sent {MOST_ASKED} times; submit the domain again later.")
        if self.asked_at and now < self.asked_at + RESEND_PAUSE:
            raise TooSoon(f"Mails about {self.name} were asked for just now; wait {RESEND_PAUSE.seconds} seconds.")
        self.asked, self.asked_at = self.asked + 1, now

    def again(self, only: list[str], now: datetime) -> None:
        """Contacts may have come since; who is a contact already gets the same mail once more."""
        self.only, self.held, self.due_at, self.tries = only, False, now, 0

    def wants(self, address: str, known: set[str]) -> bool:
        """Addresses that are none of the domain's are ignored; where nothing is left, all are meant (wire contract)."""
        meant = {one.casefold() for one in self.only} & known
        return not self.held and (not meant or address.casefold() in meant)


class DcvMail(Base):
    """A mail to one address, with a random value of its own that nobody else is told (EM4). `value` and `text` are
    there while it may be sent again or confirmed; then the hash remains (TK7)."""

    __tablename__ = "dcv_mail"
    __table_args__ = (
        UniqueConstraint("token_id", "section", "recipient"),
        Index("uq_dcv_mail_sha256", "sha256", unique=True),
        Index("ix_dcv_mail_attempt_id", "attempt_id"),
        Index("ix_dcv_mail_recipient", "account_id", "recipient", "created_at"),
        Index("ix_dcv_mail_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    attempt_id: Mapped[UUID]
    token_id: Mapped[UUID]
    account_id: Mapped[int]
    name: Mapped[str]
    adn: Mapped[str]
    section: Mapped[str]
    recipient: Mapped[str]
    found_at: Mapped[datetime | None]  # when the DNS named it; None for a constructed address
    value: Mapped[str | None]
    sha256: Mapped[str]
    subject: Mapped[str | None]
    text: Mapped[str | None]
    message_id: Mapped[str | None]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    give_up_at: Mapped[datetime]
    tries: Mapped[int]
    sent_at: Mapped[datetime | None]  # the first time
    sent: Mapped[int]
    server: Mapped[str | None]
    encrypted: Mapped[bool]
    failed_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_from: Mapped[str | None]
    confirmed_agent: Mapped[str | None]

    @property
    def source(self) -> str:
        return source_of(self.section, self.adn)

    @property
    def expires_at(self) -> datetime:
        return self.created_at + TOKEN_LIFE

    @property
    def state(self) -> str:
        if self.confirmed_at:
            return "confirmed"
        if self.due_at:
            return "retrying" if self.reason else "waiting"
        if self.reason:
            return "failed"
        return "sent" if self.sent_at else "held"

    @property
    def confirmation(self) -> Confirmed | None:
        if self.confirmed_at is None:
            return None
        return Confirmed(
            Contact(self.section, self.adn, self.recipient), self.source, self.sha256, self.created_at, self.found_at,
            self.sent_at, self.message_id or "", self.confirmed_at, self.confirmed_from or "",
            self.confirmed_agent or "",
        )  # fmt: skip

    def send_again(self, now: datetime) -> None:
        """The very same; one that is on its way already stays on it."""
        if self.confirmed_at or not self.value:
            return
        self.due_at = min(self.due_at or now, now)
        self.give_up_at, self.tries, self.reason = now + GIVE_UP_AFTER, 0, None

    def mark_sent(self, began_at: datetime, server: str, encrypted: bool) -> None:
        self.sent_at = self.sent_at or began_at
        self.sent += 1
        self.server, self.encrypted = server, encrypted
        self.due_at = self.reason = None

    def mark_failed(self, reason: str, final: bool, now: datetime) -> None:
        self.failed_at, self.reason = now, reason
        self.due_at = None if final else next_try(self.tries, now, self.give_up_at)

    def confirm(self, address: str, agent: str, now: datetime) -> bool:
        """Whether it was not yet; who confirmed first stays the one who did (EM6)."""
        if self.confirmed_at:
            return False
        self.confirmed_at, self.confirmed_from, self.confirmed_agent = now, address, agent
        self.due_at = None
        return True
