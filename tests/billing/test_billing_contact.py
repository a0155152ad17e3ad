"""Whom a division is billed to: by API and page, on documents, in mails and for the VAT."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.billing import actions
from services.billing.queries.papers import buyer_printed
from services.billing.rules.contact import ContactIn
from services.billing.rules.countries import COUNTRIES, country_name
from services.billing.worker import try_waiting_orders
from shared.errors import Rejected
from shared.events.orders import AccountChanged, Division, DivisionAdded
from shared.service import Service
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, eur, order, terms
from tests.billing.test_pages import signed_in, words
from tests.billing.test_paying_pages import STAFF, post
from tests.billing.test_purchase_orders import call, code_of
from tests.bus import as_record
from tests.conftest import World
from tests.makers import NOW, a_deposit, an_account, an_opened_account, an_order

ROUTE = "/services/v2/finance/billing-contact"
PAGE = "/finance/billing-contact"
IN_NOV, AFTER_NOV = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
LABS = Division(id=16, name="Labs")
VIENNA: dict[str, Any] = {
    "name": "Accounts payable", "address": "Ring 1", "city": "Wien", "zip": "1010", "country": "AT",
    "emails": ["ap@labs.example", "cfo@labs.example"], "phone": "+43 1 5550",
}  # fmt: skip
PARIS: dict[str, Any] = {
    "address": "1 rue de la Paix",
    "city": "Paris",
    "zip": "75002",
    "country": "FR",
    "email": "ap@acme.fr",
}


@pytest.fixture
async def market(shop: World) -> World:
    added = DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS)
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", added)
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=8, email="ops@ca.example")
    return shop


async def put(world: World, key: str = "key", **body: Any) -> Any:
    return await call(world, "PUT", ROUTE, key, json=body)


async def buyers(world: World) -> list[dict[str, Any]]:
    return [row.buyer for row in await world.rows("billing", "SELECT buyer FROM invoice ORDER BY id")]


# ── API ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_until_one_is_given_what_orders_told_is_the_default(market: World) -> None:
    assert (await call(market, "GET", ROUTE)).json() == {
        "billing_contacts": [
            {
                "name": "Acme Example GmbH", "address": "Hauptstraße 1", "city": "Berlin", "zip": "10115",
                "country": "DE", "email": "ap@acme.example", "emails": ["ap@acme.example"], "is_default_contact": True,
            }
        ]
    }  # fmt: skip


async def test_a_division_and_the_account_have_one_each_and_removing_one_brings_the_default_back(market: World) -> None:
    assert (await put(market, container_id=16, **VIENNA)).status_code == 200
    assert (await put(market, **PARIS)).json()["is_default_contact"]

    default, labs = (await call(market, "GET", ROUTE)).json()["billing_contacts"]
    assert (default["city"], default["email"], default["name"]) == ("Paris", "ap@acme.fr", "Acme Example GmbH")
    assert labs == {**VIENNA, "email": "ap@labs.example", "container_id": 16}
    assert (await call(market, "DELETE", f"{ROUTE}?container_id=16")).status_code == 204
    [in_force] = (await call(market, "GET", f"{ROUTE}?container_id=16")).json()["billing_contacts"]
    assert (in_force["city"], in_force["container_id"]) == ("Paris", 16)
    assert len((await call(market, "GET", ROUTE)).json()["billing_contacts"]) == 1


async def test_each_change_is_noted_with_what_it_was_before(market: World) -> None:
    await put(market, container_id=16, **VIENNA)
    await put(market, container_id=16, **VIENNA)
    await call(market, "DELETE", f"{ROUTE}?container_id=16")

    first, second = await market.rows("billing", "SELECT * FROM audit_log WHERE what LIKE 'billing contact%'")
    assert (first.who, first.subject, first.before) == ("ann@acme.example", "container/16", None)
    assert (second.before["address"]["city"], second.after) == ("Wien", None)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"country": "XX"}, "two letters by ISO 3166"),
        ({"country": "Austria"}, "two letters by ISO 3166"),
        ({"country": ""}, "street, city and country"),
        ({"city": ""}, "street, city and country"),
        ({"address": None}, "street, city and country"),
        ({"address": "x" * 256}, "1 to 255 characters"),
        ({"name": "x" * 256}, "1 to 255 characters"),
        ({"name": "Ann\nLee"}, "Name is one line"),
        ({"name": "Ann\u202eLee"}, "Name holds a hidden mark that turns the text around it, U+202E"),
        ({"city": "Wien\u2066"}, "City holds a hidden mark"),
        ({"phone": "\u202a+43 1"}, "Phone holds a hidden mark"),
        ({"zip": "1" * 41}, "up to 40 characters"),
        ({"phone": "1" * 41}, "up to 40 characters"),
        ({"emails": ["ann"]}, "like ap@acme.example"),
        ({"emails": ["ann@localhost"]}, "like ap@acme.example"),
        ({"emails": ["a b@acme.example"]}, "like ap@acme.example"),
        ({"emails": ["ann@-.example"]}, "like ap@acme.example"),
        ({"emails": ["a" * 250 + "@acme.example"]}, "like ap@acme.example"),
        ({"emails": [f"a{n}@acme.example" for n in range(11)]}, "up to 10"),
        ({"emails": None, "email": "ann@acme.example, bob"}, "like ap@acme.example"),
        (dict.fromkeys(VIENNA, None), "Give an address"),
    ],
)
async def test_a_wrong_one_is_refused_with_a_sentence(market: World, changed: dict[str, Any], says: str) -> None:
    answer = await put(market, container_id=16, **VIENNA | changed)

    assert (answer.status_code, code_of(answer)) == (400, "bad_request_format")
    assert says in answer.json()["errors"][0]["message"]
    assert await market.rows("billing", "SELECT 1 FROM division WHERE billing_contact IS NOT NULL") == []


async def test_who_may_not_is_told_so_and_another_accounts_division_is_not_there(market: World) -> None:
    await take_key(market, "manager", role="manager", user_id=2, email="bob@acme.example")
    await take_key(market, "user", role="standard_user", user_id=3, email="eve@acme.example")
    await take_key(market, "ordering", key_role=100)
    await take_key(market, "stranger", account_id=9002, user_id=4)
    await take_key(market, "labs", role="finance_manager", divisions=(16,), user_id=5, email="lin@acme.example")

    assert (await call(market, "GET", ROUTE, "manager")).status_code == 200
    assert (await put(market, "manager", **PARIS)).status_code == 403
    for key in ("user", "ordering"):
        assert (await call(market, "GET", ROUTE, key)).status_code == 403
        assert (await put(market, key, **PARIS)).status_code == 403
    assert (await put(market, "stranger", container_id=16, **PARIS)).status_code == 404
    assert (await call(market, "GET", f"{ROUTE}?container_id=16", "stranger")).status_code == 404
    assert (await put(market, "labs", container_id=14, **PARIS)).status_code == 404
    assert "some divisions" in (await put(market, "labs", **PARIS)).json()["errors"][0]["message"]
    assert (await put(market, "labs", container_id=16, **PARIS)).status_code == 200


async def test_staff_say_whose(market: World) -> None:
    assert (await call(market, "GET", ROUTE, "staff")).status_code == 400
    assert (await put(market, "staff", account_id=9001, **PARIS)).status_code == 200
    assert (await put(market, "staff", account_id=4711, **PARIS)).status_code == 404
    assert (await call(market, "GET", f"{ROUTE}?account_id=9001", "staff")).json()["billing_contacts"][0]["city"] == (
        "Paris"
    )


async def test_a_customers_account_id_does_not_reach_another_account(market: World) -> None:
    await take_key(market, "stranger", account_id=9002, user_id=4)

    assert (await put(market, "stranger", account_id=9001, **PARIS)).status_code == 404
    assert await market.rows("billing", "SELECT 1 FROM account WHERE billing_contact IS NOT NULL") == []


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_new_documents_carry_the_divisions_contact_and_are_mailed_to_it(market: World) -> None:
    await market.deliver("billing", a_deposit(1_000_000))
    await market.deliver("billing", an_order(division=LABS))
    await put(market, container_id=16, **VIENNA | {"country": "DE"})
    await market.deliver("billing", an_order(division=LABS), an_order())
    await market.settle()

    before, labs, main = await buyers(market)
    assert (before["address"]["city"], before["emails"]) == ("Berlin", ["ap@acme.example"])
    assert (labs["address"]["city"], labs["contact"], labs["legal_name"]) == (
        "Wien", "Accounts payable", "Acme Example GmbH",
    )  # fmt: skip
    assert labs["emails"] == ["ap@labs.example", "cfo@labs.example"]
    assert buyer_printed(labs)["address"] == ["Accounts payable", "Ring 1", "1010 Wien", "Germany"]
    assert main == before
    ready = await market.said("billing", "invoice_document_ready")
    assert [one["recipients"] for one in ready] == [before["emails"], labs["emails"], main["emails"]]


async def test_the_country_of_the_contact_decides_the_vat(market: World) -> None:
    """Switzerland is outside: no VAT, where the account's own country has 19 %."""
    await put(market, container_id=16, **VIENNA | {"country": "CH"})
    await market.deliver("billing", a_deposit(1_000_000))

    await market.deliver("billing", an_order(division=LABS), an_order())

    labs, main = await market.said("billing", "order_charged")
    assert (labs["tax"]["amount"], main["tax"]["amount"]) == (0, 2831)


