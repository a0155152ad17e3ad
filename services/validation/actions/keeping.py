"""The domains of an account: added, switched off and on, and taken away."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import close, pending_of
from services.validation.actions.submitting import Asking, Submission, submit_domain
from services.validation.models import Domain, Validation
from services.validation.queries import DomainKey, have_domains, lock_domains
from services.validation.rules.choosing import choose
from services.validation.rules.kept_name import kept_name
from services.validation.rules.methods import METHODS
from services.validation.rules.names import Name, intake
from shared.db import lock_all, locked, locked_or_none
from shared.errors import Conflict


@dataclass(frozen=True, slots=True)
class Wish:
    name: str
    division_id: int | None = None
    organization_id: int | None = None
    method: str | None = None
    types: tuple[str, ...] = ()
    keep_www: bool = False


async def add_domain(tx: AsyncSession, asking: Asking, account_id: int, wish: Wish) -> tuple[Domain, Submission | None]:
    """One the account has already is that one. With a method it is submitted at once."""
    name = name_of(asking, wish)
    if wish.method:
        choose(wish.method, None, [name.certified], asking.policy, asking.now)
    key = account_id, name.fqdn
    await have_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    domain.describe(wish.division_id, wish.organization_id, wish.keep_www, wish.types)
    submission = await submit_domain(tx, asking, key, wish.method, wish.types) if wish.method else None
    return domain, submission


def name_of(asking: Asking, wish: Wish) -> Name:
    """Raises BadName with what is wrong with it."""
    policy = asking.policy
    given = intake(wish.name, policy.suffixes, policy.blocked)
    return kept_name(given, wish.method, wish.keep_www, policy.suffixes)


async def deactivate_domain(tx: AsyncSession, asking: Asking, key: DomainKey) -> Domain:
    """Nothing is issued for it, and what was proven before serves no name below it either, until it is activated."""
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    if domain.deactivate(asking.now):
        await _stop(tx, asking, domain, "deactivated")
        for row in await _proven_here(tx, key):
            row.withdraw(asking.now)
    return domain


async def activate_domain(tx: AsyncSession, asking: Asking, key: DomainKey) -> Domain:
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    if domain.activate():
        domain.remind_at = asking.now if domain.current_key else None
        for row in await _proven_here(tx, key):
            row.restore()
    return domain


async def delete_domain(tx: AsyncSession, asking: Asking, key: DomainKey) -> None:
    """Evidence and closed attempts stay (EV8); added again it begins anew."""
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    if domain.needs:
        raise Conflict(f"An open order needs {domain.name}; cancel the order first, or deactivate the domain.")
    await _stop(tx, asking, domain, "deleted")
    for row in await _proven_here(tx, key):
        row.withdraw(asking.now)
    await tx.flush()
    await tx.delete(domain)


async def _stop(tx: AsyncSession, asking: Asking, domain: Domain, why: str) -> None:
    if pending := await pending_of(tx, domain):
        close(tx, domain, pending, why, asking.now, asking.by)


async def _proven_here(tx: AsyncSession, key: DomainKey) -> list[Validation]:
    keys = [(*key, section) for section in METHODS]
    await lock_all(tx, Validation, keys)
    return [row for one in keys if (row := await locked_or_none(tx, Validation, one))]
