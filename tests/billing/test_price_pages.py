"""The price list and the dated data of selling, as customers and staff see and keep them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from shared.db import utcnow
from shared.events.orders import Division
from shared.ids import new_id
from tests.billing.test_pages import signed_in, words
from tests.conftest import World
from tests.makers import NOW, a_deposit, an_account, an_opened_account, an_order

PRICES, UPLOADS = "/finance/prices", "/finance/prices/uploads"
SELLERS, TAXES, RATES = "/finance/selling", "/finance/selling/taxes", "/finance/selling/rates"
STAFF = {"role": "operator", "account_id": 0, "email": "cara@ca.example"}
HEADER = "product,description,years,currency,base,extra_name,extra_wildcard,valid_from,account_id\n"
GOLD = "ssl_gold,Gold,1,EUR,10.00,1.00,2.00,2026-01-01,\n"
TOMORROW = utcnow().date() + timedelta(days=1)


@asynccontextmanager
async def staff(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(world, **STAFF) as http:
        yield http


async def send(http: httpx.AsyncClient, page: str, path: str, form: dict[str, Any], **more: Any) -> httpx.Response:
    """As a browser does: with the token of the page that has the form."""
    token = re.search(r'name="csrf" value="([^"]*)"', (await http.get(page)).text)
    assert token
    return await http.post(path, data={"csrf": token[1], **form}, **more)


async def upload(http: httpx.AsyncClient, content: str | bytes, **form: Any) -> httpx.Response:
    raw = content if isinstance(content, bytes) else content.encode()
    given = {"upload_id": str(new_id())} | form
    return await send(http, UPLOADS, UPLOADS, given, files={"file": ("prices.csv", raw, "text/csv")})


async def count(world: World, table: str) -> int:
    return int((await world.rows("billing", f"SELECT count(*) FROM {table}"))[0].count)


async def noted(world: World) -> list[Any]:
    return await world.rows("billing", "SELECT who, what, subject, after FROM audit_log ORDER BY id")


# ── what a customer sees ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_sees_what_it_pays_its_own_prices_and_those_to_come(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    row = {"product": "ssl_dv_geotrust", "description": "Standard DV certificate", "years": 1, "currency": "EUR"}
    own = row | {"base": "99.00", "valid_from": "2026-02-01", "account_id": 9001}
    later = own | {"base": "95.00", "valid_from": str(TOMORROW)}
    other = own | {"base": "1.23", "account_id": 9002}
    globex = an_opened_account(account=an_account(id=9002, name="Globex"))
    await shop.deliver("billing", globex.model_copy(update={"division": Division(id=15, name="Main")}))
    async with shop.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate({"price": [own, later, other]}), "tests", NOW)

    async with signed_in(shop) as http:
        text = words(await http.get(PRICES))

    for said in ("In EUR, without VAT", "Your own price", "99.00", "279.00", "Prices to come", "95.00", str(TOMORROW)):
        assert said in text, said
    assert "1.23" not in text
    assert "ssl_dv_geotrust 1 year 149.00" not in text  # the general price, which this account does not pay
    assert "159.00" not in text  # in USD


@pytest.mark.parametrize(("role", "status"), [("standard_user", 403), ("limited_user", 403), ("manager", 200)])
async def test_who_has_no_business_with_finance_sees_no_prices(shop: World, role: str, status: int) -> None:
    await shop.deliver("billing", an_opened_account())
    async with signed_in(shop, role=role) as http:
        assert (await http.get(PRICES)).status_code == status


@pytest.mark.parametrize("path", [UPLOADS, f"{PRICES}/list.csv", SELLERS, f"{SELLERS}/new", TAXES, RATES])
async def test_the_pages_of_staff_are_not_for_customers(shop: World, path: str) -> None:
    async with signed_in(shop) as http:
        assert (await http.get(path)).status_code == 403


@pytest.mark.parametrize("path", [UPLOADS, f"{UPLOADS}/{UUID(int=7)}/add", f"{SELLERS}/new", TAXES, RATES])
async def test_no_form_is_taken_without_its_token(shop: World, path: str) -> None:
    async with staff(shop) as http:
        assert (await http.post(path, data={"upload_id": str(new_id())})).status_code == 403


# ── the list of staff ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_see_every_price_and_whether_it_counts(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    async with staff(shop) as http:
        sent = f"{GOLD}{GOLD.replace('2026-01-01', '2026-02-01')}{GOLD.replace('2026-01-01', str(TOMORROW))}"
        await confirm(http, await upload(http, HEADER + sent + GOLD.replace(",\n", ",9001\n")))
        text = words(await http.get(PRICES, params={"product": "ssl_gold"}))
        everything = words(await http.get(PRICES))

    assert [text.count(word) for word in ("Past", "Today", "Later", "Everyone", "Acme")] == [1, 2, 1, 3, 1]
    assert "Standard DV certificate" in everything
    assert "Standard DV certificate" not in text


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ({"currency": "usd"}, "159.00", "149.00"),
        ({"product": "ssl_dv_rapidssl"}, "59.00", "149.00"),
        ({"account_id": "9001"}, "No price fits this filter", "149.00"),
    ],
)
async def test_the_list_is_filtered(shop: World, query: dict[str, str], there: str, gone: str) -> None:
    async with staff(shop) as http:
        text = words(await http.get(PRICES, params=query))

    assert there in text
    assert gone not in text


EACH = r'<small>(\w+)</small></td>.*?data-label="Term">([^<]*)<.*?data-label="Price"><span>([\d,.]+) <small>(\w+)'


async def test_the_pages_of_the_list_have_each_price_once(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.prices.PAGE", 2)
    seen, path = list[str](), PRICES
    async with staff(shop) as http:
        while path:
            answer = await http.get(path)
            seen += re.findall(EACH, answer.text, re.DOTALL)
            following = re.search(r'href="([^"]*after=[^"]*)" rel="next"', answer.text)
            path = following[1].replace("&amp;", "&") if following else ""

    assert len(seen) == await count(shop, "price")
    assert len(set(seen)) == len(seen)


async def test_the_list_as_csv_may_be_uploaded_again_and_calculates_nothing(shop: World) -> None:
    async with staff(shop) as http:
        await confirm(http, await upload(http, HEADER + GOLD.replace("Gold", "'=HYPERLINK(1)")))
        answer = await http.get(f"{PRICES}/list.csv", params={"product": "ssl_gold"})
        again = words(await http.get((await upload(http, answer.content)).headers["location"]))

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "'=HYPERLINK(1)" in answer.text
    assert ",=" not in answer.text
    assert "Nothing is new in this file" in again
    [kept] = await shop.rows("billing", "SELECT description FROM price WHERE product_name_id = 'ssl_gold'")
    assert kept.description == "=HYPERLINK(1)"


# ── upload, look, add ────────────────────────────────────────────────────────────────────────────────────────────────


async def confirm(http: httpx.AsyncClient, uploaded: httpx.Response) -> httpx.Response:
    assert uploaded.status_code == 303, uploaded.text
    path = uploaded.headers["location"]
    return await send(http, path, f"{path}/add", {})


async def test_an_upload_shows_what_it_would_change_and_adds_nothing(shop: World) -> None:
    before = await count(shop, "price")
    there = "ssl_dv_rapidssl,Rapid DV certificate,1,EUR,59.00,29.00,199.00,2026-01-01,\n"
    async with staff(shop) as http:
        uploaded = await upload(http, HEADER + GOLD + there + GOLD + GOLD.replace("10.00", "-1"))
        answer = await http.get(uploaded.headers["location"])
        listed = words(await http.get(UPLOADS))

    text = words(answer)
    assert "New 1" in text
    assert "Unchanged 1" in text
    assert "Refused 2" in text
    assert "Row 4 It repeats row 2" in text
    assert "Row 5 Base takes an amount from 0 up" in text
    assert "/add" not in answer.text  # while rows are refused there is nothing to confirm
    assert "Nothing, only looked at" in listed
    assert await count(shop, "price") == before


async def test_what_is_confirmed_is_added_noted_and_waiting_orders_are_charged(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(), a_deposit(100_000), an_order(product_name_id="ssl_gold"))
    async with staff(shop) as http:
        uploaded = await upload(http, HEADER + GOLD)
        assert (await confirm(http, uploaded)).status_code == 303
        text = words(await http.get(uploaded.headers["location"]))
    await shop.settle()

    assert "1 price added by cara@ca.example" in text
    [entry] = [row for row in await noted(shop) if row.what == "prices added"]
    assert (entry.who, entry.after) == ("cara@ca.example", {"rows": 1, "unchanged": 0})
    assert entry.subject == f"price-upload/{uploaded.headers['location'].rpartition('/')[2]}"
    [charged] = await shop.said("billing", "order_charged")
    assert charged["total"]["amount"] == 1190


async def test_a_second_click_uploads_and_adds_nothing_more(shop: World) -> None:
    before, upload_id = await count(shop, "price"), str(new_id())
    async with staff(shop) as http:
        uploaded = await upload(http, HEADER + GOLD, upload_id=upload_id)
        await upload(http, HEADER + GOLD.replace("ssl_gold", "ssl_other"), upload_id=upload_id)
        path = uploaded.headers["location"]
        token = re.search(r'name="csrf" value="([^"]*)"', (await http.get(path)).text)
        assert token
        twice = [await http.post(f"{path}/add", data={"csrf": token[1]}) for _ in range(2)]

    assert [answer.status_code for answer in twice] == [303, 303]
    assert await count(shop, "price") == before + 1
    assert [row.what for row in await noted(shop)].count("prices added") == 1


async def test_what_others_added_meanwhile_is_seen_when_it_is_confirmed(shop: World) -> None:
    async with staff(shop) as http:
        uploaded = await upload(http, HEADER + GOLD)
        await confirm(http, await upload(http, HEADER + GOLD.replace("10.00", "11.00")))
        path = uploaded.headers["location"]
        answer = await send(http, UPLOADS, f"{path}/add", {})

    assert answer.status_code == 400
    assert "Row 2: The price of ssl_gold over 1 year in EUR from 2026-01-01 is there already" in answer.text
    [price] = await shop.rows("billing", "SELECT base FROM price WHERE product_name_id = 'ssl_gold'")
    assert price.base == 1100


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty"),
        (HEADER, "no row below its header"),
        ("\xe4".encode("latin-1") + HEADER.encode(), "not UTF-8"),
        (HEADER + GOLD * 1001, "more than 1,000 rows"),
        ("price;more\n1;2", "There is no column &#34;price&#34;"),
    ],
)
async def test_a_file_that_is_no_price_list_is_refused_at_once(shop: World, content: str | bytes, says: str) -> None:
    async with staff(shop) as http:
        answer = await upload(http, content)

    assert answer.status_code == 400
    assert says in answer.text
    assert await count(shop, "price_upload") == 0


async def test_to_upload_a_file_is_to_choose_one(shop: World) -> None:
    async with staff(shop) as http:
        none = await send(http, UPLOADS, UPLOADS, {"upload_id": str(new_id())})
        empty = await send(http, UPLOADS, UPLOADS, {"upload_id": str(new_id())}, files={"file": ("", b"")})

    for answer in (none, empty):
        assert answer.status_code == 400
        assert "No file was chosen" in answer.text


async def test_an_upload_that_is_not_there_is_said(shop: World) -> None:
    async with staff(shop) as http:
        assert (await http.get(f"{UPLOADS}/{new_id()}")).status_code == 404
        assert (await http.get(f"{UPLOADS}/nonsense")).status_code == 404
        assert (await send(http, UPLOADS, f"{UPLOADS}/{new_id()}/add", {})).status_code == 404


# ── sellers, taxes, rates ────────────────────────────────────────────────────────────────────────────────────────────

SELLER = {
    "number": "7", "valid_from": "2026-01-01", "name": "Issuary Trust B.V.",
    "address": "Keizersgracht 1\r\n1015 CJ Amsterdam\r\n\r\nNetherlands", "country": "NL", "currency": "EUR",
    "sells_to": "nl, be", "invoice_prefix": "NLINV", "credit_note_prefix": "NLCN", "request_prefix": "NLPR",
    "vat_number": "NL999999999B01", "registration_number": "", "email": "", "iban": "NL91 ABNA 0417 1643 00",
    "bic": "", "bank": "",
}  # fmt: skip
TAX = {
    "seller_country": "DE", "buyer_country": "IT", "vat_number_known": "false", "category": "S", "rate": "22",
    "sentence": "", "valid_from": "2026-01-01",
}  # fmt: skip
RATE = {"currency": "GBP", "to_currency": "EUR", "rate": "1.17", "valid_from": "2026-01-01"}


async def add(http: httpx.AsyncClient, path: str, form: dict[str, str]) -> httpx.Response:
    return await send(http, path, path, form)


@pytest.mark.parametrize(
    ("path", "form", "table", "shown"),
    [
        (f"{SELLERS}/new", SELLER, "selling_entity",
         ("7 · Issuary Trust B.V.", "Keizersgracht 1, 1015 CJ Amsterdam, Netherlands", "NL, BE", "NLINV, NLCN, NLPR",
          "NL91ABNA0417164300")),
        (TAXES, TAX, "tax_rule", ("IT without VAT number 2026-01-01 S 22 %",)),
        (RATES, RATE, "exchange_rate", ("1 GBP EUR 1.17 2026-01-01",)),
    ],
)  # fmt: skip
async def test_a_row_is_added_once_shown_and_noted(
    shop: World, path: str, form: dict[str, str], table: str, shown: tuple[str, ...]
) -> None:
    before = await count(shop, table)
    async with staff(shop) as http:
        answers = [await add(http, path, form) for _ in range(2)]
        text = words(await http.get(path.removesuffix("/new")))

    assert [answer.status_code for answer in answers] == [303, 303]
    for said in shown:
        assert said in text
    assert await count(shop, table) == before + 1
    [entry] = [row for row in await noted(shop) if row.what == f"{table.replace('_', ' ')} added"]
    assert entry.who == "cara@ca.example"
    assert entry.after["valid_from"] == "2026-01-01"


@pytest.mark.parametrize(
    ("path", "form", "change", "says"),
    [
        (TAXES, TAX, {"rate": "23"}, "buyer in IT without VAT number from 2026-01-01 is there already with other"),
        (RATES, RATE, {"rate": "1.18"}, "exchange rate from GBP to EUR from 2026-01-01 is there already with other"),
        (f"{SELLERS}/new", SELLER, {"bank": "X"}, "Selling entity 7 from 2026-01-01 is there already with other"),
    ],
)
async def test_another_row_of_the_same_day_is_refused_and_what_was_typed_stays(
    shop: World, path: str, form: dict[str, str], change: dict[str, str], says: str
) -> None:
    async with staff(shop) as http:
        await add(http, path, form)
        answer = await add(http, path, form | change)

    assert answer.status_code == 400
    assert says in answer.text
    [value] = change.values()
    assert f'value="{value}"' in answer.text


@pytest.mark.parametrize(
    ("path", "form", "says"),
    [
        (TAXES, TAX | {"rate": "-1"}, "Rate takes per cent below 100, like 19 or 7.7"),
        (TAXES, TAX | {"rate": "100"}, "Rate takes"),
        (TAXES, TAX | {"rate": "0"}, "Category S has a rate above 0"),
        (TAXES, TAX | {"category": "AE", "rate": "0"}, "needs the sentence"),
        (TAXES, TAX | {"buyer_country": "Italy"}, "Buyer country takes a country&#39;s two capital letters"),
        (TAXES, TAX | {"valid_from": ""}, "Valid from is missing"),
        (TAXES, TAX | {"vat_number_known": "perhaps"}, "Vat number known takes"),
        (TAXES, TAX | {"colour": "red"}, "There is no &#34;colour&#34; here"),
        (RATES, RATE | {"rate": "0.0"}, "Rate takes a number with a decimal point that is more than 0"),
        (RATES, RATE | {"rate": "1,17"}, "Rate takes"),
        (RATES, RATE | {"currency": "EUR"}, "A currency has no rate to itself"),
        (RATES, RATE | {"currency": "XYZ"}, "no ISO 4217"),
        (f"{SELLERS}/new", SELLER | {"number": "10"}, "Number takes a whole number from 1 to 9"),
        (f"{SELLERS}/new", SELLER | {"request_prefix": ""}, "Request prefix is missing"),
        (f"{SELLERS}/new", SELLER | {"request_prefix": "PR"}, "The prefix PR stands for two series"),
        (f"{SELLERS}/new", SELLER | {"iban": "NL91 ABNA 0417 1643 01"}, "IBAN takes an IBAN whose check digits"),
        (f"{SELLERS}/new", SELLER | {"bic": "ABC"}, "BIC takes 8 or 11"),
        (f"{SELLERS}/new", SELLER | {"address": " \r\n "}, "Address is missing"),
        (f"{SELLERS}/new", SELLER | {"address": "1\n2\n3\n4\n5\n6\n7"}, "Address takes 1 to 6 lines"),
        (f"{SELLERS}/new", SELLER | {"sells_to": "Belgium"}, "Sells to takes countries"),
        (f"{SELLERS}/new", SELLER | {"name": "a\x07"}, "Name is one line"),
    ],
)
async def test_a_row_that_is_not_as_described_is_refused_with_its_sentence(
    shop: World, path: str, form: dict[str, str], says: str
) -> None:
    before = [await count(shop, table) for table in ("selling_entity", "tax_rule", "exchange_rate", "audit_log")]
    async with staff(shop) as http:
        answer = await add(http, path, form)

    assert answer.status_code == 400
    assert says in answer.text
    after = [await count(shop, table) for table in ("selling_entity", "tax_rule", "exchange_rate", "audit_log")]
    assert after == before


async def test_the_tax_table_shows_what_counts_today_what_will_and_what_did(shop: World) -> None:
    async with staff(shop) as http:
        for day, rate in (("2026-02-01", "21"), (str(TOMORROW), "23"), ("2026-01-01", "22")):
            assert (await add(http, TAXES, TAX | {"valid_from": day, "rate": rate})).status_code == 303
        text = words(await http.get(TAXES))

    today, later, past = (text.index(f" {word} ") for word in ("Today", "Later", "Past"))
    assert today < text.index("IT without VAT number 2026-02-01 S 21 %") < later
    assert later < text.index(f"IT without VAT number {TOMORROW} S 23 %") < past
    assert past < text.index("IT without VAT number 2026-01-01 S 22 %")


async def test_past_rates_are_paged(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.selling.PAGE", 2)
    async with staff(shop) as http:
        for day in range(1, 6):
            await add(http, RATES, RATE | {"valid_from": f"2026-02-0{day}", "rate": f"1.{day}"})
        first = await http.get(RATES)
        following = re.search(r'href="([^"]*before=[^"]*)" rel="next"', first.text)
        assert following
        second = words(await http.get(following[1]))

    assert "1 GBP EUR 1.5" in words(first)
    assert "1.4" in words(first)
    assert "1.2 2026-02-02" in second
    assert "1.4 2026" not in second


async def test_an_order_that_waits_for_a_tax_rule_is_charged_when_it_is_added(shop: World) -> None:
    account = an_account(address={"line1": "Via 1", "postcode": "00100", "city": "Roma", "country": "IT"})
    await shop.deliver("billing", an_opened_account(account=account), a_deposit(100_000))
    async with staff(shop) as http:
        await shop.deliver("billing", an_order(account=account, product_name_id="ssl_gold"))
        await confirm(http, await upload(http, HEADER + GOLD))
        await add(http, TAXES, TAX)
    await shop.settle()

    [charged] = await shop.said("billing", "order_charged")
    assert charged["total"]["amount"] == 1220


async def test_an_entity_changes_from_a_day_on_with_the_values_it_has(shop: World) -> None:
    async with staff(shop) as http:
        answer = await http.get(f"{SELLERS}/new", params={"like": 6})
        missing = await http.get(f"{SELLERS}/new", params={"like": 5})

    for said in ("Issuary Trust GmbH", "Invalidenstraße 44\n10115 Berlin\nGermany", 'value="INV"', 'value="PR"'):
        assert said in answer.text
    assert missing.status_code == 404


async def use_indexes(tx: AsyncSession, others: str) -> None:
    """A table of ten rows is read faster without, so other ways are made dear."""
    for way in ("seqscan", "bitmapscan", "sort"):
        await tx.execute(text(f"SET LOCAL enable_{way} = {others}"))


# Of another currency, or the planner would be right to read what is there without its index.
MANY_PRICES = """
INSERT INTO price SELECT (jsonb_populate_record(p, jsonb_build_object(
  'id', 1000000 + n, 'product_name_id', 'many' || n, 'currency', 'USD'))).*
