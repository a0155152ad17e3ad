"""Who sells, which VAT is due, and how currencies are converted: dated rows of staff, one page each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.pages.forms import words_of
from services.billing.queries import dated
from services.billing.queries.catalogue import newest_catalogue
from services.billing.rules import RateRow, SellerRow, TaxRow
from services.billing.rules.compare import today_and_later
from services.billing.rules.given import RateIn, SellerIn, TaxIn
from shared.access import Caller
from shared.errors import NotFound, Rejected
from shared.web import CsrfChecked, Tx, now, page, page_operator

router = APIRouter(prefix="/finance/selling", include_in_schema=False)
PAGE = 50
Operator = Annotated[Caller, Depends(page_operator)]


@dataclass(frozen=True)
class Noun:
    row: Any
    given: Any
    template: str
    path: str
    order: Callable[[Any], Any]


SELLERS = Noun(SellerRow, SellerIn, "sellers.html", "/finance/selling", lambda row: row.number)
TAXES = Noun(TaxRow, TaxIn, "taxes.html", "/finance/selling/taxes", lambda r: (r.seller_country, r.buyer_country))
RATES = Noun(RateRow, RateIn, "rates.html", "/finance/selling/rates", lambda row: (row.currency, row.to_currency))


async def _listed(
    request: Request, tx: Tx, noun: Noun, before: int | None = None, form: dict[str, str] | None = None, error: str = ""
) -> Response:
    day = now().date()
    today, later = today_and_later((await newest_catalogue(tx)).rows(noun.row), day)
    past = await dated.past(tx, noun.row, day, before, PAGE)
    return page(
        request, noun.template, 400 if error else 200, today=sorted(today, key=noun.order), later=later, past=past,
        next=f"{noun.path}?before={past[-1].id}" if len(past) == PAGE else "", first=noun.path if before else "",
        form=form or {}, error=error,
    )  # fmt: skip


async def _add(tx: Tx, noun: Noun, words: dict[str, Any], who: Caller) -> None:
    await actions.add_dated(tx, noun.given.of(words).row(), who.email, now())


async def _added(request: Request, tx: Tx, noun: Noun, who: Caller) -> Response:
    form = await words_of(request)
    try:
        await _add(tx, noun, form, who)
    except Rejected as error:
        return await _listed(request, tx, noun, form=form, error=error.message)
    return RedirectResponse(noun.path, 303)


@router.get("/taxes")
async def taxes(request: Request, tx: Tx, who: Operator, before: int | None = None) -> Response:
    return await _listed(request, tx, TAXES, before)


@router.post("/taxes", dependencies=[CsrfChecked])
async def add_tax(request: Request, tx: Tx, who: Operator) -> Response:
    return await _added(request, tx, TAXES, who)


@router.get("/rates")
async def rates(request: Request, tx: Tx, who: Operator, before: int | None = None) -> Response:
    return await _listed(request, tx, RATES, before)


@router.post("/rates", dependencies=[CsrfChecked])
async def add_rate(request: Request, tx: Tx, who: Operator) -> Response:
    return await _added(request, tx, RATES, who)


@router.get("")
async def sellers(request: Request, tx: Tx, who: Operator, before: int | None = None) -> Response:
    return await _listed(request, tx, SELLERS, before)


@router.get("/new")
async def seller_form(request: Request, tx: Tx, who: Operator, like: int | None = None) -> Response:
    """With the values of the entity's latest row, so that only what changes is typed."""
    return page(request, "seller_form.html", form=_as_form(await _latest(tx, like)) if like else {}, error="")


async def _latest(tx: Tx, number: int) -> SellerRow:
    try:
        return (await newest_catalogue(tx)).entity(number)
    except KeyError:
        raise NotFound(f"There is no selling entity {number}.") from None


def _as_form(row: SellerRow) -> dict[str, Any]:
    printed = {name: value or "" for name, value in row.printed.items()}
    lists = {"address": "\n".join(row.printed["address"]), "sells_to": ", ".join(row.sells_to)}
    return {**vars(row), **printed, **lists, "valid_from": ""}


@router.post("/new", dependencies=[CsrfChecked])
async def add_seller(request: Request, tx: Tx, who: Operator) -> Response:
    form = await words_of(request)
    lines = _parts(form.get("address", "").splitlines())
    countries = _parts(form.get("sells_to", "").upper().replace(",", " ").split())
    try:
        await _add(tx, SELLERS, form | {"address": lines, "sells_to": countries}, who)
    except Rejected as error:
        return page(request, "seller_form.html", 400, form=form, error=error.message)
    return RedirectResponse(SELLERS.path, 303)


def _parts(texts: Sequence[str]) -> list[str]:
    return [text.strip() for text in texts if text.strip()]
