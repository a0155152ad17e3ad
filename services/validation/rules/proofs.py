"""Of the validations a name may rest on, the one that serves it (AD2, SV1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.validation.rules.methods import METHODS
from services.validation.rules.policy import Policy
from services.validation.rules.reuse import is_usable, usable_until


class Proven(Protocol):
    """A validation as it is stored."""

    adn: Any
    method: Any
    evidence_id: Any
    observed_at: Any
    test_mode: Any
    withdrawn_at: Any


@dataclass(frozen=True, slots=True)
class Proof:
    evidence_id: UUID
    adn: str
    observed_at: datetime
    usable_until: datetime
    test_mode: bool
    method: str  # its section of BR 3.2.2.4


def longest(rows: Iterable[Proven], policy: Policy, now: datetime, since: datetime | None = None) -> Proof | None:
    """The proof that lasts longest of those usable at this moment; `since`: older ones do not count."""
    found = [
        proof for row in rows if (since is None or row.observed_at >= since) and (proof := usable(row, policy, now))
    ]
    return max(found, key=lambda proof: proof.usable_until, default=None)


def usable(row: Proven, policy: Policy, now: datetime) -> Proof | None:
    proof = as_proof(row, policy)
    if proof is None or row.withdrawn_at or not policy.accepts(row.test_mode) or not policy.allows(row.method):
        return None
    return proof if is_usable(row.observed_at, METHODS[row.method], now, policy.lead) else None


def as_proof(row: Proven, policy: Policy) -> Proof | None:
    """Whether it may still be used or not; None where it never could."""
    until = usable_until(row.observed_at, METHODS[row.method], policy.lead)
    if until is None:
        return None
    return Proof(row.evidence_id, row.adn, row.observed_at, until, row.test_mode, row.method)
