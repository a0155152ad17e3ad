"""Lists, one order, cancelling, deciding, downloading; who sees what."""

import re
from typing import Any

import pytest

from services.orders import worker
from services.orders.clients.test_ca import TestCa
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, ca_key, charged, validated

ORDERS = "/services/v2/order/certificate"
NAMES = ("www.acme.example", "acme.example")


def no_order(order_id: object) -> dict[str, Any]:
    message = f"There is no order {order_id} in this account."
    return {"errors": [{"code": "not_found|order", "message": message}]}


async def issued(world: World, acme: Company, **changes: Any) -> dict[str, Any]:
    order_id = (await acme.place(**changes))["id"]
    proofs = [validated(acme.id, name) for name in NAMES]
    await world.deliver("orders", *proofs, charged(acme.id, order_id))
    await world.deliver("orders", authorized(acme.id, order_id, NAMES))
    await worker.issue_next(world.orders.db, TestCa(ca_key()))
    return await acme.order(order_id)


# ── one order ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_pending_order_shows_its_facts_and_no_certificate_id(acme: Company) -> None:
    placed = await acme.place(comments="For the new shop")

    shown = await acme.order(placed["id"])

    assert (shown["id"], shown["status"]) == (placed["id"], "pending")
    assert shown["requests"][0]["id"] == placed["requests"][0]["id"]
    assert shown["requests"][0]["comments"] == "For the new shop"
    assert shown["certificate"]["common_name"] == "www.acme.example"
    assert shown["certificate"]["dns_names"] == list(NAMES)
    assert shown["certificate"]["key_size"] == 256
    assert "id" not in shown["certificate"]
    assert shown["container"] == {"id": acme.divisions["Main"], "name": "Main"}
    assert shown["product"]["name"] == "GeoTrust DV SSL"
    assert shown["user"]["email"] == "administrator@acme.example"
    assert shown["validity_years"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", shown["date_created"])
    assert "paid_at" not in shown["facts"]


async def test_an_issued_order_is_found_by_number_thumbprint_and_serial(world: World, acme: Company) -> None:
    shown = await issued(world, acme)
    certificate = shown["certificate"]

    assert shown["status"] == "issued"
    assert certificate["days_remaining"] in (198, 199)
    assert shown["requests"][0]["certificate_id"] == certificate["id"]
    assert re.fullmatch(r"[0-9A-F]{32}", certificate["serial_number"])
    async with acme.client() as client:
        for number in (certificate["thumbprint"], certificate["serial_number"], certificate["serial_number"].lower()):
            assert (await client.get(f"{ORDERS}/{number}")).json()["id"] == shown["id"]


@pytest.mark.parametrize("number", ["999999", "0", "99999999999", "abc", "%00", "-1"])
async def test_an_unknown_number_is_404(acme: Company, number: str) -> None:
    async with acme.client() as client:
        answer = await client.get(f"{ORDERS}/{number}")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found|order"


async def test_another_accounts_order_is_404_everywhere(world: World, acme: Company, globex: Company) -> None:
    order = await issued(world, acme)
    order_id, certificate_id, request_id = order["id"], order["certificate"]["id"], order["requests"][0]["id"]
    cancel = {"status": "CANCELED", "note": "Ours now"}

    async with globex.client() as client:
        read = await client.get(f"{ORDERS}/{order_id}")
        changed = await client.put(f"{ORDERS}/{order_id}/status", json=cancel)
        decided = await client.put(f"/services/v2/request/{request_id}/status", json={"status": "approved"})
        by_order = await client.get(f"/services/v2/certificate/download/order/{order_id}/format/pem_all")
        by_id = await client.get(f"/services/v2/certificate/{certificate_id}/download/format/pem_all")
        listed = await client.get(ORDERS)

    for answer in (read, changed, decided, by_order):
        assert (answer.status_code, answer.json()) == (404, no_order(order_id))
    assert by_id.status_code == 404
    assert listed.json() == {"orders": [], "page": {"total": 0, "limit": 1000, "offset": 0}}


async def test_a_user_sees_the_orders_of_their_divisions_and_a_limited_one_their_own(acme: Company) -> None:
    in_labs = (await acme.place(container={"id": acme.divisions["Labs"]}))["id"]
    in_main = (await acme.place())["id"]
    own = (await acme.place("limited_user"))["id"]

    async def seen(role: str) -> list[int]:
        async with acme.client(role) as client:
            return [order["id"] for order in (await client.get(ORDERS)).json()["orders"]]

    assert await seen("administrator") == [own, in_main, in_labs]
    assert await seen("finance_manager") == [own, in_main, in_labs]
    assert await seen("standard_user") == [own, in_main]
    assert await seen("limited_user") == [own]
    async with acme.client("limited_user") as client:
        assert (await client.get(f"{ORDERS}/{in_main}")).json() == no_order(in_main)


async def test_an_operator_sees_all_accounts_and_whose_order_it_is(acme: Company, globex: Company) -> None:
    mine, theirs = (await acme.place())["id"], (await globex.place())["id"]

    async with acme.client("operator") as client:
        everything = (await client.get(ORDERS)).json()["orders"]
        one = (await client.get(f"{ORDERS}?account_id={globex.id}")).json()["orders"]

    assert {(order["id"], order["account_id"]) for order in everything} >= {(mine, acme.id), (theirs, globex.id)}
    assert [order["id"] for order in one] == [theirs]


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_pages_lose_and_repeat_nothing_and_end(acme: Company) -> None:
    placed = [(await acme.place())["id"] for _ in range(5)]

    async with acme.client() as client:
        pages = [(await client.get(f"{ORDERS}?limit=2&offset={offset}")).json() for offset in (0, 2, 4, 6)]

    assert [order["id"] for page in pages for order in page["orders"]] == placed[::-1]
    assert [page["page"] for page in pages] == [{"total": 5, "limit": 2, "offset": n} for n in (0, 2, 4, 6)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filters[status]=pending", "ab"),
        ("filters%5Bstatus%5D=PENDING", "ab"),
        ("filters[status]=cancelled", "c"),
        ("filters[status][0]=issued&filters[status][1]=canceled", "c"),
        ("status=needs_approval", "ab"),
        ("filters[search]=%25shop%25", "b"),
        ("search=shop", "b"),
        (f"search={'a' * 3000}", ""),
        ("filters[search]=x_y", ""),
        ("filters[common_name]=a.acme.example", "a"),
        ("filters[common_name]=%25.acme.example", "abc"),
        ("filters[domain_name]=shop.acme.example", "b"),
        ("filters[product_name_id]=ssl_dv_geotrust", "abc"),
        ("filters[product_name_id]=cloud_dv_geotrust", ""),
        ("filters[date_created]=2026-01-01...2099-12-31", "abc"),
        ("filters[date_created]=>2099-01-01", ""),
        ("filters[date_created]=%3E2026-01-01", "abc"),
        ("filters[valid_till]=>2026-01-01", ""),
        ("filters[serial_number]=0C3F6A1B9D2E44A08F1B5C7D9E0A1B2C", ""),
        ("filters[status]=", "abc"),
        ("sort=-common_name", "bca"),
        ("sort=%2Bcommon_name", "acb"),
        ("sort=+common_name", "acb"),
    ],
)
async def test_filters_and_sorting_are_applied(acme: Company, query: str, found: str) -> None:
    names = {"a": "a.acme.example", "b": "shop.acme.example", "c": "c.acme.example"}
    ids = {
        letter: (await acme.place(certificate__common_name=name, certificate__dns_names=None))["id"]
        for letter, name in names.items()
    }
    async with acme.client() as client:
        await client.put(f"{ORDERS}/{ids['c']}/status", json={"status": "canceled", "note": "Mistake"})
        answer = (await client.get(f"{ORDERS}?{query}")).json()

    shown = [order["id"] for order in answer["orders"]]
    expected = [ids[letter] for letter in found]
    assert shown == (expected if query.startswith("sort") else sorted(expected, reverse=True))
    assert answer["page"]["total"] == len(expected)


