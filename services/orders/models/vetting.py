from dataclasses import fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import Base
from services.orders.rules import vetting
from services.orders.rules.checklist import Level
from services.orders.rules.vetting import Verdict


class OrganizationValidation(Base):
    """That a level was asked for, and what was told of it. Whether it is validated is not in here."""

    __tablename__ = "organization_validation"
    __table_args__ = (
        Index("ix_organization_validation_open_since", "open_since", postgresql_where="open_since IS NOT NULL"),
        Index("ix_organization_validation_look_at", "look_at", postgresql_where="look_at IS NOT NULL"),
    )

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    open_since: Mapped[datetime | None]  # in the staff's queue
    told_until: Mapped[datetime | None]  # the end that was announced last
    told_days: Mapped[int | None]  # the warning before it that was announced last
    look_at: Mapped[datetime | None]

    def ask(self, who: str, now: datetime) -> bool:
        if self.open_since:
            return False
        self.asked_at, self.asked_by, self.open_since = now, who, now
        return True

    def reopen(self, now: datetime) -> None:
        """Nothing that was told holds any more."""
        self.open_since = self.open_since or now
        self.close()

    def note_verdict(self, verdict: Verdict, now: datetime) -> datetime | None:
        """Until when, where it is validated now and that is news. A renewal is told when all of it was found out anew,
        not after each check that moves the end by some days."""
        until = verdict.usable_until
        if until is None or until <= now:
            return None
        was_valid = self.told_until is not None and now < self.told_until
        if was_valid and not (self.open_since and verdict.is_renewed_since(self.open_since)):
            return None
        self.told_until, self.told_days, self.open_since = until, None, None
        self.look_at = vetting.next_look(until, None, now)
        return until

    def look_again(self, until: datetime, now: datetime) -> int | None:
        """The warning that is due, of a validation that ends at `until`; with the first one it is in the queue, so that
        it is renewed in time."""
        days = vetting.due_warning(until, self.told_days, now)
        if days is not None:
            self.told_days, self.open_since = days, self.open_since or now
        self.told_until, self.look_at = until, vetting.next_look(until, self.told_days, now)
        return days

    def close(self) -> datetime | None:
        """Nothing more is said of it until it is validated again; the end that was told last."""
        ended, self.told_until, self.told_days, self.look_at = self.told_until, None, None, None
        return ended


class OrganizationRecord(Base):
    """The organization as staff found it; a correction is another record. Rows are never changed."""

    __tablename__ = "organization_record"
    __table_args__ = (Index("ix_organization_record_organization_id", "organization_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    legal_name: Mapped[str]
    assumed_name: Mapped[str]
    address: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    zip: Mapped[str]
    country: Mapped[str]
    telephone: Mapped[str]
    business_category: Mapped[str]
    jurisdiction_country: Mapped[str]
    jurisdiction_state: Mapped[str]
    jurisdiction_city: Mapped[str]
    registration_number: Mapped[str]
    entered_at: Mapped[datetime]
    entered_by: Mapped[str]
    entered_by_user: Mapped[int] = mapped_column(ForeignKey("app_user.id"))

    checks: Mapped[list["OrganizationCheck"]] = relationship(lazy="selectin", order_by="OrganizationCheck.id")

    @property
    def found(self) -> vetting.Record:
        return vetting.Record(**{each.name: getattr(self, each.name) for each in fields(vetting.Record)})

    def verdict(self, level: Level) -> Verdict:
        return vetting.judge(level, self.found, [check.as_seen() for check in self.checks], self.entered_by_user)


class OrganizationCheck(Base):
    """One thing that staff found out of a record, from where, and on which day. Rows are never changed."""

    __tablename__ = "organization_check"
    __table_args__ = (Index("ix_organization_check_record_id", "record_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(ForeignKey("organization_record.id"))
    kind: Mapped[str]
    source: Mapped[str]
    evidence: Mapped[str]
    passed: Mapped[bool]
    checked_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    recorded_by_user: Mapped[int] = mapped_column(ForeignKey("app_user.id"))

    def as_seen(self) -> vetting.Check:
        return vetting.Check(
            self.kind, self.source, self.passed, self.checked_on, self.recorded_at, self.recorded_by_user
        )
