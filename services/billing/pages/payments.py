"""Deposits and payments: get a reference and the bank's details; staff settle what has come."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.clients.epc import epc_qr
from services.billing.models import Account, Division, Payment
from services.billing.pages.forms import division_to_fund, once_by_form
from services.billing.queries import balance, documents, finance, payments
from services.billing.queries.catalogue import catalogue
from services.billing.rules import Missing, from_text, printed
from shared.audit import note
from shared.db import attempt
from shared.errors import Denied, DomainError, Rejected
from shared.events.base import Money
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance", include_in_schema=False)
PAGE = 50
METHOD = "wire_transfer"
Text = Annotated[str, Form()]


# ── deposit ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/deposit")
async def deposit_form(request: Request, tx: Tx, caller: PageUser) -> Response:
    return await _deposit_form(request, tx, caller)


async def _deposit_form(
    request: Request, tx: Tx, caller: PageUser, form: dict[str, str] | None = None, refused: DomainError | None = None
) -> Response:
    caller.require(*finance.PAYING)
    account = await tx.get(Account, caller.account_id)
    return page(
        request, "deposit.html", refused.status if refused else 200, form=form or {},
        divisions=await balance.visible_divisions(tx, caller), currency=account.currency if account else "",
        error=refused.message if refused else "", key=str(new_id()),
    )  # fmt: skip


@router.post("/deposit", dependencies=[CsrfChecked])
async def deposit(
    request: Request, tx: Tx, caller: PageUser, amount: Text = "", division: Text = "", key: Text = ""
) -> Response:
    form = {"amount": amount, "division": division}
    try:
        async with attempt(tx):
            where = await once_by_form(tx, caller, key, form, lambda: _deposit(tx, caller, amount, division))
    except DomainError as refused:
        return await _deposit_form(request, tx, caller, form, refused)
    return RedirectResponse(where, 303)


async def _deposit(tx: Tx, caller: PageUser, amount: str, division_id: str) -> str:
    division = await division_to_fund(tx, caller, division_id)
    account = await tx.get_one(Account, division.account_id)
    wanted = Money(amount=from_text(amount.strip(), account.currency), currency=account.currency)
    payment = await actions.announce_deposit(tx, account.id, division.id, wanted, METHOD, caller.email, now())
    return f"/finance/payments/{payment.id}"


# ── payments ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/payments")
async def listed(request: Request, tx: Tx, caller: PageUser, before: int | None = None) -> Response:
    rows = await payments.payments(tx, caller, PAGE, before)
    names = await payments.account_names(tx, {row.account_id for row in rows}) if caller.is_operator else {}
    following = f"/finance/payments?before={rows[-1].id}" if len(rows) == PAGE else ""
    return page(
        request, "payments.html", rows=rows, names=names, at=now(), next=following,
        first="/finance/payments" if before else "",
    )  # fmt: skip


@router.get("/payments/{payment_id}")
async def shown(request: Request, tx: Tx, caller: PageUser, payment_id: int) -> Response:
    return await _shown(request, tx, caller, payment_id)


async def _shown(
    request: Request, tx: Tx, caller: PageUser, payment_id: int, refused: DomainError | None = None
) -> Response:
    row = await payments.payment(tx, caller, payment_id)
    status, items = row.status(now()), await payments.invoices_of(tx, caller, row)
    numbers = await documents.numbers_of(tx, [one[0] for one in items])
    bank = await _bank(tx, row, [one[0] for one in items])
    qr = epc_qr(bank, printed(row.amount, row.currency), row.reference) if _is_sepa(row, bank, status) else None
    return page(
        request, "payment.html", refused.status if refused else 200, payment=row, state=status, bank=bank, qr=qr,
        items=[(key, numbers[key], int(amount)) for key, amount in items], expected=printed(row.amount, row.currency),
        may_cancel=caller.role in finance.PAYING, error=refused.message if refused else "",
    )  # fmt: skip


async def _bank(tx: Tx, row: Payment, invoice_ids: list[int]) -> dict[str, Any]:
    """As printed on the newest of the invoices that are paid, which are all of one seller; for a deposit, of who sells
    to the account today."""
    if invoice_ids and (printed_on := await documents.seller_of(tx, max(invoice_ids))):
        return printed_on
    account = await tx.get_one(Account, row.account_id)
    country = (account.address_for(await tx.get(Division, row.division_id)) or {}).get("country", "")
    seller = (await catalogue(tx)).seller(country, account.currency, now().date())
    return {} if isinstance(seller, Missing) else seller.printed


def _is_sepa(row: Payment, bank: dict[str, Any], status: str) -> bool:
    return status == "pending" and row.currency == "EUR" and bool(bank.get("iban"))


@router.post("/payments/{payment_id}", dependencies=[CsrfChecked])
async def change(
    request: Request, tx: Tx, caller: PageUser, payment_id: int, status: Text = "", received: Text = "",
    bank_reference: Text = "", reason: Text = "",
) -> Response:  # fmt: skip
    row = await payments.payment(tx, caller, payment_id)
    told = {"status": status, "received": received, "bank_reference": bank_reference, "reason": reason}
    try:
        async with attempt(tx):
            await _change(tx, caller, row, told, now())
    except DomainError as refused:
        return await _shown(request, tx, caller, payment_id, refused)
    return RedirectResponse(f"/finance/payments/{payment_id}", 303)


async def _change(tx: Tx, caller: PageUser, row: Payment, told: dict[str, str], at: datetime) -> None:
    if told["status"] == "canceled":
        finance.require_finance_of(caller, row.account_id, row.division_id)
        await actions.cancel_payment(tx, row.id, caller.email, at)
        return
    if not caller.is_operator:
        raise Denied("A payment is settled by the certificate authority's staff when the money has arrived.")
    if told["status"] not in ("settled", "reversed"):
        raise Rejected("Say whether the payment is settled or reversed; nothing was changed.")
    await _by_staff(tx, caller, row, told, at)
    if row.was_changed_at(at):
        note(tx, caller.email, f"payment {told['status']}", f"payment/{row.id}", None, told, at)


async def _by_staff(tx: Tx, caller: PageUser, row: Payment, told: dict[str, str], at: datetime) -> None:
    if told["status"] == "reversed":
        await actions.reverse_payment(tx, row.id, told["reason"], caller.email, at)
        return
    if not (bank_reference := told["bank_reference"].strip()):
        raise Rejected("Give the bank's own reference of the transfer; it counts once.")
    amount = Money(amount=from_text(told["received"].strip(), row.currency), currency=row.currency)
    await actions.settle_payment(tx, row.id, amount, bank_reference, caller.email, at)
