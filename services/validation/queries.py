"""Prefetches: what a chunk of events changes or judges, locked table by table, each in key order.

The order is the same everywhere: order_need, domain, attempt, random_value, validation."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Attempt, Domain, OrderNeed, RandomValue, Validation
from services.validation.rules.adn import authorization_domains
from services.validation.rules.methods import OFFERED
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.tokens import Token, fingerprint
from services.validation.rules.wanted import wanted
from shared.db import lock_all, locked_or_none
from shared.events.base import OrderRef
from shared.events.orders import OrderPlaced
from shared.events.validation import AuthorizeIssuance

DomainKey = tuple[int, str]

# Two transactions may meet a name at once; the second finds the first one's row instead of a unique violation.
MAKE_DOMAINS = """
INSERT INTO domain (account_id, name, needs, created_at)
SELECT k.account_id, k.name, 0, now() FROM unnest($1::bigint[], $2::text[]) AS k (account_id, name)
WHERE NOT EXISTS (SELECT FROM domain d WHERE d.account_id = k.account_id AND d.name = k.name)
ORDER BY k.account_id, k.name ON CONFLICT DO NOTHING
"""


def order_key(order: OrderRef) -> tuple[str, int]:
    return order.source, order.id


async def lock_for_placed(tx: AsyncSession, events: Sequence[OrderPlaced], policy: Policy) -> None:
    await lock_all(tx, OrderNeed, {order_key(event.order) for event in events})
    found = [(event, wanted(event.names, policy)) for event in events]
    rows = {(event.account_id, name) for event, want in found for name in want.rows}
    await make_domains(tx, rows)
    await lock_domains(tx, rows)
    named = [(event, name) for event, want in found for name in want.domains]
    await lock_values(tx, {(e.account_id, name, e.dcv_random_value) for e, name in named if e.dcv_random_value})
    await lock_validations(tx, policy, {(event.account_id, name) for event, name in named})


async def lock_for_ended(tx: AsyncSession, orders: Collection[OrderRef]) -> None:
    await lock_domains(tx, await _needed_by(tx, orders))


async def lock_for_judgement(tx: AsyncSession, commands: Sequence[AuthorizeIssuance], policy: Policy) -> None:
    """With the domains and attempts of the orders, for a name that is refused may have to be proven again."""
    needed = await _needed_by(tx, [command.order for command in commands])
    named = {(command.account_id, fqdn) for command in commands for fqdn in wanted(command.names, policy).domains}
    await lock_domains(tx, needed)
    await lock_validations(tx, policy, named)


async def _needed_by(tx: AsyncSession, orders: Collection[OrderRef]) -> set[DomainKey]:
    keys = {order_key(order) for order in orders}
    await lock_all(tx, OrderNeed, keys)
    needs = [await locked_or_none(tx, OrderNeed, key) for key in keys]
    return {(need.account_id, name) for need in needs if need for name in need.names}


async def make_domains(tx: AsyncSession, keys: Collection[DomainKey]) -> None:
    connection = await tx.connection()
    columns = [account for account, _ in keys], [name for _, name in keys]
    await connection.exec_driver_sql(MAKE_DOMAINS, columns)


async def lock_domains(tx: AsyncSession, keys: Iterable[DomainKey]) -> None:
    """The domains and their open attempts."""
    wanted_keys = set(keys)
    await lock_all(tx, Domain, wanted_keys)
    domains = [await locked_or_none(tx, Domain, key) for key in wanted_keys]
    await lock_all(tx, Attempt, {domain.pending_id for domain in domains if domain and domain.pending_id})


async def lock_values(tx: AsyncSession, values: Iterable[tuple[int, str, str]]) -> None:
    await lock_all(tx, RandomValue, {(account, name, fingerprint(value)) for account, name, value in values})


async def lock_validations(tx: AsyncSession, policy: Policy, names: Iterable[DomainKey]) -> None:
    keys = {key for account_id, fqdn in names for key in validation_keys(policy, account_id, Name(fqdn))}
    await lock_all(tx, Validation, keys)


def validation_keys(policy: Policy, account_id: int, name: Name) -> list[tuple[int, str, str]]:
    """Where proof of a name may lie: every ADN that an offered method leads to."""
    return [
        (account_id, adn.domain, method.section)
        for method in OFFERED.values()
        for adn in authorization_domains(name, method, policy.suffixes)
    ]


async def live_values(tx: AsyncSession, keys: Collection[DomainKey]) -> dict[DomainKey, list[Token]]:
    """The random values that orders brought for these domains, while an attempt is open."""
    accounts, names = {account for account, _ in keys}, {name for _, name in keys}
    rows = await tx.scalars(
        select(RandomValue)
        .where(RandomValue.account_id.in_(accounts), RandomValue.name.in_(names), RandomValue.value.is_not(None))
        .order_by(RandomValue.created_at)
    )
    found: dict[DomainKey, list[Token]] = {}
    for row in rows:
        if token := row.token:
            found.setdefault((row.account_id, row.name), []).append(token)
    return found
