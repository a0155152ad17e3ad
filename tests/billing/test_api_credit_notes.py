"""Credit notes over HTTP: who sees them, what lists may be asked for, and staff writing them."""

from typing import Any

import httpx
import pytest

from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.test_api_invoices import API, BOB, print_all
from tests.conftest import World
from tests.makers import NOW, YEAR, a_cancellation, a_deposit, an_account, an_opened_account, an_order

LABS, OTHER = Division(id=16, name="Labs"), Division(id=15, name="Main")


@pytest.fixture
async def sold(shop: World) -> World:
    """Orders 1 (Main) and 4 (of another account) stand; 2 (Bob's, in Labs) and the shop's 3 are cancelled."""
    other = an_account(id=9002, name="Globex")
    await shop.deliver("billing", an_opened_account(), DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))
    await shop.deliver("billing", an_opened_account(account=other).model_copy(update={"division": OTHER}))
    await shop.deliver("billing", a_deposit(100_000), a_deposit(100_000, account_id=9002, division_id=15))
    second, third = an_order(order_id=2, division=LABS, placed_by_user=BOB), an_order("shop", order_id=3)
    names = ("www.acme.example", "a.acme.example", "b.acme.example")
    await shop.deliver("billing", an_order(order_id=1, names=names, placed_by_user=1), second, third)
    await shop.deliver("billing", an_order(order_id=4, account=other, division=OTHER))
    await shop.deliver("billing", a_cancellation(second), a_cancellation(third))
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=8, email="ops@ca.example")
    return shop


async def ask(world: World, path: str, key: str = "key", **parameters: Any) -> httpx.Response:
    async with world.client(key) as http:
        return await http.get(API + path, params=parameters)