FROM price AS p, generate_series(1, 3000) AS n WHERE p.id = (SELECT min(id) FROM price)
"""


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("true", "ix_price_listed"),
        ("product_name_id = 'ssl_gold'", "ix_price_listed"),
        ("currency = 'EUR'", "ix_price_currency"),
        ("account_id = 9001", "ix_price_account_id"),
    ],
)
async def test_every_filter_of_the_list_has_an_index_in_the_order_of_the_list(
    shop: World, where: str, index: str
) -> None:
    async with shop.billing.db.transaction() as tx:
        await tx.execute(text(MANY_PRICES))
        await tx.execute(text("ANALYZE price"))
        await use_indexes(tx, "off")
        plan = await tx.scalars(
            text(
                f"EXPLAIN SELECT id FROM price WHERE {where} AND (product_name_id, currency, years, id) > "
                "('a', 'EUR', 1, 1) ORDER BY product_name_id, currency, years, id LIMIT 50"
            )
        )
        steps = "\n".join(plan)
        await use_indexes(tx, "on")

    assert index in steps
    assert "Sort" not in steps


async def test_a_file_whose_prices_were_added_is_neither_changed_nor_deleted(shop: World) -> None:
    async with staff(shop) as http:
        await confirm(http, await upload(http, HEADER + GOLD))

    for sql in ("UPDATE price_upload SET content = ''", "DELETE FROM price_upload"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with shop.billing.db.transaction() as tx:
                await tx.execute(text(sql))