async def test_an_estimate_asks_for_the_accounts_contact_as_a_charge_does(market: World) -> None:
    await put(market, **VIENNA | {"country": "CH"})
    wish = {"certificate": {"dns_names": ["a.example"]}, "product_name_id": "ssl_dv_geotrust",
            "order_validity": {"years": 1}}  # fmt: skip

    answer = await call(market, "POST", "/services/v2/finance/order-pricing", json=wish)

    assert answer.json()["tax"] == "0.00"


async def test_what_orders_tell_later_does_not_replace_it(market: World) -> None:
    await put(market, **PARIS)
    moved = an_account(billing_emails=("new@acme.example",))
    await market.deliver("billing", AccountChanged(occurred_at=NOW, account_id=9001, account=moved))

    [default] = (await call(market, "GET", ROUTE)).json()["billing_contacts"]
    assert (default["city"], default["email"]) == ("Paris", "ap@acme.fr")


async def test_a_contact_with_mail_addresses_alone_leaves_the_address_as_it_is(market: World) -> None:
    await put(market, container_id=16, emails=["ap@labs.example"])
    await market.deliver("billing", a_deposit(1_000_000))
    await market.deliver("billing", an_order(division=LABS))

    [buyer] = await buyers(market)
    assert (buyer["address"]["city"], buyer["emails"], "contact" in buyer) == ("Berlin", ["ap@labs.example"], False)