async def listed(world: World, key: str = "key", **parameters: Any) -> list[int | None]:
    answer = await ask(world, "/credit-note", key, **parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["page"]["total"] == len(answer.json()["credit_notes"])
    return [row.get("order_id") for row in answer.json()["credit_notes"]]


async def invoice_id(world: World, order: int) -> int:
    [row] = await world.rows("billing", "SELECT id FROM invoice WHERE order_id = :order", order=order)
    return int(row.id)


async def credit(world: World, order: int, key: str = "staff", once: str = "", **body: Any) -> httpx.Response:
    async with world.client(key, **({"Idempotency-Key": once} if once else {})) as http:
        return await http.post(f"{API}/invoice/{await invoice_id(world, order)}/credit-note", json=body)


# ── written ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_credit_a_line_and_the_note_has_all_that_finance_asks_for(sold: World) -> None:
    answer = await credit(sold, 1, reason="One name too many", lines=[{"id": 2, "amount": "49.00"}], currency="EUR")

    assert answer.status_code == 201
    made = answer.json()
    invoice = {"id": await invoice_id(sold, 1), "invoice_number": f"INV-{YEAR}-000001"}
    assert made == {
        "id": made["id"], "credit_note_number": f"CN-{YEAR}-000003", "total_amount": "58.31", "currency": "EUR",
        "invoice": invoice | {"amount_due": "0.00"},
    }  # fmt: skip
    shown = (await ask(sold, f"/credit-note/{made['id']}")).json()
    assert shown | {"date_issued": "", "how_paid": "", "money_went": ""} == {
        "id": made["id"], "credit_note_number": f"CN-{YEAR}-000003", "invoice": invoice,
        "container": {"id": 14, "name": "Main"}, "order_id": 1, "currency": "EUR", "net_amount": "49.00",
        "tax_amount": "9.31", "total_amount": "58.31", "pre_payment_amount": "0.00", "post_payment_amount": "58.31",
        "date_issued": "", "reason": "One name too many", "how_paid": "", "money_went": "", "document_ready": False,
        "lines": [{"id": 1, "invoice_line_id": 2, "description": "Additional name",
                   "names": ["a.acme.example", "b.acme.example"], "quantity": 1, "unit_price": "49.00",
                   "net_amount": "49.00", "tax_rate": "19.00"}],
        "taxes": [{"category": "S", "tax_rate": "19.00", "net_amount": "49.00", "tax_amount": "9.31"}],
    }  # fmt: skip
    assert shown["how_paid"].startswith("Charged to account funds on")
    [noted] = await sold.rows("billing", "SELECT who, what, subject FROM audit_log WHERE what = 'invoice credited'")
    assert tuple(noted) == ("ops@ca.example", "invoice credited", f"invoice/{invoice['id']}")
    await assert_in_order(sold.billing.db)


async def test_the_invoice_tells_what_was_credited_and_returned_and_stays_paid_until_nothing_is_left(
    sold: World,
) -> None:
    await credit(sold, 1, reason="Goodwill", lines=[{"id": 1, "amount": 100}])
    part = (await ask(sold, f"/invoice/{await invoice_id(sold, 1)}")).json()
    assert (part["status"], part["credited_amount"], part["returned_amount"]) == ("paid", "119.00", "119.00")
    assert [row["order_id"] for row in (await ask(sold, "/invoice", **PAID)).json()["invoices"]] == [1]

    await credit(sold, 1, reason="Goodwill", all=True)
    whole = (await ask(sold, f"/invoice/{await invoice_id(sold, 1)}")).json()
    assert (whole["status"], whole["credited_amount"], whole["amount_due"]) == ("credited", "293.93", "0.00")
    assert (await ask(sold, "/invoice", **PAID)).json()["invoices"] == []


PAID = {"filters[status]": "paid"}


async def test_the_same_key_credits_once(sold: World) -> None:
    body: dict[str, Any] = {"reason": "Goodwill", "lines": [{"id": 1, "amount": "10.00"}]}
    first, again = await credit(sold, 1, once="k", **body), await credit(sold, 1, once="k", **body)
    other = await credit(sold, 1, once="k", **body | {"reason": "More"})

    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "idempotency_key_reused")
    assert len(await sold.rows("billing", "SELECT 1 FROM credit_note")) == 3


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"lines": [{"id": 1, "amount": "1.00"}]}, 400, "no_reason", "with a reason"),
        ({"reason": "x"}, 400, "no_lines", "Name the lines"),
        ({"reason": "x", "lines": []}, 400, "no_lines", "Name the lines"),
        ({"reason": "x", "all": True, "lines": [{"id": 1, "amount": "1"}]}, 400, "no_lines", "not both"),
        ({"reason": "x", "lines": [{"id": 9, "amount": "1"}]}, 404, "not_found|line", "no line 9"),
        ({"reason": "x", "lines": [{"id": 1, "amount": "0"}]}, 400, "amount_not_positive", "more than 0"),
        ({"reason": "x", "lines": [{"id": 1, "amount": "-1"}]}, 400, "amount_not_positive", "more than 0"),
        ({"reason": "x", "lines": [{"id": 1, "amount": 149.01}]}, 409, "more_than_left", "149.00 EUR net are left"),
        ({"reason": "x", "lines": [{"id": 1, "amount": "1.005"}]}, 400, "bad_request_format", "more decimals"),
        ({"reason": "x", "lines": [{"id": 1, "amount": "ten"}]}, 400, "bad_request_format", "is no amount"),
        ({"reason": "x", "lines": [{"id": 1, "amount": "1e3"}]}, 400, "bad_request_format", "is no amount"),
        ({"reason": "x", "lines": [{"id": 1, "amount": "1"}] * 2}, 400, "bad_request_format", "named twice"),
        ({"reason": "x", "lines": [{"id": 0, "amount": "1"}]}, 400, "bad_request_format", ""),
        ({"reason": "x", "lines": {"1": "1"}}, 400, "bad_request_format", ""),
        ({"reason": "x", "lines": [{"id": 1, "amount": "1"}], "currency": "USD"}, 400, "bad_request_format", "in EUR"),
        ({"reason": "x" * 2001, "all": True}, 400, "bad_request_format", "reason"),
    ],
)
async def test_what_cannot_be_credited_is_refused_with_code_and_sentence(
    sold: World, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = await credit(sold, 1, **body)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code), answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert len(await sold.rows("billing", "SELECT 1 FROM credit_note")) == 2


async def test_only_staff_credit_and_only_what_is_there(sold: World) -> None:
    denied = await credit(sold, 1, "key", reason="x", all=True)
    assert (denied.status_code, denied.json()["errors"][0]["code"]) == (403, "access_denied|missing_permission")

    async with sold.client("staff") as http:
        missing = await http.post(f"{API}/invoice/999999999/credit-note", json={"reason": "x", "all": True})
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "not_found|invoice")