@pytest.mark.parametrize(
    "query",
    [
        "filters[colour]=red", "sort=colour", "filters[status]=lost", "limit=x", "offset=-1", "filters[id]=x",
        "filters[date_created]=yesterday", "filters[container_id]=99999999999",
    ],
)  # fmt: skip
async def test_an_unknown_filter_is_refused_rather_than_ignored(acme: Company, query: str) -> None:
    async with acme.client() as client:
        answer = await client.get(f"{ORDERS}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "bad_request_format"


async def test_a_listed_order_has_a_certificate_object_with_its_serial(world: World, acme: Company) -> None:
    shown = await issued(world, acme)

    async with acme.client() as client:
        (row,) = (await client.get(f"{ORDERS}?container_id={acme.divisions['Main']}")).json()["orders"]

    assert row["certificate"]["serial_number"] == shown["certificate"]["serial_number"]
    assert (row["status"], row["price"], row["has_duplicates"], row["is_renewed"]) == ("issued", 99, False, False)


# ── cancelling and deciding ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["canceled", "CANCELED", "cancelled"])
async def test_a_pending_order_is_canceled_with_204(world: World, acme: Company, status: str) -> None:
    order_id = (await acme.place())["id"]

    async with acme.client() as client:
        answer = await client.put(f"{ORDERS}/{order_id}/status", json={"status": status, "note": "No longer needed"})
        again = await client.put(f"{ORDERS}/{order_id}/status", json={"status": status, "note": "No longer needed"})

    assert (answer.status_code, answer.content, again.status_code) == (204, b"", 204)
    assert "content-type" not in answer.headers
    (said,) = await world.said("orders", "order_cancelled")
    assert (said["order_id"], said["note"], said["cancelled_by"]) == (order_id, "No longer needed", "Ann administrator")
    shown = await acme.order(order_id)
    assert (shown["status"], shown["requests"][0]["status"]) == ("canceled", "rejected")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"status": "canceled"}, "Say why the order is canceled; the account's people read it on the order's page."),
        ({"status": "issued", "note": "x"}, 'An order\'s status can be set to "canceled" only, not to "issued".'),
        ({"note": "x"}, "The request is not as expected: status: Field required."),
    ],
)
async def test_a_change_of_status_that_is_none_is_400(
    world: World, acme: Company, sent: dict[str, Any], message: str
) -> None:
    order_id = (await acme.place())["id"]

    async with acme.client() as client:
        answer = await client.put(f"{ORDERS}/{order_id}/status", json=sent)

    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"code": "bad_request_format", "message": message}]}
    assert await world.said("orders", "order_cancelled") == []


