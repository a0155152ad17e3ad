"""Terms: what the CA's staff grant an account, by API, by command and by page, and who changed what."""

from typing import Any

import pytest

from shared.events.base import Money
from shared.events.billing import SetTerms
from shared.events.orders import Division, DivisionAdded
from tests.billing.makers import take_key
from tests.billing.test_pages import signed_in, words
from tests.billing.test_paying_pages import STAFF, post
from tests.billing.test_purchase_orders import call, code_of
from tests.conftest import World
from tests.makers import NOW, a_deposit, an_account, an_opened_account

TERMS = "/services/v2/finance/terms/14"
PAGE = "/finance/terms/9001"
FORM = {"negative_limit": "0", "payment_days": "30", "default_payment_method": "balance", "low_funds": ""}
FORBIDDEN = [
    ({"low_funds_threshold": "-1.00"}, "from 0 up"),
    ({"low_funds_threshold": "1.001"}, "more decimals"),
    ({"low_funds_threshold": "9" * 16}, "more than can be booked"),
    ({"low_funds_threshold": "ten"}, "is no amount"),
    ({"low_funds_threshold": "10", "low_funds_alert": False}, "one of the two"),
    ({"low_funds_alert": True}, "needs its threshold"),
    ({"negative_balance_limit": "-1"}, "from 0 up"),
    ({"negative_balance_limit": "1.001"}, "more decimals"),
    ({"payment_days": -1}, "0 to 365"),
    ({"payment_days": 366}, "0 to 365"),
    ({"default_payment_method": "card"}, "use balance, on_account, wire_transfer"),
    ({"default_payment_method": "on_account"}, "monthly billing is agreed"),
]


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=8, email="ops@ca.example")
    return shop


async def put(world: World, **wish: Any) -> Any:
    return await call(world, "PUT", TERMS, "staff", json=wish)


async def test_every_term_is_set_told_and_noted_with_what_it_was_before(market: World) -> None:
    wish = {"negative_balance_limit": "2000.00", "payment_days": 14, "purchase_orders_allowed": True,
            "default_payment_method": "wire_transfer", "low_funds_threshold": "500.00",
            "monthly_billing": True, "separate_funds": True}  # fmt: skip

    answer = await put(market, **wish)

    assert (answer.status_code, answer.json()) == (
        200, {"account": {"id": 9001, "name": "Acme"}, "currency": "EUR", **wish, "low_funds_alert": True}
    )  # fmt: skip
    assert (await call(market, "GET", TERMS, "staff")).json() == answer.json()
    [said] = await market.said("billing", "terms_changed")
    assert said["low_funds_threshold"] == {"amount": 50_000, "currency": "EUR"}
    assert (said["default_payment_method"], said["changed_by"]) == ("wire_transfer", "ops@ca.example")
    [noted] = await market.rows("billing", "SELECT * FROM audit_log WHERE what = 'terms changed'")
    assert (noted.who, noted.subject) == ("ops@ca.example", "account/9001")
    assert (noted.before["negative_limit"], noted.after["negative_limit"]) == ("0.00", "2000.00")


async def test_what_is_left_out_stays_and_an_alert_is_taken_away_by_name(market: World) -> None:
    await put(market, low_funds_threshold="500.00", payment_days=14)

    assert (await put(market, purchase_orders_allowed=True)).json()["low_funds_threshold"] == "500.00"
    answer = (await put(market, low_funds_alert=False)).json()

    assert (answer["low_funds_alert"], "low_funds_threshold" in answer, answer["payment_days"]) == (False, False, 14)


async def test_the_same_again_is_neither_told_nor_noted(market: World) -> None:
    await put(market, payment_days=14)
    await put(market, payment_days=14)

    assert len(await market.said("billing", "terms_changed")) == 1
    assert len(await market.rows("billing", "SELECT 1 FROM audit_log WHERE what = 'terms changed'")) == 1


@pytest.mark.parametrize(("wish", "says"), FORBIDDEN)
async def test_what_cannot_be_agreed_is_refused_with_a_sentence(market: World, wish: dict[str, Any], says: str) -> None:
    answer = await put(market, **wish)

    assert (answer.status_code, code_of(answer)) == (400, "bad_request_format")
    assert says in answer.json()["errors"][0]["message"]
    assert await market.said("billing", "terms_changed") == []


