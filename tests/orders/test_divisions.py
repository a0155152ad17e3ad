"""Divisions: their tree, their names, what may be ordered for them; and the account with its custom fields."""

from typing import Any

import httpx
import pytest

from tests.orders.conftest import Company
from tests.orders.makers import body

CONTAINER, ACCOUNT, PRODUCT = "/services/v2/container", "/services/v2/account", "/services/v2/product"


async def call(company: Company, method: str, path: str, role: str = "administrator", **sent: Any) -> httpx.Response:
    async with company.client(role) as client:
        return await client.request(method, path, **sent)


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["code"], error["message"]


async def order_for(company: Company, number: int) -> httpx.Response:
    return await call(
        company, "POST", "/services/v2/order/certificate/ssl_dv_geotrust", json=body(container={"id": number})
    )


async def added(company: Company, parent: str = "Main", **sent: Any) -> httpx.Response:
    where = f"{CONTAINER}/{company.divisions[parent]}/children"
    return await call(company, "POST", where, json={"name": "Berlin", "template_id": 5} | sent)


async def test_a_sub_division_is_shown_under_its_parent_and_told(acme: Company) -> None:
    answer = await added(acme, "Hosting", description="The servers there")

    number = answer.json()["id"]
    shown = (await call(acme, "GET", f"{CONTAINER}/{number}")).json()
    [told] = [e for e in await acme.world.said("orders", "division_added") if e["division"]["id"] == number]
    assert answer.status_code == 201
    assert shown == {
        "id": number,
        "public_id": shown["public_id"],
        "name": "Berlin",
        "description": "The servers there",
        "parent_id": acme.divisions["Hosting"],
        "template_id": 5,
        "has_logo": False,
        "is_active": True,
        "allowed_domain_names": [],
        "allowed_product_name_ids": [],
    }
    assert told["division"]["parent_id"] == acme.divisions["Hosting"]


async def test_its_first_user_comes_with_it_and_sees_it_alone(acme: Company) -> None:
    user = {"email": "bea@acme.example", "last_name": "Berg", "access_roles": [{"id": 4}]}
    number = (await added(acme, user=user)).json()["id"]

    found = (await call(acme, "GET", f"/services/v2/user?container_id={number}")).json()["users"]
    assert [(each["email"], each["container_id_assignments"]) for each in found] == [("bea@acme.example", [number])]


async def test_a_renamed_division_is_told_and_billing_knows_its_new_name(acme: Company) -> None:
    number = acme.divisions["Labs"]
    answer = await call(acme, "PUT", f"{CONTAINER}/{number}", json={"name": "Research"})
    await acme.world.settle(steps=False)

    [told] = await acme.world.said("orders", "division_changed")
    [row] = await acme.world.rows("billing", "SELECT name FROM division WHERE id = :id", id=number)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (told["division"]["name"], row.name) == ("Research", "Research")


async def test_nothing_is_ordered_for_a_division_that_is_not_active(acme: Company) -> None:
    number = acme.divisions["Labs"]
    await call(acme, "PUT", f"{CONTAINER}/{number}", json={"is_active": False})
    refused = await call(
        acme, "POST", "/services/v2/order/certificate/ssl_dv_geotrust", json=body(container={"id": number})
    )
    await call(acme, "PUT", f"{CONTAINER}/{number}", json={"is_active": True})

    assert refusal(refused)[:2] == (400, "invalid_state")
    assert (await acme.place(container={"id": number}))["id"]


@pytest.mark.parametrize(
    ("where", "sent", "status", "says"),
    [
        ("Main", {"is_active": False}, 409, "top-level division"),
        ("Hosting", {"name": "labs"}, 409, "already"),
        ("Hosting", {"name": "x" * 256}, 400, "at most 255"),
        ("Hosting", {"allowed_product_name_ids": ["ssl_gold"]}, 404, "no product"),
    ],
)
async def test_what_a_division_cannot_be_is_refused(
    acme: Company, where: str, sent: dict[str, Any], status: int, says: str
) -> None:
    answer = await call(acme, "PUT", f"{CONTAINER}/{acme.divisions[where]}", json=sent)
    assert refusal(answer)[0] == status
    assert says in refusal(answer)[2]


async def test_a_tree_is_taken_out_of_use_from_below_and_put_back_from_above(acme: Company) -> None:
    below, above = (await added(acme, "Hosting")).json()["id"], acme.divisions["Hosting"]

    async def switch(number: int, is_active: bool) -> int:
        answer = await call(acme, "PUT", f"{CONTAINER}/{number}", json={"is_active": is_active})
        return answer.status_code

    assert await switch(above, False) == 409
    assert [await switch(below, False), await switch(above, False)] == [204, 204]
    assert (await added(acme, "Hosting", name="Other")).status_code == 409
    assert [await switch(below, True), await switch(above, True), await switch(below, True)] == [409, 204, 204]