async def test_an_issued_order_can_no_longer_be_canceled(world: World, acme: Company) -> None:
    order_id = (await issued(world, acme))["id"]

    async with acme.client() as client:
        answer = await client.put(f"{ORDERS}/{order_id}/status", json={"status": "canceled", "note": "Too late"})

    message = (
        f"Order {order_id} is issued and can no longer be canceled; "
        "only an order that is still pending can be approved, rejected or canceled."
    )
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"code": "invalid_state", "message": message}]}
    assert await world.said("orders", "order_cancelled") == []


async def test_a_request_is_approved_once_by_who_may(world: World, acme: Company) -> None:
    placed = await acme.place("standard_user")
    url = f"/services/v2/request/{placed['requests'][0]['id']}/status"

    async with acme.client("standard_user") as client:
        own = await client.put(url, json={"status": "approved"})
    async with acme.client("manager") as client:
        first, second = [await client.put(url, json={"status": "APPROVED"}) for _ in range(2)]

    assert (own.status_code, own.json()["errors"][0]["code"]) == (403, "access_denied|missing_permission")
    assert (first.status_code, second.status_code) == (204, 204)
    [submitted] = await world.said("orders", "request_submitted")
    [decided] = await world.said("orders", "request_decided")
    assert len(await world.said("orders", "order_approved")) == 1
    assert (submitted["needs_approval"], submitted["requested_by"]) == (True, "Ann standard_user, by API key")
    assert (decided["request_id"], decided["decision"]) == (placed["requests"][0]["id"], "approved")
    assert decided["decided_by"] == "Ann manager"
    assert (await acme.order(placed["id"]))["requests"][0]["status"] == "approved"


