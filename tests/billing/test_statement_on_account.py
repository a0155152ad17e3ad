"""The second part of a statement, invoices on account, and the payment requests below it, in every form."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zipfile import ZipFile

import pytest

from services.billing import actions
from services.billing.actions import PurchaseOrderWish
from services.billing.queries import statement as statements
from services.billing.rules import reference_of
from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, eur, order, terms
from tests.billing.statements import ask
from tests.billing.test_pages import signed_in, words
from tests.billing.test_statement import pdf_text
from tests.billing.test_statement_pages import links
from tests.conftest import World
from tests.makers import NOW, an_opened_account

LABS = Division(id=16, name="Labs")
JUNE: dict[str, Any] = {"container_id": 14, "from": "2026-06-01", "to": "2026-06-30"}
JULY: dict[str, Any] = {"container_id": 14, "from": "2026-07-01", "to": "2026-07-31"}


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def pay(world: World, minor: int, now: datetime) -> int:
    async with world.billing.db.transaction() as tx:
        return await actions.record_payment(tx, 9001, eur(minor), "wire", "", f"bank {now}", "bank", now)


async def bounce(world: World, payment: int, now: datetime) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.reverse_payment(tx, payment, "No cover", "ops", now)


async def purchase_order(world: World, minor: int, now: datetime, number: str = "PO-77812", division: int = 14) -> int:
    wish = PurchaseOrderWish(division, number, eur(minor))
    async with world.billing.db.transaction() as tx:
        made = await actions.submit_purchase_order(tx, 9001, wish, "ann", now)
        return (await actions.approve_purchase_order(tx, made.id, "ops", now, 30)).id


@pytest.fixture
async def market(shop: World) -> World:
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS)
    await shop.deliver("billing", an_opened_account(), labs)
    await terms(
        shop, at(5, 1), negative_limit=eur(500_000), monthly_billing=True, purchase_orders_allowed=True
    )  # fmt: skip
    await take_key(shop, "key")
    return shop


@pytest.fixture
async def summer(market: World) -> World:
    """Two orders in May, one in June, each 177.31; in June 200.00 are paid, which bounce in July."""
    await order(market, at(5, 20), order_id=1, payment=ON_ACCOUNT)
    await order(market, at(5, 21), order_id=2, payment=ON_ACCOUNT, division=LABS)
    await close(market, date(2026, 5, 1), at(6, 1, 1))
    await order(market, at(6, 10), order_id=3, payment=ON_ACCOUNT)
    payment = await pay(market, 20_000, at(6, 15))
    await close(market, date(2026, 6, 1), at(7, 1, 1))
    await bounce(market, payment, at(7, 20))
    return market


async def told(world: World, key: str = "key", **parameters: Any) -> dict[str, Any]:
    answer = await ask(world, "/statement", key, **parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def figures(part: dict[str, Any]) -> tuple[str, ...]:
    return (part["opening_due"], part["total_debit"], part["total_credit"], part["closing_due"],
            part["opening_not_yet_invoiced"], part["closing_not_yet_invoiced"])  # fmt: skip


# ── rows and figures ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_opening_due_and_rows_are_the_closing_due(summer: World) -> None:
    june = (await told(summer, **JUNE))["invoices_on_account"]
    july = (await told(summer, **JULY))["invoices_on_account"]

    assert figures(june) == ("0.00", "354.62", "200.00", "154.62", "354.62", "177.31")
    assert figures(july) == ("154.62", "377.31", "0.00", "531.93", "177.31", "0.00")
    assert july["closing_unpaid_invoice_balance"] == "531.93"
    assert [(r["transaction_type"], r.get("debit"), r.get("credit"), r["due_after"]) for r in june["rows"]] == [
        ("Invoice", "177.31", None, "177.31"),
        ("Invoice", "177.31", None, "354.62"),
        ("Payment", None, "177.31", "177.31"),
        ("Payment", None, "22.69", "154.62"),
    ]
    assert [(r["transaction_type"], r.get("debit"), r["due_after"]) for r in july["rows"]] == [
        ("Invoice", "177.31", "331.93"), ("Reversal", "177.31", "509.24"), ("Reversal", "22.69", "531.93"),
    ]  # fmt: skip


async def test_a_row_says_when_it_is_to_be_paid_its_invoice_and_its_document(summer: World) -> None:
    invoice, _, payment, _ = (await told(summer, **JUNE))["invoices_on_account"]["rows"]

    first, paid = invoice["document"]["id"], payment["document"]["id"]
    about = {"id": first, "invoice_number": "INV-2026-000001"}
    assert invoice == {
        "debit": "177.31", "transaction_type": "Invoice", "transaction_date": "2026-06-01 01:00:00",
        "due_after": "177.31", "currency": "EUR", "note": "Invoice INV-2026-000001", "date_due": "2026-07-01",
        "invoice": about, "document": {"kind": "invoice", "id": first, "number": "INV-2026-000001"},
    }  # fmt: skip
    assert payment == {
        "credit": "177.31", "transaction_type": "Payment", "transaction_date": "2026-06-15 12:00:00",
        "due_after": "177.31", "currency": "EUR", "note": "Payment for invoice INV-2026-000001", "invoice": about,
        "document": {"kind": "payment", "id": paid, "number": reference_of(paid)},
    }  # fmt: skip


async def test_a_month_that_is_over_stays_as_it_was_told(market: World) -> None:
    await order(market, at(5, 20), order_id=1, payment=ON_ACCOUNT)
    await close(market, date(2026, 5, 1), at(6, 1, 1))
    before = await told(market, **JUNE)

    await bounce(market, await pay(market, 20_000, at(7, 15)), at(7, 16))
    await pay(market, 20_000, at(7, 17))

    assert await told(market, **JUNE) == before


async def test_a_page_of_rows_begins_where_the_last_one_ended(summer: World) -> None:
    pages = [await told(summer, **JUNE, limit=3, offset=offset) for offset in (0, 3, 6)]

    parts = [page["invoices_on_account"] for page in pages]
    assert [[row["due_after"] for row in part["rows"]] for part in parts] == [
        ["177.31", "354.62", "177.31"], ["154.62"], [],
    ]  # fmt: skip
    assert parts[1]["page"] == {"total": 4, "limit": 3, "offset": 3}
    assert {part["closing_due"] for part in parts} == {"154.62"}


@pytest.mark.parametrize(
    ("last", "ages"),
    [
        ("2026-06-30", {"not_due_yet": "154.62"}),
        ("2026-07-01", {"days_0_30": "154.62", "not_due_yet": "177.31"}),
        ("2026-07-30", {"days_0_30": "354.62", "not_due_yet": "177.31"}),
        ("2026-07-31", {"days_0_30": "531.93"}),
        ("2026-08-01", {"days_31_60": "354.62", "days_0_30": "177.31"}),
        ("2026-08-31", {"days_61_90": "354.62", "days_31_60": "177.31"}),
        ("2026-09-29", {"days_61_90": "354.62", "days_31_60": "177.31"}),
        ("2026-09-30", {"days_over_90": "354.62", "days_61_90": "177.31"}),
    ],
)
async def test_what_is_due_is_told_by_the_days_past_its_due_date_at_the_end_of_the_period(
    summer: World, last: str, ages: dict[str, str]
) -> None:
    aging = (await told(summer, **JUNE | {"to": last}))["invoices_on_account"]["aging"]

    assert aging.pop("as_of") == last
    assert {name: amount for name, amount in aging.items() if amount != "0.00"} == ages


async def test_an_open_period_is_told_as_of_now(summer: World) -> None:
    today = datetime.now(UTC).date()
    found = await told(summer, **JUNE | {"to": (today + timedelta(days=40)).isoformat()})

    assert found["invoices_on_account"]["aging"]["as_of"] == today.isoformat()
    assert found["invoices_on_account"]["aging"]["days_over_90"] == "531.93"


# ── divisions ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_who_may_see_one_division_sees_sums_of_the_others_and_no_text(summer: World) -> None:
    await take_key(summer, "labs", role="finance_manager", divisions=(16,))
    asked = JUNE | {"container_id": 16}
    found = (await told(summer, "labs", **asked))["invoices_on_account"]
    text = (await ask(summer, "/statement", "labs", **asked, format="csv")).text

    assert figures(found) == ("0.00", "354.62", "200.00", "154.62", "354.62", "177.31")
    assert [(row["note"], "document" in row, "invoice" in row) for row in found["rows"]] == [
        ("Of another division that shares these funds", False, False),
        ("Invoice INV-2026-000002", True, True),
        ("Of another division that shares these funds", False, False),
        ("Payment for invoice INV-2026-000002", True, True),
    ]
    assert "INV-2026-000001" not in text


async def test_joining_funds_moves_invoice_by_invoice_and_ages_go_along(market: World) -> None:
    await terms(market, at(5, 2), separate_funds=True)
    await order(market, at(5, 20), order_id=1, payment=ON_ACCOUNT, division=LABS)
    await close(market, date(2026, 5, 1), at(6, 1, 1))
    await order(market, at(6, 10), order_id=2, payment=ON_ACCOUNT, division=LABS)
    apart = (await told(market, **JUNE | {"container_id": 16}))["invoices_on_account"]
    assert figures(apart) == ("0.00", "177.31", "0.00", "177.31", "177.31", "177.31")

    await terms(market, at(7, 10), separate_funds=False)
    await pay(market, 10_000, at(7, 12))

    joined = await told(market, **JULY | {"container_id": 16})
    part = joined["invoices_on_account"]
    assert joined["funds_of"]["name"] == "Main"
    assert figures(part) == ("0.00", "177.31", "100.00", "77.31", "0.00", "177.31")
    assert [(row["transaction_type"], row["note"]) for row in part["rows"]] == [
        ("Funds Joined", "Invoice INV-2026-000001, division funds joined"),
        ("Payment", "Payment for invoice INV-2026-000001"),
    ]
    assert part["rows"][0]["document"]["number"] == "INV-2026-000001"
    assert part["aging"]["days_0_30"] == "77.31"
    await assert_in_order(market.billing.db)


# ── payment requests ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_payment_requests_are_listed_as_they_stood_and_enter_no_sum(market: World) -> None:
    issued = await purchase_order(market, 50_000, at(5, 20))
    await pay(market, 20_000, at(6, 20))
    await pay(market, 30_000, at(7, 20))

    def listed(found: dict[str, Any]) -> list[tuple[str, str, str]]:
        rows = found["payment_requests"]["rows"]
        return [(row["total_amount"], row["paid_amount"], row["amount_due"]) for row in rows]

    may = await told(market, **JUNE | {"from": "2026-05-01", "to": "2026-05-31"})
    june = await told(market, **JUNE)
    assert listed(may) == [("500.00", "0.00", "500.00")]
    assert listed(june) == [("500.00", "200.00", "300.00")]
    assert listed(await told(market, **JULY)) == [("500.00", "500.00", "0.00")]
    assert listed(await told(market, **JULY | {"from": "2026-08-01", "to": "2026-08-31"})) == []
    assert listed(await told(market, **JULY | {"from": "2026-04-01", "to": "2026-04-30"})) == []
    assert june["payment_requests"]["rows"][0] == {
        "id": issued, "invoice_number": "PR-2026-000001", "kind": "purchase_order", "po_number": "PO-77812",
        "currency": "EUR", "total_amount": "500.00", "paid_amount": "200.00", "credited_amount": "0.00",
        "amount_due": "300.00", "date_issued": "2026-05-20T12:00:00+00:00", "date_due": "2026-06-19",
    }  # fmt: skip
    assert june["invoices_on_account"]["closing_unpaid_invoice_balance"] == "0.00"
    assert (june["total_credit"], june["closing_balance"]) == ("200.00", "200.00")


async def test_a_request_that_is_open_again_is_listed_again(market: World) -> None:
    await purchase_order(market, 50_000, at(5, 20))
    payment = await pay(market, 50_000, at(5, 25))
    assert (await told(market, **JULY))["payment_requests"]["rows"] == []

    await bounce(market, payment, at(7, 20))

    assert (await told(market, **JUNE))["payment_requests"]["rows"] == []
    assert [row["amount_due"] for row in (await told(market, **JULY))["payment_requests"]["rows"]] == ["500.00"]


async def test_a_debt_that_is_asked_for_is_listed_as_amount_owed(market: World) -> None:
    await order(market, at(5, 20), order_id=1)
    await close(market, date(2026, 5, 1), at(6, 1, 1))

    [row] = (await told(market, **JUNE))["payment_requests"]["rows"]

    assert (row["kind"], row["amount_due"], "po_number" in row) == ("amount_owed", "177.31", False)


@pytest.mark.parametrize(("separate", "seen"), [(False, ["PO-1", "PO-2"]), (True, ["PO-1"])])
async def test_requests_whose_payment_changes_other_funds_are_not_listed(
    market: World, separate: bool, seen: list[str]
) -> None:
    await purchase_order(market, 100, at(6, 5), "PO-1")
    await purchase_order(market, 100, at(6, 6), "PO-2", division=16)
    await terms(market, at(6, 7), separate_funds=separate)
    await take_key(market, "labs", role="finance_manager", divisions=(16,))

    async def numbers(key: str, division: int) -> list[str]:
        rows = (await told(market, key, **JUNE | {"container_id": division}))["payment_requests"]["rows"]
        return [row["po_number"] for row in rows]

    assert await numbers("key", 14) == seen
    assert await numbers("labs", 16) == ["PO-2"]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def as_csv(world: World, **parameters: Any) -> list[dict[str, str]]:
    answer = await ask(world, "/statement", **parameters, format="csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def test_csv_has_each_part_below_the_other(summer: World) -> None:
    await purchase_order(summer, 50_000, at(7, 25), "=PO+1")
    rows = await as_csv(summer, **JULY)

    assert [(row["Part"], row["Type"]) for row in rows] == [
        ("Funds", "Opening balance"), ("Funds", "Closing balance"),
        *[("Invoices on account", name) for name in (
            "Opening due", "Opening, not yet invoiced", "Invoice", "Reversal", "Reversal", "Closing due",
            "Closing, not yet invoiced",
            *["Aging of what is due"] * 5)],
        ("Payment requests", "Purchase order"),
    ]  # fmt: skip
    part = [row for row in rows if row["Part"] == "Invoices on account"]
    assert [(row["What"], row["Debit"], row["Credit"], row["Due"]) for row in part[:5]] == [
        ("July 2026", "", "", "154.62"), ("July 2026", "", "", "177.31"),
        ("Invoice INV-2026-000003", "177.31", "", "331.93"),
        (part[3]["What"], "177.31", "", "509.24"), (part[4]["What"], "22.69", "", "531.93"),
    ]  # fmt: skip
    assert [(row["What"], row["Due"]) for row in part[7:9]] == [
        ("Not due yet", "0.00"), ("0–30 days past due", "531.93"),
    ]  # fmt: skip
    assert (part[2]["Invoice"], part[2]["Document"], part[2]["Due on"]) == (
        "INV-2026-000003", "INV-2026-000003", "2026-07-31",
    )  # fmt: skip
    asked = rows[-1]
    assert (asked["Document"], asked["PO number"], asked["Due on"]) == ("PR-2026-000001", "'=PO+1", "2026-08-24")
    assert (asked["Amount"], asked["Paid"], asked["Due"], asked["Debit"]) == ("500.00", "0.00", "500.00", "")


async def test_a_spreadsheet_has_a_sheet_for_each_part(summer: World) -> None:
    await purchase_order(summer, 50_000, at(7, 25))
    answer = await ask(summer, "/statement", **JULY, format="xlsx")

    with ZipFile(io.BytesIO(answer.content)) as file:
        book = file.read("xl/workbook.xml").decode()
        _, on_account, asked = (file.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2, 3))
        styles = file.read("xl/styles.xml").decode()
    assert [f'name="{name}"' in book for name in ("Funds", "Invoices on account", "Payment requests")] == [True] * 3
    assert [round(float(figure), 2) for figure in re.findall(r"<v>([\d.]+)</v>", on_account)].count(531.93) == 3
    assert "0–30 days past due" in on_account
    assert "PR-2026-000001" in asked
    assert "<v>500</v>" in asked
    assert 'formatCode="yyyy-mm-dd"' in styles


async def test_the_pdf_has_both_parts_and_the_requests(summer: World) -> None:
    await purchase_order(summer, 50_000, at(7, 25))
    text = pdf_text((await ask(summer, "/statement", **JULY, format="pdf")).content).replace(" ", "")

    for said in (
        "Invoices on account", "Due on invoices 154.62 531.93", "Recorded, not yet invoiced 177.31 0.00",
        "Unpaid in all 331.93 531.93", "2026-07-01 Invoice INV-2026-000003 177.31 331.93",
        "Closing due 377.31 0.00 531.93", "0–30 days past due", "Payment requests",
        "2026-07-25 PR-2026-000001 Purchase order PO-77812 2026-08-24 500.00 0.00 500.00",
        "they enter no sum of this statement",
    ):  # fmt: skip
        assert said.replace(" ", "") in text, (said, text)


async def test_the_pdf_of_a_division_without_credit_says_that_nothing_is_on_account(market: World) -> None:
    text = pdf_text((await ask(market, "/statement", **JULY, format="pdf")).content)

    assert "Nothing is on account" in text
    assert "Payment requests" not in text


@pytest.mark.parametrize(("form", "limit"), [("pdf", "PDF_LONGEST"), ("xlsx", "XLSX_LONGEST")])
async def test_rows_of_all_parts_count_for_what_is_too_long(
    summer: World, form: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await purchase_order(summer, 50_000, at(7, 25))
    monkeypatch.setattr(f"services.billing.api.statement.{limit}", 3)
    answer = await ask(summer, "/statement", **JULY, format=form)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("The statement has 4 rows, and a")


async def test_a_long_file_is_read_a_page_at_a_time(summer: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "PAGE", 2)
    for n in range(3):
        await purchase_order(summer, 100, at(6, 20 + n), f"PO-{n}")
    rows = await as_csv(summer, **JUNE)

    assert [row["Due"] for row in rows if row["Type"] in ("Invoice", "Payment")] == [
        "177.31", "354.62", "177.31", "154.62",
    ]  # fmt: skip
    assert [row["PO number"] for row in rows if row["Part"] == "Payment requests"] == ["PO-0", "PO-1", "PO-2"]


# ── page ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_page_shows_both_parts_and_rows_lead_to_their_documents(summer: World) -> None:
    await purchase_order(summer, 50_000, at(7, 25))
    async with signed_in(summer) as http:
        answer = await http.get("/finance/statement", params=JULY)
        found = links(answer.text)
        for name in ("INV-2026-000003", "PR-2026-000001", *[name for name in found if name.startswith("ISS-")]):
            assert (await http.get(found[name])).status_code == 200, name
    text = words(answer)

    for said in (
        "Closing due 531.93", "Opening due 154.62", "Recorded, not yet invoiced 0.00", "At the beginning 177.31",
        "2026-07-01 Invoice INV-2026-000003 Invoice, to be paid by 2026-07-31 INV-2026-000003 177.31 331.93",
        "Closing due 377.31 0.00 531.93", "0–30 days past due 531.93", "90+ days past due 0.00",
        "at the end of 31 July 2026", "2026-07-25 PR-2026-000001 Purchase order PO-77812 2026-08-24 500.00 0.00 500.00",
    ):  # fmt: skip
        assert said in text, (said, text)


async def test_each_list_has_its_own_next_page(summer: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.statement.PAGE", 2)
    for n in range(3):
        await purchase_order(summer, 100, at(6, 20 + n), f"PO-{n}")
    async with signed_in(summer) as http:
        first = words(await http.get("/finance/statement", params=JUNE))
        second = await http.get("/finance/statement", params=JUNE | {"invoices_after": "2", "requests_after": "2"})
        wrong = await http.get("/finance/statement", params=JUNE | {"invoices_after": "x"})

    assert "Carried forward 354.62" in first
    assert "Brought forward 354.62" in words(second)
    assert "Closing due 354.62 200.00 154.62" in words(second)
    assert ("PO-2" in second.text, "PO-1" in second.text) == (True, False)
    assert "#invoices" in links(second.text)["First page"] or "#requests" in links(second.text)["First page"]
    assert (wrong.status_code, "invoices_after is a whole number" in wrong.text) == (400, True)


async def test_a_division_without_credit_is_told_that_nothing_is_on_account(market: World) -> None:
    async with signed_in(market) as http:
        text = words(await http.get("/finance/statement", params=JUNE))

    assert "Nothing is on account: no invoice was due" in text
    assert "Payment requests" not in text