async def test_orders_go_on_account_by_default_only_while_monthly_billing_is_agreed(market: World) -> None:
    agreed = await put(market, default_payment_method="on_account", monthly_billing=True)
    alone = await put(market, monthly_billing=False)
    both = await put(market, monthly_billing=False, default_payment_method="balance")

    assert [answer.status_code for answer in (agreed, alone, both)] == [200, 400, 200]


async def test_a_command_sets_the_same_and_another_currency_is_answered(market: World) -> None:
    about = {"source": "erp", "account_id": 9001, "changed_by": "ops@ca.example"}
    euros, dollars = Money(amount=50_000, currency="EUR"), Money(amount=50_000, currency="USD")

    await market.deliver("billing", SetTerms(**about, low_funds_threshold=euros, payment_days=9))
    await market.deliver("billing", SetTerms(**about, low_funds_threshold=dollars))
    await market.deliver("billing", SetTerms(**about | {"account_id": 4711}, payment_days=3))

    shown = (await call(market, "GET", TERMS, "staff")).json()
    assert (shown["low_funds_threshold"], shown["payment_days"]) == ("500.00", 9)
    wrong, unknown = await market.said("billing", "command_refused")
    assert "keeps its book in EUR, not in USD" in wrong["message"]
    assert unknown["code"] == "not_found|account"


async def test_an_account_that_is_opened_in_the_same_chunk_has_its_terms(shop: World) -> None:
    wish = SetTerms(source="erp", account_id=9001, changed_by="ops@ca.example", payment_days=7)

    await shop.deliver("billing", an_opened_account(), wish)

    [said] = await shop.said("billing", "terms_changed")
    assert (said["payment_days"], said["purchase_orders_allowed"]) == (7, False)


@pytest.mark.parametrize("role", ["administrator", "finance_manager", "manager", "standard_user", "limited_user"])
async def test_no_customer_sets_terms(market: World, role: str) -> None:
    await take_key(market, "own", role=role, user_id=2, email="bob@acme.example")

    assert (await call(market, "PUT", TERMS, "own", json={"payment_days": 90})).status_code == 403
    async with signed_in(market, role=role) as http:
        own = await http.get("/finance/invoices")
        token = own.text.split('name="csrf" value="')[1].split('"')[0]
        sent = await http.post(PAGE, data={"csrf": token, **FORM, "negative_limit": "9000"})
    assert sent.status_code == 403
    assert await market.said("billing", "terms_changed") == []


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_change_terms_by_a_form_and_the_page_shows_who_changed_what(market: World) -> None:
    async with signed_in(market, **STAFF) as http:
        sent = await post(
            http,
            PAGE,
            **FORM
            | {"negative_limit": "2000.00", "low_funds": "500", "purchase_orders_allowed": "1", "monthly_billing": "1"},
        )
        assert (sent.status_code, sent.headers["location"]) == (303, f"{PAGE}?saved=1")
        page = await http.get(sent.headers["location"])
        await post(http, PAGE, **FORM | {"negative_limit": "2000.00"})  # nothing ticked, no threshold
        later = words(await http.get(PAGE))

    text = words(page)
    for said in ("The terms are changed.", "Credit limit: 0.00 2000.00", "Purchase orders: no yes",
                 "Monthly billing: no yes", "cara@ca.example", "Low-funds alert below: none 500.00"):  # fmt: skip
        assert said in text
    assert "Purchase orders: yes no" in later
    assert "Low-funds alert below: 500.00 none" in later
    [first, second] = await market.said("billing", "terms_changed")
    assert (first["low_funds_threshold"]["amount"], second["low_funds_threshold"]) == (50_000, None)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"negative_limit": "two"}, "is no amount"),
        ({"negative_limit": "-1"}, "from 0 up"),
        ({"low_funds": "1.005"}, "more decimals"),
        ({"low_funds": "-3"}, "from 0 up"),
        ({"payment_days": "soon"}, "whole number of days"),
        ({"payment_days": "400"}, "0 to 365"),
        ({"default_payment_method": "card"}, "no payment method"),
    ],
)
async def test_a_form_that_is_refused_comes_back_as_typed(market: World, typed: dict[str, str], says: str) -> None:
    async with signed_in(market, **STAFF) as http:
        answer = await post(http, PAGE, **FORM | typed | {"unlimited": "1"})

    assert (answer.status_code, says in answer.text) == (400, True)
    assert 'name="unlimited" value="1" checked' in answer.text
    for value in typed.values():
        assert f'value="{value}"' in answer.text or value == "card"
    assert await market.said("billing", "terms_changed") == []


