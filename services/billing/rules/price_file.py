"""A price list as a spreadsheet saves it: CSV with a header, commas or semicolons."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from itertools import islice

from services.billing.rules.given import PriceIn
from services.billing.rules.header import columns_of
from shared.errors import Rejected

AT_MOST = 1000  # rows; as JSON they fit into a request
COLUMNS = tuple(PriceIn.model_fields)
NEEDED = tuple(name for name, field in PriceIn.model_fields.items() if field.is_required())
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate instead of showing
Words = Mapping[str, object]


def decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejected("The file is not UTF-8; save it as «CSV UTF-8» and upload that.") from None
    if "\0" in text:
        raise Rejected("The file has a NUL character and is no text; save it as «CSV UTF-8» and upload that.")
    if not text.strip():
        raise Rejected("The file is empty; choose one with a header and a row for each price.")
    return text


def read_csv(text: str) -> list[tuple[int, Words]]:
    """Rows with their number as a spreadsheet counts: the header is row 1, and empty rows count too."""
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = columns_of(next(reader), COLUMNS, NEEDED)
        rows = list(
            islice(((n, cells) for n, cells in enumerate(reader, 2) if any(map(str.strip, cells))), AT_MOST + 1)
        )
    except csv.Error as error:
        raise Rejected(
            f"The file is not CSV: {error} near line {reader.line_num}. Mend it and upload it again."
        ) from None
    check_count(len(rows), "The file has no row below its header; add one for each price.")
    return [(number, _words(header, cells)) for number, cells in rows]


def check_count(rows: int, none: str) -> None:
    if not rows:
        raise Rejected(none)
    if rows > AT_MOST:
        raise Rejected(f"There are more than {AT_MOST:,} rows; split the list and send it in parts.")


def _words(header: Sequence[str], cells: Sequence[str]) -> Words:
    words: dict[str, object] = dict(zip(header, map(shown, cells), strict=False))
    beyond = [cell for cell in cells[len(header) :] if cell.strip()]
    return words | ({beyond[0].strip(): "beyond the last column"} if beyond else {})


def shown(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from calculating."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def as_cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    file = StringIO(newline="")
    csv.writer(file).writerows([as_cell(value) for value in row] for row in rows)
    return file.getvalue()
