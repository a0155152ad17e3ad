"""Rows that were refused, beside the file they came from. Nothing of an earlier run stays there."""

from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from services.billing.rules.import_file import Row
from services.billing.rules.price_file import as_csv
from shared.errors import DomainError, Rejected

SHOWN = ("type", "division_id", "legacy_number")  # by which a row is found again


class Refused:
    def __init__(self, file: Path) -> None:
        self.path = file.with_name(f"{file.name}.refused.csv")
        self._open: TextIO | None = None

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def add(self, row: Row, refused: DomainError) -> None:
        given = (str(row.words.get(name) or "")[:255] for name in SHOWN)
        self._write(row.number, *given, refused.code, refused.message)

    def _write(self, *cells: object) -> None:
        try:
            if self._open is None:
                self._open = self.path.open("w", encoding="utf-8", newline="")
                self._write("row", *SHOWN, "code", "message")
            self._open.write(as_csv([cells]))
        except OSError as error:
            raise Rejected(f"{self.path} cannot be written: {error.strerror}. Copy the file elsewhere first.") from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._open:
            self._open.close()
