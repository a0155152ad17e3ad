"""Period close: the months, how far each is, and what keeps a division from being invoiced."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.models import PeriodClose
from services.billing.queries import closing
from services.billing.rules import Period, month_named, month_of
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, NotFound
from shared.web import CsrfChecked, Tx, now, page, page_operator

router = APIRouter(prefix="/finance/periods", include_in_schema=False)
PAGE = 50
LOOK_AGAIN = "2"  # seconds; a page that runs looks again by itself, without a script
Operator = Annotated[Caller, Depends(page_operator)]


@router.get("")
async def listed(request: Request, tx: Tx, who: Operator, before: Annotated[str, Query(max_length=7)] = "") -> Response:
    return await _listed(request, tx, before)


async def _listed(request: Request, tx: Tx, before: str = "", refused: DomainError | None = None) -> Response:
    rows = await closing.periods(tx, PAGE, month_named(before).first if before else None)
    answer = page(
        request, "periods.html", refused.status if refused else 200, rows=await _months(tx, rows), due=await _due(tx),
        next=_named(rows[-1]) if len(rows) == PAGE else "", first=bool(before),
        error=refused.message if refused else "",
    )  # fmt: skip
    return _looking_again(answer, any(not row.is_finished for row in rows))


def _looking_again(answer: Response, is_running: bool) -> Response:
    if is_running:
        answer.headers["Refresh"] = LOOK_AGAIN
    return answer


async def _due(tx: Tx) -> dict[str, Any] | None:
    """The month that comes next; `waits_for`: one that is still being closed."""
    last = await closing.last_closed(tx)
    month = await closing.next_month(tx, last)
    if month is None:
        return None
    waits_for = month_of(last.first_day) if last and not last.is_finished else None
    return {"month": month, "name": f"{month.first:%Y-%m}", "is_over": month.is_over(now()), "waits_for": waits_for}


async def _months(tx: Tx, rows: Any) -> list[dict[str, Any]]:
    days = [row.first_day for row in rows]
    parked, totals = await closing.parked_counts(tx, days), await closing.totals(tx, days)
    return [_month(row, parked.get(row.first_day, 0), totals[row.first_day]) for row in rows]


def _month(row: PeriodClose, parked: int, totals: Any) -> dict[str, Any]:
    """A share is of what is listed so far, and of it nothing is said before all is listed."""
    return {
        "name": _named(row),
        "month": month_of(row.first_day),
        "state": "running" if not row.is_finished else "parked" if parked else "closed",
        "listed": row.listed,
        "all_listed": row.listed_at is not None,
        "worked_off": row.done + parked,
        "done": row.done,
        "parked": parked,
        "totals": totals,
        "started_at": row.started_at,
        "started_by": row.started_by,
        "finished_at": row.finished_at,
    }


def _named(row: PeriodClose) -> str:
    return f"{row.first_day:%Y-%m}"


@router.get("/{name}")
async def shown(request: Request, tx: Tx, who: Operator, name: str, after: int = 0) -> Response:
    there = await _there(tx, month_named(name))
    [month] = await _months(tx, [there])
    parked = await closing.parked(tx, there.first_day, after, PAGE)
    answer = page(
        request, "period.html", one=month, parked=parked, first=bool(after),
        after=parked[-1].division_id if len(parked) == PAGE else None,
    )  # fmt: skip
    return _looking_again(answer, not there.is_finished)


async def _there(tx: Tx, month: Period) -> PeriodClose:
    there = await tx.get(PeriodClose, month.first)
    if there is None:
        raise NotFound(f"{month} was not closed yet; close it from the list of months.", "not_found|period")
    return there


@router.post("/{name}/close", dependencies=[CsrfChecked])
async def close(request: Request, tx: Tx, who: Operator, name: str) -> Response:
    try:
        async with attempt(tx):
            await _close(tx, name, who, now())
    except DomainError as refused:
        return await _listed(request, tx, refused=refused)
    return RedirectResponse(f"/finance/periods/{name}", 303)


async def _close(tx: Tx, name: str, who: Caller, at: datetime) -> None:
    await actions.close_period(tx, month_named(name).first, who.email, at)
