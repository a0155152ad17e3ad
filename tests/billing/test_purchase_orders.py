"""Story 4: a purchase order is submitted, decided by staff, and approved becomes one invoice that asks for money."""

from typing import Any

import pytest
from sqlalchemy import select

from services.billing.models import PurchaseOrder
from services.billing.queries.purchase_orders import conditions
from shared.events.base import Money
from shared.events.billing import DecidePurchaseOrder, SubmitPurchaseOrder
from shared.events.orders import Division, DivisionAdded
from shared.listing import Listing
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.plans import fill
from tests.billing.test_credit_note_plans import plan
from tests.conftest import World
from tests.makers import NOW, YEAR, an_account, an_opened_account

WISH = {"po_number": "PO-77812", "amount": "5000.00", "currency": "EUR", "container_id": 14, "note": "For 2027"}
ORDERS = "/services/v2/finance/purchase-order"


async def call(world: World, method: str, path: str, key: str = "key", **more: Any) -> Any:
    async with world.client(key) as http:
        return await http.request(method, path, **more)


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email="ops@ca.example")
    await call(shop, "PUT", "/services/v2/finance/terms/14", "staff", json={"purchase_orders_allowed": True})
    return shop


async def submitted(world: World, **changed: Any) -> int:
    answer = await call(world, "POST", ORDERS, json=WISH | changed)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def decide(world: World, order_id: int, status: str, key: str = "staff", **more: Any) -> Any:
    return await call(world, "PUT", f"{ORDERS}/{order_id}/status", key, json={"status": status, **more})


def code_of(answer: Any) -> str:
    return str(answer.json()["errors"][0]["code"])


async def test_a_submitted_purchase_order_is_pending_and_announced(market: World) -> None:
    answer = await call(market, "POST", ORDERS, json=WISH)

    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    [said] = await market.said("billing", "purchase_order_submitted")
    assert (said["number"], said["amount"]) == ("PO-77812", {"amount": 500000, "currency": "EUR"})
    shown = (await call(market, "GET", f"{ORDERS}/{answer.json()['id']}")).json()
    assert shown["po_number"] == "PO-77812"
    assert "invoice" not in shown


async def test_an_approved_one_is_one_invoice_with_its_own_number_in_a_series_of_its_own(market: World) -> None:
    order_id = await submitted(market)

    answer = await decide(market, order_id, "approved")

    assert answer.status_code == 200, answer.text
    number = answer.json()["invoice"]["invoice_number"]
    assert number.endswith(f"-{YEAR}-000001")
    [issued] = await market.said("billing", "invoice_issued")
    assert (issued["kind"], issued["purchase_order_number"]) == ("purchase_order", "PO-77812")
    assert issued["amount_due"]["amount"] == issued["total"]["amount"] == 500000
    invoice = (await call(market, "GET", f"/services/v2/finance/invoice/{issued['invoice_id']}")).json()
    assert (invoice["invoice_number"], invoice["po_number"], invoice["tax_amount"]) == (number, "PO-77812", "0.00")
    assert (invoice["status"], invoice["amount_due"]) == ("open", "5000.00")
    assert await market.rows("billing", "SELECT 1 FROM posting") == []  # asking for money moves none
    await assert_in_order(market.billing.db)


async def test_approving_twice_changes_nothing_and_names_the_same_invoice(market: World) -> None:
    order_id = await submitted(market)

    first, again = await decide(market, order_id, "approved"), await decide(market, order_id, "approved")

    assert first.json() == again.json()
    assert len(await market.said("billing", "invoice_issued")) == 1


async def test_a_rejected_one_says_why_and_cannot_be_approved_any_more(market: World) -> None:
    order_id = await submitted(market)

    assert (await decide(market, order_id, "rejected")).status_code == 400  # without a reason
    assert (await decide(market, order_id, "rejected", reason="No such contract")).status_code == 200

    assert code_of(await decide(market, order_id, "approved")) == "purchase_order_rejected"
    [said] = await market.said("billing", "purchase_order_rejected")
    assert said["reason"] == "No such contract"
    assert await market.said("billing", "invoice_issued") == []


async def test_a_customer_cancels_what_is_pending_and_decides_nothing(market: World) -> None:
    first, second = await submitted(market), await submitted(market, po_number="PO-2")

    assert (await decide(market, first, "approved", key="key")).status_code == 403
    assert (await decide(market, first, "canceled", key="key")).json()["status"] == "canceled"
    await decide(market, second, "approved")

    assert code_of(await decide(market, second, "canceled", key="key")) == "purchase_order_approved"
    assert len(await market.said("billing", "purchase_order_cancelled")) == 1


