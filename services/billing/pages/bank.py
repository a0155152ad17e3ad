"""Staff upload the bank's statement files, and say whose money it is where a file does not."""

import asyncio
import re
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.models import Payment
from services.billing.queries import bank
from services.billing.rules import is_number, reference_of
from services.billing.rules.camt import read_camt
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, Rejected
from shared.web import CsrfChecked, Tx, now, page, page_operator

FILES, LINES = "/finance/bank-files", "/finance/bank-files/lines"
router = APIRouter(prefix="/finance", include_in_schema=False)
PAGE = 50
Operator = Annotated[Caller, Depends(page_operator)]
Text = Annotated[str, Form()]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/bank-files")
async def files(request: Request, tx: Tx, who: Operator, before: int | None = None) -> Response:
    return await _files(request, tx, before)


async def _files(request: Request, tx: Tx, before: int | None = None, refused: DomainError | None = None) -> Response:
    rows = await bank.files(tx, PAGE, before)
    return page(
        request, "bank_files.html", refused.status if refused else 200, rows=rows,
        next=f"{FILES}?before={rows[-1].id}" if len(rows) == PAGE else "", first=FILES if before else "",
        error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/bank-files", dependencies=[CsrfChecked])
async def upload(
    request: Request, tx: Tx, who: Operator, file: Annotated[UploadFile | None, File()] = None
) -> Response:
    try:
        taken, is_new = await _take(tx, who, file)
    except DomainError as refused:
        return await _files(request, tx, refused=refused)
    return RedirectResponse(f"{FILES}/{taken.id}" + ("" if is_new else "?repeated=1"), 303)


async def _take(tx: Tx, who: Operator, file: UploadFile | None) -> tuple[Any, bool]:
    if file is None or not file.filename:
        raise Rejected("No file was chosen; choose the bank's statement, a camt.053 file.")
    content = await file.read()
    statements, digest = await asyncio.to_thread(read_camt, content), sha256(content).hexdigest()
    return await actions.take_bank_file(tx, statements, digest, file.filename[:255], who.email, now())


@router.get("/bank-files/{file_id:int}")
async def shown(
    request: Request, tx: Tx, who: Operator, file_id: int, after: int | None = None, repeated: bool = False
) -> Response:
    file = await bank.file(tx, file_id)
    rows = await bank.lines_after(tx, PAGE, after, file_id=file_id)
    here = f"{FILES}/{file_id}"
    return page(
        request, "bank_file.html", file=file, counts=await bank.standing(tx, file_id), rows=rows, repeated=repeated,
        next=f"{here}?after={rows[-1].BankLine.id}" if len(rows) == PAGE else "", first=here if after else "",
    )  # fmt: skip


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/bank-files/lines")
async def lines(request: Request, tx: Tx, who: Operator, status: str = "open", after: int | None = None) -> Response:
    wanted = "" if status == "all" else status
    rows = await bank.lines_after(tx, PAGE, after, wanted)
    kept = {"status": status}
    return page(
        request, "bank_lines.html", rows=rows, wanted=status,
        next=f"{LINES}?{urlencode(kept | {'after': rows[-1].BankLine.id})}" if len(rows) == PAGE else "",
        first=f"{LINES}?{urlencode(kept)}" if after else "",
    )  # fmt: skip


@router.get("/bank-files/lines/{line_id}")
async def line(request: Request, tx: Tx, who: Operator, line_id: int) -> Response:
    return await _line(request, tx, line_id)


async def _line(
    request: Request, tx: Tx, line_id: int, form: dict[str, str] | None = None, refused: DomainError | None = None
) -> Response:
    row = await bank.line(tx, line_id)
    payment_id = row.payment_id or row.names_payment_id
    about = await tx.get(Payment, payment_id) if payment_id else None
    known = {"account_id": str(about.account_id), "division_id": str(about.division_id)} if about else {}
    empty = {"account_id": "", "division_id": "", "invoices": "", "reason": ""}
    return page(
        request, "bank_line.html", refused.status if refused else 200, line=row, file=await bank.file(tx, row.file_id),
        payment=about, reference=reference_of(about.id) if about else "", form=empty | known | (form or {}),
        error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/bank-files/lines/{line_id}", dependencies=[CsrfChecked])
async def change(
    request: Request, tx: Tx, who: Operator, line_id: int, do: Text = "", account_id: Text = "",
    division_id: Text = "", invoices: Text = "", reason: Text = "",
) -> Response:  # fmt: skip
    form = {"account_id": account_id, "division_id": division_id, "invoices": invoices, "reason": reason}
    try:
        async with attempt(tx):
            await _change(tx, who, line_id, do, form)
    except DomainError as refused:
        return await _line(request, tx, line_id, form, refused)
    return RedirectResponse(f"{LINES}/{line_id}", 303)


async def _change(tx: Tx, who: Operator, line_id: int, do: str, form: dict[str, str]) -> None:
    if do == "dismiss":
        await actions.dismiss_line(tx, line_id, form["reason"], who.email, now())
    elif do == "reverse":
        await actions.reverse_returned(tx, line_id, who.email, now())
    else:
        numbers = re.split(r"[\s,;]+", form["invoices"].strip()) if form["invoices"].strip() else []
        account, division = (_id(form[name], name) for name in ("account_id", "division_id"))
        await actions.assign_line(tx, line_id, account, division, numbers, who.email, now())


def _id(text: str, name: str) -> int:
    if not is_number(text.strip()):
        raise Rejected(f"Say whose money it is: the {name.removesuffix('_id')} is a number, not {text[:40]!r}.")
    return int(text)