async def test_a_purchase_order_of_the_division_is_invoiced_and_mailed_to_its_contact(market: World) -> None:
    await put(market, container_id=16, **VIENNA)
    await call(market, "PUT", "/services/v2/finance/terms/14", "staff", json={"purchase_orders_allowed": True})
    orders = "/services/v2/finance/purchase-order"
    wish = {"po_number": "PO-1", "amount": "10.00", "currency": "EUR", "container_id": 16}
    order_id = (await call(market, "POST", orders, json=wish)).json()["id"]

    await call(market, "PUT", f"{orders}/{order_id}/status", "staff", json={"status": "approved"})

    [buyer] = await buyers(market)
    assert (buyer["address"]["city"], buyer["contact"]) == ("Wien", "Accounts payable")
    for said in await market.said("billing", "purchase_order_submitted", "purchase_order_approved"):
        assert said["recipients"] == ["ap@labs.example", "cfo@labs.example"]


async def test_a_months_invoice_and_what_asks_for_a_debt_carry_it_too(market: World) -> None:
    await put(market, container_id=14, **VIENNA)
    await terms(market, IN_NOV, negative_limit=eur(200_000), monthly_billing=True)
    await order(market, IN_NOV, payment=ON_ACCOUNT)
    await order(market, IN_NOV)

    await close(market, date(2026, 11, 1), AFTER_NOV)

    kinds = await market.rows("billing", "SELECT kind, buyer FROM invoice ORDER BY kind")
    assert [(row.kind, row.buyer["address"]["city"]) for row in kinds] == [
        ("amount_owed", "Wien"), ("order", "Wien"), ("usage", "Wien"),
    ]  # fmt: skip


# ── waiting orders ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("where", [{}, {"container_id": 14}])
async def test_a_contact_that_completes_the_billing_details_charges_what_waited(
    shop: World, where: dict[str, Any]
) -> None:
    nameless = an_account(address=None)
    await shop.deliver("billing", an_opened_account(account=nameless), an_order(account=nameless))
    await shop.deliver("billing", a_deposit(100_000))
    await take_key(shop, "key")
    await shop.settle()
    assert await shop.said("billing", "order_charged") == []

    await put(shop, **where, **PARIS)
    await shop.settle()

    assert len(await shop.said("billing", "order_charged")) == 1


