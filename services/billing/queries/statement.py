"""A division over a period, in two parts: its funds, and its invoices on account. Each is a run of places in a history,
so earlier periods never change, and both close with what View balance said at that instant."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Funds, Posting
from services.billing.queries import history, invoices_on_account, payment_requests
from services.billing.queries.balance import history_funds, purse_behind, visible_division
from services.billing.queries.catalogue import catalogue
from services.billing.queries.finance import may_read_finance
from services.billing.queries.history import Entry
from services.billing.queries.invoices_on_account import Due, InvoicesOnAccount
from services.billing.queries.papers import buyer_printed
from services.billing.queries.payment_requests import PaymentRequest
from services.billing.queries.periods import OF_FUNDS, places
from services.billing.rules import Age, Period, Point, SellerRow
from shared.access import Caller
from shared.db import Database
from shared.errors import NotFound

PAGE = 1000
PDF_LONGEST = 1_000
XLSX_LONGEST = 100_000
DRAWN = 300  # points of a chart
T = TypeVar("T")


@dataclass(frozen=True)
class Statement:
    division: Division
    funds: Funds
    funds_name: str
    period: Period
    after: int  # the place before the first row
    last: int
    opening: int
    closing: int
    now: datetime
    invoices: InvoicesOnAccount
    asked: Mapping[str, Any]  # which payment requests
    asked_count: int

    @property
    def is_over(self) -> bool:
        return self.period.is_over(self.now)

    @property
    def count(self) -> int:
        return self.last - self.after

    @property
    def length(self) -> int:
        """Rows of both parts and of what stands below them."""
        return self.count + self.invoices.count + self.asked_count

    @property
    def aged_on(self) -> date:
        """The day of the statement's last instant."""
        return self.period.last if self.is_over else self.now.date()

    @property
    def is_shared(self) -> bool:
        """The division spends the money of another one."""
        return self.funds.division_id != self.division.id


async def statement(
    tx: AsyncSession, caller: Caller, container_id: int | None, period: Period, now: datetime, own: bool = False
) -> Statement:
    may_read_finance(caller)
    division = await visible_division(tx, caller, container_id)
    funds, purse = await history_funds(tx, division, own), await purse_behind(tx, division)
    named = await tx.get(Division, funds.division_id)
    after, last = await places(tx, OF_FUNDS, funds.division_id, funds.seq, [period.start, period.end])
    opening, closing = await _balances(tx, funds, after, last)
    invoices = await invoices_on_account.invoices_on_account(tx, funds, period.start, period.end)
    asked = payment_requests.asked(caller, funds, own or purse.top.separate, period.start, period.end)
    count = await payment_requests.count(tx, asked)
    return Statement(
        division, funds, named.name if named else "", period, after, last, opening, closing, now, invoices, asked, count
    )


async def _balances(tx: AsyncSession, funds: Funds, *places: int) -> list[int]:
    """0 before the first row."""
    query = select(Posting.seq, Posting.balance_after).where(
        Posting.division_id == funds.division_id, Posting.seq.in_(places)
    )
    found = {row.seq: row.balance_after or 0 for row in await tx.execute(query)}
    return [found.get(place, 0) for place in places]


@dataclass(frozen=True)
class Course:
    """How the balance went, in few points; and what came in and went out."""

    points: Sequence[Point]
    debit: int
    credit: int

    @property
    def lowest(self) -> int | None:
        return min((point.low for point in self.points), default=None)


COURSE = text("""
SELECT j.at, run.low, run.high, p.balance_after AS balance, run.debit, run.credit FROM (
  SELECT max(seq) AS last, min(balance_after) AS low, max(balance_after) AS high,
         coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS debit,
         coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS credit
  FROM posting WHERE division_id = :division AND seq > :after AND seq <= :last GROUP BY (seq - :after - 1) / :size
) AS run JOIN posting AS p ON p.division_id = :division AND p.seq = run.last AND p.seq > :after AND p.seq <= :last
JOIN journal AS j ON j.id = p.journal_id
ORDER BY run.last
""")


async def course(tx: AsyncSession, of: Statement) -> Course:
    size = max(1, -(-of.count // DRAWN))
    values = {"division": of.funds.division_id, "after": of.after, "last": of.last, "size": size}
    rows = (await tx.execute(COURSE, values)).all()
    points = [Point(row.at, row.low, row.high, row.balance) for row in rows]
    return Course(points, int(sum(row.debit for row in rows)), int(sum(row.credit for row in rows)))


async def rows_of(tx: AsyncSession, caller: Caller, of: Statement, skip: int, limit: int) -> list[Entry]:
    """An offset is a place: the last page costs what the first one does."""
    return await history.run(tx, caller, of.funds.division_id, of.after + skip, of.last, limit)


async def dues_of(tx: AsyncSession, caller: Caller, of: Statement, skip: int, limit: int) -> list[Due]:
    return await invoices_on_account.rows_of(tx, caller, of.invoices, skip, limit)


async def requests_of(tx: AsyncSession, caller: Caller, of: Statement, skip: int, limit: int) -> list[PaymentRequest]:
    return await payment_requests.payment_requests(tx, of.asked, skip, limit)


Read = Callable[[AsyncSession, Caller, Statement, int, int], Awaitable[list[T]]]


async def pages(db: Database, caller: Caller, of: Statement, read: Read[T], count: int) -> AsyncIterator[list[T]]:
    """Every row, a page at a time, each in a transaction of its own: rows never change, so nothing is held for long."""
    for skip in range(0, count, PAGE):
        async with db.transaction() as tx:
            found = await read(tx, caller, of, skip, PAGE)
        yield found


@dataclass(frozen=True)
class Owing:
    """What the rows of the second part come to, and how long its closing due has been due."""

    debit: int
    credit: int
    aging: Sequence[tuple[Age, int]]


async def owing(tx: AsyncSession, of: Statement) -> Owing:
    debit, credit = await invoices_on_account.totals(tx, of.invoices)
    return Owing(debit, credit, await invoices_on_account.aged(tx, of.invoices, of.aged_on))


async def parties(tx: AsyncSession, of: Statement, now: datetime) -> tuple[Any, Any]:
    """The customer as printed, and the selling entity that serves it, if there is one."""
    account = await tx.get(Account, of.funds.account_id)
    if account is None:
        raise NotFound(f"The account of container {of.division.id} is not known here.", "not_found|container")
    given = ("name", "legal_name", "address", "vat_number", "buyer_reference")
    buyer = {name: getattr(account, name) for name in given} | {"address": account.address_for(of.division)}
    return buyer_printed(buyer), await seller_printed(tx, account, now, of.division)


async def seller_printed(
    tx: AsyncSession, account: Account, now: datetime, division: Division | None = None
) -> dict[str, Any] | None:
    found = await seller_of(tx, account, now, division)
    return found.printed if found else None


async def seller_of(
    tx: AsyncSession, account: Account, now: datetime, division: Division | None = None
) -> SellerRow | None:
    address = account.address_for(division)
    if not address:
        return None
    found = (await catalogue(tx)).seller(address["country"], account.currency, now.date())
    return found if isinstance(found, SellerRow) else None
