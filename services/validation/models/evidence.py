from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.base import Base, OfPerspective


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
    # Corroborating of asked remote perspectives, "4/5" (MP9); None where they were not asked (MP1).
    quorum: Mapped[str | None]
    # What CAA would have said then, as advice (CA12).
    caa: Mapped[dict[str, Any] | None]
    resolver_configuration: Mapped[str]
    suffixes_version: Mapped[str]
    software_version: Mapped[str]
    policy_version: Mapped[str]
    recorded_by: Mapped[str]
    test_mode: Mapped[bool]


class EvidencePerspective(OfPerspective, Base):
    """One row a remote perspective that was asked (EV5): what it saw, or why it does not count. Never changed."""

    __tablename__ = "evidence_perspective"

    evidence_id: Mapped[UUID] = mapped_column(primary_key=True)


def append_only(table: str) -> tuple[str, str]:
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )


TRIGGERS: tuple[str, ...] = tuple(
    trigger for table in ("evidence", "evidence_perspective", "past_token") for trigger in append_only(table)
)