async def test_a_division_may_be_limited_to_products_and_freed_again(acme: Company) -> None:
    labs, product = acme.divisions["Labs"], "wildcard_dv_geotrust"
    await call(acme, "PUT", f"{CONTAINER}/{labs}", json={"allowed_product_name_ids": [product]})

    refused = await call(
        acme, "POST", "/services/v2/order/certificate/ssl_dv_geotrust", json=body(container={"id": labs})
    )
    offered = (await call(acme, "GET", f"{PRODUCT}?container_id={labs}")).json()["products"]
    everywhere = {
        p["name_id"]: p["allowed_container_ids"] for p in (await call(acme, "GET", PRODUCT)).json()["products"]
    }
    one = await call(acme, "GET", f"{PRODUCT}/ssl_dv_geotrust?container_id={labs}")
    await call(acme, "PUT", f"{CONTAINER}/{labs}", json={"all_products_allowed": True})

    assert refusal(refused)[:2] == (404, "not_found|product")
    assert [each["name_id"] for each in offered] == [product]
    assert labs in everywhere[product]
    assert labs not in everywhere["ssl_dv_geotrust"]
    assert refusal(one)[:2] == (404, "not_found|product")
    assert (await acme.place(container={"id": labs}))["id"]


async def test_a_product_is_told_with_what_clients_ask_of_it(acme: Company) -> None:
    shown = (await call(acme, "GET", f"{PRODUCT}/ssl_dv_geotrust")).json()
    unknown = await call(acme, "GET", f"{PRODUCT}/ssl_gold")

    assert (shown["name_id"], shown["csr_required"], shown["allow_auto_renew"]) == ("ssl_dv_geotrust", True, False)
    assert refusal(unknown)[:2] == (404, "not_found|product")


async def test_a_product_and_its_order_say_alike_that_duplicates_are_allowed(acme: Company) -> None:
    product = (await call(acme, "GET", f"{PRODUCT}/ssl_dv_geotrust")).json()
    order = await acme.order((await acme.place())["id"])

    assert (product["duplicates_allowed"], order["allow_duplicates"]) == (True, True)


async def test_the_templates_of_a_division(acme: Company) -> None:
    answer = await call(acme, "GET", f"{CONTAINER}/{acme.divisions['Main']}/template")
    assert answer.json() == {"container_templates": [{"id": 5, "name": "Standard"}]}


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_account_is_shown_as_clients_expect_it(acme: Company) -> None:
    shown = (await call(acme, "GET", ACCOUNT, "standard_user")).json()
    assert shown == {
        "id": acme.id,
        "primary_organization_name": "Acme Inc.",
        "primary_organization_country": "US",
        "admin_email": "administrator@acme.example",
        "pricing_model": "price_list",
        "cert_central_type": "enterprise",
        "currency": "EUR",
    }


async def test_changed_details_reach_billing_and_a_new_name_every_caller(acme: Company) -> None:
    sent = {"name": "Acme AG", "vat_number": "DE1", "address": {"line1": "Ring 1", "city": "Berlin", "country": "DE"}}
    answer = await call(acme, "PUT", ACCOUNT, json=sent)
    await acme.world.settle(steps=False)

    [row] = await acme.world.rows("billing", "SELECT name FROM account WHERE id = :id", id=acme.id)
    names = await acme.world.rows(
        "billing", "SELECT DISTINCT account_name FROM credential WHERE account_id = :id", id=acme.id
    )
    assert answer.status_code == 204
    assert (row.name, [name.account_name for name in names]) == ("Acme AG", ["Acme AG"])


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"address": {"line1": "Ring 1", "city": "Berlin", "country": "Germany"}}, "address.country"),
        ({"address": {"city": "Berlin"}}, "address.line1"),
        ({"billing_emails": ["nobody"]}, "no e-mail address"),
        ({"name": "x" * 300}, "at most 255"),
    ],
)
async def test_what_an_account_cannot_be_is_refused(acme: Company, sent: dict[str, Any], says: str) -> None:
    answer = await call(acme, "PUT", ACCOUNT, json=sent)
    assert refusal(answer)[0] == 400
    assert says in refusal(answer)[2]


async def test_an_operator_says_which_account(acme: Company) -> None:
    without = await call(acme, "GET", ACCOUNT, "operator")
    named = await call(acme, "GET", f"{ACCOUNT}?account_id={acme.id}", "operator")

    assert "account_id" in refusal(without)[2]
    assert named.json()["id"] == acme.id


async def test_custom_fields_are_added_changed_and_never_lost(acme: Company) -> None:
    field = {"label": "Cost centre", "is_required": True, "data_type": "int", "description": "Four digits"}
    number = (await call(acme, "POST", f"{ACCOUNT}/metadata", json=field)).json()["id"]
    changed = await call(acme, "PUT", f"{ACCOUNT}/metadata/{number}", json={"is_active": False, "is_required": False})

    listed = (await call(acme, "GET", f"{ACCOUNT}/metadata", "limited_user")).json()
    assert changed.status_code == 204
    assert listed == {"metadata": [field | {"id": number, "is_required": False, "is_active": False}]}


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({}, 400, "label is missing"),
        ({"label": "cost CENTRE"}, 409, "already"),
        ({"label": "Team", "data_type": "colour"}, 400, "not offered"),
    ],
)
async def test_what_a_custom_field_cannot_be_is_refused(
    acme: Company, sent: dict[str, Any], status: int, says: str
) -> None:
    await call(acme, "POST", f"{ACCOUNT}/metadata", json={"label": "Cost centre"})
    answer = await call(acme, "POST", f"{ACCOUNT}/metadata", json=sent)
    assert refusal(answer)[0] == status
    assert says in refusal(answer)[2]
