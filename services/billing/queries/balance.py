from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Funds
from shared.access import Caller
from shared.errors import NotFound, Rejected

MOST = 1000


async def visible_division(tx: AsyncSession, caller: Caller, container_id: int | None) -> Division:
    """The division asked for, or the account's only one. Another account's division does not exist for the caller."""
    if container_id is None:
        return await _only_division(tx, caller)
    division = await tx.get(Division, container_id)
    if division is None or not caller.may_see(division.account_id, division.id):
        raise NotFound(f"There is no container {container_id} that you may see; check its id.", "not_found|container")
    return division


async def divisions_shown(tx: AsyncSession, caller: Caller, limit: int) -> list[Division]:
    """Those of the caller to choose from, the top-level one first."""
    query = select(Division).join(Account, Account.id == Division.account_id)
    query = query.where(Division.account_id == caller.account_id)
    if caller.divisions:
        query = query.where(Division.id.in_(caller.divisions))
    by_name = (Account.top_division_id != Division.id, Division.name, Division.id)
    return list(await tx.scalars(query.order_by(*by_name).limit(limit)))


async def _only_division(tx: AsyncSession, caller: Caller) -> Division:
    if caller.is_operator:
        raise Rejected("Say which division: as an operator you see those of every account by their container_id.")
    rows = (await tx.scalars(select(Division).where(Division.account_id == caller.account_id).limit(2))).all()
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise NotFound("Billing does not know your account yet; try again in a moment.", "not_found|container")
    raise Rejected("Say which division: container_id is needed as soon as an account has more than one.")


async def funds_behind(tx: AsyncSession, division: Division) -> Funds:
    """Without separate division funds every division spends the top-level one's."""
    query = (
        select(Funds)
        .join(Account, Account.top_division_id == Funds.division_id)
        .where(Account.id == division.account_id, Funds.account_id == Account.id)
    )
    funds = (await tx.scalars(query)).first()
    if funds is None:
        raise NotFound(f"The account of container {division.id} has no funds of its own here.", "not_found|container")
    return funds


async def account_funds(tx: AsyncSession, account_id: int) -> Funds | None:
    own = (Account.top_division_id == Funds.division_id) & (Account.id == Funds.account_id)
    query = select(Funds).join(Account, own).where(Account.id == account_id)
    return (await tx.scalars(query)).first()


async def visible_divisions(tx: AsyncSession, caller: Caller) -> Sequence[Division]:
    """Of the caller's account."""
    query = select(Division).where(Division.account_id == caller.account_id).order_by(Division.name, Division.id)
    return [one for one in await tx.scalars(query.limit(MOST)) if caller.may_see_division(one.id)]
