"""The file of dated data: all of it or nothing, and a sentence where it is nothing."""

from pathlib import Path
from typing import Any

import pytest

from services.billing.cli import load
from shared.errors import Rejected
from shared.migrate import ROOT
from tests.conftest import World
from tests.makers import NOW

PRICE = """
[[price]]
product = "ssl_gold"
description = "Gold"
years = 1
currency = "EUR"
base = "10.00"
valid_from = 2026-01-01
"""
TAX = """
[[tax_rule]]
seller_country = "DE"
buyer_country = "ZZ"
category = "S"
rate = "7"
valid_from = 2026-01-01
"""
SELLER = """
[[selling_entity]]
number = 9
valid_from = 2026-01-01
name = "Nine"
address = ["Street 9"]
country = "DE"
currency = "EUR"
invoice_prefix = "NINE"
credit_note_prefix = "NINECN"
request_prefix = "NINEPR"
"""
RATE = """
[[exchange_rate]]
currency = "SEK"
to_currency = "EUR"
rate = "0.0911"
valid_from = 2026-01-01
"""


class Shelf:
    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.path = world, folder / "catalogue.toml"

    async def load(self, text: str | bytes) -> int:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return await load(self.world.billing.db, self.path, "staff", NOW)

    async def refused(self, text: str | bytes) -> str:
        before = await self.rows()
        with pytest.raises(Rejected) as caught:
            await self.load(text)
        assert await self.rows() == before
        assert str(caught.value.message).endswith(".")
        return caught.value.message

    async def rows(self) -> Any:
        tables = ("price", "tax_rule", "selling_entity", "exchange_rate", "audit_log", "retry")
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        return (await self.world.rows("billing", f"SELECT {counts}"))[0]


@pytest.fixture
def shelf(shop: World, tmp_path: Path) -> Shelf:
    return Shelf(shop, tmp_path)


async def test_the_same_file_twice_changes_nothing(shelf: Shelf) -> None:
    assert await shelf.load(PRICE + TAX + SELLER + RATE) == 4
    before = await shelf.rows()

    assert await shelf.load(PRICE + TAX + SELLER + RATE) == 0
    assert await load(shelf.world.billing.db, ROOT / "docs" / "catalogue.toml", "staff", NOW) == 0

    assert await shelf.rows() == before


async def test_a_loaded_file_is_noted_with_who_loaded_it(shelf: Shelf) -> None:
    await shelf.load(PRICE)

    row = (await shelf.world.rows("billing", "SELECT * FROM audit_log ORDER BY id DESC LIMIT 1"))[0]
    assert "staff" in str(row._mapping)
    assert "catalogue loaded" in str(row._mapping)


@pytest.mark.parametrize(
    ("first", "old", "new"),
    [
        (PRICE, '"10.00"', '"12.00"'),
        (PRICE, '"Gold"', '"Golden"'),
        (TAX, '"7"', '"8"'),
        (TAX, 'category = "S"\nrate = "7"', 'category = "Z"\nrate = "0"'),
        (SELLER, '"Street 9"', '"Street 10"'),
        (RATE, '"0.0911"', '"0.0912"'),
    ],
)
async def test_a_row_with_other_values_for_its_day_is_refused_and_nothing_of_the_file_is_loaded(
    shelf: Shelf, first: str, old: str, new: str
) -> None:
    await shelf.load(first)
    fresh = PRICE.replace("ssl_gold", "ssl_fresh")

    said = await shelf.refused(fresh + first.replace(old, new))

    assert "is there already with other values" in said
    assert "a later first day" in said


async def test_the_same_row_twice_in_one_file_with_two_values_is_refused(shelf: Shelf) -> None:
    await shelf.refused(PRICE + PRICE.replace("10.00", "11.00"))


async def test_a_later_day_is_a_new_row(shelf: Shelf) -> None:
    await shelf.load(PRICE)

    assert await shelf.load(PRICE.replace("2026-01-01", "2026-02-01").replace("10.00", "11.00")) == 1


async def test_an_amount_written_with_other_decimals_is_the_same_amount(shelf: Shelf) -> None:
    await shelf.load(PRICE + TAX + RATE)

    assert await shelf.load((PRICE + TAX + RATE).replace('"10.00"', '"10"').replace('"7"', '"7.0"')) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[price]\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        ("price = 5", "price"),
        (PRICE.replace("base", "bse"), "bse"),
        ("[[prices]]\n" + PRICE, "prices"),
        (PRICE + "colour = 1\n", "colour"),
        (PRICE.replace('"10.00"', '"-10.00"'), "base"),
        (PRICE.replace('"10.00"', "10.00"), "base"),
        (PRICE.replace('"10.00"', '"10.001"'), "more decimals than EUR"),
        (PRICE.replace('"10.00"', '"1e3"'), "base"),
        (PRICE.replace('"EUR"', '"XYZ"'), "no ISO 4217"),
        (PRICE.replace('"EUR"', '"eur"'), "currency"),
        (PRICE.replace("years = 1", "years = 9"), "years"),
        (PRICE.replace("2026-01-01", '"soon"'), "valid_from"),
        (PRICE.replace('"ssl_gold"', '""'), "product"),
        (TAX.replace('"7"', '"100"'), "rate"),
        (TAX.replace('"7"', '"0"'), "Category S has a rate above 0"),
        (TAX.replace('"S"', '"AE"'), "every other category the rate 0"),
        (TAX.replace('"S"', '"AE"').replace('"7"', '"0"'), "needs the sentence"),
        (RATE.replace('"SEK"', '"EUR"'), "name two currencies"),
        (RATE.replace('"SEK"', '"XYZ"'), "no ISO 4217"),
        (SELLER + 'iban = "DE02120300000000202052"\n', "iban"),
        (SELLER + 'bic = "ABC"\n', "bic"),
        (PRICE.replace('"10.00"', '"1000000000.01"'), "more than a price can be"),
        (PRICE + "account_id = 4711\n", "There is no account 4711"),
        (TAX.replace('"7"', '"-7"'), "rate"),
        (TAX.replace('"S"', '"X"'), "category"),
        (RATE.replace('"0.0911"', '"0"'), "more than 0"),
        (RATE.replace('"0.0911"', '"0.000"'), "more than 0"),
        (SELLER.replace('["Street 9"]', "[]"), "address"),
        (SELLER.replace("number = 9", "number = 0"), "number"),
        (SELLER.replace('"NINE"', '"INV"'), "prefix INV stands for two series"),
        (SELLER.replace('"NINECN"', '"NINE"'), "prefix NINE stands for two series"),
        (SELLER.replace('"NINEPR"', '"NINECN"'), "prefix NINECN stands for two series"),
        (SELLER.replace('"NINEPR"', '"CN"'), "prefix CN stands for two series"),
        (SELLER.replace('"NINEPR"', '"NINE-PR"'), "request_prefix"),
        (SELLER.replace('request_prefix = "NINEPR"\n', ""), "request_prefix"),
    ],
)
async def test_a_file_that_is_not_as_described_is_refused_whole(shelf: Shelf, text: str | bytes, says: str) -> None:
    more = PRICE.replace("ssl_gold", "ssl_fresh") if isinstance(text, str) and text.startswith("\n[[") else ""

    said = await shelf.refused(more + text if isinstance(text, str) else text)

    assert says in said


async def test_a_file_that_is_not_there_is_said(shelf: Shelf) -> None:
    with pytest.raises(Rejected, match="cannot be read"):
        await load(shelf.world.billing.db, shelf.path, "staff", NOW)
