"""Paying: choose what is unpaid, get a reference and the bank's details; staff settle what has come."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.clients.epc import epc_qr
from services.billing.models import Account, Payment, Receivable
from services.billing.queries import balance, documents, finance, payments
from services.billing.queries.catalogue import catalogue
from services.billing.rules import Missing, from_text, printed
from shared.audit import note
from shared.errors import Denied, DomainError, Rejected
from shared.events.base import Money
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance", include_in_schema=False)
PAGE = 50
METHOD = "wire_transfer"
Text = Annotated[str, Form()]


# ── choose ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/pay")
async def choose(
    request: Request, tx: Tx, caller: PageUser, invoice: Annotated[list[int] | None, Query()] = None
) -> Response:
    """All that is unpaid is selected, or what a link names (contract 10)."""
    rows = await _unpaid(tx, caller)
    chosen = {row.invoice_id: row.due for row in rows if invoice is None or row.invoice_id in invoice}
    return await _choice(request, tx, caller, rows, chosen)


async def _unpaid(tx: Tx, caller: PageUser) -> list[Receivable]:
    caller.require(*finance.PAYING)
    return list(await payments.unpaid(tx, caller.account_id, caller.divisions))


async def _choice(
    request: Request, tx: Tx, caller: PageUser, rows: list[Receivable], chosen: dict[int, int],
    refused: DomainError | None = None,
) -> Response:  # fmt: skip
    account = await tx.get(Account, caller.account_id)
    return page(
        request, "pay.html", refused.status if refused else 200, rows=rows, chosen=chosen,
        amounts={row.invoice_id: printed(chosen.get(row.invoice_id, row.due), row.currency) for row in rows},
        total=sum(chosen.values()), currency=account.currency if account else "", today=now().date(),
        error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/pay", dependencies=[CsrfChecked])
async def pay(request: Request, tx: Tx, caller: PageUser) -> Response:
    """The total that the page showed comes along; where it is no longer right, the page shows the new one."""
    rows, form = await _unpaid(tx, caller), await request.form()
    try:
        chosen = _chosen(rows, form)
    except Rejected as refused:
        return await _choice(request, tx, caller, rows, {row.invoice_id: row.due for row in rows}, refused)
    if form.get("do") == "total":
        return await _choice(request, tx, caller, rows, chosen)
    try:
        async with tx.begin_nested():
            payment = await _announce(tx, caller, rows, chosen)
    except DomainError as refused:
        return await _choice(request, tx, caller, rows, chosen, refused)
    return RedirectResponse(f"/finance/payments/{payment.id}", 303)


def _chosen(rows: list[Receivable], form: Any) -> dict[int, int]:
    """At most what is due now: an invoice that somebody paid meanwhile is left out, and the total shows it."""
    wanted = {row.invoice_id: row for row in rows if str(row.invoice_id) in form.getlist("invoice")}
    given = {key: str(form.get(f"amount-{key}") or printed(row.due, row.currency)) for key, row in wanted.items()}
    return {key: min(from_text(given[key].strip(), row.currency), row.due) for key, row in wanted.items()}


async def _announce(tx: Tx, caller: PageUser, rows: list[Receivable], chosen: dict[int, int]) -> Payment:
    if not chosen:
        raise Rejected("Choose at least one invoice to pay.")
    account = await tx.get_one(Account, caller.account_id)
    division = next(row.division_id for row in rows if row.invoice_id in chosen)
    finance.require_finance_of(caller, account.id, division)
    total = Money(amount=sum(chosen.values()), currency=account.currency)
    return await actions.announce_payment(tx, account.id, division, chosen, total, METHOD, caller.email, now())


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
        error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/deposit", dependencies=[CsrfChecked])
async def deposit(request: Request, tx: Tx, caller: PageUser, amount: Text = "", division: Text = "") -> Response:
    try:
        async with tx.begin_nested():
            payment = await _deposit(tx, caller, amount, division)
    except DomainError as refused:
        return await _deposit_form(request, tx, caller, {"amount": amount, "division": division}, refused)
    return RedirectResponse(f"/finance/payments/{payment.id}", 303)


async def _deposit(tx: Tx, caller: PageUser, amount: str, division_id: str) -> Payment:
    division = await balance.visible_division(tx, caller, int(division_id) if division_id.isdigit() else None)
    finance.require_finance_of(caller, division.account_id, division.id)
    account = await tx.get_one(Account, division.account_id)
    wanted = Money(amount=from_text(amount.strip(), account.currency), currency=account.currency)
    return await actions.announce_deposit(tx, account.id, division.id, wanted, METHOD, caller.email, now())


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
    status, items = row.status(now()), await payments.invoices_of(tx, row)
    numbers = await documents.numbers_of(tx, [one[0] for one in items])
    bank = await _bank(tx, row, [one[0] for one in items])
    qr = epc_qr(bank, printed(row.amount, row.currency), row.reference) if _is_sepa(row, bank, status) else None
    return page(
        request, "payment.html", refused.status if refused else 200, payment=row, state=status, bank=bank, qr=qr,
        items=[(key, numbers[key], int(amount)) for key, amount in items], expected=printed(row.amount, row.currency),
        may_cancel=caller.role in finance.PAYING, error=refused.message if refused else "",
    )  # fmt: skip


async def _bank(tx: Tx, row: Payment, invoice_ids: list[int]) -> dict[str, Any]:
    """As printed on the invoices that are paid; for a deposit, of who sells to the account today."""
    if invoice_ids and (printed_on := await documents.seller_of(tx, invoice_ids[0])):
        return printed_on
    account = await tx.get_one(Account, row.account_id)
    country = (account.address or {}).get("country", "")
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
        async with tx.begin_nested():
            await _change(tx, caller, row, told)
    except DomainError as refused:
        return await _shown(request, tx, caller, payment_id, refused)
    return RedirectResponse(f"/finance/payments/{payment_id}", 303)


async def _change(tx: Tx, caller: PageUser, row: Payment, told: dict[str, str]) -> None:
    if told["status"] == "canceled":
        finance.require_finance_of(caller, row.account_id, row.division_id)
        await actions.cancel_payment(tx, row.id, caller.email, now())
        return
    if not caller.is_operator:
        raise Denied("A payment is settled by the certificate authority's staff when the money has arrived.")
    note(tx, caller.email, f"payment {told['status']}", f"payment/{row.id}", None, told, now())
    if told["status"] == "reversed":
        await actions.reverse_payment(tx, row.id, told["reason"], caller.email, now())
        return
    if not (bank_reference := told["bank_reference"].strip()):
        raise Rejected("Give the bank's own reference of the transfer; it counts once.")
    amount = Money(amount=from_text(told["received"].strip(), row.currency), currency=row.currency)
    await actions.settle_payment(tx, row.id, amount, bank_reference, caller.email, now())
