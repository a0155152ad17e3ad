"""A bank's file: all its lines are kept at once, and then whose each is. Locks: the line, then as payments do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.matching import Unclear, owner_of, returned_by
from services.billing.actions.receiving import receive_payment, settle_payment
from services.billing.actions.reversing import reverse_payment
from services.billing.models import Account, BankFile, BankLine, Payment
from services.billing.queries import bank
from services.billing.rules import isolated, printed, reference_of
from services.billing.rules.camt import CREDIT, LONGEST_REFERENCE, RETURN, BankEntry, Statement
from shared.audit import note
from shared.db import known, locked, the
from shared.errors import Conflict, NotFound, Rejected
from shared.events.base import Money

METHOD = "wire_transfer"
KEY = (BankLine.iban, BankLine.kind, BankLine.bank_reference)
CONTRADICTS = (
    "The bank gave the same reference before to a transfer of another amount. Make sure that this is other money, then "
    "assign it."
)


# ── take ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def take_bank_file(
    tx: AsyncSession, statements: Sequence[Statement], sha256: str, name: str, who: str, now: datetime
) -> tuple[BankFile, bool]:
    """The file, and whether it is new: what came before is answered as it was then. Lines of an earlier file that stand
    on this one too stay what they are."""
    values = _counted(statements) | {"sha256": sha256, "name": name, "received_at": now, "received_by": who}
    added = insert(BankFile).values(**values).on_conflict_do_nothing().returning(BankFile.id)
    file_id = (await tx.execute(added)).scalar_one_or_none()
    file = (await tx.scalars(select(BankFile).where(BankFile.sha256 == sha256))).one()
    if file_id is None:
        return file, False
    rows = sorted((_row(file.id, one.iban, entry) for one in statements for entry in one.entries), key=_key)
    file.known = await _keep_lines(tx, rows, now)
    note(tx, who, "bank file taken", f"bank-file/{file.id}", None, {"name": name, "lines": len(rows)}, now)
    return file, True


def _counted(statements: Sequence[Statement]) -> dict[str, Any]:
    kinds = [entry.kind for one in statements for entry in one.entries]
    return {
        "ibans": list(dict.fromkeys(one.iban for one in statements)),
        "statement_ids": [one.id for one in statements],
        "credits": kinds.count(CREDIT), "returns": kinds.count(RETURN), "known": 0,
        "pending": sum(one.pending for one in statements), "debits": sum(one.debits for one in statements),
    }  # fmt: skip


def _row(file_id: int, iban: str, entry: BankEntry) -> dict[str, Any]:
    told = vars(entry) | {"file_id": file_id, "iban": iban, "bank_reference": entry.reference}
    return {name: value for name, value in told.items() if name != "reference"} | {"tried_at": None, "note": None}


def _key(row: Any) -> tuple[str, str, str]:
    return row["iban"], row["kind"], row["bank_reference"]


async def _keep_lines(tx: AsyncSession, rows: list[dict[str, Any]], now: datetime) -> int:
    """How many were known. In the order of their key, so that two files with the same lines never deadlock."""
    added = await _insert(tx, rows)
    there = [row for row in rows if _key(row) not in added]
    others = await _contradicting(tx, there)
    await _insert(tx, [_as_other_money(row, now) for row in others])
    return len(there) - len(others)


async def _insert(tx: AsyncSession, rows: list[dict[str, Any]]) -> set[Any]:
    if not rows:
        return set()
    adding = insert(BankLine.__table__).on_conflict_do_nothing().returning(*KEY)  # type: ignore[arg-type]
    return {tuple(row) for row in await tx.execute(adding, rows)}


async def _contradicting(tx: AsyncSession, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    there = await bank.amounts_of(tx, [_key(row) for row in rows])
    return [row for row in rows if there.get(_key(row)) != (row["amount"], row["currency"])]


def _as_other_money(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    apart = f" ({printed(row['amount'], row['currency'])} {row['currency']})"
    reference = row["bank_reference"][: LONGEST_REFERENCE - len(apart)] + apart
    return row | {"bank_reference": reference, "tried_at": now, "note": CONTRADICTS}


# ── match ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def next_bank_line(tx: AsyncSession) -> int | None:
    """The oldest that was not looked at, locked; what another process looks at is left to it."""
    query = select(BankLine.id).where(BankLine.tried_at.is_(None)).order_by(BankLine.id).limit(1)
    return await tx.scalar(query.with_for_update(skip_locked=True))


async def match_line(tx: AsyncSession, line_id: int, now: datetime) -> None:
    """Books it where its text says whose it is. Raises a refusal where that cannot be, which `keep_line_open` notes."""
    line = await locked(tx, BankLine, line_id)
    if line.tried_at or line.status != "open":
        return
    try:
        await (_match_return(tx, line, now) if line.kind == RETURN else _match_credit(tx, line, now))
    except Unclear as unclear:
        line.leave_open(unclear.message, now, unclear.payment_id)


async def _match_credit(tx: AsyncSession, line: BankLine, now: datetime) -> None:
    found, who = await owner_of(tx, line, now), (await the(tx, BankFile, line.file_id)).settles_as
    money = Money(amount=line.amount, currency=line.currency)
    if isinstance(found, Payment):
        if not found.settled_at:
            await settle_payment(tx, found.id, money, line.bank_reference, who, now)
        line.book(found.id, who, now)
        return
    first = min(found, key=lambda one: (one.due_on, one.invoice_id))
    payment_id = await receive_payment(
        tx, first.account_id, first.division_id, money, [one.invoice_id for one in found], METHOD,
        line.bank_reference, who, now,
    )  # fmt: skip
    line.book(payment_id, who, now)


async def _match_return(tx: AsyncSession, line: BankLine, now: datetime) -> None:
    payment = await returned_by(tx, line)
    line.book(payment.id, payment.reversed_by or "", now)


async def keep_line_open(tx: AsyncSession, line_id: int, why: str, now: datetime) -> None:
    line = await locked(tx, BankLine, line_id)
    if not line.tried_at:
        line.leave_open(why, now)


# ── by an operator ───────────────────────────────────────────────────────────────────────────────────────────────────


async def assign_line(
    tx: AsyncSession, line_id: int, account_id: int, division_id: int, numbers: Sequence[str], who: str, now: datetime
) -> BankLine:
    """For the invoices with these numbers, or without any for what the account owes; the rest becomes funds of the
    division."""
    line = await locked(tx, BankLine, line_id)
    line.refuse_other_kind(CREDIT)
    line.refuse_ended()
    await _refuse_other_currency(tx, line, account_id)
    invoices = await _numbered(tx, account_id, numbers)
    money = Money(amount=line.amount, currency=line.currency)
    payment_id = await receive_payment(
        tx, account_id, division_id, money, invoices, METHOD, line.bank_reference, who, now
    )
    line.book(payment_id, who, now)
    after = {"account": account_id, "division": division_id, "invoices": list(numbers), "payment": payment_id}
    note(tx, who, "bank line assigned", f"bank-line/{line_id}", None, after, now)
    return line


async def _refuse_other_currency(tx: AsyncSession, line: BankLine, account_id: int) -> None:
    account = await known(tx, Account, account_id)
    if account and account.currency != line.currency:
        raise Rejected(
            f"Line {line.id} is in {line.currency}, and account {account_id} keeps its book in {account.currency}. "
            f"Send it back, or exchange it and deposit what it brought in {account.currency}."
        )


async def _numbered(tx: AsyncSession, account_id: int, numbers: Sequence[str]) -> list[int]:
    wanted = list(dict.fromkeys(one.strip().upper() for one in numbers if one.strip()))
    found = {one.number: one for one in await bank.receivables(tx, wanted) if one.account_id == account_id}
    for number in wanted:
        if number not in found:
            raise NotFound(
                f"There is no invoice {number[:40]!r} to pay in account {account_id}; check its number.",
                "not_found|invoice",
            )
        if found[number].due == 0:
            raise Conflict(f"Invoice {number} is settled; leave it out.", "invoice_settled")
    return [one.invoice_id for one in found.values()]


async def dismiss_line(tx: AsyncSession, line_id: int, reason: str | None, who: str, now: datetime) -> BankLine:
    """It is none of ours: a refund of salaries, money between own accounts."""
    if not (said := (reason or "").strip()):
        raise Rejected("A line is dismissed with a reason; it stays beside the money that was not booked.")
    line = await locked(tx, BankLine, line_id)
    line.dismiss(said, who, now)
    note(tx, who, "bank line dismissed", f"bank-line/{line_id}", None, {"reason": said}, now)
    return line


async def reverse_returned(tx: AsyncSession, line_id: int, who: str, now: datetime) -> BankLine:
    line = await locked(tx, BankLine, line_id)
    line.refuse_other_kind(RETURN)
    line.refuse_ended()
    if line.names_payment_id is None:
        raise Rejected(f"Line {line_id} names no payment. Reverse it on its own page, then dismiss this line.")
    payment = await the(tx, Payment, line.names_payment_id)
    if payment.received != line.amount:
        raise Rejected(
            f"The bank took back {printed(line.amount, line.currency)} {line.currency}, and payment "
            f"{reference_of(payment.id)} brought {printed(payment.received or 0, payment.currency)}. Only a whole "
            "payment is reversed; settle the difference with the customer."
        )
    await reverse_payment(tx, payment.id, f"Returned by the bank: {isolated(line.text)}".strip(" :")[:2000], who, now)
    line.book(payment.id, who, now)
    note(tx, who, "bank line reversed", f"bank-line/{line_id}", None, {"payment": payment.id}, now)
    return line
