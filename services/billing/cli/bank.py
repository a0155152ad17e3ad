"""`python -m services ctl billing bank FILE`: what came on a bank account, from the bank's statement file."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from services.billing import actions
from services.billing.models import BankFile, BankLine
from services.billing.queries import bank
from services.billing.rules import printed
from services.billing.rules.camt import read_camt
from shared.db import Database, utcnow
from shared.errors import Rejected
from shared.service import Service

SAID_EACH, PAGE = 100, 500
Say = Callable[[str], object]


async def bank_file(service: Service, told: Any, who: str) -> int:
    await take_bank_file(service.db, Path(told.file), service.app.state.match_bank_line, who, utcnow(), _say)
    return 0


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


async def take_bank_file(
    db: Database, path: Path, match: Callable[[], Awaitable[bool]], who: str, now: datetime, say: Say
) -> None:
    """`match` books the next line that was not looked at. A file that came before adds nothing, and what was left of it
    is finished."""
    content = _content(path)
    statements = read_camt(content)
    async with db.transaction() as tx:
        file, is_new = await actions.take_bank_file(
            tx, statements, sha256(content).hexdigest(), path.name[:255], who, now
        )
    say(_taken(file, is_new))
    done = 0
    while await match():
        done += 1
        if done % SAID_EACH == 0:
            say(f"{done:,} lines looked at")
    await _report(db, file, say)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror}. Give the path of a file.") from None


def _taken(file: BankFile, is_new: bool) -> str:
    before = "" if is_new else f", which came before on {file.received_at:%Y-%m-%d %H:%M}"
    return (
        f"Bank file {file.id}{before}: {file.credits:,} credits and {file.returns:,} returns, {file.known:,} of them "
        f"known; {file.pending:,} not booked yet, {file.debits:,} debits."
    )


async def _report(db: Database, file: BankFile, say: Say) -> None:
    async with db.transaction() as tx:
        counts = await bank.standing(tx, file.id)
    say("{booked:,} lines are booked, {dismissed:,} dismissed, {open:,} open.".format(**counts))
    async for line in _open_lines(db, file.id):
        amount = f"{printed(line.amount, line.currency)} {line.currency}"
        say(f"line {line.id}  {line.booked_on}  {amount}  {line.payer or '?'}: {line.text[:80]!r}  {line.note or ''}")


async def _open_lines(db: Database, file_id: int) -> AsyncIterator[BankLine]:
    after: int | None = None
    while True:
        async with db.transaction() as tx:
            rows = await bank.lines_after(tx, PAGE, after, "open", file_id)
        for row in rows:
            yield row.BankLine
        if len(rows) < PAGE:
            return
        after = rows[-1].BankLine.id
