"""What an older system hands over, one by one; the same as the commands, for whoever has no Kafka."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends
from pydantic import Field
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Division
from services.billing.queries.imports import lock_for
from services.billing.rules import from_text, printed
from services.billing.rules.imports import OldBalance, OldInvoice
from shared.access import Caller
from shared.audit import note
from shared.errors import NotFound
from shared.events.base import Money
from shared.web import Body, Once, Tx, now, operator

router = finance_router()
Staff = Annotated[Caller, Depends(operator)]


class Import(Body):
    container_id: Annotated[int, Field(ge=1, lt=2**31)]
    legacy_source: Annotated[str, Field(max_length=255)] = ""
    amount: AmountText
    currency: str
    note: Annotated[str | None, Field(max_length=2000)] = None

    def money(self, text: str) -> Money:
        return Money(amount=from_text(text, self.currency), currency=self.currency)


class InvoiceImport(Import):
    legacy_number: Annotated[str, Field(max_length=255)] = ""
    issued_on: date
    due_on: date
    po_number: Annotated[str, Field(max_length=255)] = ""
    paid: AmountText = "0"
    notify: bool = False

    def old(self) -> OldInvoice:
        return OldInvoice(
            self.container_id, self.legacy_source, self.legacy_number, self.issued_on, self.due_on, self.po_number,
            self.money(self.amount), self.money(self.paid), self.note, self.notify,
        )  # fmt: skip


class BalanceImport(Import):
    as_of: date

    def old(self) -> OldBalance:
        return OldBalance(self.container_id, self.legacy_source, self.money(self.amount), self.as_of, self.note)


@router.post("/import/invoice", status_code=201)
async def import_invoice(tx: Tx, caller: Staff, once: Once, body: InvoiceImport) -> JSONResponse:
    return await once(tx, 201, lambda: _invoice(tx, caller, body))


async def _invoice(tx: Tx, caller: Caller, body: InvoiceImport) -> dict[str, Any]:
    division, old = await _division(tx, body), body.old()
    await lock_for(tx, [old])
    made = await actions.import_invoice(tx, division.account_id, old, now())
    await actions.issue_drafts(tx)
    _note(tx, caller, "invoice imported", body, made.is_new)
    told = {"id": made.invoice.id, "invoice_number": made.invoice.number, "legacy_number": old.number}
    return told | _before(made.is_new)


@router.post("/import/balance", status_code=201)
async def import_balance(tx: Tx, caller: Staff, once: Once, body: BalanceImport) -> JSONResponse:
    return await once(tx, 201, lambda: _balance(tx, caller, body))


async def _balance(tx: Tx, caller: Caller, body: BalanceImport) -> dict[str, Any]:
    division, old = await _division(tx, body), body.old()
    await lock_for(tx, [old])
    made = await actions.import_balance(tx, division.account_id, old, caller.email, now())
    _note(tx, caller, "balance imported", body, made.is_new)
    told = {"container_id": division.id, "amount": printed(made.balance.amount, body.currency)}
    return told | {"currency": body.currency, "as_of": old.as_of.isoformat()} | _before(made.is_new)


async def _division(tx: Tx, body: Import) -> Division:
    division = await tx.get(Division, body.container_id)
    if division is None:
        raise NotFound(f"There is no container {body.container_id}; check its id.", "not_found|container")
    return division


def _note(tx: Tx, caller: Caller, what: str, body: Import, is_new: bool) -> None:
    if is_new:
        note(tx, caller.email, what, f"container/{body.container_id}", None, body.model_dump(mode="json"), now())


def _before(is_new: bool) -> dict[str, Any]:
    """The same again changes nothing, and is answered alike."""
    return {} if is_new else {"already_imported": True}
