"""`python -m services ctl billing import FILE --source NAME`: docs/migration.md. In batches, each in a transaction of
its own: run again after whatever ended it, it goes on with what is missing."""

import argparse
import asyncio
import codecs
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions import Answer, ImportedBalance, ImportedInvoice
from services.billing.cli.refused import Refused
from services.billing.queries.imports import Old, lock_for
from services.billing.rules.import_file import LONGEST_ROW, Row, read_rows
from services.billing.rules.imports import OldInvoice
from shared.audit import note
from shared.db import Database, at_last, is_transient, utcnow
from shared.errors import DomainError, Rejected
from shared.service import Service

BATCH, TRIES = 1000, 5
Say = Callable[[str], object]


@dataclass
class Run:
    given: argparse.Namespace
    who: str
    refused: Refused
    counts: Counter[str] = field(default_factory=Counter)
    seen: dict[str | int, int] = field(default_factory=dict)  # old number, or division of a balance → its row

    def read(self, row: Row) -> Old | None:
        self.counts["rows"] += 1
        try:
            old = row.old(self.given.source, self.given.notify)
            self._refuse_second(old, row.number)
        except DomainError as refused:
            self._refuse(row, refused)
            return None
        return old

    def _refuse_second(self, old: Old, number: int) -> None:
        first = self.seen.setdefault(old.number if isinstance(old, OldInvoice) else old.division_id, number)
        if first != number:
            raise Rejected(f"Row {first} of the file has the same; leave one of the two out.", "twice_in_file")

    def take(self, row: Row, answer: Answer) -> None:
        if isinstance(answer, DomainError):
            self._refuse(row, answer)
        else:
            self.counts[_kind(answer) if answer.is_new else "there"] += 1

    def _refuse(self, row: Row, refused: DomainError) -> None:
        self.counts["refused"] += 1
        self.refused.add(row, refused)

    @property
    def is_clean(self) -> bool:
        return not self.counts["refused"]

    @property
    def report(self) -> str:
        n = self.counts
        made = "would be imported" if self.given.dry_run else "imported"
        refused = f"{n['refused']:,} refused, see {self.refused.path}" if n["refused"] else "none refused"
        return (
            f"{'Dry run, nothing is changed. ' if self.given.dry_run else ''}{n['rows']:,} rows: {n['invoices']:,} "
            f"{made} as invoices and {n['balances']:,} as balances, {n['there']:,} were there already, {refused}."
        )


def _kind(answer: ImportedInvoice | ImportedBalance) -> str:
    return "invoices" if isinstance(answer, ImportedInvoice) else "balances"


async def take_over(service: Service, told: argparse.Namespace, who: str) -> int:
    run = await import_file(service.db, told, who, lambda line: sys.stderr.write(f"{line}\n"))
    sys.stdout.write(f"{run.report}\n")
    return 0 if run.is_clean else 1


async def import_file(db: Database, given: argparse.Namespace, who: str, say: Say) -> Run:
    """`say` hears of the progress. Raises Rejected for a file that cannot be read."""
    started = monotonic()
    with _opened(given.file) as lines, Refused(given.file) as refused:
        run, rows = Run(given, who, refused), read_rows(lines)
        while batch := list(islice(rows, BATCH)):
            olds = [(row, old) for row in batch if (old := run.read(row))]
            answers = await _import(db, run, [old for _, old in olds])
            for (row, _), answer in zip(olds, answers, strict=True):
                run.take(row, answer)
            say(f"{run.counts['rows']:,} rows, {run.counts['rows'] / (monotonic() - started):,.0f} a second")
    return run


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[str]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror}. Give the path of a file.") from None
    with file:
        yield _decoded(file)


def _decoded(file: BinaryIO) -> Iterator[str]:
    """Line by line, so that it is known where a file is no UTF-8; a long line comes in pieces."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    while piece := file.readline(LONGEST_ROW):
        yield decoder.decode(piece)
    decoder.decode(b"", final=True)


async def _import(db: Database, run: Run, olds: Sequence[Old]) -> Sequence[Answer]:
    """Others work with the same funds meanwhile: what was only in their way is tried again."""
    for left in reversed(range(TRIES)):
        try:
            return await _in_one(db, run, olds)
        except Exception as error:
            if not left or not is_transient(error):
                raise
            await asyncio.sleep(1 / (1 + left))
    return []


class _Undone(Exception):
    """A dry run's: everything was written, and is taken back."""


async def _undo(tx: AsyncSession) -> None:
    raise _Undone


async def _in_one(db: Database, run: Run, olds: Sequence[Old]) -> Sequence[Answer]:
    answers: Sequence[Answer] = ()
    with suppress(_Undone):
        async with db.transaction() as tx:
            if run.given.dry_run:
                at_last(tx, _undo)
            await lock_for(tx, olds)
            answers = await actions.import_all(tx, olds, run.who, utcnow())
            _audit(tx, run, answers)
    return answers


def _audit(tx: AsyncSession, run: Run, answers: Sequence[Answer]) -> None:
    if made := Counter(_kind(a) for a in answers if not isinstance(a, DomainError) and a.is_new):
        note(tx, run.who, "imported", f"import/{run.given.source}", None, dict(made), utcnow())
