from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from services.orders.models.customers import Account, Division
from services.orders.models.vetting import OrganizationRecord, OrganizationValidation
from services.orders.rules.checklist import Level
from services.orders.rules.organizations import Details, display_name
from services.orders.rules.vetting import NOTHING, RENEWED_WITHIN, Verdict
from shared.errors import Rejected
from shared.events import orders as facts


class Organization(Base):
    """As the customer told it. Its validation is not kept here: it follows from the checks of its record. The lock on
    this row guards the validations, the record and the checks."""

    __tablename__ = "organization"
    __table_args__ = (
        Index("ix_organization_account_id_match_key", "account_id", "match_key"),
        Index("ix_organization_account_id_id", "account_id", "id"),
        Index("ix_organization_division_id_id", "division_id", "id"),
        Index("ix_organization_go_on_at", "go_on_at", postgresql_where="go_on_at IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(Identity(start=110001, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    division_id: Mapped[int] = mapped_column(ForeignKey("division.id"))
    name: Mapped[str]
    assumed_name: Mapped[str]
    address: Mapped[str]
    address2: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    zip: Mapped[str]
    country: Mapped[str]  # lower case, as on the wire
    telephone: Mapped[str]
    match_key: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    edited_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]
    go_on_at: Mapped[datetime | None]  # its orders are to be looked at
    record_id: Mapped[UUID | None]  # of the record in force; no foreign key, for the record refers back

    account: Mapped[Account] = relationship(lazy="raise")
    division: Mapped[Division] = relationship(lazy="raise")
    record: Mapped[OrganizationRecord | None] = relationship(
        primaryjoin=lambda: foreign(Organization.record_id) == OrganizationRecord.id, lazy="selectin"
    )
    validations: Mapped[list[OrganizationValidation]] = relationship(
        lazy="selectin", order_by=OrganizationValidation.asked_at
    )

    @property
    def details(self) -> Details:
        return Details(**{each.name: getattr(self, each.name) for each in fields(Details)})

    @property
    def display_name(self) -> str:
        return display_name(self.name, self.assumed_name)

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    @property
    def status(self) -> str:
        return "active" if self.is_active else "inactive"

    def verdict(self, level: Level) -> Verdict:
        return self.record.verdict(level) if self.record else NOTHING

    def usable_until(self, level: Level) -> datetime | None:
        return self.verdict(level).usable_until if self.is_active else None

    def is_validated(self, level: Level, now: datetime) -> bool:
        until = self.usable_until(level)
        return until is not None and now < until

    def validation(self, level: Level) -> OrganizationValidation | None:
        return next((asked for asked in self.validations if asked.level == level), None)

    def needs(self, level: Level, now: datetime) -> bool:
        """Whether staff are to look at it: it is not validated, or not for long."""
        until = self.usable_until(level)
        return until is None or until - RENEWED_WITHIN <= now

    def ask(self, level: Level, who: str, now: datetime) -> bool:
        """False where it is asked for already."""
        self.refuse_inactive("validated")
        asked = self.validation(level)
        if asked is None:
            asked = OrganizationValidation(organization_id=self.id, level=level)
            self.validations.append(asked)
        return asked.ask(who, now)

    def change(self, details: Details, now: datetime) -> bool:
        """What was found out was found out of the former details: it is no longer used."""
        self.refuse_inactive("changed")
        if details == self.details:
            return False
        for name, value in vars(details).items():
            setattr(self, name, value)
        self.match_key, self.edited_at = details.match_key, now
        self.record = None
        for asked in self.validations:
            asked.reopen(now)
        return True

    def deactivate(self, now: datetime) -> bool:
        if not self.is_active:
            return False
        self.deactivated_at = now
        return True

    def activate(self, now: datetime) -> bool:
        if self.is_active:
            return False
        self.deactivated_at, self.go_on_at = None, now
        for asked in self.validations:
            asked.look_at = now if asked.told_until else None
        return True

    def refuse_inactive(self, wish: str) -> None:
        if not self.is_active:
            raise Rejected(
                f"Organization {self.id}, {self.name}, is inactive and cannot be {wish}; activate it first.",
                "invalid_state",
            )

    def as_fact(self) -> facts.Organization:
        return facts.Organization.model_validate(
            {
                "id": self.id,
                "name": self.name,
                "assumed_name": self.assumed_name,
                "address": {
                    "line1": self.address,
                    "line2": self.address2,
                    "postcode": self.zip,
                    "city": self.city,
                    "region": self.state,
                    "country": self.country.upper(),
                },
            }
        )


class OrganizationContact(Base):
    """Somebody to ask, of the customer's own naming: not the verified method of communication."""

    __tablename__ = "organization_contact"
    __table_args__ = (Index("ix_organization_contact_organization_id", "organization_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(start=120001, maxvalue=LAST_ID), primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    contact_type: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str]
    job_title: Mapped[str]
    telephone: Mapped[str]
    telephone_extension: Mapped[str]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class OrganizationEntry(Base):
    """What happened to an organization, in sentences. Rows are never changed."""

    __tablename__ = "organization_entry"
    __table_args__ = (Index("ix_organization_entry_organization_id", "organization_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    at: Mapped[datetime]
    who: Mapped[str]
    kind: Mapped[str]  # good, wait, bad or plain
    sentence: Mapped[str]
