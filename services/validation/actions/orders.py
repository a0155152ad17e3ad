"""What orders, of any source, want proven; until they are over."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import (
    Where,
    bring_value,
    close,
    join_or_open,
    pending_of,
    proof_of_all,
    submitted,
    usable_proof,
    validated,
)
from services.validation.actions.reminding import rest_on
from services.validation.actions.submitting import Asking, change_method
from services.validation.models import Attempt, Domain, OrderNeed
from services.validation.queries import Wish, names_of, need_key, needs_of
from services.validation.rules.choosing import is_open, why_not_for
from services.validation.rules.methods import DNS_TXT
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from services.validation.rules.policy import Policy
from services.validation.rules.text import quoted
from services.validation.rules.tokens import Token, why_unfit
from services.validation.rules.wanted import Wanted, wanted
from shared.db import add, locked, locked_or_none
from shared.events.base import OrderRef
from shared.events.orders import OrderPlaced
from shared.events.validation import DomainValidationFailed
from shared.outbox import announce


@dataclass(frozen=True, slots=True)
class Placing:
    """An order, or a later request on it, as it is being noted."""

    policy: Policy
    placed: Wish
    now: datetime
    fresh_since: datetime | None

    @property
    def cause(self) -> str:
        return self.placed.told_id

    @property
    def placed_at(self) -> datetime:
        return self.placed.placed_at if isinstance(self.placed, OrderPlaced) else self.placed.occurred_at

    @property
    def by(self) -> str:
        return self.placed.placed_by if isinstance(self.placed, OrderPlaced) else self.placed.requested_by

    @property
    def division_id(self) -> int | None:
        """A later request does not say it again."""
        return self.placed.division.id if isinstance(self.placed, OrderPlaced) else None


async def prove_names(tx: AsyncSession, policy: Policy, placed: Wish, now: datetime) -> None:
    """A domain per name; each joins or opens an attempt, or is served by the proof it has. A repeat changes nothing."""
    if not names_of(placed) or await locked_or_none(tx, OrderNeed, need_key(placed.order, placed.request_id)):
        return
    want = wanted(names_of(placed), policy)
    placing = Placing(policy, placed, now, None if policy.may_reuse(placed.product_name_id or "") else now)
    if unknown := _unknown_method(policy, placed.dcv_method, now):
        want = Wanted({}, dict.fromkeys(want.rows, unknown))
    _note(tx, placing, list(want.domains))
    for name, sentence in want.refused.items():
        domain = await locked(tx, Domain, (placed.account_id, name))
        domain.refused_at = domain.refused_at or (None if unknown else now)
        _say_refused(tx, placing, domain, sentence, final=True)
    for fqdn, names in want.domains.items():
        domain = await locked(tx, Domain, (placed.account_id, fqdn))
        await _prove(tx, placing, domain, names)


def _unknown_method(policy: Policy, given: str | None, now: datetime) -> str | None:
    if given is None or is_open(given, policy, now):
        return None
    return f"The validation method {quoted(given)} is not offered here; order with {DNS_TXT} or without a method."


def _note(tx: AsyncSession, placing: Placing, names: list[str]) -> None:
    placed = placing.placed
    need = OrderNeed(
        source=placed.source,
        order_id=placed.order_id,
        request_id=placed.request_id or 0,
        account_id=placed.account_id,
        division_id=placed.division.id if isinstance(placed, OrderPlaced) else None,
        user_id=placed.placed_by_user if isinstance(placed, OrderPlaced) else None,
        names=names,
        fresh_since=placing.fresh_since,
        noted_at=placing.now,
    )
    add(tx, need)


async def _prove(tx: AsyncSession, placing: Placing, domain: Domain, names: list[Name]) -> None:
    domain.needed(placing.division_id)
    policy, now = placing.policy, placing.now
    if why := _why_not(domain, names, placing.placed.dcv_method):
        return _say_refused(tx, placing, domain, why, final=True)
    proof = await proof_of_all(tx, policy, domain.account_id, names, now, placing.fresh_since)
    if proof:
        rest_on(policy, domain, proof, now)
        return announce(tx, validated(domain, proof, now, placing.cause))
    attempt, own = await join_or_open(tx, policy, domain, names, now, placing.placed.dcv_method)
    own = await _change_method(tx, placing, domain, attempt) or own
    token = await _own_value(tx, placing, domain, attempt) or own
    where = Where(placing.placed.order, placing.placed.request_id)
    return announce(tx, submitted(policy, attempt, token, where, now, placing.cause))


def _why_not(domain: Domain, names: list[Name], method: str | None) -> str | None:
    if not domain.is_active:
        return f"{domain.name} is deactivated; activate the domain, and order again."
    return why_not_for(method, [name.certified for name in names]) if method else None


async def _change_method(tx: AsyncSession, placing: Placing, domain: Domain, attempt: Attempt) -> Token | None:
    """Only where the order names another one, and nothing serves the domain meanwhile (LC18)."""
    method = placing.placed.dcv_method
    if method is None or method == attempt.method:
        return None
    if await usable_proof(tx, placing.policy, domain.account_id, Name(domain.name), placing.now):
        return None
    asking = Asking(placing.policy, placing.by, placing.now, placing.cause)
    return change_method(tx, asking, domain, attempt, method)


async def _own_value(tx: AsyncSession, placing: Placing, domain: Domain, attempt: Attempt) -> Token | None:
    """The order's own random value; where it cannot be one, a sentence says so and the attempt's token serves."""
    value = placing.placed.dcv_random_value
    if value is None:
        return None
    unfit = why_unfit(value)
    brought = None if unfit else await bring_value(tx, attempt, value, placing.placed_at, placing.now)
    if brought:
        return brought
    why = unfit or "it is older than 30 days"
    _say_refused(tx, placing, domain, f"The order's random value is not used: {why}. Publish our value instead.", False)
    return None


def _say_refused(tx: AsyncSession, placing: Placing, domain: Domain, sentence: str, final: bool) -> None:
    failed = DomainValidationFailed(
        account_id=domain.account_id,
        occurred_at=placing.now,
        causation_id=placing.cause,
        domain_id=domain.id,
        name=domain.name,
        method=placing.placed.dcv_method or DNS_TXT,
        outcome=Outcome.POLICY.value,
        message=sentence,
        final=final,
    )
    announce(tx, failed)


async def end_need(tx: AsyncSession, order: OrderRef, request_id: int | None, now: datetime) -> None:
    """The request is issued, rejected or cancelled: attempts that nobody needs any more are closed."""
    if need := await locked_or_none(tx, OrderNeed, need_key(order, request_id)):
        await _end(tx, need, now)


async def end_needs(tx: AsyncSession, order: OrderRef, now: datetime) -> None:
    """The order is cancelled or rejected, and all its requests with it."""
    for need in await needs_of(tx, [order]):
        await _end(tx, need, now)


async def _end(tx: AsyncSession, need: OrderNeed, now: datetime) -> None:
    if not need.end(now):
        return
    for name in need.names:
        domain = await locked(tx, Domain, (need.account_id, name))
        if domain.needed_no_more() and (attempt := await pending_of(tx, domain)) and not attempt.renews:
            close(tx, domain, attempt, "not_needed", now)
