"""Who may see and change domains (design 8, certcentral-api 2.2)."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Division, Domain
from shared.access import SERVICE, Caller
from shared.errors import Denied, NotFound, Rejected

ROLES = ("administrator", "manager", "standard_user", "operator", SERVICE)
ORDERS_ONLY = 100


def require_domains(caller: Caller) -> None:
    if caller.role not in ROLES:
        said = caller.role.replace("_", " ")
        raise Denied(f"The role {said} may not work with domains; ask an administrator of your account.")
    if caller.key_role == ORDERS_ONLY:
        raise Denied("This API key is for orders only; use one that may work with domains too.")


def _is_staff(caller: Caller) -> bool:
    return caller.is_operator or caller.role == SERVICE


def scope(caller: Caller, model: type[Domain] = Domain) -> ColumnElement[bool]:
    require_domains(caller)
    names = model.refused_at.is_(None)
    if _is_staff(caller):
        return names
    own = and_(names, model.account_id == caller.account_id)
    return and_(own, model.division_id.in_(caller.divisions)) if caller.divisions else own


async def visible_domain(tx: AsyncSession, caller: Caller, domain_id: int) -> Domain:
    found = (await tx.scalars(select(Domain).where(Domain.id == domain_id, scope(caller)))).first()
    if found is None:
        raise NotFound(f"There is no domain {domain_id} that you may see; check its id.", "not_found|domain")
    return found


async def visible_domains(tx: AsyncSession, caller: Caller, domain_ids: Collection[int]) -> Sequence[Domain]:
    query = select(Domain).where(Domain.id.in_(domain_ids), scope(caller))
    return (await tx.scalars(query.order_by(Domain.account_id, Domain.name))).all()


async def require_own(tx: AsyncSession, caller: Caller, account_id: int, name: str) -> None:
    """A name that another division has is said to be there: else it could never be used, and nobody would know why."""
    require_domains(caller)
    domain = await tx.get(Domain, (account_id, name))
    if domain and not caller.may_see(account_id, domain.division_id or 0):
        raise Denied(f"Another division of your account has {name}; ask an administrator of your account.")


def account_of(caller: Caller, account_id: int | None) -> int:
    """Staff say whose account is meant."""
    if not (_is_staff(caller)):
        return caller.account_id
    if account_id is None:
        raise Rejected("Say for which account: send account_id.")
    return account_id


async def division_for(tx: AsyncSession, caller: Caller, account_id: int, wanted: int | None) -> int | None:
    """Where a new domain goes: the division that is named, else the caller's first, else the account's first."""
    require_domains(caller)
    if wanted is None and caller.divisions and not caller.is_operator:
        return min(caller.divisions)
    query = select(Division.id).where(Division.account_id == account_id)
    query = query.where(Division.id == wanted) if wanted else query.order_by(Division.id).limit(1)
    found = await tx.scalar(query)
    if wanted and (found is None or not caller.may_see(account_id, wanted)):
        raise NotFound(f"There is no container {wanted} that you may see; check its id.", "not_found|container")
    return found