# ── read ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("parameters", "orders"),
    [
        ({}, [3, 2]),
        ({"sort": "id"}, [2, 3]),
        ({"sort": "-total_amount,credit_note_number"}, [2, 3]),
        ({"container_id": "16"}, [2]),
        ({"filters[container_id]": "14"}, [3]),
        ({"filters[order_id]": "2"}, [2]),
        ({"filters[order_id]": "3"}, []),
        ({"filters[credit_note_number]": f"cn-{YEAR}-000001"}, [2]),
        ({"filters[credit_note_number]": "%000002"}, [3]),
        ({"filters[credit_note_number]": "CN_"}, []),
        ({"filters[invoice_number]": f"INV-{YEAR}-000002"}, [2]),
        ({"filters[invoice_number]": "INV-%"}, [3, 2]),
        ({"filters[search]": f"CN-{YEAR}-00000"}, [3, 2]),
        ({"filters[search]": f"inv-{YEAR}-000003"}, [3]),
        ({"filters[search]": "2"}, [2]),
        ({"filters[search]": "'; DROP TABLE credit_note; --"}, []),
        ({"filters[date_issued]": ">2020-01-01"}, [3, 2]),
        ({"filters[date_issued]": "<2020-01-01"}, []),
    ],
)
async def test_a_filter_is_applied(sold: World, parameters: dict[str, str], orders: list[int]) -> None:
    assert await listed(sold, **parameters) == orders


async def test_a_filter_by_invoice_and_paging_that_ends(sold: World) -> None:
    assert await listed(sold, **{"filters[invoice_id]": str(await invoice_id(sold, 2))}) == [2]

    pages = [(await ask(sold, "/credit-note", limit=1, offset=n)).json() for n in range(3)]
    assert [[row["order_id"] for row in page["credit_notes"]] for page in pages] == [[3], [2], []]
    assert {page["page"]["total"] for page in pages} == {2}


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"filters[colour]": "red"}, 'no filter "colour"'),
        ({"filters[order_id]": "x"}, "takes a number"),
        ({"filters[date_issued]": "soon"}, "is no date"),
        ({"sort": "reason"}, 'no sort column "reason"'),
    ],
)
async def test_a_filter_that_nobody_knows_is_refused(sold: World, parameters: dict[str, str], says: str) -> None:
    answer = await ask(sold, "/credit-note", **parameters)

    assert (answer.status_code, says in answer.json()["errors"][0]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("who", "orders"),
    [
        ({"role": "finance_manager", "divisions": (16,)}, [2]),
        ({"role": "standard_user", "divisions": (14,)}, [3]),
        ({"role": "limited_user", "user_id": BOB}, [2]),
        ({"role": "limited_user", "user_id": 1}, []),
        ({"role": "operator", "account_id": 0}, [3, 2]),
        ({"account_id": 9002}, []),
    ],
)
async def test_who_sees_which_credit_notes(sold: World, who: dict[str, Any], orders: list[int]) -> None:
    await take_key(sold, "other", **who)
    await print_all(sold)

    assert await listed(sold, "other") == orders
    for row in await sold.rows("billing", "SELECT id, order_id FROM credit_note"):
        seen = 200 if row.order_id in orders else 404
        assert (await ask(sold, f"/credit-note/{row.id}", "other")).status_code == seen
        assert (await ask(sold, f"/credit-note/{row.id}/pdf", "other")).status_code == seen


async def test_from_an_order_the_note_that_ended_it_is_served_else_the_newest(sold: World) -> None:
    assert (await ask(sold, "/order/1/credit-note/pdf")).status_code == 404
    for amount in ("1.00", "2.00"):
        await credit(sold, 1, reason="x", lines=[{"id": 1, "amount": amount}])
    await print_all(sold)
    assert (await ask(sold, "/order/1/credit-note/pdf")).content == f"%PDF CN-{YEAR}-000004".encode()

    await sold.deliver("billing", a_cancellation(an_order(order_id=1)))
    await credit(sold, 2, reason="x", all=True)
    await print_all(sold)

    assert (await ask(sold, "/order/1/credit-note/pdf")).content == f"%PDF CN-{YEAR}-000005".encode()
    ready = await sold.said("billing", "credit_note_document_ready")
    assert [one["ends_order"] for one in ready if one["order"]["id"] == 1] == [False, False, True]
