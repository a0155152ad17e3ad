from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.models import Price, PriceUpload
from services.billing.queries import prices, pricing
from services.billing.queries.catalogue import newest_catalogue
from services.billing.queries.prices import Wanted
from services.billing.rules import Catalogue, PriceRow, printed
from services.billing.rules.price_file import COLUMNS, NEEDED, as_csv, read_csv
from shared.access import Caller
from shared.errors import Rejected
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page, page_operator

router = APIRouter(prefix="/finance/prices", include_in_schema=False)
PAGE, EXPORTED, UPLOADS_SHOWN = 50, 10_000, 20
Operator = Annotated[Caller, Depends(page_operator)]


def _wanted(
    product: Annotated[str, Query(max_length=255)] = "", currency: Annotated[str, Query(max_length=3)] = "",
    account_id: Annotated[str, Query(pattern=r"^[0-9]{0,10}$")] = "", after: int | None = None,
) -> Wanted:  # fmt: skip
    return Wanted(product.strip(), currency.strip(), int(account_id) if account_id else None, after)


Filters = Annotated[Wanted, Depends(_wanted)]


@router.get("")
async def price_list(request: Request, tx: Tx, caller: PageUser, wanted: Filters) -> Response:
    return await (_all_prices(request, tx, wanted) if caller.is_operator else _own_prices(request, tx, caller))


async def _own_prices(request: Request, tx: Tx, caller: Caller) -> Response:
    account, today = await pricing.account_of(tx, caller, None), now().date()
    found = await pricing.offers(tx, account, today)
    return page(
        request, "prices.html", today=today, currency=account.currency,
        rows=[_shown(offer.now) for offer in found if offer.now],
        coming=sorted((_shown(row) for offer in found for row in offer.coming), key=lambda row: str(row["valid_from"])),
    )  # fmt: skip


def _shown(row: PriceRow) -> dict[str, Any]:
    return {**vars(row), "own": row.account_id is not None}


async def _all_prices(request: Request, tx: Tx, wanted: Wanted) -> Response:
    rows = await prices.prices(tx, wanted, PAGE)
    kept, today, have = _kept(wanted), now().date(), await newest_catalogue(tx)
    return page(
        request, "prices_all.html", filters={"product": "", "currency": "", "account_id": ""} | kept,
        rows=[_listed(row, have, today) for row in rows],
        next=_address("", kept | {"after": str(rows[-1].Price.id)}) if len(rows) == PAGE else "",
        first=_address("", kept) if wanted.after else "", csv=_address("/list.csv", kept),
    )  # fmt: skip


def _listed(row: Any, have: Catalogue, today: date) -> dict[str, Any]:
    price: Price = row.Price
    names = (*PriceRow.__dataclass_fields__,)
    shown = {name: getattr(price, name) for name in names}
    return {**shown, "account_name": row.account_name, "state": _state(PriceRow(**shown), have, today)}


def _state(row: PriceRow, have: Catalogue, today: date) -> str:
    if row.valid_from > today:
        return "later"
    return "today" if have.deciding(row, today) == row else "past"


def _kept(wanted: Wanted) -> dict[str, str]:
    given = {"product": wanted.product, "currency": wanted.currency, "account_id": wanted.account_id}
    return {name: str(value) for name, value in given.items() if value}


def _address(path: str, query: dict[str, str]) -> str:
    return f"/finance/prices{path}" + (f"?{urlencode(query)}" if query else "")


@router.get("/list.csv")
async def list_csv(tx: Tx, who: Operator, wanted: Filters) -> Response:
    """As it may be uploaded again."""
    rows = await prices.prices(tx, wanted, EXPORTED + 1)
    if len(rows) > EXPORTED:
        raise Rejected(f"These are more than {EXPORTED:,} prices; choose a product, a currency or an account.")
    text = as_csv([COLUMNS, *(_cells(row.Price) for row in rows)])
    headers = {"Content-Disposition": 'attachment; filename="price-list.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _cells(price: Price) -> list[Any]:
    def cell(name: str) -> Any:
        value = getattr(price, "product_name_id" if name == "product" else name)
        return printed(value, price.currency) if name in ("base", "extra_name", "extra_wildcard") else value

    return [cell(name) for name in COLUMNS]


@router.get("/uploads")
async def uploads(request: Request, tx: Tx, who: Operator) -> Response:
    return await _upload_form(request, tx)


async def _upload_form(request: Request, tx: Tx, error: str = "") -> Response:
    latest = await prices.latest_uploads(tx, UPLOADS_SHOWN)
    return page(
        request, "price_uploads.html", 400 if error else 200, uploads=latest, columns=COLUMNS, needed=NEEDED,
        upload_id=new_id(), error=error,
    )  # fmt: skip


@router.post("/uploads", dependencies=[CsrfChecked])
async def upload(
    request: Request, tx: Tx, who: Operator, upload_id: Annotated[UUID, Form()],
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:  # fmt: skip
    if file is None or not file.filename:
        return await _upload_form(request, tx, "No file was chosen; choose the CSV file with the prices.")
    try:
        await actions.keep_price_file(tx, upload_id, file.filename[:255], await file.read(), who.email, now())
    except Rejected as error:
        return await _upload_form(request, tx, error.message)
    return RedirectResponse(f"/finance/prices/uploads/{upload_id}", 303)


@router.get("/uploads/{upload_id}")
async def preview(request: Request, tx: Tx, who: Operator, upload_id: UUID) -> Response:
    return await _preview(request, tx, await prices.upload(tx, upload_id))


async def _preview(request: Request, tx: Tx, kept: PriceUpload, error: str = "") -> Response:
    given = [] if kept.added is not None else read_csv(kept.content)
    plan = await prices.planned(tx, given, now().date())
    return page(
        request, "price_upload.html", 400 if error else 200, upload=kept, new=_numbered(plan.new),
        unchanged=plan.unchanged, refused=plan.refused, error=error,
    )  # fmt: skip


def _numbered(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{**vars(one.row), "number": one.number, "outdated_by": one.outdated_by} for one in rows]


@router.post("/uploads/{upload_id}/add", dependencies=[CsrfChecked])
async def add(request: Request, tx: Tx, who: Operator, upload_id: UUID) -> Response:
    try:
        await actions.add_uploaded_prices(tx, upload_id, who.email, now())
    except Rejected as error:
        return await _preview(request, tx, await prices.upload(tx, upload_id), error.message)
    return RedirectResponse(f"/finance/prices/uploads/{upload_id}", 303)
