"""Spreadsheets of currencies with other decimals, and of figures that a spreadsheet cannot hold."""

import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from zipfile import ZipFile

import pytest

from services.billing.clients.sheets import Cell, Column, Sheet, csv_of, xlsx_of

COLUMNS = (Column("When", "time"), Column("What"), Column("Amount", "amount"))
AT = datetime(2026, 11, 3, 9, 12, 44, tzinfo=UTC)


async def one(*row: Cell) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    yield [row]


async def csv_text(places: int, *row: Cell) -> str:
    return b"".join([block async for block in csv_of(COLUMNS, places, one(*row))]).decode("utf-8-sig")


async def xlsx_parts(places: int, *row: Cell) -> tuple[str, str]:
    content = b"".join([block async for block in await xlsx_of(places, [Sheet("Funds", COLUMNS, one(*row))])])
    with ZipFile(io.BytesIO(content)) as file:
        return file.read("xl/worksheets/sheet1.xml").decode(), file.read("xl/styles.xml").decode()


@pytest.mark.parametrize(
    ("places", "minor", "text", "number", "form"),
    [
        (0, -123456, "-123456", "-123456", "#,##0;-#,##0"),
        (2, -123456, "-1234.56", "-1234.56", "#,##0.00;-#,##0.00"),
        (3, 123456, "123.456", "123.456", "#,##0.000;-#,##0.000"),
    ],
)
async def test_an_amount_has_the_decimals_of_its_currency(
    places: int, minor: int, text: str, number: str, form: str
) -> None:
    xml, styles = await xlsx_parts(places, AT, "x", minor)

    assert (await csv_text(places, AT, "x", minor)).endswith(f"2026-11-03 09:12:44,x,{text}\r\n")
    assert f"<v>{number}</v>" in xml
    assert form in styles


async def test_a_figure_that_a_spreadsheet_would_round_is_text() -> None:
    xml, _ = await xlsx_parts(2, AT, "x", 1234567890123456789)

    assert "<t>12345678901234567.89</t>" in xml


async def test_a_cell_without_a_value_is_empty() -> None:
    assert (await csv_text(2, None, None, None)).endswith("\r\n,,\r\n")


async def test_a_text_longer_than_a_cell_is_cut_and_control_characters_break_nothing() -> None:
    xml, _ = await xlsx_parts(2, AT, "\x01" + "x" * 40_000, 1)

    assert "x" * 30_000 in xml
    assert "\x01" not in xml


async def test_a_fault_on_the_way_leaves_no_file_and_is_told_before_the_answer() -> None:
    async def broken() -> AsyncIterator[Sequence[Sequence[Cell]]]:
        yield [(AT, "x", 1)]
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await xlsx_of(2, [Sheet("Funds", COLUMNS, one(AT, "x", 1)), Sheet("More", COLUMNS, broken())])
