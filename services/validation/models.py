from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from services.validation.rules.outcomes import Verdict
from services.validation.rules.tokens import Token, fingerprint
from shared.db import COLUMN_TYPES, new_metadata
from shared.ids import new_id


def written_together(row: object, *columns: str) -> None:
    """Neighbours that change different columns would be one UPDATE each; the same columns make one for all."""
    for column in columns:
        flag_modified(row, column)


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Domain(Base):
    """A name of an account, without `*.`. Its validation is found by the ADNs it leads to; `pending_id` is the one open
    attempt. `needs` counts the open orders that want it proven."""

    __tablename__ = "domain"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    method: Mapped[str | None]
    pending_id: Mapped[UUID | None]
    needs: Mapped[int]
    created_at: Mapped[datetime]

    def needed(self) -> None:
        self.needs += 1
        written_together(self, "pending_id", "method")

    def needed_no_more(self) -> bool:
        """Whether nobody needs it now."""
        self.needs = max(0, self.needs - 1)
        return self.needs == 0


class OrderNeed(Base):
    """What an order, ours or another system's, wants of us, until it is over."""

    __tablename__ = "order_need"

    source: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    names: Mapped[list[str]]
    # Where earlier evidence may not serve the order: only what was seen since then counts.
    fresh_since: Mapped[datetime | None]
    noted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def end(self, now: datetime) -> bool:
        """Whether it was open until now; a repeat changes nothing."""
        if self.ended_at:
            return False
        self.ended_at = now
        return True


class Attempt(Base):
    """To prove control of one name: at most one is open per domain and account (LC12)."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("uq_attempt_pending", "account_id", "name", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_attempt_below", "account_id", "reversed_name", postgresql_where=text("closed_at IS NULL")),
        Index("ix_attempt_due_at", "due_at", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str]
    reversed_name: Mapped[str] = mapped_column(Text(collation="C"))
    domain_id: Mapped[int]
    requested: Mapped[list[str]]
    method: Mapped[str]
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
    closed_at: Mapped[datetime | None]
    ended: Mapped[str | None]

    @property
    def own_token(self) -> Token | None:
        return Token(str(self.token_id), self.token, self.token_created_at) if self.token else None

    def take_token(self, value: str, now: datetime) -> Token:
        """The token before it dies at once (TK3)."""
        token = Token(str(new_id()), value, now)
        self.token_id, self.token, self.token_sha256 = UUID(token.id), value, fingerprint(value)
        self.token_created_at, self.expires_at = now, token.expires_at
        return token

    def join(self, certified: list[str], polls_from: datetime, due_at: datetime) -> None:
        """Somebody needs it: polling starts again (LC6), soon, but never beside a look that is under way."""
        if new := sorted(set(certified) - set(self.requested)):
            self.requested = [*self.requested, *new]
        self.polls_from = polls_from
        self.due_at = min(self.due_at, due_at)

    def note(self, verdict: Verdict, due_at: datetime) -> bool:
        """Whether this look found something else than the one before."""
        changed = (self.outcome, self.message) != (verdict.outcome.value, verdict.message)
        self.checks += 1
        self.outcome, self.message = verdict.outcome.value, verdict.message
        self.due_at, self.leased_until = due_at, None
        written_together(self, "outcome", "message", "leased_until", "closed_at", "ended", "token")
        return changed

    def close(self, ended: str, now: datetime) -> None:
        """For good, and its token with it: the clear value belongs to a pending attempt only (TK7)."""
        self.closed_at = self.closed_at or now
        self.ended = self.ended or ended
        self.token = None


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


class Validation(Base):
    """The current proof of an ADN by a method (AD2): which evidence, seen when. Whether it is usable is a question of
    the moment and is asked of `rules.reuse`."""

    __tablename__ = "validation"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    adn: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    evidence_id: Mapped[UUID]
    observed_at: Mapped[datetime]
    test_mode: Mapped[bool]

    def prove(self, evidence_id: UUID, observed_at: datetime, test_mode: bool) -> None:
        if observed_at >= self.observed_at:
            self.evidence_id, self.observed_at, self.test_mode = evidence_id, observed_at, test_mode


class Evidence(Base):
    """One row a look, of failed ones too (EV7); never changed (trigger)."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_attempt_id", "attempt_id"), Index("ix_evidence_adn", "account_id", "adn"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    domain_id: Mapped[int]
    attempt_id: Mapped[UUID]
    name: Mapped[str]
    requested: Mapped[list[str]]
    method: Mapped[str]
    adn: Mapped[str | None]
    derivation: Mapped[list[str]]
    place: Mapped[str | None]
    token_sha256: Mapped[str]
    token_created_at: Mapped[datetime]
    # The earliest datum used, never the time of the commit (EV10).
    observed_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    outcome: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str]
    # Of an attempt that was closed, or had another token, when the answer came: history, no proof (LC14).
    superseded: Mapped[bool]
    queries: Mapped[list[dict[str, Any]]]
    perspective: Mapped[str]
    resolver_configuration: Mapped[str]
    suffixes_version: Mapped[str]
    software_version: Mapped[str]
    policy_version: Mapped[str]
    recorded_by: Mapped[str]
    test_mode: Mapped[bool]


TRIGGERS: tuple[str, ...] = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER no_truncate BEFORE TRUNCATE ON evidence FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)
