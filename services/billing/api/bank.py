"""The bank's statement files and the lines on them: for staff, or the program that fetches the files."""

import asyncio
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.api.answers import page_of, without_none
from services.billing.api.exact import finance_router
from services.billing.models import BankFile, BankLine
from services.billing.queries import bank
from services.billing.queries.documents import ORDER_KEYS
from services.billing.rules import printed, reference_of
from services.billing.rules.camt import read_camt
from shared.access import Caller
from shared.errors import Denied, Rejected
from shared.listing import parse_listing
from shared.web import Body, Once, Tx, Who, now

router = finance_router()
FILES = "/services/v2/finance/bank-file"
XML: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/xml": {}, "multipart/form-data": {}}}}
Id = Annotated[int, Field(ge=1, lt=2**31)]
Number = Annotated[str, Field(min_length=1, max_length=64)]


def _staff(caller: Who) -> Caller:
    if not caller.is_operator or caller.key_role in ORDER_KEYS:
        raise Denied("Bank files are for the CA's staff; what you paid is under finance/payment.")
    return caller


Staff = Annotated[Caller, Depends(_staff)]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/bank-file", status_code=201, openapi_extra=XML)
async def take(
    request: Request, tx: Tx, caller: Staff, once: Once,
    name: Annotated[str, Query(min_length=1, max_length=255)] = "statement.xml",
) -> JSONResponse:  # fmt: skip
    """A camt.053 as the body, or as the field `file` of a form. Its lines are matched afterwards, one by one."""
    name, content = await _sent(request, name)
    statements, digest = await asyncio.to_thread(read_camt, content), sha256(content).hexdigest()

    async def add() -> dict[str, Any]:
        file, is_new = await actions.take_bank_file(tx, statements, digest, name, caller.email, now())
        return await _file_out(tx, file) | ({} if is_new else {"repeated": True})

    return await once(tx, 201, add, digest)


async def _sent(request: Request, name: str) -> tuple[str, bytes]:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return name, await request.body()
    async with request.form() as form:
        if not isinstance(file := form.get("file"), UploadFile):
            raise Rejected("The form has no file; send the statement as the field «file», or as the body itself.")
        return (file.filename or name)[:255], await file.read()


async def _file_out(tx: Tx, file: BankFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "name": file.name,
        "accounts": file.ibans,
        "statements": file.statement_ids,
        "credits": file.credits,
        "returns": file.returns,
        "known": file.known,
        "pending": file.pending,
        "debits": file.debits,
        "lines": await bank.standing(tx, file.id),
        "date_received": file.received_at.isoformat(timespec="seconds"),
        "received_by": file.received_by,
    }


@router.get("/bank-file/{file_id}")
async def view(tx: Tx, caller: Staff, file_id: Id) -> dict[str, Any]:
    return await _file_out(tx, await bank.file(tx, file_id))


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/bank-line")
async def list_lines(request: Request, tx: Tx, caller: Staff) -> dict[str, Any]:
    listing = parse_listing(request.query_params.multi_items(), bank.FILTERS, (), bank.FILTERS)
    total, rows = await bank.lines(tx, listing)
    return {"bank_lines": [line_out(row) for row in rows], "page": page_of(total, listing)}


def line_out(row: BankLine) -> dict[str, Any]:
    told = {
        "id": row.id,
        "status": row.status,
        "kind": row.kind,
        "file_id": row.file_id,
        "account": row.iban,
        "bank_reference": row.bank_reference,
        "amount": printed(row.amount, row.currency),
        "currency": row.currency,
        "date_booked": row.booked_on.isoformat(),
        "payer": row.payer,
        "text": row.text,
        "note": row.note if row.status == "open" else None,
        "names_payment": row.names_payment_id and reference_of(row.names_payment_id),
        "payment_id": row.payment_id,
        "reference": row.payment_id and reference_of(row.payment_id),
        "date_assigned": row.assigned_at and row.assigned_at.isoformat(timespec="seconds"),
        "assigned_by": row.assigned_by,
        "date_dismissed": row.dismissed_at and row.dismissed_at.isoformat(timespec="seconds"),
        "dismissed_by": row.dismissed_by,
        "reason": row.reason,
    }
    return without_none(told)


@router.get("/bank-line/{line_id}")
async def view_line(tx: Tx, caller: Staff, line_id: Id) -> dict[str, Any]:
    return line_out(await bank.line(tx, line_id))


class ChangeIn(Body):
    status: Literal["booked", "dismissed", "reversed"]
    account_id: Id | None = None
    container_id: Id | None = None
    invoices: Annotated[tuple[Number, ...], Field(max_length=500)] = ()
    reason: Annotated[str | None, Field(max_length=2000)] = None


@router.put("/bank-line/{line_id}")
async def change(tx: Tx, caller: Staff, line_id: Id, body: ChangeIn) -> dict[str, Any]:
    if body.status == "dismissed":
        return line_out(await actions.dismiss_line(tx, line_id, body.reason, caller.email, now()))
    if body.status == "reversed":
        return line_out(await actions.reverse_returned(tx, line_id, caller.email, now()))
    if body.account_id is None or body.container_id is None:
        raise Rejected("Say whose money it is: account_id, and container_id for what is left after its invoices.")
    line = await actions.assign_line(
        tx, line_id, body.account_id, body.container_id, body.invoices, caller.email, now()
    )
    return line_out(line)
