from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.base import Base, written_together
from services.validation.rules.methods import DNS_PERSIST
from services.validation.rules.names import Name
from services.validation.rules.proofs import Proof
from shared.errors import Conflict

BACKWARDS: Any = literal_column("reverse(name)").label("backwards")
PATTERNS = "text_pattern_ops"


class Domain(Base):
    """A name of an account, without `*.`. What is known of its proof are separate facts: the validation it rests on is
    found by `current_adn` and `current_method`, the open attempt by `pending_id`, what was is in closed attempts.
    Whether it is usable is asked of `rules.reuse`. `needs` counts the open orders that want it proven."""

    __tablename__ = "domain"
    __table_args__ = (
        Index("ix_domain_account_id", "account_id", "id"),
        Index("ix_domain_division_id", "division_id", "id"),
        Index("ix_domain_method", "account_id", "method", "id"),
        Index("ix_domain_organization_id", "account_id", "organization_id", "id",
              postgresql_where=text("organization_id IS NOT NULL")),
        Index("ix_domain_pending", "account_id", "id", postgresql_where=text("pending_id IS NOT NULL")),
        Index("ix_domain_inactive", "account_id", "id", postgresql_where=text("deactivated_at IS NOT NULL")),
        Index("ix_domain_current", "account_id", "current_adn", "current_method"),
        Index("ix_domain_remind_at", "remind_at", postgresql_where=text("remind_at IS NOT NULL")),
        Index("ix_domain_renew_at", "renew_at", postgresql_where=text("renew_at IS NOT NULL")),
        Index("ix_domain_name", "name", postgresql_ops={"name": PATTERNS}),
        Index("ix_domain_backwards", BACKWARDS, postgresql_ops={"backwards": PATTERNS}),
    )  # fmt: skip

    account_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    division_id: Mapped[int | None]
    organization_id: Mapped[int | None]  # as it was told: perhaps none of this account
    keep_www: Mapped[bool] = mapped_column(server_default=text("false"))
    types: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    method: Mapped[str | None]
    pending_id: Mapped[UUID | None]
    needs: Mapped[int]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]
    # An order brought a name that cannot be certified: facts about it have its number, lists do not show it.
    refused_at: Mapped[datetime | None]
    current_adn: Mapped[str | None]
    current_method: Mapped[str | None]
    # When to look whether somebody is to be reminded; of which evidence what has been said (LC8).
    remind_at: Mapped[datetime | None]
    reminded_of: Mapped[UUID | None]
    reminded_days: Mapped[int | None]
    # When a persistent record is to be looked at again without anybody asking (PT13).
    renew_at: Mapped[datetime | None]

    @property
    def key(self) -> tuple[int, str]:
        return self.account_id, self.name

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    @property
    def current_key(self) -> tuple[int, str, str] | None:
        """Of the validation it rests on, usable or not."""
        if self.current_adn is None or self.current_method is None:
            return None
        return self.account_id, self.current_adn, self.current_method

    @property
    def renews_at(self) -> datetime | None:
        """Another method, or nobody's domain, ends it."""
        return self.renew_at if self.is_active and self.method == DNS_PERSIST else None

    def describe(
        self, division_id: int | None, organization_id: int | None, keep_www: bool, types: Sequence[str]
    ) -> None:
        """What is known already stays; it is not moved to another division by being added again."""
        self.refused_at = None
        self.division_id = self.division_id or division_id
        self.organization_id = organization_id or self.organization_id
        self.keep_www = self.keep_www or keep_www
        if set(types) - set(self.types):
            self.types = sorted({*self.types, *types})

    def needed(self, division_id: int | None) -> None:
        self.needs += 1
        self.refused_at = None
        self.division_id = self.division_id or division_id
        written_together(self, "pending_id", "method", "division_id", "submitted_at", "refused_at")

    def needed_no_more(self) -> bool:
        """Whether nobody needs it now."""
        self.needs = max(0, self.needs - 1)
        return self.needs == 0

    def rest_on(self, proof: Proof, remind_at: datetime) -> None:
        self.current_adn, self.current_method = proof.adn, proof.method
        self.remind_at = remind_at
        written_together(self, "current_adn", "current_method", "remind_at", "renew_at")

    def plan(self, remind_at: datetime | None, proof: Proof | None = None, told: int | None = None) -> None:
        """`told`: how many days before its end this proof was just spoken of."""
        self.remind_at = remind_at
        if proof:
            self.current_adn, self.current_method = proof.adn, proof.method
        if proof and told is not None:
            self.reminded_of, self.reminded_days = proof.evidence_id, told
        written_together(self, "current_adn", "current_method", "remind_at", "reminded_of", "reminded_days")

    def require_active(self) -> None:
        if self.deactivated_at:
            raise Conflict(f"{self.name} is deactivated; activate the domain before it is proven or used.")

    def deactivate(self, now: datetime) -> bool:
        """Whether it was active until now."""
        was_active, self.deactivated_at = self.is_active, self.deactivated_at or now
        return was_active

    def activate(self) -> bool:
        was_active, self.deactivated_at = self.is_active, None
        return not was_active


class Validation(Base):
    """The current proof of an ADN by a method (AD2): which evidence, seen when. Whether it is usable is a question of
    the moment and is asked of `rules.reuse`."""

    __tablename__ = "validation"
    __table_args__ = (Index("ix_validation_observed_at", "account_id", "method", "observed_at"),)

    account_id: Mapped[int] = mapped_column(primary_key=True)
    adn: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    evidence_id: Mapped[UUID]
    observed_at: Mapped[datetime]
    test_mode: Mapped[bool]
    # Only the very name, no other and no wildcard: a persistent record without policy=wildcard (PT7).
    exact: Mapped[bool]
    # Its domain was deactivated or deleted: what was proven before does not serve; a new proof does.
    withdrawn_at: Mapped[datetime | None]

    def serves(self, name: Name) -> bool:
        return not self.exact or (self.adn == name.fqdn and not name.wildcard)

    def prove(self, evidence_id: UUID, observed_at: datetime, test_mode: bool, exact: bool = False) -> None:
        if observed_at >= self.observed_at:
            self.exact = exact
            self.evidence_id, self.observed_at, self.test_mode = evidence_id, observed_at, test_mode
            self.withdrawn_at = None

    def withdraw(self, now: datetime) -> None:
        self.withdrawn_at = self.withdrawn_at or now

    def restore(self) -> None:
        self.withdrawn_at = None
