"""What may go into one payment: invoices of one seller, whose bank gets the money, and where divisions have funds of
their own of one division."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Purse, Receivable
from services.billing.queries.balance import purse_behind, visible_division
from services.billing.rules import is_number
from shared.access import Caller
from shared.errors import NotFound, Rejected

MOST = 400  # on a page: a form may have 1,000 fields, and each invoice takes two
CHOICES = 200  # divisions in a list; whoever has more says the number
SELLERS = 9  # their numbers are 1 to 9, as CertCentral's receipts say them


@dataclass(frozen=True)
class Payable:
    account: Account
    purse: Purse
    division: Division | None  # none: of every division that the caller may see
    divisions: tuple[int, ...]  # none: of all
    entity_id: int
    sellers: Sequence[int]

    @property
    def where(self) -> ColumnElement[bool]:
        return and_(_scope(self.account.id, self.divisions), Receivable.entity_id == self.entity_id)

    def from_funds(self, rows: Sequence[Receivable]) -> int | None:
        """The balance, where it is enough for a monthly invoice among them."""
        ours = (one.due for one in rows if one.extends_credit and one.money_of == self.purse.division_id)
        return self.purse.own.balance if any(due <= self.purse.own.balance for due in ours) else None


def _scope(account_id: int, divisions: tuple[int, ...]) -> ColumnElement[bool]:
    """By one index or the other: the account's, or its divisions'."""
    within = Receivable.division_id.in_(divisions) if divisions else Receivable.account_id == account_id
    return and_(within, Receivable.is_open)


async def payable(
    tx: AsyncSession, caller: Caller, container_id: int | None, entity_id: int | None, named: Sequence[int] = ()
) -> Payable | None:
    """Of the division and the seller that are asked for, or of the first invoice that is named; else of the top-level
    division, or of all where funds are shared, and of who sold what is due first. None while billing does not know the
    account."""
    account = await tx.get(Account, caller.account_id)
    first = await _first(tx, caller, named) if named else None
    if first and container_id is None:
        container_id, entity_id = first.division_id, first.entity_id
    division = await _chosen(tx, caller, account, container_id) if account else None
    if account is None or division is None:
        return None
    purse = await purse_behind(tx, division)
    one = purse.top.separate or (container_id is not None and not named)
    divisions = (division.id,) if one else caller.divisions
    due = await _first_due(tx, _scope(account.id, divisions))
    if entity_id not in due:
        entity_id = min(due, key=lambda number: (due[number], number), default=0)
    return Payable(account, purse, division if one else None, divisions, entity_id, list(due))


async def _first(tx: AsyncSession, caller: Caller, named: Sequence[int]) -> Receivable | None:
    """Of those that are named and still unpaid."""
    within = Receivable.division_id.in_(caller.divisions) if caller.divisions else true()
    query = select(Receivable).where(Receivable.invoice_id.in_(named), Receivable.is_open, within)
    query = query.where(Receivable.account_id == caller.account_id)
    return (await tx.scalars(query.order_by(Receivable.due_on, Receivable.invoice_id).limit(1))).first()


async def _chosen(tx: AsyncSession, caller: Caller, account: Account, container_id: int | None) -> Division | None:
    if container_id is not None:
        division = await visible_division(tx, caller, container_id)
        if division.account_id != account.id:
            raise NotFound(f"There is no container {container_id} in your account.", "not_found|container")
        return division
    if account.top_division_id and caller.may_see_division(account.top_division_id):
        return await tx.get(Division, account.top_division_id)
    mine = select(Division).where(Division.account_id == account.id, Division.id.in_(caller.divisions))
    return (await tx.scalars(mine.order_by(Division.name, Division.id).limit(1))).first()


async def _first_due(tx: AsyncSession, where: ColumnElement[bool]) -> dict[int, date]:
    """Seller → when the first of what it asks for is due. Each is one look into an index, however much is unpaid."""
    numbers = func.generate_series(1, SELLERS).table_valued("number").render_derived()
    first = select(func.min(Receivable.due_on)).where(where, Receivable.entity_id == numbers.c.number).scalar_subquery()
    rows = await tx.execute(select(numbers.c.number, first.label("due_on")).order_by(numbers.c.number))
    return {row.number: row.due_on for row in rows if row.due_on}


async def owing_divisions(tx: AsyncSession, caller: Caller, account: Account) -> list[Division]:
    """Whose invoices may be chosen: the top-level one first, then every one that has something unpaid."""
    owed = select(1).where(Receivable.division_id == Division.id, Receivable.is_open).exists()
    seen = Division.id.in_(caller.divisions) if caller.divisions else true()
    query = select(Division).where(
        Division.account_id == account.id, seen, or_(owed, Division.id == account.top_division_id)
    )
    by_name = (Division.id != account.top_division_id, Division.name, Division.id)
    return list(await tx.scalars(query.order_by(*by_name).limit(CHOICES + 1)))


async def unpaid(tx: AsyncSession, of: Payable, after: str = "") -> Sequence[Receivable]:
    """The oldest due first, which is how money without an instruction is allocated too."""
    later: Any = tuple_(Receivable.due_on, Receivable.invoice_id) > tuple_(*_place(after)) if after else true()
    query = select(Receivable).where(of.where, later).order_by(Receivable.due_on, Receivable.invoice_id)
    return (await tx.scalars(query.limit(MOST))).all()


async def among(tx: AsyncSession, of: Payable, invoice_ids: Sequence[int]) -> Sequence[Receivable]:
    query = select(Receivable).where(of.where, Receivable.invoice_id.in_(invoice_ids))
    return (await tx.scalars(query.order_by(Receivable.due_on, Receivable.invoice_id))).all()


def place_of(row: Receivable) -> str:
    return f"{row.due_on}.{row.invoice_id}"


def _place(text: str) -> tuple[date, int]:
    day, _, number = text.partition(".")
    try:
        if is_number(number, 18):
            return date.fromisoformat(day), int(number)
    except ValueError:
        pass
    raise Rejected("This is no page of the list; open the first one.")


async def refuse_unseen(tx: AsyncSession, caller: Caller, invoice_ids: Sequence[int]) -> None:
    """An invoice of a division that the caller may not see does not exist for the caller."""
    if caller.is_operator or not caller.divisions:
        return
    query = select(Receivable.invoice_id).where(
        Receivable.invoice_id.in_(invoice_ids), Receivable.division_id.not_in(caller.divisions)
    )
    if hidden := (await tx.scalars(query.limit(1))).first():
        raise NotFound(f"There is no invoice {hidden} to pay in this account; check its id.", "not_found|invoice")
