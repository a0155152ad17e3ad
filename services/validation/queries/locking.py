"""Prefetches: what a chunk of events changes or judges, locked table by table, each in key order.

The order is the same everywhere: order_need, domain, attempt, random_value, validation, mailing, dcv_mail."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from services.validation.models import (
    Attempt,
    DcvMail,
    Domain,
    IssuanceQuestion,
    Mailing,
    OrderNeed,
    RandomValue,
    Validation,
)
from services.validation.queries.proofs import validation_keys
from services.validation.rules.methods import EMAIL
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.tokens import Token, fingerprint
from services.validation.rules.wanted import wanted
from shared.db import lock_all, locked_or_none, remember_locked
from shared.events.base import OrderRef
from shared.events.orders import OrderPlaced, RequestSubmitted

DomainKey = tuple[int, str]
NeedKey = tuple[str, int, int]  # source, order, request; 0 where nobody numbers them
Wish = OrderPlaced | RequestSubmitted

# Two transactions may meet a name at once; the second finds the first one's row instead of a unique violation.
MAKE_DOMAINS = """
INSERT INTO domain (account_id, name, needs, created_at)
SELECT k.account_id, k.name, 0, now() FROM unnest($1::bigint[], $2::text[]) AS k (account_id, name)
WHERE NOT EXISTS (SELECT FROM domain d WHERE d.account_id = k.account_id AND d.name = k.name)
ORDER BY k.account_id, k.name ON CONFLICT DO NOTHING
"""
NEEDS_OF = """
SELECT n.source, n.order_id, n.request_id
FROM unnest($1::text[], $2::bigint[]) AS o (source, id) JOIN order_need n ON n.source = o.source AND n.order_id = o.id
"""


def names_of(wish: Wish) -> tuple[str, ...]:
    """To be proven for it. Those of a new order are told with the order, and a revocation needs no proof."""
    if isinstance(wish, OrderPlaced) or wish.request_type in ("reissue", "duplicate"):
        return wish.names or ()
    return ()


def need_key(order: OrderRef, request_id: int | None) -> NeedKey:
    return order.source, order.id, request_id or 0


async def lock_for_placed(tx: AsyncSession, events: Sequence[Wish], policy: Policy) -> None:
    await lock_all(tx, OrderNeed, {need_key(event.order, event.request_id) for event in events})
    found = [(event, wanted(names_of(event), policy)) for event in events]
    rows = {(event.account_id, name) for event, want in found for name in want.rows}
    await make_domains(tx, rows)
    await lock_domains(tx, rows)
    named = [(event, name) for event, want in found for name in want.domains]
    await lock_values(tx, {(e.account_id, name, e.dcv_random_value) for e, name in named if e.dcv_random_value})
    await lock_validations(tx, policy, {(event.account_id, name) for event, name in named})


async def lock_for_ended(tx: AsyncSession, keys: Collection[NeedKey]) -> list[OrderNeed]:
    """Those of them that there are."""
    await lock_domains(tx, await _needed_by(tx, keys))
    return [need for key in keys if (need := await locked_or_none(tx, OrderNeed, key))]


async def lock_for_ended_orders(tx: AsyncSession, orders: Collection[OrderRef]) -> None:
    found = await needs_of(tx, orders)
    await lock_domains(tx, {(need.account_id, name) for need in found for name in need.names})


async def needs_of(tx: AsyncSession, orders: Collection[OrderRef]) -> list[OrderNeed]:
    """Of all their requests, locked; those that this transaction noted are among them."""
    kept: dict[OrderRef, None] = tx.info.setdefault("needs of orders", {})
    missing = {order for order in orders if order not in kept}
    if missing:
        kept.update(dict.fromkeys(missing))
        columns = [order.source for order in missing], [order.id for order in missing]
        found = await (await tx.connection()).exec_driver_sql(NEEDS_OF, columns)
        await lock_all(tx, OrderNeed, [tuple(row) for row in found])
    wanted_orders = {(order.source, order.id) for order in orders}
    remembered = tx.info.get(("locked", OrderNeed), {}).values()
    return [need for need in remembered if need and (need.source, need.order_id) in wanted_orders]


async def lock_for_judgement(tx: AsyncSession, questions: Sequence[IssuanceQuestion], policy: Policy) -> None:
    """With the domains and attempts of the orders, for a name that is refused may have to be proven again."""
    needed = await _needed_by(tx, {need_key(asked.order, asked.request_id) for asked in questions})
    named = {(asked.account_id, fqdn) for asked in questions for fqdn in wanted(asked.names, policy).domains}
    await lock_domains(tx, needed | named)
    await lock_validations(tx, policy, named)


async def _needed_by(tx: AsyncSession, keys: Collection[NeedKey]) -> set[DomainKey]:
    await lock_all(tx, OrderNeed, keys)
    needs = [await locked_or_none(tx, OrderNeed, key) for key in keys]
    return {(need.account_id, name) for need in needs if need for name in need.names}


async def make_domains(tx: AsyncSession, keys: Collection[DomainKey]) -> None:
    connection = await tx.connection()
    columns = [account for account, _ in keys], [name for _, name in keys]
    await connection.exec_driver_sql(MAKE_DOMAINS, columns)


async def have_domains(tx: AsyncSession, keys: Collection[DomainKey]) -> None:
    """Locked, and made where they were not there."""
    remembered = tx.info.setdefault(("locked", Domain), {})
    missing = [key for key in keys if remembered.get(key) is None]
    if missing:
        await make_domains(tx, missing)
        for key in missing:
            remembered.pop(key, None)
    await lock_domains(tx, keys)


async def lock_domains(tx: AsyncSession, keys: Iterable[DomainKey]) -> None:
    """The domains and their open attempts."""
    wanted_keys = set(keys)
    await lock_all(tx, Domain, wanted_keys)
    domains = [await locked_or_none(tx, Domain, key) for key in wanted_keys]
    await lock_all(tx, Attempt, {domain.pending_id for domain in domains if domain and domain.pending_id})


async def lock_mails(tx: AsyncSession, keys: Iterable[DomainKey]) -> None:
    """Of the open attempts of these domains, which are locked already."""
    domains = [await locked_or_none(tx, Domain, key) for key in set(keys)]
    pending = [domain.pending_id for domain in domains if domain and domain.pending_id]
    attempts = [await locked_or_none(tx, Attempt, attempt_id) for attempt_id in pending]
    await _lock_mails(tx, {attempt.token_id for attempt in attempts if attempt and attempt.method == EMAIL})


async def locked_mails(tx: AsyncSession, token_id: UUID) -> list[DcvMail]:
    """With the row that they were written for."""
    await _lock_mails(tx, {token_id})
    found: dict[UUID, list[DcvMail]] = tx.info["mails of tokens"]
    return found[token_id]


async def _lock_mails(tx: AsyncSession, token_ids: set[UUID]) -> None:
    kept: dict[UUID, list[DcvMail]] = tx.info.setdefault("mails of tokens", {})
    missing = token_ids - kept.keys()
    if not missing:
        return
    kept |= {token_id: [] for token_id in missing}
    await lock_all(tx, Mailing, missing)
    rows = await tx.scalars(select(DcvMail).where(DcvMail.token_id.in_(missing)).order_by(DcvMail.id).with_for_update())
    for row in rows:
        kept[row.token_id].append(row)


async def lock_values(tx: AsyncSession, values: Iterable[tuple[int, str, str]]) -> None:
    await lock_all(tx, RandomValue, {(account, name, fingerprint(value)) for account, name, value in values})


async def lock_validations(tx: AsyncSession, policy: Policy, names: Iterable[DomainKey]) -> None:
    keys = {key for account_id, fqdn in names for key in validation_keys(policy, account_id, Name(fqdn))}
    await lock_all(tx, Validation, keys)


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


async def lock_due_domains(
    tx: AsyncSession, due_at: InstrumentedAttribute[Any], now: datetime, limit: int
) -> Sequence[Domain]:
    """The oldest first; those that another worker has are left to it."""
    due = select(Domain).where(due_at <= now).order_by(due_at).limit(limit)
    domains = (await tx.scalars(due.with_for_update(skip_locked=True))).all()
    remember_locked(tx, Domain, {domain.key: domain for domain in domains})
    return domains
