"""Texts that customers give, from the event to what people read: whole, as text, and changing nothing around them."""

import io
import re
import unicodedata
from typing import Any

import pytest
from pypdf import PdfReader

from services.billing.clients.pdf import render
from services.billing.worker import print_due_documents
from shared.events.orders import Division
from tests.billing.makers import take_key
from tests.billing.test_pages import signed_in, words
from tests.billing.test_purchase_orders import ORDERS, call, decide
from tests.conftest import World
from tests.makers import a_cancellation, a_deposit, an_account, an_opened_account, an_order

API = "/services/v2/finance"
SIMPLE = {
    "markup": "<b>Acme</b> *bold* #let x = 1 $x^2$ \\u{41} \"q\" 'q' & {{ 7 * 7 }} [link](x) // /* */ `code`",
    "formula": "=cmd|' /C calc'!A0",
    "scripts": "Łódź Κύπρος Київ 日本株式会社 대한민국",
}
SHAPED = {
    "lines": "first\nsecond\r\nthird\tfourth",
    "hebrew": 'חברת דוגמה בע"מ 12,00',
    "arabic": "شركة المثال المحدودة ١٢",
    "emoji": "Party 🎉 👩\u200d👩\u200d👧 🇩🇪",
    "override": "Acme \u202eEUR 00.1\u2066 \u200b\u00ad",
    "control": "bell \x07 escape \x1b[31m",
    "marks": "Z\u0351\u036b\u0343a\u0328\u0301lgo",
    "long": "W" * 255,
}


@pytest.fixture
async def press(shop: World) -> World:
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email="ops@ca.example")
    return shop


async def bought(world: World, text: str) -> None:
    """An account, a division, a purchase order and a cancelled order with this text wherever people give one."""
    account = an_account(name=text, legal_name=text)
    division = Division(id=14, name=text)
    opened = an_opened_account(account=account).model_copy(update={"division": division})
    placed = an_order(order_id=1, account=account, division=division)
    for event in (opened, a_deposit(100_000), placed, a_cancellation(placed, note=text)):
        await world.deliver("billing", event)
    terms = {"purchase_orders_allowed": True}
    await call(world, "PUT", f"{API}/terms/14", "staff", json=terms)
    wish = {"po_number": "PO-1", "amount": "5.00", "currency": "EUR", "container_id": 14, "note": text, "contact": text}
    answer = await call(world, "POST", ORDERS, json=wish)
    assert answer.status_code == 201, answer.text
    assert (await decide(world, answer.json()["id"], "approved")).status_code == 200

    async def by_itself(snapshot: Any) -> bytes:
        return render(snapshot)

    while await print_due_documents(world.billing.db, by_itself):
        pass


async def documents(world: World) -> dict[str, str]:
    """The text of an invoice, a payment request, a credit note, a sheet of payments and a statement."""
    invoices = await world.rows("billing", "SELECT id, kind FROM invoice")
    [note] = await world.rows("billing", "SELECT id FROM credit_note")
    paths = {row.kind: f"invoice/{row.id}/pdf" for row in invoices}
    paths |= {"sheet": paths["order"] + "-with-payments", "credit note": f"credit-note/{note.id}/pdf"}
    paths |= {"statement": "statement?container_id=14&format=pdf"}
    found = {}
    for kind, path in paths.items():
        answer = await call(world, "GET", f"{API}/{path}")
        assert answer.status_code == 200, (kind, answer.text)
        texts = (page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
        found[kind] = re.sub(r"[\s\u200b]+", "", "".join(texts))
    return found


@pytest.mark.parametrize("text", SIMPLE.values(), ids=SIMPLE)
async def test_every_document_shows_the_text_as_it_was_given(press: World, text: str) -> None:
    await bought(press, text)

    for kind, shown in (await documents(press)).items():
        assert text.replace(" ", "") in shown, (kind, shown)


@pytest.mark.parametrize("text", SHAPED.values(), ids=SHAPED)
async def test_every_document_is_made_and_its_figures_stay_in_place(press: World, text: str) -> None:
    await bought(press, text)
    shown = await documents(press)

    assert "Total177.31EUR" in shown["order"]
    assert "Total5.00EUR" in shown["purchase_order"]
    assert "Total177.31EUR" in shown["credit note"]
    assert "Paid177.31EUR" in shown["sheet"]
    assert not any(char in page for page in shown.values() for char in "\u202e\u2066\x1b\x07")


@pytest.mark.parametrize("text", [*SIMPLE.values(), *SHAPED.values()], ids=[*SIMPLE, *SHAPED])
async def test_pages_show_it_as_text_and_a_table_neither_runs_nor_breaks_it(press: World, text: str) -> None:
    await bought(press, text)
    [row] = await press.rows("billing", "SELECT id FROM invoice WHERE kind = 'order'")
    [wish] = await press.rows("billing", "SELECT id FROM purchase_order")

    async with signed_in(press) as http:
        shown = [await http.get(path) for path in (
            "/finance/invoices", f"/finance/invoices/{row.id}", "/finance/purchase-orders?status=all",
            f"/finance/purchase-orders/{wish.id}", "/finance/statement", "/finance/payments", "/finance/deposit",
        )]  # fmt: skip
    table = await call(press, "GET", f"{API}/statement?container_id=14&format=csv")
    book = await call(press, "GET", f"{API}/statement?container_id=14&format=xlsx")

    for page in shown:
        assert words(page)
        assert "<b>Acme</b>" not in page.text
    assert (table.status_code, book.status_code) == (200, 200)
    assert not any(cell.startswith(("=", "+", "@")) for cell in table.text.lstrip("\ufeff").split(","))


async def test_on_a_page_a_name_reorders_nothing_that_stands_after_it(press: World) -> None:
    await bought(press, "Acme \u202eEUR 00.1\u2066")
    [row] = await press.rows("billing", "SELECT id FROM invoice WHERE kind = 'order'")

    async with signed_in(press) as http:
        page = (await http.get(f"/finance/invoices/{row.id}")).text

    course = page[page.index("What happened") : page.index("<aside")]
    assert not any(unicodedata.bidirectional(char) in ("RLO", "LRO", "RLE", "LRE", "LRI", "RLI") for char in course)
