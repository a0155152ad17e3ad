import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.orders import worker
from services.orders.clients.test_ca import TestCa
from tests.conftest import World
from tests.orders.conftest import PASSWORD, Company
from tests.orders.makers import authorized, ca_key, charged, not_found_yet, submitted, validated, waiting
from tests.orders.playing import issued, reissue

NAMES = ("www.acme.example", "acme.example")


async def csrf(client: httpx.AsyncClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await client.get(path)).text)
    assert found
    return found[1]


async def sign_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD, next: str = "") -> httpx.Response:
    form = {"email": email, "password": password, "csrf": await csrf(client, "/sign-in")}
    return await client.post("/sign-in", data=form | ({"next": next} if next else {}))


@asynccontextmanager
async def browser(acme: Company, role: str = "administrator") -> AsyncIterator[httpx.AsyncClient]:
    async with acme.world.client(Accept="text/html") as client:
        assert (await sign_in(client, acme.emails[role])).status_code == 303
        yield client


async def post(client: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    return await client.post(path, data=form | {"csrf": await csrf(client, "/orders")})


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_page_leads_to_the_sign_in_and_back(world: World, acme: Company) -> None:
    async with world.client(Accept="text/html") as client:
        asked = await client.get("/orders")
        answer = await sign_in(client, "Administrator@Acme.example", next="/orders")

        assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=/orders")
        assert (answer.status_code, answer.headers["location"]) == (303, "/orders")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert (await client.get("/orders")).status_code == 200


@pytest.mark.parametrize("next", ["//evil.example", "/\\evil.example", "https://evil.example", ""])
async def test_the_way_back_never_leads_elsewhere(world: World, acme: Company, next: str) -> None:
    async with world.client(Accept="text/html") as client:
        answer = await sign_in(client, acme.emails["administrator"], next=next)

    assert answer.headers["location"] == "/orders"


async def test_a_wrong_password_and_an_unknown_address_get_the_same_sentence(world: World, acme: Company) -> None:
    async with world.client(Accept="text/html") as client:
        wrong = await sign_in(client, acme.emails["manager"], "wrong")
        unknown = await sign_in(client, "nobody@acme.example", "wrong")

    for answer in (wrong, unknown):
        assert answer.status_code == 400
        assert "E-mail address and password do not match." in answer.text
        assert "set-cookie" not in answer.headers


async def test_guessing_is_paused_after_five_wrong_passwords(world: World, acme: Company) -> None:
    async with world.client(Accept="text/html") as client:
        for _ in range(5):
            await sign_in(client, acme.emails["manager"], "wrong")
        answer = await sign_in(client, acme.emails["manager"])

    assert answer.status_code == 400
    assert "Too many wrong passwords." in answer.text


async def test_signing_out_ends_the_session(acme: Company) -> None:
    async with browser(acme) as client:
        answer = await post(client, "/sign-out")

        assert answer.headers["location"] == "/sign-in"
        assert (await client.get("/orders")).status_code == 303


async def test_a_form_without_its_token_is_refused(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    async with browser(acme) as client:
        answer = await client.post(f"/orders/{order_id}/cancel", data={"reason": "x", "csrf": "0" * 64})

    assert answer.status_code == 403
    assert "This form is out of date" in answer.text
    assert await world.said("orders", "order_cancelled") == []


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_list_says_how_to_make_an_order(acme: Company) -> None:
    async with browser(acme) as client:
        text = (await client.get("/orders")).text

    assert "No orders yet" in text
    assert "POST /services/v2/order/certificate/ssl_dv_geotrust" in text


async def test_the_list_shows_the_state_in_words_and_filters_by_address(acme: Company) -> None:
    first = await acme.place(certificate__common_name="shop.acme.example", certificate__dns_names=None)
    await acme.place("standard_user")

    async with browser(acme) as client:
        everything = (await client.get("/orders")).text
        found = (await client.get("/orders?search=shop&status=pending")).text
        nothing = (await client.get("/orders?status=issued")).text

    assert "Waiting for approval" in everything
    assert "Waiting for domain control" in everything
    assert "and 1 more name" in everything
    assert f"/orders/{first['id']}" in found
    assert "www.acme.example</a>" not in found
    assert "No order fits this filter" in nothing


async def test_the_list_goes_on_page_by_page(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(51):
        await acme.place(certificate__dns_names=None)

    async with browser(acme) as client:
        first = (await client.get("/orders?status=pending")).text
        link = re.search(r'href="(/orders\?[^"]*before=\d+)"', first)
        assert link
        second = (await client.get(link[1].replace("&amp;", "&"))).text

    assert "50 of 51" in first
    assert "1 of 51" in second
    assert "First page" in second


# ── one order ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_page_shows_the_record_to_publish_and_what_was_found(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver(
        "orders",
        submitted(acme.id, order_id, "www.acme.example"),
        validated(acme.id, "acme.example"),
        not_found_yet(acme.id, "www.acme.example"),
    )

    async with browser(acme) as client:
        text = (await client.get(f"/orders/{order_id}")).text

    assert "One name is not proven yet." in text
    assert "_dnsauth.www.acme.example" in text
    assert "k3v9" * 8 in text
    assert "no TXT record at _dnsauth.www.acme.example (NXDOMAIN)" in text
    assert "Waiting for domain control" in text


async def test_the_page_says_why_an_order_waits_for_money_and_what_to_do(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver("orders", waiting(acme.id, order_id))

    async with browser(acme) as client:
        text = (await client.get(f"/orders/{order_id}")).text

    assert "Waiting for funds" in text
    assert "The funds of Main are 17.81 EUR short; deposit them." in text
    assert "17.81" in text


async def test_an_issued_order_offers_its_certificate(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver("orders", *[validated(acme.id, name) for name in NAMES], charged(acme.id, order_id))
    await world.deliver("orders", authorized(acme.id, order_id, NAMES))
    await worker.issue_next(world.orders.db, TestCa(ca_key()))

    async with browser(acme) as client:
        text = (await client.get(f"/orders/{order_id}")).text
        pem = await client.get(f"/orders/{order_id}/certificate.pem")

    assert "117.81" in text
    assert "INV-2026-000140" in text
    assert "Certificate issued, serial" in text
    assert pem.text.count("BEGIN CERTIFICATE") == 3
    assert pem.headers["content-disposition"] == 'attachment; filename="www.acme.example.pem"'


async def test_canceling_is_asked_about_and_needs_a_reason(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    async with browser(acme) as client:
        question = await client.get(f"/orders/{order_id}/cancel")
        without = await post(client, f"/orders/{order_id}/cancel", reason="")
        done = await post(client, f"/orders/{order_id}/cancel", reason="No longer needed")
        text = (await client.get(f"/orders/{order_id}")).text
        again = await post(client, f"/orders/{order_id}/reject", reason="Late")

    assert "Why is it canceled?" in question.text
    assert without.status_code == 400
    assert "Say why the order is canceled" in without.text
    assert (done.status_code, done.headers["location"]) == (303, f"/orders/{order_id}")
    assert "This order was canceled." in text
    assert "No longer needed" in text
    assert again.status_code == 400
    assert f"Order {order_id} is canceled and can no longer be rejected" in again.text
    assert len(await world.said("orders", "order_cancelled")) == 1


async def test_an_order_is_approved_by_a_button_that_others_do_not_have(world: World, acme: Company) -> None:
    order_id = (await acme.place("standard_user"))["id"]

    async with browser(acme, "standard_user") as client:
        own = (await client.get(f"/orders/{order_id}")).text
        tried = await post(client, f"/orders/{order_id}/approve")
    async with browser(acme, "manager") as client:
        before = (await client.get(f"/orders/{order_id}")).text
        done = await post(client, f"/orders/{order_id}/approve")

    assert "This order needs approval." in own
    assert "/approve" not in own
    assert tried.status_code == 403
    assert re.search(r"/orders/requests/\d+/approve", before)
    assert done.status_code == 303
    assert (await world.said("orders", "order_approved"))[0]["approved_by"] == "Ann manager"


@pytest.mark.parametrize("role", ["administrator", "finance_manager", "manager", "standard_user"])
async def test_who_sees_finances_is_led_to_the_invoice_with_its_payments(
    world: World, acme: Company, role: str
) -> None:
    order_id = (await acme.place("standard_user"))["id"]
    await world.deliver("orders", charged(acme.id, order_id))
    [row] = await world.rows("orders", "SELECT invoice_id FROM certificate_order WHERE id = :id", id=order_id)

    async with browser(acme, role) as client:
        text = (await client.get(f"/orders/{order_id}")).text

    assert "INV-2026-000140" in text
    link = f'<a href="/finance/invoices/{row.invoice_id}">INV-2026-000140</a>'
    assert (link in text) == (role != "standard_user")


@pytest.mark.parametrize("path", ["999999", "999999/cancel", "999999/certificate.pem"])
async def test_an_order_out_of_sight_is_a_page_that_says_so(acme: Company, path: str) -> None:
    async with browser(acme) as client:
        answer = await client.get(f"/orders/{path}")

    assert answer.status_code == 404
    assert "There is no order 999999 in this account." in answer.text


async def test_an_operator_sees_whose_order_it_is(acme: Company) -> None:
    order_id = (await acme.place())["id"]

    async with browser(acme, "operator") as client:
        text = (await client.get(f"/orders/{order_id}")).text

    assert f"Acme Inc., account {acme.id}" in text


@pytest.mark.parametrize("path", ["/orders/operations", "/orders/operations/audit"])
async def test_the_operators_pages_lie_beside_the_orders(acme: Company, path: str) -> None:
    async with browser(acme, "operator") as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["health/live", "metrics", "openapi.json", "asyncapi.json", "static/console.css"])
async def test_what_every_service_has_lies_beside_the_orders(world: World, path: str) -> None:
    async with world.client() as client:
        assert (await client.get(f"/orders/{path}")).status_code == 200


async def test_an_order_that_is_being_reissued_shows_what_the_reissue_waits_for(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    path, names = f"/orders/{order['id']}", {"common_name": "shop.acme.example", "dns_names": ["acme.example"]}
    request_id = (await reissue(acme, order["id"], certificate=names))["requests"][0]["id"]
    told = submitted(acme.id, order["id"], "shop.acme.example", request_id=request_id)
    await world.deliver("orders", told)

    async with browser(acme) as client:
        text = (await client.get(path)).text
        question = (await client.get(f"{path}/cancel")).text
        done = await post(client, f"{path}/cancel", reason="Not needed")
        after = (await client.get(path)).text

    assert "Waiting for domain control" in text
    assert "_dnsauth.shop.acme.example" in text
    assert "Download certificate" in text
    assert "Cancel reissue" in text
    assert "The order stays as it was." in question
    assert done.status_code == 303
    assert "Issued" in after
    assert "Cancel reissue" not in after
