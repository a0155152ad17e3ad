from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Funds, Purse
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


async def purse_behind(tx: AsyncSession, division: Division) -> Purse:
    """What the division spends, read in one moment and without a lock."""
    rows = {row.division_id: row for row in await tx.scalars(OF_DIVISION, {"division": division.id})}
    top = next((row for key, row in rows.items() if key != division.id), rows.get(division.id))
    if top is None or top.account_id != division.account_id:
        raise NotFound(f"The account of container {division.id} has no funds of its own here.", "not_found|container")
    own = rows.get(division.id) if top.separate else None
    return Purse(own or top, top)


async def former_funds(tx: AsyncSession, division: Division) -> Funds | None:
    """The division's own row, where it has a history that its purse does not show: of the time before funds were
    shared again."""
    purse = await purse_behind(tx, division)
    if purse.division_id == division.id:
        return None
    row = await tx.get(Funds, division.id)
    return row if row and row.account_id == division.account_id and row.seq else None


async def history_funds(tx: AsyncSession, division: Division, own: bool) -> Funds:
    """What the division spends; `own`: what it had of its own, even where it shares another's today."""
    if not own:
        return (await purse_behind(tx, division)).own
    purse, former = await purse_behind(tx, division), await former_funds(tx, division)
    if former is None and purse.division_id != division.id:
        raise NotFound(
            f"{division.name} never had funds of its own; leave «own» out to see the funds that it shares.",
            "not_found|container",
        )
    return former or purse.own


# The division's own row, and the top-level one's of its account.
OF_DIVISION = (
    select(Funds)
    .join(Division, Division.id == bindparam("division"))
    .join(Account, Account.id == Division.account_id)
    .where(or_(Funds.division_id == Division.id, Funds.division_id == Account.top_division_id))
    .where(Funds.account_id == Account.id)
)


async def account_funds(tx: AsyncSession, account_id: int) -> Funds | None:
    """The row of its top-level division."""
    own = (Account.top_division_id == Funds.division_id) & (Account.id == Funds.account_id)
    query = select(Funds).join(Account, own).where(Account.id == account_id)
    return (await tx.scalars(query)).first()


async def visible_divisions(tx: AsyncSession, caller: Caller) -> Sequence[Division]:
    """Of the caller's account."""
    query = select(Division).where(Division.account_id == caller.account_id).order_by(Division.name, Division.id)
    return [one for one in await tx.scalars(query.limit(MOST)) if caller.may_see_division(one.id)]


async def divisions_of(tx: AsyncSession, account: Account) -> Sequence[Division]:
    """The top-level one first."""
    query = select(Division).where(Division.account_id == account.id)
    by_name = (Division.id != account.top_division_id, Division.name, Division.id)
    return (await tx.scalars(query.order_by(*by_name).limit(MOST))).all()
