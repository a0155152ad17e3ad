"""Statements over HTTP in their four forms."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from services.billing.queries import statement as statements
from services.billing.rules import AGES, reference_of
from shared.service import Service
from tests.billing.makers import take_key
from tests.billing.statements import OCTOBER, ask, book, day, october, open_accounts, trade
from tests.conftest import World
from tests.makers import YEAR

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TODAY = datetime.now(UTC).date()


@pytest.fixture
async def closed(shop: World) -> World:
    await open_accounts(shop)
    await october(shop)
    return shop


async def told(world: World, **parameters: Any) -> dict[str, Any]:
    answer = await ask(world, "/statement", **OCTOBER | parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refused(world: World, status: int = 400, **parameters: Any) -> str:
    answer = await ask(world, "/statement", **OCTOBER | parameters)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return str(answer.json()["errors"][0]["message"])


NO_ROWS: dict[str, Any] = {"rows": [], "page": {"total": 0, "limit": 1000, "offset": 0}}
FIGURES = ("opening_due", "total_debit", "total_credit", "closing_due", "opening_not_yet_invoiced",
           "closing_not_yet_invoiced", "closing_unpaid_invoice_balance")  # fmt: skip
NOTHING_ON_ACCOUNT = (
    dict.fromkeys(FIGURES, "0.00")
    | {"aging": dict.fromkeys((age.name for age in AGES), "0.00") | {"as_of": "2026-10-31"}}
    | NO_ROWS
)


# ── the period ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_opening_and_rows_are_the_closing_balance(closed: World) -> None:
    found = await told(closed)

    assert [(row["note"], row.get("credit"), row.get("debit"), row["balance_after"]) for row in found.pop("rows")] == [
        ("First", None, "40.00", "60.00"),
        ("Second", "5.00", None, "65.00"),
        ("Third", None, "90.00", "-25.00"),
    ]
    main = {"id": 14, "name": "Main", "is_active": True}
    assert found == {
        "container": main, "funds_of": main, "currency": "EUR", "from": "2026-10-01", "to": "2026-10-31",
        "is_over": True, "opening_balance": "100.00", "total_debit": "130.00", "total_credit": "5.00",
        "closing_balance": "-25.00", "page": {"total": 3, "limit": 1000, "offset": 0},
        "invoices_on_account": NOTHING_ON_ACCOUNT, "payment_requests": NO_ROWS,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "opening", "notes", "closing"),
    [
        ("2026-10-02", "2026-10-09", "60.00", [], "60.00"),
        ("2026-10-10", "2026-10-10", "60.00", ["Second"], "65.00"),
        ("2026-01-01", "2026-08-31", "0.00", [], "0.00"),
        ("0001-01-01", "2026-09-30", "0.00", ["Before"], "100.00"),
        ("2026-11-01", "2026-11-01", "-25.00", ["After"], "-24.00"),
    ],
)
async def test_a_period_is_whole_days_both_in_it(
    closed: World, first: str, last: str, opening: str, notes: list[str], closing: str
) -> None:
    found = await told(closed, **{"from": first, "to": last})

    assert (found["opening_balance"], found["closing_balance"]) == (opening, closing)
    assert [row["note"] for row in found["rows"]] == notes


async def test_without_days_it_is_this_month_until_today_and_not_over(closed: World) -> None:
    await book(closed, datetime.now(UTC), 700, "Just now")

    found = (await ask(closed, "/statement", container_id=14)).json()

    assert (found["from"], found["to"]) == (TODAY.replace(day=1).isoformat(), TODAY.isoformat())
    assert found["is_over"] is False
    assert found["closing_balance"] == "-17.00"


async def test_a_period_that_is_not_over_closes_with_the_balance_of_now(closed: World) -> None:
    await trade(closed)

    found = await told(closed, **{"from": TODAY.isoformat(), "to": (TODAY + timedelta(days=40)).isoformat()})

    view = (await ask(closed, "/balance", container_id=14)).json()
    assert found["closing_balance"] == view["balance"]
    assert found["is_over"] is False


async def test_an_account_without_any_row_has_a_statement_of_zeros(closed: World) -> None:
    found = (await ask(closed, "/statement", "other", **{"from": "2026-10-01", "to": "2026-10-31"})).json()

    assert (found["opening_balance"], found["rows"], found["closing_balance"]) == ("0.00", [], "0.00")


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"from": "2026-10-31", "to": "2026-10-01"}, "ends on 2026-10-01, before it begins on 2026-10-31"),
        ({"from": "2026-02-30"}, "'2026-02-30' is no day"),
        ({"from": "yesterday"}, "from: 'yesterday' is no day"),
        ({"to": "31.10.2026"}, "to: '31.10.2026' is no day"),
        ({"to": "20261031"}, "is no day"),
        ({"to": "2026-W44-6"}, "is no day"),
        ({"to": "9999-12-31"}, "is too late; the last day of a period is 9998-12-31"),
        ({"from": "2026-10-01T00:00:00"}, "is no day"),
        ({"from": "9998-01-01", "to": "9998-12-31"}, "choose one that has begun"),
        ({"from": "9998-01-01", "to": ""}, "choose one that has begun"),
        ({"format": "doc"}, "has no format 'doc'; use json, csv, xlsx, pdf"),
        ({"limit": "-1"}, "limit"),
        ({"offset": "x"}, "offset"),
        ({"container_id": ""}, "container_id is needed"),
        ({"container_id": "x"}, "container_id"),
    ],
)
async def test_what_is_no_period_is_said_with_what_to_do(closed: World, parameters: dict[str, Any], says: str) -> None:
    assert says in await refused(closed, **parameters)


@pytest.mark.parametrize("form", ["json", "csv", "xlsx", "pdf"])
@pytest.mark.parametrize("container_id", [15, 999])
async def test_anothers_division_does_not_exist_in_any_form(closed: World, form: str, container_id: int) -> None:
    assert "no container" in await refused(closed, 404, format=form, container_id=container_id)


async def test_a_page_of_a_statement_begins_where_the_last_one_ended(closed: World) -> None:
    pages = [await told(closed, limit=2, offset=offset) for offset in (0, 2, 4, 2**31 - 1)]

    assert [[row["note"] for row in page["rows"]] for page in pages] == [["First", "Second"], ["Third"], [], []]
    assert {page["page"]["total"] for page in pages} == {3}


async def test_a_row_names_its_document(shop: World) -> None:
    await open_accounts(shop)
    await trade(shop)

    rows = (await ask(shop, "/statement", container_id=14)).json()["rows"]

    assert [(row["document"]["kind"], row["document"]["number"]) for row in rows] == [
        ("payment", reference_of(rows[0]["document"]["id"])), ("invoice", f"INV-{YEAR}-000001"),
        ("invoice", f"INV-{YEAR}-000002"), ("invoice", f"INV-{YEAR}-000003"), ("credit_note", f"CN-{YEAR}-000001"),
    ]  # fmt: skip


async def test_a_division_without_funds_of_its_own_has_the_statement_of_those_it_spends(shop: World) -> None:
    await open_accounts(shop)
    await trade(shop)
    await take_key(shop, "labs", role="finance_manager", divisions=(16,))

    found = (await ask(shop, "/statement", "labs", container_id=16)).json()
    text = (await ask(shop, "/statement", "labs", container_id=16, format="csv")).text

    assert (found["container"]["name"], found["funds_of"]["name"]) == ("Labs", "Main")
    assert found["closing_balance"] == "645.38"
    assert [row.get("document", {}).get("kind") for row in found["rows"]] == [
        None,
        None,
        "invoice",
        None,
        "credit_note",
    ]
    assert "SEPA 88" not in text
    assert f"INV-{YEAR}-000001" not in text


async def test_days_are_found_in_a_history_whose_times_are_a_little_out_of_order(shop: World) -> None:
    """Two processes that waited for each other book in another order than they looked at the clock."""
    await open_accounts(shop)
    for n in range(40):
        await book(shop, day(1, 0) + timedelta(hours=n, milliseconds=-5 if n % 2 else 5), 100, str(n))

    days = [date(2026, 9, 30) + timedelta(days=n) for n in range(5)]
    found = [await told(shop, **{"from": one.isoformat(), "to": one.isoformat()}) for one in days]

    assert [row["note"] for one in found for row in one["rows"]] == [str(n) for n in range(40)]
    assert [one["closing_balance"] for one in found[:-1]] == [one["opening_balance"] for one in found[1:]]


# ── the four forms ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("TEXT/CSV;q=0.9, application/json;q=0.1", "text/csv; charset=utf-8"),
        ("image/png, application/pdf;q=0.5, text/csv;q=0.2", "application/pdf"),
        (XLSX, XLSX),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "application/json"),
        ("text/csv;q=0, application/json;q=high, */*", "application/json"),
    ],
)
async def test_accept_chooses_the_form(closed: World, accept: str, kind: str) -> None:
    answer = await ask(closed, "/statement", accept=accept, **OCTOBER)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == kind


async def test_a_form_that_nobody_makes_is_said(closed: World) -> None:
    answer = await ask(closed, "/statement", accept="image/png", **OCTOBER)

    assert answer.status_code == 400
    assert "cannot be had as image/png" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("form", ["csv", "XLSX", "pdf"])
async def test_the_address_chooses_before_accept_and_the_file_has_a_name(closed: World, form: str) -> None:
    answer = await ask(closed, "/statement", accept="application/json", **OCTOBER, format=form)

    name = f'filename="statement-14-2026-10-01-2026-10-31.{form.lower()}"'
    assert name in answer.headers["content-disposition"]


async def as_csv(world: World, part: str = "Funds", **parameters: Any) -> list[dict[str, str]]:
    answer = await ask(world, "/statement", **OCTOBER | {"format": "csv"} | parameters)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    return [row for row in rows if row["Part"] == part]


async def test_csv_has_every_row_between_its_two_balances(closed: World) -> None:
    found = await as_csv(closed)

    assert [(row["Date (UTC)"], row["What"], row["Debit"], row["Credit"], row["Balance"]) for row in found] == [
        ("", "October 2026", "", "", "100.00"),
        ("2026-10-01 00:00:00", "First", "40.00", "", "60.00"),
        ("2026-10-10 12:00:00", "Second", "", "5.00", "65.00"),
        ("2026-10-31 23:59:59", "Third", "90.00", "", "-25.00"),
        ("", "October 2026", "", "", "-25.00"),
    ]
    assert [row["Type"] for row in found] == ["Opening balance", "Transfer", "Credit", "Transfer", "Closing balance"]
    assert {row["Currency"] for row in found} == {"EUR"}


HOSTILE = [
    "=1+2", "+49 30 1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "a\nb, \"c\"; d", "<b>bold</b> #set $x$ \\*",
    "שלום עולם", "مرحبا", "Grüße 😀 日本", "{{ 7 * 7 }}", "'=1",
]  # fmt: skip


async def hostile(world: World) -> None:
    for n, words in enumerate(HOSTILE):
        await book(world, day(2) + timedelta(minutes=n), -1, words)


async def test_csv_cells_that_a_spreadsheet_would_calculate_are_text(closed: World) -> None:
    await hostile(closed)
    [*_, last] = await as_csv(closed, **{"from": "2026-01-01", "to": TODAY.isoformat()})
    found = [row["What"] for row in await as_csv(closed, **{"from": "2026-01-01", "to": TODAY.isoformat()})][6:-1]

    assert found == ["'" + words if n < 8 else words for n, words in enumerate(HOSTILE)]
    assert last["Balance"] == "-24.15"  # an amount is none of them


def sheet(content: bytes) -> str:
    with ZipFile(io.BytesIO(content)) as file:
        return file.read("xl/worksheets/sheet1.xml").decode()


async def test_xlsx_has_amounts_as_numbers_ids_as_text_and_no_formula(closed: World) -> None:
    await hostile(closed)
    answer = await ask(closed, "/statement", **OCTOBER | {"from": "2026-01-01", "to": TODAY.isoformat()}, format="xlsx")
    xml = sheet(answer.content)

    assert "<f>" not in xml
    assert re.search(r'<c r="I2" s="\d+"><v>0</v></c>', xml)
    assert re.search(r'<c r="G4" s="\d+"><v>40</v></c>', xml)
    assert re.search(r'<c r="K4" s="\d+" t="inlineStr"><is><t>\d+</t></is></c>', xml)
    assert "&lt;b&gt;bold&lt;/b&gt;" in xml
    assert "<t>'=1+2</t>" in xml
    assert "שלום עולם" in xml
    with ZipFile(io.BytesIO(answer.content)) as file:
        assert "#,##0.00;-#,##0.00" in file.read("xl/styles.xml").decode()


def pdf_text(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


async def test_the_pdf_is_the_statement_on_paper(closed: World) -> None:
    answer = await ask(closed, "/statement", **OCTOBER, format="pdf")
    text = pdf_text(answer.content)

    for said in (
        "Statement", "Acme Example GmbH", "Issuary Trust GmbH", "Period October 2026", "Division Main",
        "Opening balance 100.00 EUR", "Charged 130.00 EUR", "Closing balance −25.00 EUR",
        "2026-10-10 Second 5.00 65.00", "2026-10-31 Third 90.00 −25.00", "Page 1 of 1",
    ):  # fmt: skip
        assert said.replace(" ", "") in text.replace(" ", ""), (said, text)


async def test_notes_of_any_script_print_as_they_are_and_markup_is_text(closed: World) -> None:
    await hostile(closed)
    answer = await ask(closed, "/statement", **OCTOBER | {"from": "2026-01-01", "to": TODAY.isoformat()}, format="pdf")
    assert answer.status_code == 200, answer.text
    text = pdf_text(answer.content)

    for said in ("=1+2", "@SUM(A1)", "<b>bold</b> #set $x$ \\*", "{{ 7 * 7 }}", "Grüße", "日本", 'a b, "c"; d'):
        assert said in text, (said, text)
    assert any(word in text for word in ("שלום", "םולש"))


async def test_an_empty_pdf_says_that_nothing_was_booked(closed: World) -> None:
    answer = await ask(closed, "/statement", **OCTOBER | {"from": "2026-10-02", "to": "2026-10-03"}, format="pdf")

    assert "Nothing was booked in this period." in pdf_text(answer.content)


async def test_a_long_file_is_read_a_page_at_a_time(closed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "PAGE", 2)

    assert [row["What"] for row in await as_csv(closed)] == ["October 2026", "First", "Second", "Third", "October 2026"]


async def grow(service: Service, rows: int) -> None:
    """Division 14 gets a row a second from the first of January on."""
    async with service.db.transaction() as tx:
        connection = await tx.connection()
        for sql in GROW:
            await connection.exec_driver_sql(sql.replace(":rows", str(rows)))


GROW = [
    """INSERT INTO journal (id, account_id, at, kind, text)
       SELECT md5('j' || n)::uuid, 9001, timestamptz '2026-01-01 00:00+00' + n * interval '1 second', 'transfer', 'No.'
       FROM generate_series(1, :rows) AS n""",
    """INSERT INTO posting (journal_id, line, ledger, amount, currency, division_id, seq, balance_after, type)
       SELECT md5('j' || n)::uuid, l, CASE l WHEN 1 THEN 'funds:14' ELSE 'clearing' END,
              CASE l WHEN 1 THEN 1 ELSE -1 END, 'EUR',
              CASE l WHEN 1 THEN 14 END, CASE l WHEN 1 THEN n END, CASE l WHEN 1 THEN n END,
              CASE l WHEN 1 THEN 'Credit' END
       FROM generate_series(1, :rows) AS n, generate_series(1, 2) AS l""",
    "UPDATE funds SET seq = :rows, balance = :rows WHERE division_id = 14",
]
YEAR_SO_FAR: dict[str, Any] = {"container_id": 14, "from": "2026-01-01", "to": "2026-10-31"}


async def test_what_is_too_long_for_paper_or_a_spreadsheet_is_said_and_csv_offered(shop: World) -> None:
    await open_accounts(shop)
    await grow(shop.billing, statements.PDF_LONGEST + 1)

    said = await refused(shop, **YEAR_SO_FAR, format="pdf")
    found = await as_csv(shop, **YEAR_SO_FAR)

    assert said.startswith("The statement has 1,001 rows, and a PDF takes 1,000;")
    assert "take CSV (format=csv)" in said
    assert [found[0]["Balance"], found[-1]["Balance"], len(found)] == ["0.00", "10.01", 1003]


async def test_a_spreadsheet_that_would_be_too_long_is_not_begun(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_accounts(shop)
    await grow(shop.billing, 11)
    monkeypatch.setattr("services.billing.api.statement.XLSX_LONGEST", 10)

    assert "a spreadsheet takes 10" in await refused(shop, **YEAR_SO_FAR, format="xlsx")


async def test_a_pdf_that_the_press_cannot_print_is_said(closed: World) -> None:
    async def broken(paper: Any) -> bytes:
        raise TimeoutError

    state = closed.billing.app.state
    sound, state.print = state.print, broken
    try:
        assert "try again in a minute, or take CSV" in await refused(closed, 503, format="pdf")
    finally:
        state.print = sound
