"""Invoices and credit notes over HTTP and on pages: who sees what, and that lists end."""

from typing import Any

import pytest

from services.billing.worker import print_due_documents
from shared.events.orders import Division, DivisionAdded
from tests.billing.makers import take_key
from tests.conftest import SERVICE_KEY, World
from tests.makers import NOW, YEAR, a_cancellation, a_deposit, an_account, an_opened_account, an_order

API = "/services/v2/finance"
LABS, OTHER = Division(id=16, name="Labs"), Division(id=15, name="Main")
ANN, BOB = 1, 2
TOTAL = "177.31"


@pytest.fixture
async def sold(shop: World) -> World:
    """Orders 1 (Ann, Main), 2 (Bob, Labs, PO number, cancelled), 3 (of the shop), 4 (of another account)."""
    other = an_account(id=9002, name="Globex")
    await shop.deliver("billing", an_opened_account(), DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))
    await shop.deliver("billing", an_opened_account(account=other).model_copy(update={"division": OTHER}))
    await shop.deliver("billing", a_deposit(100_000), a_deposit(100_000, account_id=9002, division_id=15))
    second = an_order(
        order_id=2, division=LABS, placed_by_user=BOB, payment={"method": "balance", "purchase_order_number": "PO-7_7"}
    )
    await shop.deliver("billing", an_order(order_id=1, placed_by_user=ANN), second, an_order("shop", order_id=3))
    await shop.deliver("billing", an_order(order_id=4, account=other, division=OTHER), a_cancellation(second))
    await take_key(shop, "key")
    return shop


async def ask(world: World, path: str, key: str | None = "key", **parameters: Any) -> Any:
    async with world.client(key) as http:
        return await http.get(API + path, params=parameters)


async def orders_listed(world: World, key: str = "key", **parameters: Any) -> list[int]:
    answer = await ask(world, "/invoice", key, **parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["page"]["total"] == len(answer.json()["invoices"])
    return [row["order_id"] for row in answer.json()["invoices"]]


async def invoice_id(world: World, order: int) -> int:
    [row] = await world.rows("billing", "SELECT id FROM invoice WHERE order_id = :order", order=order)
    return int(row.id)


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_has_the_newest_first_and_everything_that_finance_asks_for(sold: World) -> None:
    rows = (await ask(sold, "/invoice")).json()["invoices"]

    assert [row["order_id"] for row in rows] == [3, 2, 1]
    assert rows[0]["order_source"] == "shop"
    assert rows[1] | {"id": 0, "date_issued": "", "date_due": "", "invoice_number": ""} == {
        "id": 0, "invoice_number": "", "kind": "order", "status": "credited", "container": {"id": 16, "name": "Labs"},
        "order_id": 2, "po_number": "PO-7_7", "currency": "EUR", "net_amount": "149.00", "tax_amount": "28.31",
        "total_amount": TOTAL, "paid_amount": TOTAL, "credited_amount": TOTAL, "returned_amount": TOTAL,
        "amount_due": "0.00", "date_issued": "",
        "date_due": "",
    }  # fmt: skip
    assert rows[2]["status"] == "paid"


@pytest.mark.parametrize(
    ("parameters", "orders"),
    [
        ({"filters[status]": "credited"}, [2]),
        ({"filters[status]": "PAID"}, [3, 1]),
        ({"filters[status]": "open"}, []),
        ({"filters[status]": "overdue"}, []),
        ({"filters[status][0]": "paid", "filters[status][1]": "credited"}, [3, 2, 1]),
        ({"filters[kind]": "order"}, [3, 2, 1]),
        ({"filters[kind]": "usage"}, []),
        ({"container_id": "16"}, [2]),
        ({"filters[container_id]": "16"}, [2]),
        ({"filters[container_id]": ""}, [3, 2, 1]),
        ({"filters[order_id]": "1"}, [1]),
        ({"filters[order_id]": "3"}, []),
        ({"filters[po_number]": "PO-7_7"}, [2]),
        ({"filters[po_number]": "PO-7%"}, [2]),
        ({"filters[po_number]": "PO-__7"}, []),
        ({"filters[invoice_number]": "%000002"}, [2]),
        ({"filters[search]": "%INV-"}, [3, 2, 1]),
        ({"filters[search]": "PO-7_7"}, [2]),
        ({"filters[search]": "1"}, [1]),
        ({"filters[search]": "²"}, []),
        ({"filters[search]": "'; DROP TABLE invoice; --"}, []),
        ({"filters[date_issued]": "2020-01-01...2020-12-31"}, []),
        ({"filters[date_issued]": ">2020-01-01"}, [3, 2, 1]),
        ({"filters[date_due]": ">2020-01-01"}, [3, 2, 1]),
        ({"filters[date_due]": "2020-01-01...9999-12-31"}, [3, 2, 1]),
        ({"filters[date_issued]": "9999-12-31"}, []),
        ({"sort": "id"}, [1, 2, 3]),
        ({"sort": "-total_amount,+invoice_number"}, [1, 2, 3]),
        ({"limit": "0"}, [3, 2, 1]),
    ],
)
async def test_a_filter_is_applied(sold: World, parameters: dict[str, str], orders: list[int]) -> None:
    assert await orders_listed(sold, **parameters) == orders


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"filters[colour]": "red"}, 'no filter "colour"'),
        ({"filters[status]": "lost"}, 'no status "lost"'),
        ({"filters[kind]": "gift"}, 'no kind "gift"'),
        ({"filters[container_id]": "Main"}, "takes a number"),
        ({"filters[order_id]": "٣"}, "takes a number"),
        ({"filters[date_issued]": "yesterday"}, "is no date"),
        ({"sort": "colour"}, 'no sort column "colour"'),
        ({"filters[date_issued]": "0001-01-01T00:00:00+14:00"}, "is no date"),
        ({"limit": "-1"}, "limit"),
        ({"offset": "x"}, "offset"),
        ({"filters[search]": "a\0"}, "NUL"),
        ({f"filters[search][{n}]": "INV" for n in range(11)}, "at most 10 texts"),
    ],
)
async def test_a_filter_that_nobody_knows_is_refused_and_never_ignored(
    sold: World, parameters: dict[str, str], says: str
) -> None:
    answer = await ask(sold, "/invoice", **parameters)

    assert answer.status_code == 400
    assert says in answer.json()["errors"][0]["message"]


