from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.api.answers import without_none
from services.billing.api.containers import division_to_fund
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Division, Payment
from services.billing.queries import finance, payments
from services.billing.queries.paying import refuse_unseen
from services.billing.rules import FROM_FUNDS, from_text, printed
from shared.audit import note
from shared.db import write_appended
from shared.errors import Denied, Rejected
from shared.events.base import Money
from shared.web import Body, Once, Tx, Who, now

router = finance_router()


class ItemIn(Body):
    id: Annotated[int, Field(ge=1, lt=2**63)]
    amount: AmountText


class PaymentIn(Body):
    container_id: Annotated[int, Field(ge=1, lt=2**31)]
    payment_method: Literal["wire_transfer", "balance"] = "wire_transfer"
    currency: str
    expected_total: AmountText
    invoices: Annotated[list[ItemIn], Field(min_length=1)]


@router.post("/payment", status_code=201)
async def pay(tx: Tx, caller: Who, once: Once, body: PaymentIn) -> JSONResponse:
    """A transfer is pending until the money arrives: nothing that a customer sends settles it. With
    `balance`, usage invoices are paid from the funds at once."""
    division = await division_to_fund(tx, caller, body.container_id)
    return await once(tx, 201, lambda: _pay(tx, caller, division, body))


async def _pay(tx: Tx, caller: Who, division: Division, body: PaymentIn) -> dict[str, Any]:
    wanted = {one.id: from_text(one.amount, body.currency) for one in body.invoices}
    if len(wanted) < len(body.invoices):
        raise Rejected("An invoice is named twice; name each once with the whole amount for it.")
    expected = Money(amount=from_text(body.expected_total, body.currency), currency=body.currency)
    await refuse_unseen(tx, caller, list(wanted))
    given = (tx, division.account_id, division.id, wanted, expected)
    if body.payment_method == FROM_FUNDS:
        payment = await payments.payment(tx, caller, await actions.pay_from_funds(*given, caller.email, now()))
        return payment_out(payment, list(wanted.items()))
    payment = await actions.announce_payment(*given, body.payment_method, caller.email, now())
    await tx.flush()
    return payment_out(payment, await payments.invoices_of(tx, caller, payment))


def payment_out(row: Payment, items: Any) -> dict[str, Any]:
    told = {
        "id": row.id,
        "status": row.status(now()),
        "amount": printed(row.amount, row.currency),
        "received_amount": row.received and printed(row.received, row.currency),
        "currency": row.currency,
        "payment_method": row.method,
        "reference": row.reference,
        "bank_reference": row.bank_reference,
        "receipt_id": row.receipt_id and str(row.receipt_id),
        "container_id": row.division_id,
        "allocations": [{"invoice_id": key, "amount": printed(int(amount), row.currency)} for key, amount in items],
        "date_created": row.created_at.isoformat(timespec="seconds"),
        "date_expires": row.expires_at and row.expires_at.isoformat(timespec="seconds"),
        "date_settled": row.settled_at and row.settled_at.isoformat(timespec="seconds"),
        "reason": row.reversal_reason or row.cancel_reason,
    }
    return without_none(told)


@router.get("/payment/{payment_id}")
async def view(tx: Tx, caller: Who, payment_id: int) -> dict[str, Any]:
    row = await payments.payment(tx, caller, payment_id)
    return payment_out(row, await payments.invoices_of(tx, caller, row))


class ChangeIn(Body):
    status: Literal["settled", "canceled", "reversed"]
    received_amount: AmountText | None = None
    bank_reference: Annotated[str | None, Field(max_length=255)] = None
    reason: Annotated[str | None, Field(max_length=2000)] = None


@router.put("/payment/{payment_id}/status")
async def change(tx: Tx, caller: Who, payment_id: int, body: ChangeIn) -> dict[str, Any]:
    row = await payments.payment(tx, caller, payment_id)
    if body.status == "canceled":
        finance.require_finance_of(caller, row.account_id, row.division_id)
        await actions.cancel_payment(tx, payment_id, caller.email, now())
    elif not caller.is_operator:
        raise Denied("A payment is settled by the certificate authority's staff when the money has arrived.")
    else:
        await _by_staff(tx, caller, row, body, now())
    await write_appended(tx)
    row = await payments.payment(tx, caller, payment_id)
    return payment_out(row, await payments.invoices_of(tx, caller, row))


async def _by_staff(tx: Tx, caller: Who, row: Payment, body: ChangeIn, at: datetime) -> None:
    if body.status == "reversed":
        await actions.reverse_payment(tx, row.id, body.reason, caller.email, at)
    elif not body.bank_reference:
        raise Rejected("Say the bank's own reference of the transfer as bank_reference; it counts once.")
    else:
        amount = from_text(body.received_amount, row.currency) if body.received_amount else row.amount
        received = Money(amount=amount, currency=row.currency)
        await actions.settle_payment(tx, row.id, received, body.bank_reference, caller.email, at)
    if row.was_changed_at(at):
        note(tx, caller.email, f"payment {body.status}", f"payment/{row.id}", None, body.model_dump(), at)
