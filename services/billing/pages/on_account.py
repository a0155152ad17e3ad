"""What is used on account and not invoiced yet, and what a division has subscribed to."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing.models import Division, Usage
from services.billing.queries import balance, finance, on_account, subscriptions
from shared.access import Caller
from shared.errors import Denied, DomainError
from shared.events.orders import SOURCE as OURS
from shared.listing import Listing
from shared.web import PageUser, Tx, now, page

router = APIRouter(prefix="/finance/on-account", include_in_schema=False)
PAGE, SUBSCRIPTIONS, CHOICES = 50, 50, 200


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, container_id: Annotated[str, Query(pattern=r"^[0-9]{0,10}$")] = "",
    before: int | None = None,
) -> Response:  # fmt: skip
    finance.may_read_finance(caller)
    divisions = [] if caller.is_operator else await balance.divisions_shown(tx, caller, CHOICES)
    if not container_id and divisions:
        container_id = str(divisions[0].id)
    shown: dict[str, Any] = {"divisions": divisions, "asked": container_id, "division": None, "error": ""}
    if not container_id:
        return page(request, "on_account.html", **shown)
    try:
        division = await balance.visible_division(tx, caller, int(container_id))
        return page(request, "on_account.html", **shown | await _found(tx, caller, division, before))
    except DomainError as refused:
        if isinstance(refused, Denied):
            raise
        return page(request, "on_account.html", refused.status, **shown | {"error": refused.message})


async def _found(tx: Tx, caller: Caller, division: Division, before: int | None) -> dict[str, Any]:
    rows = await on_account.unbilled(tx, division, PAGE, before)
    count, total = await on_account.sum_of(tx, division)
    listing = Listing(SUBSCRIPTIONS, filters={"container_id": (str(division.id),)})
    subscribed, found = await subscriptions.subscriptions(tx, caller, listing)
    return {
        "division": division,
        "currency": (await balance.purse_behind(tx, division)).currency,
        "rows": [_row(row) for row in rows],
        "count": count,
        "total": total,
        "before": rows[-1].id if len(rows) == PAGE else None,
        "first": bool(before),
        "subscriptions": found,
        "subscribed": subscribed,
        "today": now().date(),
    }


def _row(row: Usage) -> dict[str, Any]:
    return {
        "at": row.recorded_at,
        "text": row.quote["lines"][0][0],
        "names": ", ".join(row.quote["lines"][0][1]),
        "order_id": row.order_id,
        "order_source": None if row.source == OURS else row.source,
        "days": (row.first_day, row.last_day) if row.first_day else None,
        "net": row.net,
        "tax": row.tax,
        "total": row.total,
    }


@router.get("/orders/{order_id}")
async def of_order(tx: Tx, caller: PageUser, order_id: int) -> Response:
    """Where an order on account is: on the invoice of its month, or still here."""
    found = await on_account.usage_of_order(tx, caller, order_id)
    if found.invoice_id:
        return RedirectResponse(f"/finance/invoices/{found.invoice_id}", 303)
    return RedirectResponse(f"/finance/on-account?container_id={found.division_id}", 303)
