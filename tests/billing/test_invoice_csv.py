"""The list of invoices as CSV: all that fit, what the caller may see, and harmless in a spreadsheet."""

import csv
import html
import io
import re
from typing import Any

import pytest

from services.billing.api.invoice_table import table_of
from services.billing.queries import invoices
from shared.access import find_by_key
from shared.listing import Listing
from tests.billing.makers import take_key
from tests.billing.test_api_invoices import ask, sold
from tests.billing.test_pages import signed_in
from tests.conftest import World
from tests.makers import YEAR, an_order, names_added

__all__ = ["sold"]
CSV = "text/csv"


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def table(world: World, key: str = "key", **parameters: Any) -> list[dict[str, str]]:
    async with world.client(key, Accept=CSV) as http:
        return rows_of(await http.get("/services/v2/finance/invoice", params=parameters))


async def test_every_invoice_is_a_row_the_newest_first(sold: World) -> None:
    first, second, third = await table(sold)

    assert [row["Order"] for row in (first, second, third)] == ["3", "2", "1"]
    assert (first["Order of"], second["PO number"], second["State"]) == ("shop", "PO-7_7", "credited")
    assert third["Invoice"] == f"INV-{YEAR}-000001"
    assert (third["Net"], third["VAT"], third["Total"], third["Amount due"]) == ("149.00", "28.31", "177.31", "0.00")


@pytest.mark.parametrize("size", [1, 2, 3, 4])
async def test_pages_follow_each_other_without_a_gap(sold: World, size: int) -> None:
    async with sold.billing.db.transaction() as tx:
        caller = await find_by_key(tx, "key")
        assert caller is not None
        first = await invoices.page_of_all(tx, caller, Listing(), None, size)

    pages = [page async for page in table_of(sold.billing.db, caller, Listing(), first, size)]

    assert [row[5] for page in pages for row in page] == ["3", "2", "1"]


async def test_it_has_what_the_filters_ask_for_and_what_the_caller_may_see(sold: World) -> None:
    await take_key(sold, "labs", role="manager", divisions=(16,))

    assert [row["Order"] for row in await table(sold, **{"filters[status]": "credited"})] == ["2"]
    assert [row["Order"] for row in await table(sold, "labs")] == ["2"]
    assert await table(sold, **{"filters[order_id]": "99"}) == []


async def test_names_that_were_added_say_by_which_request(sold: World) -> None:
    await sold.deliver("billing", names_added(an_order(order_id=1), "shop.acme.example"))

    rows = await table(sold, **{"filters[order_id]": "1"})
    assert [row["Names added by request"] for row in rows] == ["7", ""]


async def test_a_number_that_a_spreadsheet_would_calculate_is_marked_as_text(sold: World) -> None:
    payment = {"method": "balance", "purchase_order_number": "=1+1"}
    await sold.deliver("billing", an_order(order_id=9, payment=payment))

    assert (await table(sold))[0]["PO number"] == "'=1+1"


@pytest.mark.parametrize(
    ("accept", "wanted", "is_csv"),
    [
        ("*/*", "", False),
        ("text/html,*/*;q=0.8", "", False),
        ("application/json, text/csv;q=0.5", "", False),
        ("text/csv, */*;q=0.5", "", True),
        ("text/csv", "json", False),
        ("application/json", "CSV", True),
    ],
)
async def test_json_is_what_comes_unless_csv_is_asked_for(sold: World, accept: str, wanted: str, is_csv: bool) -> None:
    async with sold.client("key", Accept=accept) as http:
        answer = await http.get("/services/v2/finance/invoice", params={"format": wanted} if wanted else {})

    assert answer.headers["content-type"].startswith(CSV) is is_csv


async def test_what_is_refused_is_refused_before_the_first_row(sold: World) -> None:
    await take_key(sold, "orders only", key_role=100)

    async with sold.client("orders only", Accept=CSV) as http:
        assert (await http.get("/services/v2/finance/invoice")).status_code == 403
    strange = await ask(sold, "/invoice", format="xlsx")
    assert (strange.status_code, "json or csv" in strange.text) == (400, True)
    bad = await ask(sold, "/invoice", format="csv", **{"filters[status]": "lost"})
    assert (bad.status_code, "partially_paid" in bad.text) == (400, True)


async def test_the_page_offers_what_it_shows(sold: World) -> None:
    async with signed_in(sold) as http:
        page = await http.get("/finance/invoices", params={"status": "credited"})
        [link] = re.findall(r'href="(/services/v2/finance/invoice[?][^"]+)"', page.text)
        shown = rows_of(await http.get(html.unescape(link)))
        none = await http.get("/finance/invoices", params={"search": "INV-1999"})

    assert [row["Order"] for row in shown] == ["2"]
    assert "CSV of this list" not in none.text
