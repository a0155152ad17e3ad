"""What orders, of any source, want proven; until they are over."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import bring_value, close, join_or_open, submitted, usable_proof, validated
from services.validation.models import Attempt, Domain, OrderNeed
from services.validation.queries import order_key
from services.validation.rules.methods import DNS_TXT, OFFERED
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
    """An order as it is being noted."""

    policy: Policy
    placed: OrderPlaced
    now: datetime
    fresh_since: datetime | None

    @property
    def cause(self) -> str:
        return self.placed.told_id


async def prove_names(tx: AsyncSession, policy: Policy, placed: OrderPlaced, now: datetime) -> None:
    """A domain per name; each joins or opens an attempt, or is served by the proof it has. A repeat changes nothing."""
    if await locked_or_none(tx, OrderNeed, order_key(placed.order)):
        return
    want = wanted(placed.names, policy)
    placing = Placing(policy, placed, now, None if policy.may_reuse(placed.product_name_id) else now)
    if unknown := _unknown_method(placed.dcv_method):
        want = Wanted({}, dict.fromkeys(want.rows, unknown))
    _note(tx, placing, list(want.domains))
    for name, sentence in want.refused.items():
        domain = await locked(tx, Domain, (placed.account_id, name))
        _say_refused(tx, placing, domain, sentence, final=True)
    for fqdn, names in want.domains.items():
        domain = await locked(tx, Domain, (placed.account_id, fqdn))
        await _prove(tx, placing, domain, names)


def _unknown_method(given: str | None) -> str | None:
    if given is None or given in OFFERED:
        return None
    return f"The validation method {quoted(given)} is not offered here; order with {DNS_TXT} or without a method."


def _note(tx: AsyncSession, placing: Placing, names: list[str]) -> None:
    placed = placing.placed
    need = OrderNeed(
        source=placed.source,
        order_id=placed.order_id,
        account_id=placed.account_id,
        names=names,
        fresh_since=placing.fresh_since,
        noted_at=placing.now,
    )
    add(tx, need)


async def _prove(tx: AsyncSession, placing: Placing, domain: Domain, names: list[Name]) -> None:
    domain.needed()
    policy, now = placing.policy, placing.now
    proof = await usable_proof(tx, policy, domain.account_id, names[0], now, placing.fresh_since)
    if proof:
        return announce(tx, validated(domain, proof, now, placing.cause))
    attempt, own = await join_or_open(tx, policy, domain, names, now)
    token = await _own_value(tx, placing, domain, attempt) or own
    return announce(tx, submitted(policy, attempt, token, placing.placed.order, now, placing.cause))


async def _own_value(tx: AsyncSession, placing: Placing, domain: Domain, attempt: Attempt) -> Token | None:
    """The order's own random value; where it cannot be one, a sentence says so and the attempt's token serves."""
    value = placing.placed.dcv_random_value
    if value is None:
        return None
    unfit = why_unfit(value)
    brought = None if unfit else await bring_value(tx, attempt, value, placing.placed.placed_at, placing.now)
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


async def end_need(tx: AsyncSession, order: OrderRef, now: datetime) -> None:
    """The order is issued, cancelled or rejected: attempts that nobody needs any more are closed."""
    need = await locked_or_none(tx, OrderNeed, order_key(order))
    if need is None or not need.end(now):
        return
    for name in need.names:
        domain = await locked(tx, Domain, (need.account_id, name))
        if domain.needed_no_more() and domain.pending_id:
            close(tx, domain, await locked(tx, Attempt, domain.pending_id), "not_needed", now)
