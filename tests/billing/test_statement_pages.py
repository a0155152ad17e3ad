"""The page «Statement», as a signed-in person gets them."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from services.billing.worker import print_due_documents
from tests.billing.statements import OCTOBER, book, day, october, open_accounts, trade
from tests.billing.test_pages import signed_in, words
from tests.conftest import World
from tests.makers import YEAR

PAGE = "/finance/statement"


@pytest.fixture
async def closed(shop: World) -> World:
    await open_accounts(shop)
    await october(shop)
    return shop


@pytest.fixture
async def traded(shop: World) -> World:
    await open_accounts(shop)
    await trade(shop)
    return shop


def links(html: str) -> dict[str, str]:
    found = re.findall(r'<a[^>]*href="([^"]+)"[^>]*>([^<]+)</a>', html)
    return {text: href.replace("&amp;", "&") for href, text in found}


async def test_the_page_shows_opening_rows_and_closing(closed: World) -> None:
    async with signed_in(closed) as http:
        text = words(await http.get(PAGE, params=OCTOBER))

    for said in (
        "Opening balance 100.00", "Paid in and credited 5.00", "Charged 130.00", "Closing balance −25.00",
        "2026-10-01 First Transfer 40.00 60.00", "2026-10-10 Second Credit 5.00 65.00",
        "Closing balance 130.00 5.00 −25.00", "Balance of Main, October 2026",
        "From 100.00 to −25.00 EUR; the lowest was −25.00.", "3 of 3",
    ):  # fmt: skip
        assert said in text, (said, text)


async def test_without_a_choice_it_is_this_month_of_the_top_level_division(traded: World) -> None:
    async with signed_in(traded) as http:
        answer = await http.get(PAGE)
    text = words(answer)

    assert f"{datetime.now(UTC):%B %Y}" in text
    assert "Balance now 645.38" in text
    assert '<option value="14" selected>Main</option><option value="16">Labs</option>' in answer.text
    assert "This month" not in text
    assert {"Last month", "This year"} <= set(links(answer.text))


async def test_each_row_leads_to_its_document(traded: World) -> None:
    async def paper(_: Any) -> bytes:
        return b"%PDF"

    async with signed_in(traded) as http:
        waiting = links((await http.get(PAGE)).text)
        assert waiting[f"CN-{YEAR}-000001"] == waiting[f"INV-{YEAR}-000002"]  # its copy is still being made
        while await print_due_documents(traded.billing.db, paper):
            pass
        found = links((await http.get(PAGE)).text)
        documents = [name for name in found if name.startswith(("INV-", "CN-", "ISS-"))]
        assert len(documents) == 5
        for name in documents:
            assert (await http.get(found[name])).status_code == 200, name
        assert (await http.get(found[f"CN-{YEAR}-000001"])).content == b"%PDF"


async def test_the_files_are_had_with_the_session_and_are_of_what_is_shown(closed: World) -> None:
    async with signed_in(closed) as http:
        found = links((await http.get(PAGE, params=OCTOBER)).text)
        answers = {name: await http.get(found[name]) for name in ("CSV", "XLSX", "PDF")}

    assert "2026-10-10 12:00:00,Credit,Second" in answers["CSV"].text
    assert answers["XLSX"].content.startswith(b"PK")
    assert answers["PDF"].content.startswith(b"%PDF")


async def test_the_next_page_brings_the_balance_forward(closed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.statement.PAGE", 2)
    async with signed_in(closed) as http:
        first = await http.get(PAGE, params=OCTOBER)
        second = await http.get(links(first.text)["Next page"])
        past = await http.get(PAGE, params=OCTOBER | {"after": "99"})

    assert "Carried forward 65.00" in words(first)
    assert "Brought forward 65.00 2026-10-31 Third Transfer 90.00 −25.00 Closing balance" in words(second)
    assert "Next page" not in second.text
    assert links(second.text)["First page"].startswith(f"{PAGE}?container_id=14")
    assert "Brought forward −25.00 Closing balance" in words(past)


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"from": "2026-10-31", "to": "2026-10-01"}, 400, "exchange the two days"),
        ({"from": "soon"}, 400, "is no day of the calendar"),
        ({"to": "9999-12-31"}, 400, "9999-12-31 is too late; the last day of a period is 9998-12-31"),
        ({"from": "9000-01-01", "to": "9000-01-31"}, 400, "choose one that has begun"),
        ({"container_id": "15"}, 404, "no container 15 that you may see"),
        ({"container_id": "Labs"}, 400, "The division&#39;s number is a whole number"),
        ({"after": "-1"}, 400, "after is a whole number"),
    ],
)
async def test_what_cannot_be_shown_is_said_above_the_form_as_it_was_sent(
    closed: World, asked: dict[str, str], status: int, says: str
) -> None:
    async with signed_in(closed) as http:
        answer = await http.get(PAGE, params=OCTOBER | asked)

    assert answer.status_code == status
    assert says in answer.text
    assert f'name="from" value="{asked.get("from", "2026-10-01")}"' in answer.text


async def test_an_empty_period_says_so(closed: World) -> None:
    async with signed_in(closed) as http:
        text = words(await http.get(PAGE, params=OCTOBER | {"from": "2026-10-02", "to": "2026-10-03"}))

    assert "Nothing was booked in this period" in text
    assert "Opening balance 60.00" in text
    assert "Closing balance 60.00" in text


async def test_a_division_that_spends_anothers_funds_says_so(traded: World) -> None:
    async with signed_in(traded, role="finance_manager", divisions=(16,)) as http:
        answer = await http.get(PAGE)
    text = words(answer)

    assert "Labs spends the funds of Main, so this is the statement of those." in text
    assert f"INV-{YEAR}-000002" in text
    assert f"INV-{YEAR}-000001" not in text
    assert "SEPA 88" not in text
    assert '<option value="14"' not in answer.text


async def test_staff_say_a_number_and_see_any_account(closed: World) -> None:
    async with signed_in(closed, role="operator", account_id=0) as http:
        assert "Whose statement?" in words(await http.get(PAGE))
        assert "Closing balance −25.00" in words(await http.get(PAGE, params=OCTOBER))


async def test_whoever_has_very_many_divisions_says_a_number_too(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.pages.statement.CHOICES", 1)
    async with signed_in(closed) as http:
        text = words(await http.get(PAGE))

    assert "Division number" in text


@pytest.mark.parametrize("role", ["standard_user", "limited_user"])
async def test_who_has_no_business_with_finance_gets_no_statement(closed: World, role: str) -> None:
    async with signed_in(closed, role=role) as http:
        assert (await http.get(PAGE, params=OCTOBER)).status_code == 403


async def test_what_cannot_be_a_pdf_says_why_instead_of_a_link(closed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.statement.PDF_LONGEST", 2)
    async with signed_in(closed) as http:
        answer = await http.get(PAGE, params=OCTOBER)

    assert "PDF up to 2 rows" in words(answer)
    assert "PDF" not in links(answer.text)


async def test_words_of_a_note_are_text_and_keep_their_direction(closed: World) -> None:
    await book(closed, day(11), 1, "<b>bold</b> & שלום {{ 7 }}")
    async with signed_in(closed) as http:
        html = (await http.get(PAGE, params=OCTOBER | {"to": datetime.now(UTC).date().isoformat()})).text

    assert "<bdi>&lt;b&gt;bold&lt;/b&gt; &amp; שלום {{ 7 }}</bdi>" in html


async def test_without_a_session_the_statement_leads_to_the_sign_in(closed: World) -> None:
    async with closed.client(Accept="text/html") as http:
        answer = await http.get(PAGE)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={PAGE}")
