from datetime import date
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.api.answers import without_none
from services.billing.api.exact import finance_router
from services.billing.models import PeriodClose
from services.billing.queries import closing, documents
from services.billing.rules import month_named, printed
from shared.access import Caller
from shared.errors import Denied
from shared.web import Tx, now, operator

router = finance_router()
PARKED_SHOWN = 100
MONTHS_SHOWN = 1000


async def _staff(who: Annotated[Caller, Depends(operator)]) -> Caller:
    if who.key_role in documents.ORDER_KEYS:
        raise Denied("This API key is for orders only; use one that may work with finances.")
    return who


Staff = Annotated[Caller, Depends(_staff)]


@router.get("/period")
async def list_all(tx: Tx, who: Staff) -> dict[str, Any]:
    """Months that were closed or are being closed, the newest first."""
    rows = await closing.periods(tx, MONTHS_SHOWN)
    days = [row.first_day for row in rows]
    parked, totals = await closing.parked_counts(tx, days), await closing.totals(tx, days)
    found = [_shown(row, parked.get(row.first_day, 0), totals[row.first_day]) for row in rows]
    return {"periods": found, "page": {"total": len(found), "limit": MONTHS_SHOWN, "offset": 0}}


@router.post("/period/{month}/close")
async def close(tx: Tx, who: Staff, month: str) -> JSONResponse:
    """Answers at once; the service works it off, and `GET` of the month tells how far it is. A month that was closed
    before is answered with its result, so that no Idempotency-Key is needed."""
    there = await actions.close_period(tx, month_named(month).first, who.email, now())
    return JSONResponse(await _with_parked(tx, there), 200 if there.is_finished else 202)


@router.get("/period/{month}")
async def view(tx: Tx, who: Staff, month: str) -> dict[str, Any]:
    first_day = month_named(month).first
    there = await tx.get(PeriodClose, first_day)
    return await _with_parked(tx, there) if there else {"period": month, "status": "open"}


async def _with_parked(tx: Tx, there: PeriodClose) -> dict[str, Any]:
    day = there.first_day
    count = (await closing.parked_counts(tx, [day])).get(day, 0)
    shown = _shown(there, count, (await closing.totals(tx, [day]))[day])
    return shown | {"parked": [_parked(row) for row in await closing.parked(tx, day, 0, PARKED_SHOWN)]}


def _shown(row: PeriodClose, parked: int, totals: Any) -> dict[str, Any]:
    told = {
        "period": _named(row.first_day),
        "status": "closed" if row.is_finished else "running",
        "all_listed": row.listed_at is not None,
        "divisions": {"listed": row.listed, "done": row.done, "parked": parked},
        "invoices": [_total(one) for one in totals],
        "started_at": row.started_at.isoformat(timespec="seconds"),
        "started_by": row.started_by,
        "finished_at": row.finished_at and row.finished_at.isoformat(timespec="seconds"),
    }
    return without_none(told)


def _named(first_day: date) -> str:
    return f"{first_day:%Y-%m}"


def _total(row: Any) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "currency": row.currency,
        "count": row.invoices,
        "total_amount": printed(row.total, row.currency),
    }


def _parked(row: Any) -> dict[str, Any]:
    return {
        "account": {"id": row.account_id, "name": row.account},
        "container": {"id": row.division_id, "name": row.division, "is_active": True},
        "message": row.failure,
    }