async def test_paging_shows_every_row_once_and_ends(sold: World) -> None:
    pages = [(await ask(sold, "/invoice", limit=1, offset=offset)).json() for offset in range(5)]

    assert [[row["order_id"] for row in page["invoices"]] for page in pages] == [[3], [2], [1], [], []]
    assert [page["page"] for page in pages] == [{"total": 3, "limit": 1, "offset": offset} for offset in range(5)]


async def test_one_invoice_has_its_lines(sold: World) -> None:
    answer = await ask(sold, f"/invoice/{await invoice_id(sold, 1)}")

    assert answer.json()["lines"] == [
        {"id": 1, "description": "Standard DV certificate, 1 year", "names": ["www.acme.example"], "quantity": 1,
         "unit_price": "149.00", "net_amount": "149.00", "tax_rate": "19.00", "order_id": 1}
    ]  # fmt: skip


# ── who sees what ────────────────────────────────────────────────────────────────────────────────────────────────────

SIGHT = [
    ({"role": "administrator"}, [3, 2, 1]),
    ({"role": "finance_manager"}, [3, 2, 1]),
    ({"role": "finance_manager", "divisions": (16,)}, [2]),
    ({"role": "manager", "divisions": (14,)}, [3, 1]),
    ({"role": "standard_user", "divisions": (14,)}, [3, 1]),
    ({"role": "standard_user"}, [3, 2, 1]),
    ({"role": "standard_user", "key_role": 102}, [3, 2, 1]),
    ({"role": "limited_user", "user_id": ANN}, [1]),
    ({"role": "limited_user", "user_id": BOB}, [2]),
    ({"role": "limited_user", "user_id": BOB, "divisions": (14,)}, []),
    ({"role": "limited_user", "user_id": 3}, []),
    ({"role": "operator", "account_id": 0}, [4, 3, 2, 1]),
    ({"account_id": 9002}, [4]),
]
NOT_SEEING: list[dict[str, Any]] = [
    {"key_role": 100},
    {"key_role": 101},
    {"key_role": 103},
    {"role": "standard_user", "key_role": 100},
    {"role": "operator", "account_id": 0, "key_role": 101},
    {"role": "janitor"},
    {"revoked_at": NOW},
]


