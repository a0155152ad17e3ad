from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.base import Base, OfPerspective
from services.validation.models.evidence import append_only
from shared.events.base import OrderRef


class IssuanceQuestion(Base):
    """Whether an order's names may be issued now. Noted by the door, answered by a worker: CAA is asked of the network.
    What stopped an issuance is kept in `refused` (CA13)."""

    __tablename__ = "issuance_question"
    __table_args__ = (
        Index("ix_issuance_question_open", "asked_at", postgresql_where=text("answered_at IS NULL")),
        Index("ix_issuance_question_order", "source", "order_id"),
    )

    # The command's: a question asked again is another one, and each is answered.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    cause: Mapped[str]
    source: Mapped[str]
    order_id: Mapped[int]
    request_id: Mapped[int | None]
    account_id: Mapped[int]
    names: Mapped[list[str]]
    asked_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    issue_before: Mapped[datetime | None]
    refused: Mapped[list[dict[str, Any]]]

    @property
    def order(self) -> OrderRef:
        return OrderRef(source=self.source, id=self.order_id)

    def answer(self, now: datetime, issue_before: datetime | None, refused: list[dict[str, Any]]) -> None:
        self.answered_at, self.leased_until = now, None
        self.issue_before, self.refused = issue_before, refused


class CaaCheck(Base):
    """What CAA said about one name at one moment, as the primary read it. Never changed."""

    __tablename__ = "caa_check"
    __table_args__ = (
        Index("ix_caa_check_name", "account_id", "name", "checked_at"),
        Index("ix_caa_check_question_id", "question_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    # As certified, with `*.`: other tags count for a wildcard.
    name: Mapped[str]
    question_id: Mapped[UUID]
    # The earliest datum; an issuance may rely on it for seven hours (CA2).
    checked_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    # BR sections of the methods with which we may issue, as the quorum has it; empty is forbidden.
    permits: Mapped[list[str]]
    outcome: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str]
    decided_at: Mapped[str | None]
    perspective: Mapped[str]
    quorum: Mapped[str | None]
    queries: Mapped[list[dict[str, Any]]]
    resolver_configuration: Mapped[str]
    software_version: Mapped[str]
    policy_version: Mapped[str]
    test_mode: Mapped[bool]


class CaaPerspective(OfPerspective, Base):
    """One row a remote perspective that was asked about CAA (CA10). Never changed."""

    __tablename__ = "caa_perspective"

    caa_check_id: Mapped[UUID] = mapped_column(primary_key=True)


class IssuanceReliance(Base):
    """What a permission to issue relied on, a row a name (EV9). Never changed. It and what it names are kept for two
    years after the last certificate that relied on it expired (EV8; BR 5.4.3, 5.5.2): nothing here is ever deleted."""

    __tablename__ = "issuance_reliance"
    __table_args__ = (
        Index("ix_issuance_reliance_order", "source", "order_id"),
        Index("ix_issuance_reliance_evidence", "evidence_id"),
    )

    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    order_id: Mapped[int]
    request_id: Mapped[int | None]
    account_id: Mapped[int]
    evidence_id: Mapped[UUID]
    caa_check_id: Mapped[UUID]
    relied_at: Mapped[datetime]
    issue_before: Mapped[datetime]


class IssuedCertificate(Base):
    """A certificate that an order got: by its serial number the evidence is found."""

    __tablename__ = "issued_certificate"
    __table_args__ = (
        Index("ix_issued_certificate_serial", "serial_number"),
        Index("ix_issued_certificate_order", "source", "order_id"),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    certificate_id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int]
    request_id: Mapped[int | None]
    account_id: Mapped[int]
    serial_number: Mapped[str]
    issued_at: Mapped[datetime]


TRIGGERS: tuple[str, ...] = tuple(
    statement for table in ("caa_check", "caa_perspective", "issuance_reliance") for statement in append_only(table)
)