async def test_an_order_that_waits_for_the_lock_while_a_contact_is_given_is_charged(alone: Service) -> None:
    """It was about to read an account without an address; nobody would try it again."""
    nameless = an_account(address=None)
    await alone.door.handle([as_record(an_opened_account(account=nameless), 0), as_record(a_deposit(100_000), 1)])
    given, order = ContactIn.of(VIENNA | {"country": "DE"}), an_order(account=nameless)

    async with alone.db.transaction() as tx:
        await actions.set_billing_contact(tx, 9001, None, given, "ann", NOW)
        placing = asyncio.create_task(alone.door.handle([as_record(order, 2)]))
        await asyncio.sleep(0.5)
    await placing
    while await try_waiting_orders(alone.db):
        pass

    async with alone.db.transaction() as tx:
        connection = await tx.connection()
        charged = (await connection.exec_driver_sql("SELECT count(*) FROM charge")).scalar()
    assert charged == 1


# ── page ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

FORM = {"name": "", "address": "Ring 1", "city": "Wien", "country": "AT", "emails": "ap@labs.example; cfo@labs.example"}


async def test_a_form_changes_it_and_the_page_shows_what_the_next_document_says(market: World) -> None:
    async with signed_in(market) as http:
        sent = await post(http, f"{PAGE}?container_id=16", **FORM)
        assert (sent.status_code, sent.headers["location"]) == (303, f"{PAGE}?container_id=16&done=saved")
        page = words(await http.get(sent.headers["location"]))
        default = words(await http.get(PAGE))

        removed = await post(http, f"{PAGE}?container_id=16", do="remove")
        later = words(await http.get(removed.headers["location"]))

    for said in ("The billing contact is changed", "Ring 1", "ap@labs.example, cfo@labs.example"):
        assert said in page
    assert ("Hauptstraße 1" in default, "Divisions with their own Labs" in default) == (True, True)
    assert ("is removed" in later, "Hauptstraße 1" in later) == (True, True)


async def test_a_form_that_is_refused_comes_back_as_typed(market: World) -> None:
    async with signed_in(market) as http:
        answer = await post(http, f"{PAGE}?container_id=16", **FORM | {"country": "XX", "city": '<b>"Wien"'})

    assert (answer.status_code, "ISO 3166" in answer.text) == (400, True)
    assert 'value="&lt;b&gt;&#34;Wien&#34;"' in answer.text
    assert await market.rows("billing", "SELECT 1 FROM division WHERE billing_contact IS NOT NULL") == []


async def test_a_manager_reads_it_and_has_no_form_and_others_do_not_even_read(market: World) -> None:
    async with signed_in(market, role="manager") as http:
        page = await http.get(PAGE)
        token = page.text.split('name="csrf" value="')[1].split('"')[0]
        sent = await http.post(PAGE, data={"csrf": token, **FORM})
    assert ("finance manager of the account changes it" in words(page), "<button>Save" in page.text) == (True, False)
    assert sent.status_code == 403
    async with signed_in(market, role="standard_user", user_id=8) as http:
        assert (await http.get(PAGE)).status_code == 403


async def test_staff_reach_it_from_the_accounts_terms(market: World) -> None:
    async with signed_in(market, **STAFF) as http:
        assert f"{PAGE}?account_id=9001" in (await http.get("/finance/terms/9001")).text
        sent = await post(http, f"{PAGE}?account_id=9001", **FORM)
        page = words(await http.get(sent.headers["location"]))

    assert "Ring 1" in page
    [noted] = await market.rows("billing", "SELECT who FROM audit_log WHERE what = 'billing contact changed'")
    assert noted.who == "cara@ca.example"


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_country_is_taken_in_small_letters_and_addresses_with_anything_between() -> None:
    contact = ContactIn.of({"address": "1 Main", "city": "Lehi", "country": " us ",
                            "emails": "a@acme.example,A@acme.example;\n b@bücher.example "})  # fmt: skip

    assert (contact.country, contact.emails) == ("US", ["A@acme.example", "b@bücher.example"])


def test_every_country_has_its_two_letters() -> None:
    assert len(COUNTRIES) == 249
    assert {"DE", "US", "GB", "AX", "ZW"} <= COUNTRIES.keys()
    assert (country_name("DE"), country_name("CI"), country_name("XK"), country_name(None)) == (
        "Germany", "Côte d'Ivoire", "XK", None,
    )  # fmt: skip


def test_a_name_alone_is_a_contact_and_a_state_alone_is_no_address() -> None:
    assert ContactIn.of({"name": "Pat"}).stored()["address"] is None
    with pytest.raises(Rejected, match="street, city and country"):
        ContactIn.of({"name": "Pat", "state": "UT"})