@pytest.mark.parametrize(("who", "orders"), SIGHT)
async def test_who_sees_which_invoices(sold: World, who: dict[str, Any], orders: list[int]) -> None:
    await take_key(sold, "other", **who)

    assert await orders_listed(sold, "other") == orders
    await print_all(sold)
    for order in (1, 2, 3, 4):
        seen = 200 if order in orders else 404
        number = await invoice_id(sold, order)
        assert (await ask(sold, f"/invoice/{number}", "other")).status_code == seen
        assert (await ask(sold, f"/invoice/{number}/pdf", "other")).status_code == seen
        ours = seen if order != 3 else 404  # a bare order id means our own orders
        assert (await ask(sold, f"/order/{order}/invoice/pdf", "other")).status_code == ours
    credited = 200 if 2 in orders else 404
    assert (await ask(sold, "/order/2/credit-note/pdf", "other")).status_code == credited
    assert (await ask(sold, "/order/1/credit-note/pdf", "other")).status_code == 404


async def print_all(world: World) -> None:
    async def as_text(snapshot: Any) -> bytes:
        return f"%PDF {snapshot['number']}".encode()

    while await print_due_documents(world.billing.db, as_text):
        pass


@pytest.mark.parametrize("who", NOT_SEEING)
async def test_who_sees_no_invoice_at_all(sold: World, who: dict[str, Any]) -> None:
    await take_key(sold, "other", **who)

    for path in ("/invoice", f"/invoice/{await invoice_id(sold, 1)}/pdf", "/order/1/invoice/pdf"):
        answer = await ask(sold, path, "other")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "access_denied|missing_permission")


async def test_an_operator_may_ask_for_one_account(sold: World) -> None:
    await take_key(sold, "op", role="operator", account_id=0)

    assert await orders_listed(sold, "op", account_id=9002) == [4]
    assert await orders_listed(sold, account_id=9002) == []  # others see their own account, whatever they ask for


# ── papers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_paper_is_not_found_while_it_is_being_made_and_then_served_as_it_is_stored(sold: World) -> None:
    path = f"/invoice/{await invoice_id(sold, 1)}/pdf"
    early = await ask(sold, path)
    assert (early.status_code, early.json()["errors"][0]["code"]) == (404, "not_found|document")
    assert "being made" in early.json()["errors"][0]["message"]

    await print_all(sold)

    for key in ("key", SERVICE_KEY):
        paper = await ask(sold, path, key)
        assert paper.headers["content-type"] == "application/pdf"
        assert paper.headers["content-disposition"] == f'inline; filename="INV-{YEAR}-000001.pdf"'
        assert paper.content == f"%PDF INV-{YEAR}-000001".encode()


async def test_a_paper_that_cannot_be_printed_keeps_no_other_from_being_stored(sold: World) -> None:
    async def spoilt(snapshot: Any) -> bytes:
        if snapshot["number"] == f"INV-{YEAR}-000001":
            raise ValueError("ink is out")
        return b"%PDF"

    await print_due_documents(sold.billing.db, spoilt)

    rows = await sold.rows("billing", "SELECT failure, attempts FROM document WHERE sha256 IS NULL")
    assert [tuple(row) for row in rows] == [("ValueError: ink is out", 1)]
    assert len(await sold.said("billing", "invoice_document_ready")) == 3


@pytest.mark.parametrize("path", ["/invoice/0", "/invoice/99999999999999999999", "/invoice/x", "/credit-note/7/pdf"])
async def test_what_is_not_there_is_said_in_the_one_error_body(sold: World, path: str) -> None:
    answer = await ask(sold, path)

    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["errors"][0]["message"]