async def test_a_request_is_rejected_with_its_comment(world: World, acme: Company) -> None:
    placed = await acme.place("limited_user")

    async with acme.client() as client:
        url = f"/services/v2/request/{placed['requests'][0]['id']}/status"
        answer = await client.put(url, json={"status": "rejected", "processor_comment": "Not one of our names"})

    assert answer.status_code == 204
    assert (await world.said("orders", "order_rejected"))[0]["reason"] == "Not one of our names"
    [decided] = await world.said("orders", "request_decided")
    assert (decided["decision"], decided["comment"]) == ("rejected", "Not one of our names")
    shown = await acme.order(placed["id"])
    assert (shown["status"], shown["facts"]["note"]) == ("rejected", "Not one of our names")


async def test_an_unknown_request_is_404(acme: Company) -> None:
    async with acme.client() as client:
        answers = [await client.put(f"/services/v2/request/{n}/status", json={"status": "approved"}) for n in (5, "x")]

    assert [answer.json()["errors"][0]["code"] for answer in answers] == ["not_found|request"] * 2


# ── who, where, what ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_me_is_the_user_of_the_key(acme: Company) -> None:
    async with acme.client("standard_user") as client:
        me = (await client.get("/services/v2/user/me")).json()
    async with acme.client("operator") as client:
        staff = (await client.get("/services/v2/user/me")).json()

    assert (me["id"], me["account_id"], me["email"]) == (
        acme.users["standard_user"],
        acme.id,
        "standard_user@acme.example",
    )
    assert me["access_roles"] == [{"id": 5, "name": "Standard user"}]
    assert me["container"] == {"id": acme.divisions["Main"], "name": "Main"}
    assert (staff["account_id"], "container" in staff) == (0, False)


async def test_divisions_are_containers_with_the_top_level_first(acme: Company) -> None:
    async with acme.client() as client:
        everything = (await client.get("/services/v2/container")).json()["containers"]
    async with acme.client("manager") as client:
        assigned = (await client.get("/services/v2/container")).json()["containers"]

    main = acme.divisions["Main"]
    assert [(each["name"], each["parent_id"]) for each in everything] == [
        ("Main", 0),
        ("Hosting", main),
        ("Labs", main),
    ]
    assert [each["id"] for each in assigned] == [main]


async def test_products_on_offer_are_the_domain_validated_ones(acme: Company) -> None:
    async with acme.client() as client:
        products = (await client.get("/services/v2/product")).json()["products"]

    assert products[0]["name_id"] == "ssl_dv_geotrust"
    assert products[0]["allowed_order_validity_years"] == [1, 2, 3]
    assert products[0]["allowed_container_ids"] == list(acme.divisions.values())


# ── what has another status ──────────────────────────────────────────────────────────────────────────────────────────


async def test_status_changes_are_told_in_their_order(world: World, acme: Company, globex: Company) -> None:
    first, second = [(await acme.place())["id"] for _ in range(2)]
    done = await issued(world, acme)
    await globex.place()
    async with acme.client() as client:
        await client.put(f"{ORDERS}/{first}/status", json={"status": "canceled", "note": "Mistake"})
        found = (
            await client.get(f"{ORDERS}/status-changes?filters[status_last_updated]=2026-01-01...2099-01-01")
        ).json()
        none = (await client.get(f"{ORDERS}/status-changes?filters[status_last_updated]=>2099-01-01")).json()
        page = (await client.get(f"{ORDERS}/status-changes?limit=1&offset=1")).json()
        bad = await client.get(f"{ORDERS}/status-changes?filters[status_last_updated]=soon")

    assert found["orders"] == [
        {"order_id": second, "status": "pending"},
        {"order_id": done["id"], "certificate_id": done["certificate"]["id"], "status": "issued"},
        {"order_id": first, "status": "canceled"},
    ]
    assert found["page"] == {"total": 3, "limit": 1000, "offset": 0}
    assert none["orders"] == []
    assert [each["order_id"] for each in page["orders"]] == [done["id"]]
    assert bad.status_code == 400
