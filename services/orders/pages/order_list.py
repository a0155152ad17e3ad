"""The list of orders: as a page, and all that its filters find as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from services.orders import actions, queries
from services.orders.pages import shown, typed
from services.orders.queries import Row
from services.orders.rules.products import CATALOGUE
from shared.access import Caller
from shared.db import Database
from shared.errors import Rejected
from shared.figures import amount
from shared.listing import Listing
from shared.web import PageUser, Tx, database, now, page

router = APIRouter(prefix="/orders", include_in_schema=False)
PAGE, AT_ONCE = 50, 500
FILTERS = ("status", "product", "division", "search", "since", "until")
COLUMNS = ("Order", "Common name", "Further names", "Product", "Account", "Division", "Status", "Placed", "Placed by",
           "Valid until", "Price", "Currency", "Invoice")  # fmt: skip
STATUSES = (
    ("", "All"),
    ("pending", "Pending"),
    ("waiting_pickup", "Ready to issue"),
    ("issued", "Issued"),
    ("reissue_pending", "Being reissued"),
    ("expired", "Expired"),
    ("revoked", "Revoked"),
    ("canceled", "Canceled"),
    ("rejected", "Rejected"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet would calculate with it


def filters_of(request: Request) -> dict[str, str]:
    found = {name: request.query_params.get(name, "").strip() for name in FILTERS}
    if any("\0" in value for value in found.values()):
        raise Rejected("A filter has a NUL character, which no text here has.")
    return found


Filters = Annotated[dict[str, str], Depends(filters_of)]
Before = Annotated[int, Query(ge=0, lt=2**31)]


@router.get("")
async def list_orders(request: Request, who: PageUser, tx: Tx, filters: Filters, before: Before = 0) -> Response:
    who.require(*actions.READERS)
    rows, total = await queries.page_of(tx, who, listing_of(filters, PAGE, now().date()), before)
    divisions = await queries.divisions_of(tx, who.account_id)
    return page(
        request,
        "orders.html",
        rows=[shown.listed(row, now()) for row in rows],
        total=total,
        filters=filters,
        statuses=STATUSES,
        products=[("", "All"), *((each.name_id, each.name) for each in CATALOGUE)],
        divisions=[(each.id, each.name) for each in divisions if who.may_see_division(each.id)],
        may_place=who.role in actions.PLACERS,
        csv=_address(filters, "/orders/list.csv"),
        next=_address({**filters, "before": str(rows[-1].order.id)}) if len(rows) == PAGE else "",
        first=_address(filters) if before else "",
    )


def listing_of(filters: dict[str, str], limit: int, today: date) -> Listing:
    """By their number, the newest first, whatever is asked for: so a page goes on where the one before ended."""
    found = {
        "status": filters["status"],
        "product_name_id": filters["product"],
        "container_id": filters["division"],
        "search": filters["search"],
        "date_created": _period(filters["since"], filters["until"]),
    }
    if filters["status"] == "expired":  # computed, never stored: issued, and its last day is over
        found |= {"status": "issued", "valid_till": f"<{today}"}
    return Listing(limit, 0, {name: (value,) for name, value in found.items() if value}, (("id", True),))


def _period(since: str, until: str) -> str:
    """Both days belong to it; one that is left out leaves it open."""
    first, last = typed.day_typed(since), typed.day_typed(until)
    return f"{first or date.min}...{last or date(9999, 12, 30)}" if first or last else ""


def _address(filters: dict[str, str], path: str = "/orders") -> str:
    kept = {name: value for name, value in filters.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


@router.get("/list.csv")
async def list_csv(request: Request, who: PageUser, filters: Filters) -> StreamingResponse:
    who.require(*actions.READERS)
    listing = listing_of(filters, AT_ONCE, now().date())  # refused before the answer begins
    headers = {"content-disposition": 'attachment; filename="orders.csv"'}
    lines = _lines(database(request), who, listing)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(db: Database, who: Caller, listing: Listing) -> AsyncIterator[bytes]:
    """A page of the list at a time, so that a list of any length takes the same memory."""
    yield _written([COLUMNS])
    before: int | None = 0
    while before is not None:
        async with db.transaction() as tx:
            rows, _ = await queries.page_of(tx, who, listing, before)
            text = _written([_cells(row) for row in rows])
        before = rows[-1].order.id if len(rows) == listing.limit else None
        yield text


def _written(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(row: Row) -> Sequence[Any]:
    told, order, price = shown.listed(row, now()), row.order, row.order.total
    return (
        order.id, order.common_name, told["more_names"], told["product"], told["account"], told["division"],
        row.status(now().date()), f"{order.placed_at:%Y-%m-%d %H:%M:%S}", order.placed_by, told["valid_till"],
        amount(price.amount, price.currency).replace(",", "") if price else None, price and price.currency,
        order.invoice_number,
    )  # fmt: skip
