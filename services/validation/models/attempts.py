from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.base import Base, written_together
from services.validation.rules.instructions import Instructions, instructions
from services.validation.rules.methods import EMAIL
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Verdict
from services.validation.rules.policy import Policy
from services.validation.rules.tokens import Token, fingerprint
from shared.errors import DomainError
from shared.ids import new_id

MANUAL_PAUSE = timedelta(seconds=10)


class TooSoon(DomainError):
    status = 429
    code = "request_limit_exceeded"


class Attempt(Base):
    """To prove control of one name: at most one is open per domain and account (LC12)."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("uq_attempt_pending", "account_id", "name", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_attempt_below", "account_id", "reversed_name", postgresql_where=text("closed_at IS NULL")),
        Index("ix_attempt_due_at", "due_at", postgresql_where=text("closed_at IS NULL")),
        Index("ix_attempt_domain_id", "domain_id", "opened_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str]
    reversed_name: Mapped[str] = mapped_column(Text(collation="C"))
    domain_id: Mapped[int]
    requested: Mapped[list[str]]
    method: Mapped[str]
    name_scope: Mapped[str | None]  # the domain above it that mails are about (EM1); None: the name itself
    token_id: Mapped[UUID]
    token: Mapped[str | None]
    token_sha256: Mapped[str]
    token_created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    polls_from: Mapped[datetime]
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    checks: Mapped[int]
    outcome: Mapped[str | None]
    message: Mapped[str | None]
    opened_at: Mapped[datetime]
    opened_by: Mapped[str | None]  # a person; None where an order needed it, or it renews
    renews: Mapped[bool] = mapped_column(server_default=text("false"))  # the proof there is, by itself (PT13)
    asked_at: Mapped[datetime | None]  # when somebody last had it looked at by hand (LC6)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    ended: Mapped[str | None]

    @property
    def own_token(self) -> Token | None:
        return Token(str(self.token_id), self.token, self.token_created_at) if self.token else None

    @property
    def is_wildcard(self) -> bool:
        return any(asked.startswith("*.") for asked in self.requested)

    @property
    def names(self) -> list[Name]:
        """All that it is to prove; the name itself where nobody asked for another form."""
        return [Name(self.name, asked.startswith("*.")) for asked in self.requested] or [Name(self.name)]

    def instructions(self, policy: Policy, value: str | None = None) -> Instructions:
        """What is to be published for it, with its own token unless another one is given."""
        token = value or self.token or ""
        about = self.name_scope or self.name
        return instructions(self.method, about, token, policy, self.account_id, self.is_wildcard)

    def take_token(self, value: str, now: datetime) -> Token:
        """The token before it dies at once (TK3)."""
        token = Token(str(new_id()), value, now)
        self.token_id, self.token, self.token_sha256 = UUID(token.id), value, fingerprint(value)
        self.token_created_at, self.expires_at = now, token.expires_at
        self.outcome = self.message = None
        if self.method == EMAIL:
            self.due_at = self.expires_at
        return token

    def join(self, certified: list[str], polls_from: datetime, due_at: datetime) -> None:
        """Somebody needs it: polling starts again (LC6), soon, but never beside a look that is under way. There is
        nothing to be seen of a mail until somebody confirms."""
        if new := sorted(set(certified) - set(self.requested)):
            self.requested = [*self.requested, *new]
        if token := self.own_token:
            self.expires_at = max(self.expires_at, token.expires_at)
        self.polls_from = polls_from
        if self.method != EMAIL:
            self.due_at = min(self.due_at, due_at)

    def note(self, verdict: Verdict, due_at: datetime) -> bool:
        """Whether this look found something else than the one before."""
        changed = (self.outcome, self.message) != (verdict.outcome.value, verdict.message)
        self.checks += 1
        self.outcome, self.message = verdict.outcome.value, verdict.message
        self.due_at, self.leased_until = due_at, None
        written_together(self, "outcome", "message", "leased_until", "closed_at", "ended", "token")
        return changed

    def ask(self, now: datetime) -> None:
        """A look by hand; they are rationed, for each asks name servers of others (LC6)."""
        if self.asked_at and now < self.asked_at + MANUAL_PAUSE:
            raise TooSoon(f"{self.name} was looked at just now; try again in {MANUAL_PAUSE.seconds} seconds.")
        self.asked_at = now

    def look_soon(self, now: datetime) -> None:
        self.due_at = min(self.due_at, now)

    def confirmed(self, now: datetime) -> None:
        """By a mail: what it proves is looked at now, and again where that cannot be seen at once."""
        self.polls_from = self.due_at = now

    def close(self, ended: str, now: datetime, by: str | None = None) -> None:
        """For good, and its token with it: the clear value belongs to a pending attempt only (TK7)."""
        self.closed_at = self.closed_at or now
        self.ended = self.ended or ended
        self.closed_by = self.closed_by or by
        self.token = None


class PastToken(Base):
    """A value that died before its attempt did: another took its place, for another method or as asked (LC3, TK3).
    Never changed (trigger)."""

    __tablename__ = "past_token"

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    attempt_id: Mapped[UUID] = mapped_column(index=True)
    method: Mapped[str]
    sha256: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    ended_by: Mapped[str | None]


class RandomValue(Base):
    """An order's own random value, an additional live token of the domain's attempts (LC18). The row outlives the
    value: whoever brings the same one again does not make it younger (TK1)."""

    __tablename__ = "random_value"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str | None]
    created_at: Mapped[datetime]

    @property
    def token(self) -> Token | None:
        return Token(self.sha256, self.value, self.created_at) if self.value else None
