from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.billing.queries import waiting_orders
from services.billing.queries.filters import one_of
from services.billing.queries.waiting_orders import REASONS, Place, Wanted
from services.billing.rules.waiting import actor
from shared.errors import Rejected
from shared.events.orders import SOURCE as OURS
from shared.web import PageUser, Tx, now, page

router = APIRouter(prefix="/finance/waiting", include_in_schema=False)
PAGE = 50


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, reason: Annotated[str, Query(max_length=40)] = "",
    account_id: Annotated[str, Query(pattern=r"^[0-9]{0,10}$")] = "",
    after: Annotated[str, Query(max_length=400)] = "",
) -> Response:  # fmt: skip
    filters = {"reason": reason and one_of("reason", reason, REASONS), "account_id": account_id}
    wanted = Wanted(reason, int(account_id) if account_id else None, _place(after))
    rows = await waiting_orders.waiting_orders(tx, caller, wanted, PAGE)
    total = await waiting_orders.how_many(tx, caller, wanted)
    asked = {name: value for name, value in filters.items() if value}
    more = _link(asked | {"after": _mark(rows[-1])}) if len(rows) == PAGE else ""
    return page(
        request, "waiting.html", rows=[_row(row) for row in rows], total=total, filters=filters, next=more,
        first=_link(asked) if after else "",
    )  # fmt: skip


def _row(row: Any) -> dict[str, Any]:
    order, account, currency, division = row
    return {
        "id": order.id,
        "source": None if order.source == OURS else order.source,
        "request_id": order.request_id or None,
        "account_id": order.account_id,
        "account_name": account,
        "division": division or str(order.division_id),
        "since": order.since,
        "seconds": (now() - order.since).total_seconds(),
        "reminded": order.reminded,
        "reason": order.reason,
        "message": order.message,
        "acts": actor(order.reason),
        "total": order.total,
        "shortfall": order.shortfall,
        "currency": currency,
    }


def _link(query: dict[str, str]) -> str:
    return "/finance/waiting" + (f"?{urlencode(query)}" if query else "")


def _mark(row: Any) -> str:
    order = row[0]
    return f"{order.since.isoformat()}/{order.id}/{order.request_id}/{order.source}"


def _place(mark: str) -> Place | None:
    if not mark:
        return None
    at, _, rest = mark.partition("/")
    number, _, rest = rest.partition("/")
    request, _, source = rest.partition("/")
    try:
        return Place(datetime.fromisoformat(at).astimezone(UTC), int(number), source, int(request))
    except ValueError:
        raise Rejected("This page address is not complete; begin at the first page of the list.") from None
