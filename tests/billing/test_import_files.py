"""A file of an older system: what can be taken is taken, what cannot is reported, and again adds what is missing."""

import argparse
import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.billing.cli import import_file, told_by
from services.billing.cli.imports import Run
from services.billing.rules.import_file import COLUMNS, read_rows
from shared.db import Database
from shared.errors import Rejected
from shared.events.orders import Division, DivisionAdded
from shared.migrate import ROOT
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.months import standing
from tests.billing.shell import shell, start
from tests.bus import as_record
from tests.conftest import World
from tests.makers import NOW, an_opened_account

HEADER = "type,division_id,legacy_number,issued_on,due_on,po_number,amount,paid,currency,as_of,note"
LABS = Division(id=16, name="Labs")


def an_invoice_row(number: str = "R-1", **changed: str) -> str:
    given = {
        "type": "invoice", "division_id": "14", "legacy_number": number, "issued_on": "2025-08-17",
        "due_on": "2025-09-16", "po_number": "PO-77812", "amount": "1000.00", "currency": "EUR",
    } | changed  # fmt: skip
    return ",".join(given.get(name, "") for name in HEADER.split(","))


def a_balance_row(division: int = 14, amount: str = "-600.00", **changed: str) -> str:
    given = {"type": "balance", "division_id": str(division), "amount": amount, "currency": "EUR"}
    given |= {"as_of": "2025-12-31"} | changed
    return ",".join(given.get(name, "") for name in HEADER.split(","))


def csv_of(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


GOOD = csv_of(an_invoice_row("R-1"), an_invoice_row("R-2", paid="250.00", note='"a, b"'), a_balance_row())


@pytest.fixture
async def market(shop: World) -> World:
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS)
    await shop.deliver("billing", an_opened_account(), labs)
    return shop


def given(file: Path, *flags: str) -> argparse.Namespace:
    told: argparse.Namespace = told_by(["import", str(file), "--source", "oldbill", *flags])
    return told


