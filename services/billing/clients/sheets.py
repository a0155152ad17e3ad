"""Tables for spreadsheets, written row by row: CSV and XLSX of any length in the same little memory."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import xlsxwriter

Cell = str | int | datetime | date | None
Pages = AsyncIterator[Sequence[Sequence[Cell]]]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet would calculate with it
LONGEST_TEXT = 32_767  # of a cell
EXACT = 10**15  # minor units: a spreadsheet's figures have 15 digits
BLOCK = 1 << 16


@dataclass(frozen=True)
class Column:
    name: str
    kind: Literal["text", "amount", "time", "day"] = "text"
    width: int = 14


@dataclass(frozen=True)
class Sheet:
    title: str
    columns: Sequence[Column]
    pages: Pages


def harmless(text: str) -> str:
    """As spreadsheets themselves mark a text: with an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA) else text


async def csv_of(columns: Sequence[Column], places: int, pages: Pages) -> AsyncIterator[bytes]:
    """With a mark of UTF-8 at the beginning, without which Excel takes it for another encoding."""
    yield b"\xef\xbb\xbf" + _lines([[column.name for column in columns]])
    async for rows in pages:
        yield _lines([[_plain(cell, places) for cell in row] for row in rows])


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _plain(cell: Cell, places: int) -> str:
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, int):
        return f"{Decimal(cell).scaleb(-places):.{places}f}"
    if isinstance(cell, date):
        return cell.isoformat()
    return harmless(cell or "")


async def xlsx_of(places: int, sheets: Sequence[Sheet]) -> AsyncIterator[bytes]:
    """Written to a file first, as what is in it stands at its end; a fault on the way is told before any answer."""
    folder = TemporaryDirectory()
    path = Path(folder.name) / "sheet.xlsx"
    book = _Book(path, places)
    try:
        for sheet in sheets:
            book.begin(sheet)
            async for rows in sheet.pages:
                await asyncio.to_thread(book.add, rows)
        await asyncio.to_thread(book.close)
    except BaseException:
        book.abandon()
        folder.cleanup()
        raise
    return _blocks(folder, path)


async def _blocks(folder: "TemporaryDirectory[str]", path: Path) -> AsyncIterator[bytes]:
    with folder, path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block


class _Book:
    def __init__(self, path: Path, places: int) -> None:
        options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False,
                   "strings_to_urls": False, "strings_to_numbers": False}  # fmt: skip
        self._book = xlsxwriter.Workbook(str(path), options)
        self._places = places
        figure = "#,##0" + ("." + "0" * places if places else "")
        self._formats = {
            "text": self._book.add_format(),
            "amount": self._book.add_format({"num_format": f"{figure};-{figure}"}),
            "time": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "day": self._book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        self._bold = self._book.add_format({"bold": True, "bottom": 1})

    def begin(self, sheet: Sheet) -> None:
        self._sheet = self._book.add_worksheet(sheet.title)
        self._columns, self._row = sheet.columns, 0
        for at, column in enumerate(self._columns):
            self._sheet.set_column(at, at, column.width)
            self._sheet.write_string(0, at, column.name, self._bold)
        self._sheet.freeze_panes(1, 0)

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        for row in rows:
            self._row += 1
            for at, (column, cell) in enumerate(zip(self._columns, row, strict=True)):
                self._write(at, self._formats[column.kind], cell)

    def _write(self, at: int, kind: Any, cell: Cell) -> None:
        if isinstance(cell, datetime):
            self._sheet.write_datetime(self._row, at, cell.astimezone(UTC).replace(tzinfo=None), kind)
        elif isinstance(cell, date):
            self._sheet.write_datetime(self._row, at, cell, kind)
        elif isinstance(cell, int) and abs(cell) < EXACT:
            self._sheet.write_number(self._row, at, float(Decimal(cell).scaleb(-self._places)), kind)
        elif cell is not None:
            self._sheet.write_string(self._row, at, _plain(cell, self._places)[:LONGEST_TEXT], kind)

    def close(self) -> None:
        self._book.close()

    def abandon(self) -> None:
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()