async def test_where_they_are_not_agreed_a_sentence_says_so(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")

    answer = await call(shop, "POST", ORDERS, json=WISH)

    assert answer.status_code == 403
    assert "not agreed for this account" in answer.json()["errors"][0]["message"]


async def test_whoever_submitted_it_does_not_approve_it(market: World) -> None:
    answer = await call(market, "POST", ORDERS, "staff", json=WISH)

    assert (await decide(market, answer.json()["id"], "approved")).status_code == 403


async def test_a_number_used_before_in_the_account_is_pointed_out(market: World) -> None:
    first = await submitted(market)
    await decide(market, first, "rejected", reason="No such contract")

    again = await call(market, "POST", ORDERS, json=WISH)

    assert again.status_code == 201
    assert "was used before" in again.json()["warning"]
    assert again.json()["duplicate_of"] == first
    shown = (await call(market, "GET", f"{ORDERS}/{again.json()['id']}", "staff")).json()
    assert (shown["duplicate_of"], shown["warning"]) == (first, again.json()["warning"])
    assert "duplicate_of" not in (await call(market, "GET", f"{ORDERS}/{first}")).json()
    third = (await call(market, "POST", ORDERS, json=WISH)).json()
    assert third["duplicate_of"] == again.json()["id"]  # the latest before it


async def test_the_number_of_another_account_is_no_repetition(market: World) -> None:
    await submitted(market)
    opened = an_opened_account(account=an_account(id=9002, name="Globex"))
    other = Division(id=15, name="Main")
    await market.deliver("billing", opened.model_copy(update={"division": other}))
    await call(market, "PUT", "/services/v2/finance/terms/15", "staff", json={"purchase_orders_allowed": True})
    await take_key(market, "globex", account_id=9002, user_id=9, email="bo@globex.example")

    answer = await call(market, "POST", ORDERS, "globex", json=WISH | {"container_id": 15})

    assert answer.status_code == 201
    assert "duplicate_of" not in answer.json()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"po_number": ""}, "needs its number"),
        ({"po_number": "   "}, "needs its number"),
        ({"po_number": "7" * 65}, "1 to 64 characters"),
        ({"po_number": "PO\n7"}, "one line"),
        ({"po_number": "PO\t7"}, "take out line breaks"),
        ({"po_number": "PO-\u202e77812"}, "the direction of writing"),
        ({"po_number": "PO-7\u200b"}, "hidden marks"),
        ({"amount": "0"}, "more than 0"),
        ({"amount": "-5.00"}, "more than 0"),
        ({"amount": "5.001"}, "more decimals"),
        ({"amount": "9" * 16}, "more than can be booked"),
        ({"currency": "USD"}, "keeps its book in EUR"),
        ({"currency": "XXY"}, "no ISO 4217"),
        ({"container_id": 999}, "no container 999"),
    ],
)
async def test_a_wrong_one_is_refused_and_nothing_is_written(market: World, changed: dict[str, Any], says: str) -> None:
    answer = await call(market, "POST", ORDERS, json=WISH | changed)

    assert answer.status_code in (400, 404)
    assert says in answer.json()["errors"][0]["message"]
    assert await market.rows("billing", "SELECT 1 FROM purchase_order") == []


async def test_the_same_idempotency_key_submits_once(market: World) -> None:
    async with market.client("key") as http:
        first = await http.post(ORDERS, json=WISH, headers={"Idempotency-Key": "a"})
        again = await http.post(ORDERS, json=WISH, headers={"Idempotency-Key": "a"})

    assert first.json() == again.json()
    assert len(await market.rows("billing", "SELECT 1 FROM purchase_order")) == 1


@pytest.mark.parametrize("role", ["standard_user", "limited_user", "manager"])
async def test_only_who_works_with_finances_submits(market: World, role: str) -> None:
    await take_key(market, "other", role=role, user_id=2, email="bob@acme.example")

    assert (await call(market, "POST", ORDERS, "other", json=WISH)).status_code == 403


async def test_another_account_sees_none_of_it(market: World) -> None:
    order_id = await submitted(market)
    await take_key(market, "stranger", account_id=9002, user_id=3)

    assert (await call(market, "GET", f"{ORDERS}/{order_id}", "stranger")).status_code == 404
    assert (await call(market, "GET", ORDERS, "stranger")).json()["page"]["total"] == 0
    assert (await decide(market, order_id, "canceled", key="stranger")).status_code == 404