class Handover:
    """A file, and what came of it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.file, self.said = world, folder / "handover.csv", list[str]()

    async def take(self, content: str | bytes, *flags: str) -> Run:
        self.file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return await import_file(self.world.billing.db, given(self.file, *flags), "ann", self.said.append)

    @property
    def report(self) -> Path:
        return self.file.with_name("handover.csv.refused.csv")

    def refused(self) -> list[dict[str, str]]:
        with self.report.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    async def numbers(self) -> list[str]:
        rows = await self.world.rows("billing", "SELECT legacy_number FROM invoice ORDER BY seq")
        return [row.legacy_number for row in rows]


@pytest.fixture
def handover(market: World, tmp_path: Path) -> Handover:
    return Handover(market, tmp_path)


async def test_invoices_and_balances_of_a_file_are_taken_over(handover: Handover) -> None:
    run = await handover.take(GOOD)

    assert run.report == ("3 rows: 2 imported as invoices and 1 as balances, 0 were there already, none refused.")
    assert await handover.numbers() == ["R-1", "R-2"]
    assert (await standing(handover.world))[0] == "-600.00"
    assert not handover.report.exists()
    assert handover.said[-1].startswith("3 rows, ")
    [noted] = await handover.world.rows("billing", "SELECT who, subject, after FROM audit_log WHERE what = 'imported'")
    assert tuple(noted) == ("ann", "import/oldbill", {"invoices": 2, "balances": 1})
    await assert_in_order(handover.world.billing.db)


async def test_the_same_file_again_changes_nothing_and_a_longer_one_adds_what_is_missing(handover: Handover) -> None:
    await handover.take(GOOD)

    again = await handover.take(GOOD)
    longer = await handover.take(GOOD + an_invoice_row("R-3") + "\n")

    assert (again.counts["there"], again.counts["invoices"], again.is_clean) == (3, 0, True)
    assert (longer.counts["there"], longer.counts["invoices"]) == (3, 1)
    assert await handover.numbers() == ["R-1", "R-2", "R-3"]


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(handover: Handover) -> None:
    run = await handover.take(GOOD + an_invoice_row("R-9", division_id="999") + "\n", "--dry-run")

    assert run.report == (
        "Dry run, nothing is changed. 4 rows: 2 would be imported as invoices and 1 as balances, 0 were there already, "
        f"1 refused, see {handover.report}."
    )
    assert await handover.numbers() == []
    assert (await standing(handover.world))[0] == "0.00"
    assert await handover.world.rows("billing", "SELECT 1 FROM number_counter") == []
    assert await handover.world.said("billing", "invoice_issued") == []
    await handover.take(GOOD)
    assert await handover.numbers() == ["R-1", "R-2"]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [b",", b";"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_a_spreadsheets_file_is_read_as_it_saves_it(
    handover: Handover, bom: bytes, separator: bytes, end: bytes
) -> None:
    rows = csv_of(an_invoice_row("Ré-1"), a_balance_row(amount="'-600.00")).encode()

    run = await handover.take(bom + rows.replace(b",", separator).replace(b"\n", end))

    assert (run.counts["invoices"], run.counts["balances"], run.is_clean) == (1, 1, True)
    assert await handover.numbers() == ["Ré-1"]


ENTRIES: list[dict[str, Any]] = [
    {"type": "invoice", "division_id": 14, "legacy_number": "R-1", "issued_on": "2025-08-17", "due_on": "2025-09-16",
     "po_number": "PO-1", "amount": 1000, "paid": 250.50, "currency": "EUR", "note": 'a "b" ] }'},
    {"type": "invoice", "division_id": "14", "legacy_number": 4711, "issued_on": "2025-08-17",
     "due_on": "2025-09-16", "po_number": 8, "amount": "1000.00", "currency": "EUR", "note": None},
    {"type": "balance", "division_id": 14, "amount": -600.0, "currency": "EUR", "as_of": "2025-12-31"},
]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [json.dumps(ENTRIES), json.dumps(ENTRIES, indent=2), "\n".join(map(json.dumps, ENTRIES)), "[]" + "\n"],
    ids=["list", "indented", "lines", "empty list"],
)
async def test_json_is_taken_as_a_list_and_as_lines(handover: Handover, content: str) -> None:
    run = await handover.take(content)

    assert run.is_clean, handover.refused()
    if len(content) > 3:
        rows = await handover.world.rows("billing", "SELECT legacy_number, due_at_issue FROM invoice ORDER BY seq")
        assert [tuple(row) for row in rows] == [("R-1", 74_950), ("4711", 100_000)]
        assert (await standing(handover.world))[0] == "-600.00"


WRONG_ROWS: list[tuple[str, str, str]] = [
    (an_invoice_row(amount='"1.234,56"'), "bad_request_format", "decimal point, like 149.00, not '1.234,56'"),
    (an_invoice_row(amount="1 234.56"), "bad_request_format", "Amount takes an amount"),
    (an_invoice_row(amount="1e3"), "bad_request_format", "Amount takes an amount"),
    (an_invoice_row(amount="1.234"), "bad_request_format", "more decimals than EUR"),
    (an_invoice_row(amount="0"), "bad_request_format", "more than 0"),
    (an_invoice_row(amount="-5.00"), "bad_request_format", "Amount takes an amount"),
    (an_invoice_row(amount=""), "bad_request_format", "Amount is missing"),
    (an_invoice_row(paid="1000.01"), "bad_request_format", "cannot have been paid"),
    (an_invoice_row(currency="USD"), "bad_request_format", "keeps its book in EUR"),
    (an_invoice_row(currency="eur"), "bad_request_format", "three capital letters"),
    (an_invoice_row(division_id="999"), "not_found|container", "no division 999"),
    (an_invoice_row(division_id="Main"), "bad_request_format", "the number of a division"),
    (an_invoice_row(issued_on="17.08.2025"), "bad_request_format", "Issued on takes a day"),
    (an_invoice_row(due_on="2025-02-30"), "bad_request_format", "Due on takes a day"),
    (an_invoice_row(number=""), "bad_request_format", "Legacy number is missing"),
    (an_invoice_row(po_number=""), "bad_request_format", "Po number is missing"),
    (an_invoice_row(as_of="2025-12-31"), "bad_request_format", 'no "as_of" here'),
    (an_invoice_row(type="usage"), "bad_request_format", "The type is invoice or balance, not 'usage'"),
    (a_balance_row(amount="0.00"), "bad_request_format", "A balance of 0"),
    (a_balance_row(amount="+5.00"), "bad_request_format", "no other sign"),
    (a_balance_row(legacy_number="R-1"), "bad_request_format", 'no "legacy_number" here'),
    ("invoice,14,R-1,2025-08-1", "file_cut_off", "4 of 11 cells"),
    (an_invoice_row() + ",more", "bad_request_format", "more cells than the header"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "code", "says"), WRONG_ROWS)
async def test_a_wrong_row_is_reported_with_its_number_and_the_others_are_taken(
    handover: Handover, row: str, code: str, says: str
) -> None:
    run = await handover.take(csv_of(an_invoice_row("R-A"), row, an_invoice_row("R-B")))

    [refused] = handover.refused()
    assert (refused["row"], refused["code"]) == ("3", code)
    assert says in refused["message"]
    assert not run.is_clean
    assert await handover.numbers() == ["R-A", "R-B"]
    await assert_in_order(handover.world.billing.db)


async def test_what_is_twice_in_a_file_is_taken_once_and_the_second_is_reported(handover: Handover) -> None:
    await handover.take(csv_of(an_invoice_row("R-1"), a_balance_row(), an_invoice_row("R-1"), a_balance_row()))

    assert [(row["row"], row["code"]) for row in handover.refused()] == [("4", "twice_in_file"), ("5", "twice_in_file")]
    assert handover.refused()[0]["message"] == "Row 2 of the file has the same; leave one of the two out."
    assert await handover.numbers() == ["R-1"]


async def test_another_amount_for_what_was_imported_is_reported_and_the_report_of_before_goes(
    handover: Handover,
) -> None:
    await handover.take(GOOD)

    await handover.take(csv_of(an_invoice_row("R-1", amount="5.00"), a_balance_row(amount="7.00")))
    assert [row["code"] for row in handover.refused()] == ["imported_otherwise"] * 2

    await handover.take(GOOD)
    assert not handover.report.exists()


WRONG_FILES: list[tuple[str | bytes, str, str, str]] = [
    ("", "1", "file_cut_off", "The file is empty"),
    (" \n\n", "1", "file_cut_off", "The file is empty"),
    (HEADER, "2", "file_cut_off", "no row below the header"),
    ("number,total\n1,2\n", "1", "bad_request_format", 'no column "number"; the columns are type'),
    ("type,division_id,amount\nbalance,14,5\n", "1", "bad_request_format", "The header lacks currency"),
    (f"{HEADER},note\n{a_balance_row()},\n", "1", "bad_request_format", "in the header twice"),
    (csv_of(a_balance_row(), an_invoice_row(note='"never closed')), "3", "file_cut_off", "a quote is not closed"),
    (csv_of(a_balance_row()).encode() + "invoice,14,Ré,\nx".encode("latin-1"), "3", "bad_request_format", "not UTF-8"),
    (json.dumps(ENTRIES)[:-1], "4", "file_cut_off", "cut off"),
    (json.dumps(ENTRIES)[:-30], "3", "file_cut_off", "cut off"),
    ("\n".join(map(json.dumps, ENTRIES))[:-3], "3", "file_cut_off", "cut off"),
    ("[1, 2]", "1", "file_cut_off", "no JSON objects"),
    ("[" * 5000, "1", "file_cut_off", "no JSON objects"),
    ('{"type": "balance", "colour": "red"}', "1", "bad_request_format", 'no "colour" here'),
    ('{"type": ["balance"]}', "1", "bad_request_format", "The type is invoice or balance"),
]


@pytest.mark.parametrize(("content", "row", "code", "says"), WRONG_FILES)
async def test_a_file_that_is_not_as_described_is_reported_where_it_goes_wrong(
    handover: Handover, content: str | bytes, row: str, code: str, says: str
) -> None:
    run = await handover.take(content)

    last = handover.refused()[-1]
    assert (last["row"], last["code"]) == (row, code)
    assert says in last["message"]
    assert not run.is_clean


async def test_what_a_spreadsheet_would_calculate_is_neutralised_in_the_report(handover: Handover) -> None:
    await handover.take(csv_of(an_invoice_row('"=HYPERLINK(""http://x"")"', amount="0"), a_balance_row(amount="@x")))

    with handover.report.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert '\'=HYPERLINK("http://x")' in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


async def test_text_with_markup_comes_back_as_it_was(handover: Handover) -> None:
    note = '<script>alert(1)</script> "é" \u202e\u05d0 \U0001f600'
    quoted = '"' + note.replace('"', '""') + '"'

    await handover.take(csv_of(an_invoice_row("R-<b>", note=quoted)))

    [row] = await handover.world.rows("billing", "SELECT legacy_number, notes FROM invoice")
    assert (row.legacy_number, row.notes[-1]) == ("R-<b>", note)


async def test_a_file_that_is_not_there_is_said(handover: Handover) -> None:
    with pytest.raises(Rejected, match="cannot be read: No such file"):
        await import_file(handover.world.billing.db, given(handover.file), "ann", print)


def test_the_documented_columns_are_those_that_are_read() -> None:
    text = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
    example = text.split("```text\n")[1].split("```")[0]

    assert sorted(HEADER.split(",")) == sorted(COLUMNS)
    assert [name for name in COLUMNS if f"`{name}`" not in text] == []
    assert [row.old("oldbill", notify=False).division_id for row in read_rows(example.splitlines(keepends=True))] == [
        14, 14,
    ]  # fmt: skip


# ── from a shell, on connections of its own ──────────────────────────────────────────────────────────────────────────


async def open_account(alone: Service) -> None:
    alone.door.commit_offset = None
    await alone.door.handle([as_record(an_opened_account(), 0)])


async def test_from_a_shell_the_status_says_whether_anything_was_refused(alone: Service, tmp_path: Path) -> None:
    await open_account(alone)
    file = tmp_path / "handover.csv"

    file.write_text(GOOD)
    status, out, err = await shell(alone, "import", str(file), "--source", "oldbill")
    assert (status, out) == (
        0,
        "3 rows: 2 imported as invoices and 1 as balances, 0 were there already, none refused.\n",
    )
    assert err.startswith("3 rows, ")

    file.write_text(csv_of(an_invoice_row(amount="x")))
    status, out, err = await shell(alone, "import", str(file), "--source", "oldbill")
    assert (status, out.endswith(f"1 refused, see {file}.refused.csv.\n")) == (1, True)

    status, out, err = await shell(alone, "import", str(tmp_path / "none"), "--source", "oldbill")
    assert (status, "No such file" in err) == (1, True)


async def test_from_a_shell_a_series_goes_on(alone: Service) -> None:
    year = str(NOW.year)
    status, out, _ = await shell(alone, "number-series", "1", "payment_request", year, "4711", "--why", "oldbill")
    assert (status, out) == (0, "The next number is 4712; 1 to 4711 are declared as a gap.\n")

    status, out, _ = await shell(alone, "number-series", "1", "payment_request", year, "4711", "--why", "oldbill")
    assert (status, out) == (0, "Nothing is changed: the next number is 4712 already.\n")

    status, _, err = await shell(alone, "number-series", "1", "payment_request", year, "4710", "--why", "oldbill")
    assert (status, "Number 4711 of this series is used" in err) == (1, True)


async def test_two_imports_of_one_file_at_once_and_a_third_that_is_killed_add_each_row_once(
    alone: Service, tmp_path: Path
) -> None:
    await open_account(alone)
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for file in files:
        file.write_text(csv_of(a_balance_row(), *(an_invoice_row(f"R-{n}") for n in range(2500))))

    killed = await start(alone, "import", str(files[0]), "--source", "oldbill")
    while not await imported(alone.db):  # noqa: ASYNC110  it is another process that writes
        await asyncio.sleep(0.02)
    killed.kill()
    await killed.communicate()
    await asyncio.gather(*(quietly(alone.db, given(file)) for file in files))

    async with alone.db.transaction() as tx:
        connection = await tx.connection()
        found = (await connection.exec_driver_sql("SELECT count(*), count(DISTINCT legacy_number) FROM invoice")).one()
    assert tuple(found) == (2500, 2500)
    await assert_in_order(alone.db)


async def quietly(db: Database, told: argparse.Namespace) -> Run:
    return await import_file(db, told, "ann", lambda line: None)


async def imported(db: Database) -> int:
    async with db.transaction() as tx:
        return int(await tx.scalar(text("SELECT count(*) FROM invoice")) or 0)
