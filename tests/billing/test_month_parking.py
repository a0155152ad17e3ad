"""A division that cannot be invoiced is parked with a sentence, the others go on; once mended it is closed again."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from shared.events.orders import AccountChanged, AccountOpened, Address, Division
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close, close_in, eur, failures, order, subscribe, terms
from tests.conftest import World
from tests.makers import NOW, an_account, an_opened_account

NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)
IN_NOV, AFTER_NOV = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
AFTER_DEC = datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
OTHER = Division(id=902, name="Other")
PARIS = Address(line1="1 Rue de la Paix", postcode="75002", city="Paris", country="FR")
FRENCH_SELLER = {
    "number": 9, "valid_from": "2026-01-01", "name": "Issuary SAS", "address": ["1 Rue A", "75001 Paris", "France"],
    "country": "FR", "currency": "EUR", "sells_to": ["FR"], "invoice_prefix": "FRINV", "credit_note_prefix": "FRCN",
    "request_prefix": "FRPR", "vat_number": "FR99999999999",
}  # fmt: skip
FRENCH_TAX = {
    "seller_country": "FR", "buyer_country": "FR", "category": "S", "rate": "20", "valid_from": "2026-01-01",
}  # fmt: skip


@pytest.fixture
async def market(shop: World) -> World:
    """Acme, and another account that always has an order on account in November."""
    other = an_account(id=9002, name="Globex")
    opened = AccountOpened(occurred_at=NOW, account_id=9002, account=other, division=OTHER)
    await shop.deliver("billing", an_opened_account(), opened)
    for account in (9001, 9002):
        await terms(shop, IN_NOV, account, negative_limit=eur(200_000), monthly_billing=True)
    await order(shop, IN_NOV, account=other, division=OTHER, payment=ON_ACCOUNT)
    return shop


async def load(world: World, **rows: Any) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate(rows), "tests", NOW)


async def move(world: World, address: Address | None, **changed: Any) -> None:
    account = an_account(address=address, **changed)
    await world.deliver("billing", AccountChanged(occurred_at=NOW, account_id=9001, account=account))


async def usage_invoices(world: World) -> list[Any]:
    sql = "SELECT i.*, e.net AS taxed FROM invoice AS i JOIN tax_group AS e ON e.invoice_id = i.id"
    return await world.rows("billing", f"{sql} WHERE i.kind = 'usage' ORDER BY i.id, e.rate")


async def test_a_missing_tax_rule_parks_the_division_until_it_is_there(market: World) -> None:
    await subscribe(market, IN_NOV)
    await load(market, selling_entity=[FRENCH_SELLER])
    await move(market, PARIS)

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    [(division, sentence)] = (await failures(market.billing.db, NOV)).items()
    assert (division, "There is no tax rule for a seller in FR and a buyer in FR" in sentence) == (14, True)

    await load(market, tax_rule=[FRENCH_TAX])
    assert await close(market, NOV, AFTER_NOV) == {"usage": 3}
    assert await failures(market.billing.db, NOV) == {}
    await assert_in_order(market.billing.db)


async def test_a_missing_address_parks_who_is_in_debt_until_it_is_there(market: World) -> None:
    await order(market, IN_NOV)
    await move(market, None)

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    assert "no billing address" in (await failures(market.billing.db, NOV))[14]

    await move(market, PARIS)
    assert await close(market, NOV, AFTER_NOV) == {"usage": 1, "amount_owed": 1}
    await assert_in_order(market.billing.db)


async def test_a_missing_exchange_rate_parks_the_division_until_it_is_there(market: World) -> None:
    """VAT of each charge alone rounds to nothing, so that only their sum needs the rate."""
    pounds = an_account(id=9003, name="Initech", currency="GBP")
    place = Division(id=903, name="Main")
    await market.deliver("billing", AccountOpened(occurred_at=NOW, account_id=9003, account=pounds, division=place))
    await terms(market, IN_NOV, 9003, monthly_billing=True)
    for name in "abc":
        price = eur(2).model_copy(update={"currency": "GBP"})
        await subscribe(market, IN_NOV, 9003, division_id=903, name=name, monthly_price=price)

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    assert "no exchange rate for GBP" in (await failures(market.billing.db, NOV))[903]

    rate = {"currency": "GBP", "to_currency": "EUR", "rate": "1.17", "valid_from": "2026-01-01"}
    await load(market, exchange_rate=[rate])
    await close(market, NOV, AFTER_NOV)
    [invoice] = [row for row in await usage_invoices(market) if row.division_id == 903]
    assert (invoice.net, invoice.tax, invoice.total) == (12, 2, 14)
    assert any("VAT in EUR" in note for note in invoice.notes)
    await assert_in_order(market.billing.db)


async def test_a_fault_of_the_database_parks_its_division_alone(market: World) -> None:
    await order(market, IN_NOV, payment=ON_ACCOUNT)
    async with market.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE funds SET accrued = 1 WHERE division_id = 14"))

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    sentence = (await failures(market.billing.db, NOV))[14]
    assert "a fault of the service, not of the account" in sentence
    assert "close the month again" in sentence
    assert "SELECT" not in sentence
    assert "UPDATE" not in sentence

    async with market.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE funds SET accrued = 17731 WHERE division_id = 14"))
    assert await close(market, NOV, AFTER_NOV) == {"usage": 2}
    await assert_in_order(market.billing.db)


MANY = """
INSERT INTO usage SELECT (jsonb_populate_record(u, jsonb_build_object('id', 1000000 + n, 'order_id', 1000000 + n))).*
FROM usage AS u, generate_series(1, 20000) AS n WHERE account_id = 9001
"""


async def test_a_division_with_more_than_an_invoice_lists_is_parked_and_holds_nobody_up(market: World) -> None:
    await order(market, IN_NOV, payment=ON_ACCOUNT)
    async with market.billing.db.transaction() as tx:
        await tx.execute(text(MANY))

    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}
    assert "More than 20,000 orders" in (await failures(market.billing.db, NOV))[14]

    async with market.billing.db.transaction() as tx:
        await tx.execute(text("DELETE FROM usage WHERE id > 1000000"))
        await tx.execute(text("UPDATE usage_count SET n = 1 WHERE division_id = 14"))
    assert await close(market, NOV, AFTER_NOV) == {"usage": 2}
    await assert_in_order(market.billing.db)


async def test_what_a_parked_division_used_is_invoiced_by_the_next_month_at_the_latest(market: World) -> None:
    await subscribe(market, IN_NOV)
    await load(market, selling_entity=[FRENCH_SELLER])
    await move(market, PARIS)
    await close(market, NOV, AFTER_NOV)
    await load(market, tax_rule=[FRENCH_TAX])

    await close(market, DEC, AFTER_DEC)
    assert await close_in(market.billing.db, NOV, AFTER_DEC) == {"usage": 1}

    assert await market.rows("billing", "SELECT 1 FROM usage WHERE invoice_id IS NULL") == []
    days = await market.rows("billing", "SELECT first_day, last_day FROM usage WHERE account_id = 9001 ORDER BY 1")
    assert [tuple(row) for row in days] == [
        (date(2026, 11, 1), date(2026, 11, 30)), (date(2026, 12, 1), date(2026, 12, 31)),
        (date(2027, 1, 1), date(2027, 1, 31)),
    ]  # fmt: skip
    await assert_in_order(market.billing.db)


# ── what is no fault ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_sellers_of_two_countries_have_an_invoice_each_in_their_own_series(market: World) -> None:
    await load(market, selling_entity=[FRENCH_SELLER], tax_rule=[FRENCH_TAX])
    await order(market, IN_NOV, payment=ON_ACCOUNT)
    await move(market, PARIS)
    await order(market, IN_NOV, payment=ON_ACCOUNT, account=an_account(address=PARIS))

    await close(market, NOV, AFTER_NOV)

    rows = [row for row in await usage_invoices(market) if row.account_id == 9001]
    assert sorted((row.number, row.net, row.tax) for row in rows) == [
        ("FRINV-2026-000001", 14900, 2980), ("INV-2026-000001", 14900, 2831),
    ]  # fmt: skip
    assert {row.seller["name"] for row in rows} == {"Issuary SAS", "Issuary Trust GmbH"}
    await assert_in_order(market.billing.db)


async def test_a_rate_has_one_group_even_where_its_sentence_changed_within_the_month(market: World) -> None:
    lima = Address(line1="Av. 1", postcode="15001", city="Lima", country="PE")
    given = {"seller_country": "DE", "buyer_country": "PE", "category": "G", "rate": "0"}
    await move(market, lima)
    await order(market, IN_NOV, payment=ON_ACCOUNT, account=an_account(address=lima))
    await load(market, tax_rule=[given | {"sentence": "Export of services.", "valid_from": "2026-11-21"}])
    await order(market, datetime(2026, 11, 22, tzinfo=UTC), payment=ON_ACCOUNT, account=an_account(address=lima))

    await close(market, NOV, AFTER_NOV)

    [invoice] = [row for row in await usage_invoices(market) if row.account_id == 9001]
    assert (invoice.net, invoice.tax) == (29800, 0)
    [note] = invoice.notes
    assert note.startswith("Not taxable in Germany")
    assert note.endswith("Export of services.")


async def test_several_vat_groups_of_one_seller_are_each_rounded_once(market: World) -> None:
    vienna = Address(line1="Ring 1", postcode="1010", city="Wien", country="AT")
    await order(market, IN_NOV, payment=ON_ACCOUNT)
    await move(market, vienna)
    await order(market, IN_NOV, payment=ON_ACCOUNT, account=an_account(address=vienna))

    await close(market, NOV, AFTER_NOV)

    rows = [row for row in await usage_invoices(market) if row.account_id == 9001]
    assert len({row.id for row in rows}) == 1
    assert (len(rows), rows[0].net, rows[0].tax) == (2, 29800, 2831 + 2980)
    await assert_in_order(market.billing.db)


async def test_what_costs_nothing_has_no_invoice_of_its_own_but_stands_on_the_next_one(market: World) -> None:
    await subscribe(market, IN_NOV, monthly_price=eur(0))
    assert await close(market, NOV, AFTER_NOV) == {"usage": 1}

    await order(market, AFTER_NOV, payment=ON_ACCOUNT)
    await close(market, DEC, AFTER_DEC)

    lines = await market.rows(
        "billing",
        "SELECT l.net FROM invoice_line AS l JOIN invoice AS i ON i.id = invoice_id WHERE account_id = 9001 ORDER BY 1",
    )
    assert [row.net for row in lines] == [0, 0, 0, 14900]
    await assert_in_order(market.billing.db)
