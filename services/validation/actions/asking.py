"""A look by hand: once, now, beside no other look, and without polling starting again (LC6)."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.checks import LEASE
from services.validation.actions.evidence import Claim
from services.validation.actions.submitting import Asking, ask_for_check
from services.validation.models import Attempt
from services.validation.queries import DomainKey, confirmations, live_values
from services.validation.rules.methods import EMAIL


async def claim_by_hand(tx: AsyncSession, asking: Asking, key: DomainKey) -> Claim | None:
    """None where a worker is looking at this moment: what it finds is the answer."""
    attempt = await ask_for_check(tx, asking, key)
    if attempt.leased_until and asking.now < attempt.leased_until:
        return None
    attempt.leased_until = asking.now + LEASE
    return await _claim(tx, attempt, key)


async def claim_for_dry_run(tx: AsyncSession, asking: Asking, key: DomainKey) -> Claim:
    """Nothing will be recorded of it, so it keeps nobody off (LC10)."""
    return await _claim(tx, await ask_for_check(tx, asking, key), key)


async def _claim(tx: AsyncSession, attempt: Attempt, key: DomainKey) -> Claim:
    own = attempt.own_token
    values = (await live_values(tx, {key})).get(key, [])
    tokens = (*([own] if own else []), *values)
    found = await confirmations(tx, {attempt.token_id}) if attempt.method == EMAIL else {}
    return Claim(
        attempt.id, attempt.account_id, attempt.name, attempt.method, attempt.token_id, attempt.is_wildcard, tokens,
        found.get(attempt.token_id),
    )  # fmt: skip
