"""An account's finances by division."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Funds, Purse, Receivable
from services.billing.queries.balance import account_funds
from services.billing.queries.finance import may_read_finance
from shared.access import Caller
from shared.errors import NotFound


@dataclass(frozen=True)
class Due:
    """Of open invoices, payment requests among them."""

    count: int = 0
    amount: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class Row:
    division: Division
    purse: Purse | None  # none where it shares the account's
    due: Due


async def account_of(tx: AsyncSession, caller: Caller, account_id: int | None) -> tuple[Account, Funds]:
    """The caller's own, or for staff the one that is named."""
    may_read_finance(caller)
    wanted = account_id if caller.is_operator else caller.account_id
    account = await tx.get(Account, wanted) if wanted else None
    funds = await account_funds(tx, account.id) if account else None
    if account is None or funds is None:
        raise NotFound(f"There is no account {wanted} with funds here; check its number.", "not_found|account")
    return account, funds


async def is_separate(tx: AsyncSession, caller: Caller) -> bool:
    funds = None if caller.is_operator else await account_funds(tx, caller.account_id)
    return bool(funds and funds.separate)


async def summary(
    tx: AsyncSession, caller: Caller, account: Account, top: Funds, limit: int, after: int | None = None
) -> list[Row]:
    """By name; `after`: the last division of the page before. Three queries, however many divisions."""
    divisions = await _page(tx, caller, account, limit, after)
    ids = [one.id for one in divisions]
    funds = {row.division_id: row for row in await tx.scalars(select(Funds).where(Funds.division_id.in_(ids)))}
    due = await due_by_division(tx, ids)
    return [Row(one, _purse(funds.get(one.id), top), due.get(one.id, Due())) for one in divisions]


async def _page(
    tx: AsyncSession, caller: Caller, account: Account, limit: int, after: int | None
) -> Sequence[Division]:
    place = select(Division.name, Division.id).where(Division.id == after, Division.account_id == account.id)
    query = select(Division).where(
        Division.account_id == account.id,
        Division.id.in_(caller.divisions) if caller.divisions else true(),
        tuple_(Division.name, Division.id) > place.scalar_subquery() if after else true(),
    )
    return (await tx.scalars(query.order_by(Division.name, Division.id).limit(limit))).all()


def _purse(own: Funds | None, top: Funds) -> Purse | None:
    return Purse(own, top) if own and (top.separate or own.division_id == top.division_id) else None


async def due_by_division(tx: AsyncSession, division_ids: Sequence[int]) -> dict[int, Due]:
    late = func.coalesce(func.sum(Receivable.due).filter(Receivable.due_on < func.current_date()), 0)
    query = select(Receivable.division_id, func.count(), func.sum(Receivable.due), late).where(
        Receivable.division_id.in_(division_ids), Receivable.is_open
    )
    rows = await tx.execute(query.group_by(Receivable.division_id))
    return {key: Due(count, int(amount), int(overdue)) for key, count, amount, overdue in rows}


async def others_to_fund(tx: AsyncSession, caller: Caller, division: Division, limit: int) -> Sequence[Division]:
    """Where its funds may be transferred to."""
    query = select(Division).where(
        Division.account_id == division.account_id,
        Division.id != division.id,
        Division.id.in_(caller.divisions) if caller.divisions else true(),
    )
    return (await tx.scalars(query.order_by(Division.name, Division.id).limit(limit))).all()
