"""Choose what is unpaid, and pay it: by a transfer that is announced here, or at once from the funds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.models import Receivable
from services.billing.pages.forms import once_by_form
from services.billing.queries import finance, paying
from services.billing.queries.catalogue import catalogue
from services.billing.queries.paying import CHOICES, Payable
from services.billing.rules import from_text, is_number, printed
from shared.db import attempt
from shared.errors import Denied, DomainError, Rejected
from shared.events.base import Money
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance/pay", include_in_schema=False)
METHOD = "wire_transfer"


@dataclass(frozen=True)
class Asked:
    """Whose unpaid invoices, and from which place on; "" where nothing was chosen."""

    container_id: str = ""
    seller: str = ""
    after: str = ""


@router.get("")
async def choose(
    request: Request, tx: Tx, caller: PageUser, container_id: str = "", seller: str = "", after: str = "",
    invoice: Annotated[list[int] | None, Query()] = None,
) -> Response:  # fmt: skip
    """All that is unpaid is selected, or what a link names."""
    caller.require(*finance.PAYING)
    asked, named = Asked(container_id.strip(), seller.strip(), after), invoice or []
    try:
        of = await _payable(tx, caller, asked, named)
        rows = await _rows(tx, of, asked, named)
    except DomainError as refused:
        if isinstance(refused, Denied):
            raise
        return await _page(request, tx, caller, None, asked, [], {}, refused)
    chosen = {row.invoice_id: row.due for row in rows if not named or row.invoice_id in named}
    return await _page(request, tx, caller, of, asked, rows, chosen)


async def _payable(tx: Tx, caller: PageUser, asked: Asked, named: Sequence[int] = ()) -> Payable | None:
    container, seller = _number("The division", asked.container_id), _number("The seller", asked.seller)
    return await paying.payable(tx, caller, container, seller, named[: paying.MOST])


def _number(what: str, text: str) -> int | None:
    if not text:
        return None
    if not is_number(text):
        raise Rejected(f"{what} is chosen by its number, not by {text[:40]!r}.")
    return int(text)


async def _rows(tx: Tx, of: Payable | None, asked: Asked, named: Sequence[int] = ()) -> list[Receivable]:
    if of is None:
        return []
    rows = list(await paying.unpaid(tx, of, asked.after))
    further = set(named) - {row.invoice_id for row in rows}
    return [*(await paying.among(tx, of, sorted(further)) if further else ()), *rows][: paying.MOST]


async def _page(
    request: Request, tx: Tx, caller: PageUser, of: Payable | None, asked: Asked, rows: Sequence[Receivable],
    chosen: Mapping[int, int], refused: DomainError | None = None, typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    def amount(row: Receivable) -> str:
        shown = printed(chosen.get(row.invoice_id, row.due), row.currency)
        return (typed or {}).get(f"amount-{row.invoice_id}", shown)

    return page(
        request, "pay.html", refused.status if refused else 200, rows=rows, chosen=chosen,
        amounts={row.invoice_id: amount(row) for row in rows}, total=sum(chosen.values()),
        currency=of.account.currency if of else "", today=now().date(), key=str(new_id()),
        error=refused.message if refused else "", found=of is not None or refused is None, after=asked.after,
        next=paying.place_of(rows[-1]) if len(rows) == paying.MOST else "",
        from_funds=of.from_funds(rows) if of else None, **await _choices(tx, caller, of, asked),
    )  # fmt: skip


async def _choices(tx: Tx, caller: PageUser, of: Payable | None, asked: Asked) -> dict[str, Any]:
    """A division to pay for where each has its own funds, and a seller where there are several."""
    separate = of is not None and of.purse.top.separate
    divisions = await paying.owing_divisions(tx, caller, of.account) if of and separate else []
    shown = [*divisions, *([of.division] if of and of.division and of.division not in divisions else [])]
    entities = of.sellers if of and len(of.sellers) > 1 else ()
    dated = await catalogue(tx) if entities else None
    return {
        "container_id": str(of.division.id) if of and of.division else asked.container_id,
        "separate": separate,
        "divisions": shown if len(divisions) <= CHOICES else [],
        "seller": str(of.entity_id) if of else "",
        "sellers": [(number, dated.entity(number).printed["name"]) for number in entities] if dated else [],
    }


@router.post("", dependencies=[CsrfChecked])
async def pay(request: Request, tx: Tx, caller: PageUser) -> Response:
    """What was typed for each invoice is what the customer saw; where less is due by now, the page shows the new sum
    and nothing is done."""
    caller.require(*finance.PAYING)
    form = await request.form()
    told, ticked = _told(form), [str(one) for one in form.getlist("invoice")]
    asked = Asked(told.get("container_id", ""), told.get("seller", ""), told.get("after", ""))
    of = await _payable(tx, caller, asked)
    rows = await _rows(tx, of, asked)
    try:
        wanted = _wanted(of, ticked, told)
    except Rejected as refused:
        chosen = {row.invoice_id: row.due for row in rows if str(row.invoice_id) in ticked}
        return await _page(request, tx, caller, of, asked, rows, chosen, refused, told)
    chosen = {row.invoice_id: min(wanted[row.invoice_id], row.due) for row in rows if row.invoice_id in wanted}
    if told.get("do") == "total" or of is None:
        return await _page(request, tx, caller, of, asked, rows, chosen)
    try:
        async with attempt(tx):
            key = str(form.get("key") or "")
            where = await once_by_form(tx, caller, key, told, lambda: _pay(tx, caller, of, wanted, told))
    except DomainError as refused:
        return await _page(request, tx, caller, of, asked, rows, chosen, refused)
    return RedirectResponse(where, 303)


def _told(form: FormData) -> dict[str, str]:
    """All that makes it this wish and no other."""
    told = {name: str(value) for name, value in form.items() if name not in ("csrf", "key")}
    return told | {"invoice": ",".join(map(str, form.getlist("invoice")))}


def _wanted(of: Payable | None, ticked: Sequence[str], told: Mapping[str, str]) -> dict[int, int]:
    """Invoice id → what was typed for it."""
    currency = of.account.currency if of else ""
    ids = [int(text) for text in ticked if is_number(text, 18)]
    return {key: from_text(told.get(f"amount-{key}", "").strip(), currency) for key in ids}


async def _pay(tx: Tx, caller: PageUser, of: Payable, wanted: dict[int, int], told: dict[str, str]) -> str:
    if not wanted:
        raise Rejected("Choose at least one invoice to pay.")
    await paying.refuse_unseen(tx, caller, list(wanted))
    division_id = of.division.id if of.division else await _division_of(tx, of, wanted)
    total = Money(amount=sum(wanted.values()), currency=of.account.currency)
    given = (tx, of.account.id, division_id, wanted, total)
    if told.get("do") == "balance":
        return f"/finance/payments/{await actions.pay_from_funds(*given, caller.email, now())}"
    return f"/finance/payments/{(await actions.announce_payment(*given, METHOD, caller.email, now())).id}"


async def _division_of(tx: Tx, of: Payable, wanted: dict[int, int]) -> int:
    """Where funds are shared, a payment is listed with the division whose invoice is due first."""
    rows = await paying.among(tx, of, list(wanted))
    return rows[0].division_id if rows else of.purse.division_id
