"""An account's divisions with their funds, and one of them: what it has, owes and was asked for."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.models import Division
from services.billing.pages.forms import once_by_form
from services.billing.queries import balance, divisions, documents, finance, invoices, payments, purchase_orders
from services.billing.queries.divisions import Due
from services.billing.rules import from_text, is_number
from shared.audit import note
from shared.db import attempt
from shared.errors import DomainError, NotFound
from shared.events.base import Money
from shared.ids import new_id
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance/divisions", include_in_schema=False)
HERE = "/finance/divisions"
PAGE = 50
CHOICES = 200  # divisions in a list; whoever has more says the number
SHOWN = 10  # documents on a division's page; the lists have all
UNDECIDED = "pending,rejected"
Text = Annotated[str, Form()]


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, account_id: int | None = None, after: int | None = None
) -> Response:
    finance.may_read_finance(caller)
    asked = {"account_id": str(account_id or "")}
    if caller.is_operator and account_id is None:
        return page(request, "divisions.html", asked=asked, account=None, error="")
    try:
        return page(request, "divisions.html", asked=asked, error="", **await _found(tx, caller, account_id, after))
    except NotFound as refused:
        return page(request, "divisions.html", 404, asked=asked, account=None, error=refused.message)


async def _found(tx: Tx, caller: PageUser, account_id: int | None, after: int | None) -> dict[str, Any]:
    account, top = await divisions.account_of(tx, caller, account_id)
    rows = await divisions.summary(tx, caller, account, top, PAGE + 1, after)
    due, overdue = await payments.sums_due(tx, account.id, caller.divisions)
    here = f"{HERE}?account_id={account.id}&" if caller.is_operator else f"{HERE}?"
    return {
        "account": account,
        "funds": top,
        "rows": rows[:PAGE],
        "due": due,
        "overdue": overdue,
        "next": f"{here}after={rows[PAGE - 1].division.id}" if len(rows) > PAGE else "",
        "first": here[:-1] if after else "",
    }


@router.get("/{division_id}")
async def shown(request: Request, tx: Tx, caller: PageUser, division_id: int) -> Response:
    return await _shown(request, tx, caller, division_id)


async def _shown(
    request: Request, tx: Tx, caller: PageUser, division_id: int, form: dict[str, str] | None = None,
    refused: DomainError | None = None,
) -> Response:  # fmt: skip
    finance.may_read_finance(caller)
    division = await balance.visible_division(tx, caller, division_id)
    purse = await balance.purse_behind(tx, division)
    account, _ = await divisions.account_of(tx, caller, division.account_id)
    due = await divisions.due_by_division(tx, [division.id])
    return page(
        request, "division.html", refused.status if refused else 200, division=division, account=account, purse=purse,
        due=due.get(division.id, Due()), former=await balance.former_funds(tx, division), form=form or {},
        key=str(new_id()), error=refused.message if refused else "", today=now().date(),
        **await _transfer_form(tx, caller, division, purse.top.separate), **await _documents(tx, caller, division),
    )  # fmt: skip


async def _transfer_form(tx: Tx, caller: PageUser, division: Division, separate: bool) -> dict[str, Any]:
    may = separate and caller.role in (*finance.PAYING, "operator")
    others = await divisions.others_to_fund(tx, caller, division, CHOICES + 1) if may else []
    return {"may_transfer": may and bool(others), "others": others if len(others) <= CHOICES else []}


async def _documents(tx: Tx, caller: PageUser, division: Division) -> dict[str, Any]:
    here = {"container_id": (str(division.id),)}
    undecided = Listing(SHOWN, filters=here | {"status": (UNDECIDED,)})
    _, orders = await purchase_orders.purchase_orders(tx, caller, undecided)
    _, issued = await invoices.invoices(tx, caller, Listing(SHOWN, filters=here))
    return {
        "orders": [row[0] for row in orders],
        "invoices": [{"invoice": row.Invoice, "standing": documents.standing_of(row)} for row in issued],
    }


@router.post("/{division_id}", dependencies=[CsrfChecked])
async def transfer(
    request: Request, tx: Tx, caller: PageUser, division_id: int, amount: Text = "", to_division: Text = "",
    key: Text = "",
) -> Response:  # fmt: skip
    form = {"from": str(division_id), "amount": amount.strip(), "to_division": to_division.strip()}
    try:
        async with attempt(tx):
            where = await once_by_form(tx, caller, key, form, lambda: _transfer(tx, caller, form))
    except DomainError as refused:
        return await _shown(request, tx, caller, division_id, form, refused)
    return RedirectResponse(where, 303)


async def _transfer(tx: Tx, caller: PageUser, form: dict[str, str]) -> str:
    giver, taker = await _division(tx, caller, form["from"]), await _division(tx, caller, form["to_division"])
    account, _ = await divisions.account_of(tx, caller, giver.account_id)
    amount = Money(amount=from_text(form["amount"], account.currency), currency=account.currency)
    await actions.transfer(tx, account.id, giver.id, taker.id, amount, now())
    note(tx, caller.email, "funds transferred", f"account/{account.id}", None, form, now())
    return f"{HERE}/{giver.id}"


async def _division(tx: Tx, caller: PageUser, text: str) -> Division:
    if not is_number(text):
        raise NotFound("Choose the division that gets the money.", "not_found|container")
    division = await balance.visible_division(tx, caller, int(text))
    finance.require_finance_of(caller, division.account_id, division.id)
    return division