async def test_a_key_of_one_division_sees_and_submits_there_only(market: World) -> None:
    labs = Division(id=16, name="Labs")
    await market.deliver("billing", DivisionAdded(occurred_at=NOW, account_id=9001, division=labs))
    order_id = await submitted(market)
    await take_key(market, "labs", role="finance_manager", divisions=(16,), user_id=4)

    assert (await call(market, "GET", f"{ORDERS}/{order_id}", "labs")).status_code == 404
    assert (await call(market, "POST", ORDERS, "labs", json=WISH)).status_code == 404
    assert (await call(market, "POST", ORDERS, "labs", json=WISH | {"container_id": 16})).status_code == 201


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", ["PO-1", "PO-2", "X-3"]),
        ("filters[status]=pending", ["PO-2", "X-3"]),
        ("filters[status]=approved", ["PO-1"]),
        ("filters[status]=pending,rejected", ["PO-2", "X-3"]),
        ("filters[po_number]=PO-2", ["PO-2"]),
        ("filters[po_number]=PO%25", ["PO-1", "PO-2"]),
        ("filters[search]=X-3", ["X-3"]),
        ("filters[amount]=20.00", ["PO-2"]),
        ("filters[amount]=20", ["PO-2"]),
        ("filters[container_id]=14", ["PO-1", "PO-2", "X-3"]),
        ("filters[date_created]=<2020-01-01", []),
        ("filters[date_created]=>2020-01-01", ["PO-1", "PO-2", "X-3"]),
    ],
)
async def test_the_list_is_filtered(market: World, filters: str, found: list[str]) -> None:
    first = await submitted(market, po_number="PO-1", amount="10.00")
    await submitted(market, po_number="PO-2", amount="20.00")
    await submitted(market, po_number="X-3", amount="30.00")
    await decide(market, first, "approved")

    answer = await call(market, "GET", f"{ORDERS}?sort=id&{filters}")

    assert [row["po_number"] for row in answer.json()["purchase_orders"]] == found


@pytest.mark.parametrize("filters", ["filters[status]=lost", "filters[amount]=ten", "filters[colour]=red"])
async def test_a_filter_that_is_none_is_refused(market: World, filters: str) -> None:
    assert (await call(market, "GET", f"{ORDERS}?{filters}")).status_code == 400


async def test_without_a_billing_address_it_is_not_approved_and_a_sentence_says_what_is_missing(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(account=an_account(address=None)))
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email="ops@ca.example")
    await call(shop, "PUT", "/services/v2/finance/terms/14", "staff", json={"purchase_orders_allowed": True})
    order_id = await submitted(shop)

    answer = await decide(shop, order_id, "approved")

    assert "no billing address" in answer.json()["errors"][0]["message"]
    assert (await call(shop, "GET", f"{ORDERS}/{order_id}")).json()["status"] == "pending"


async def test_commands_submit_and_decide_like_the_api(market: World) -> None:
    about = {"source": "erp", "occurred_at": NOW, "account_id": 9001}
    wish = SubmitPurchaseOrder(
        **about,
        division_id=14,
        number="PO-5",
        amount=Money(amount=1000, currency="EUR"),
        submitted_by="ann@acme.example",
    )
    await market.deliver("billing", wish)
    [said] = await market.said("billing", "purchase_order_submitted")
    assert said["causation_id"] == str(wish.id)

    decision = {"purchase_order_id": said["purchase_order_id"], "decision": "approved", "decided_by": "ops@ca.example"}
    await market.deliver("billing", DecidePurchaseOrder(**about, **decision))
    await market.deliver("billing", DecidePurchaseOrder(**about | {"account_id": 9002}, **decision))

    assert len(await market.said("billing", "invoice_issued")) == 1
    [refused] = await market.said("billing", "command_refused")
    assert "in account 9002" in refused["message"]


async def test_of_what_is_not_approved_there_is_an_index_of_its_own(market: World) -> None:
    listing = Listing(50, filters={"status": ("pending,rejected",), "account_id": ("9001",)})
    query = select(PurchaseOrder.id).where(*conditions(listing)).order_by(PurchaseOrder.id.desc()).limit(50)
    await fill(market, ["SET LOCAL enable_seqscan = off"])

    assert "ix_purchase_order_not_approved" in await plan(market, query)