async def test_staff_find_an_account_by_its_number_or_how_its_name_begins(market: World) -> None:
    for number, name in ((9002, "Globex"), (9003, "acme labs"), (9004, "50% off_")):
        opened = an_opened_account(account=an_account(id=number, name=name))
        division = Division(id=number, name="Main")
        await market.deliver("billing", opened.model_copy(update={"division": division}))
    async with signed_in(market, **STAFF) as http:
        found = {asked: words(await http.get("/finance/terms", params={"search": asked}))
                 for asked in ("", "acme", "9002", "50%", "%", "zzz", "9" * 30)}  # fmt: skip

    def shown(asked: str) -> list[str]:
        return [name for name in ("Acme", "Globex", "acme labs", "50% off_") if f" {name} " in found[asked]]

    assert shown("") == ["Acme", "Globex", "acme labs", "50% off_"]
    assert shown("acme") == ["Acme", "acme labs"]
    assert shown("9002") == ["Globex"]
    assert shown("50%") == ["50% off_"]
    assert shown("%") == shown("zzz") == shown("9" * 30) == []


async def test_more_accounts_than_fit_one_page_follow_on_the_next(market: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.billing.pages.terms.PAGE", 1)
    opened = an_opened_account(account=an_account(id=9002, name="Globex"))
    await market.deliver("billing", opened.model_copy(update={"division": Division(id=15, name="Main")}))
    async with signed_in(market, **STAFF) as http:
        first = await http.get("/finance/terms")
        second = words(await http.get("/finance/terms?search=&after=9001"))

    assert 'href="/finance/terms?search=&amp;after=9001"' in first.text
    assert ("Globex" in second, " Acme " in second) == (True, False)


async def test_a_long_history_goes_on_on_the_next_page(market: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.billing.pages.terms.PAGE", 2)
    for days in (10, 11, 12):
        await put(market, payment_days=days)
    async with signed_in(market, **STAFF) as http:
        first = await http.get(PAGE)
        [before] = set(part.split('"')[0] for part in first.text.split("?before=")[1:])
        second = words(await http.get(f"{PAGE}?before={before}"))

    assert ("11 12" in words(first), "as usual 10" in words(first)) == (True, False)
    assert "as usual 10" in second


@pytest.mark.parametrize("role", ["administrator", "finance_manager", "manager"])
async def test_finance_people_of_the_account_read_its_terms_and_have_no_form(market: World, role: str) -> None:
    await put(market, low_funds_threshold="500.00", negative_balance_limit="2000.00")
    await market.deliver("billing", a_deposit(10_000))
    async with signed_in(market, role=role) as http:
        page = await http.get("/finance/terms")
        other = await http.get("/finance/terms/9002")

    text = words(page)
    for said in ("2,000.00", "500.00", "From the balance", "Not agreed", "2,100.00"):
        assert said in text
    assert "<textarea" not in page.text
    assert f'action="{PAGE}"' not in page.text
    assert "ops@ca.example" not in page.text
    assert other.status_code == 404


async def test_who_has_no_part_in_finances_reads_no_terms(market: World) -> None:
    async with signed_in(market, role="limited_user") as http:
        assert (await http.get("/finance/terms")).status_code == 403


async def test_an_account_that_is_not_there_is_not_found(market: World) -> None:
    async with signed_in(market, **STAFF) as http:
        assert (await http.get("/finance/terms/4711")).status_code == 404
        token = (await http.get(PAGE)).text.split('name="csrf" value="')[1].split('"')[0]
        assert (await http.post("/finance/terms/4711", data={"csrf": token, **FORM})).status_code == 404
    await market.deliver("billing", DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=16, name="L")))
    assert (await call(market, "PUT", "/services/v2/finance/terms/16", "staff", json={})).status_code == 200
    assert (await call(market, "PUT", "/services/v2/finance/terms/99", "staff", json={})).status_code == 404
