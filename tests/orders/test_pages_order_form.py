"""Placing an order by form: read, check, change, place."""

import html
import re
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import csr, p256, rsa_key
from tests.orders.organizations import ACME, added
from tests.orders.playing import issued
from tests.orders.test_pages import browser, post

FORM = {"product": "ssl_dv_geotrust", "names": "www.acme.example\nacme.example", "years": "1"}


def text_of(answer: httpx.Response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def hidden(answer: httpx.Response) -> dict[str, str]:
    """What the page sends again with its button."""
    found = re.findall(r'<input type="hidden" name="([a-z_0-9]+)" value="([^"]*)">', answer.text)
    return {name: html.unescape(value) for name, value in found if name != "csrf"}


def csr_for(*names: str) -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(listed, False)
    return builder.sign(p256(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


async def preview(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await post(client, "/orders/new", **{"csr": csr(), **FORM, **form, "step": "check"})


async def place(client: httpx.AsyncClient, shown: httpx.Response) -> httpx.Response:
    return await post(client, "/orders/new", **hidden(shown), step="place")


async def test_the_product_is_chosen_first(acme: Company) -> None:
    async with browser(acme) as client:
        products = text_of(await client.get("/orders/new"))
        form = text_of(await client.get("/orders/new?product=ssl_basic"))
        unknown = await client.get("/orders/new?product=ssl_nonesuch")

    assert "Which certificate?" in products
    assert "GeoTrust DV SSL" in products
    assert "Legal name" in form
    assert unknown.status_code == 404


async def test_an_order_is_looked_at_before_it_is_sent(world: World, acme: Company) -> None:
    async with browser(acme) as client:
        shown = await preview(client, comments="For the shop")
        before = await world.said("orders", "order_placed")
        done = await place(client, shown)
        page = text_of(await client.get(done.headers["location"]))

    assert shown.status_code == 200
    assert "ECDSA P-256" in text_of(shown)
    assert "Not sent yet" in text_of(shown)
    assert before == []
    assert (done.status_code, done.headers["location"][-12:]) == (303, "?done=placed")
    assert "The order is placed." in page
    [placed] = await world.said("orders", "order_placed")
    assert placed["names"] == ["www.acme.example", "acme.example"]
    assert placed["dcv_method"] == "dns-txt-token"


async def test_a_button_pressed_twice_places_one_order(world: World, acme: Company) -> None:
    async with browser(acme) as client:
        shown = await preview(client)
        first, second = await place(client, shown), await place(client, shown)

    assert first.headers["location"] == second.headers["location"]
    assert len(await world.said("orders", "order_placed")) == 1


async def test_what_was_checked_may_be_changed_and_nothing_is_lost(acme: Company) -> None:
    async with browser(acme) as client:
        shown = await preview(client, comments="For the shop", years="2")
        form = await post(client, "/orders/new", **hidden(shown), step="change")

    assert form.status_code == 200
    assert "For the shop" in form.text
    assert "BEGIN CERTIFICATE REQUEST" in form.text
    assert '<option value="2" selected>' in form.text


async def test_names_are_taken_from_the_csr_where_none_were_typed(acme: Company) -> None:
    async with browser(acme) as client:
        sent = FORM | {"names": "", "csr": csr_for("www.acme.example", "shop.acme.example"), "step": "read"}
        answer = await post(client, "/orders/new", **sent)

    assert answer.status_code == 200
    assert "Taken from the CSR." in text_of(answer)
    assert "www.acme.example\nshop.acme.example</textarea>" in answer.text


async def test_names_of_the_csr_that_are_not_ordered_are_pointed_at(acme: Company) -> None:
    async with browser(acme) as client:
        answer = await preview(client, csr=csr_for("www.acme.example", "shop.acme.example"))

    assert "The CSR has names that are not ordered. shop.acme.example" in text_of(answer)


@pytest.mark.parametrize("as_der", [False, True])
async def test_a_csr_is_uploaded_as_a_file(acme: Company, as_der: bool) -> None:
    pem = csr_for("www.acme.example")
    raw = x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER) if as_der else pem.encode()
    async with browser(acme) as client:
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', (await client.get("/orders")).text)
        assert token
        form = FORM | {"csrf": token[1], "csr": "", "step": "check"}
        answer = await client.post("/orders/new", data=form, files={"csr_file": ("www.csr", raw)})

    assert answer.status_code == 200, text_of(answer)
    assert "Place the order" in text_of(answer)


@pytest.mark.parametrize(
    ("field", "changes", "sentence"),
    [
        ("csr", {"csr": ""}, "Paste the CSR, or choose its file."),
        ("csr", {"csr": "hello"}, "The CSR cannot be read; send PEM"),
        ("csr", {"csr": "-----BEGIN PRIVATE KEY-----"}, "That is a private key, not a CSR. Never send it"),
        ("csr", {"csr": csr(rsa_key(1024))}, "RSA"),
        ("names", {"names": "", "csr": csr()}, "Give the names, one per line"),
        ("names", {"names": "acme_1.example"}, "an underscore cannot stand in a certified name"),
        ("names", {"names": "*.acme.example"}, "takes no wildcard names"),
        ("years", {"years": "9"}, "An order is for 1 to 3 years, not 9."),
        ("years", {"ends_on": "2020-01-01"}, "An order is for 1 to 1095 days from today"),
        ("years", {"ends_on": "soon"}, '"soon" is no day'),
        ("dcv_method", {"dcv_method": "pigeon"}, 'dcv_method "pigeon" is not offered'),
        ("comments", {"comments": "x" * 2001}, "A comment has at most 2,000 characters"),
    ],
)  # fmt: skip
async def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    world: World, acme: Company, field: str, changes: dict[str, str], sentence: str
) -> None:
    async with browser(acme) as client:
        answer = await preview(client, **{"comments": "For the shop"} | changes)

    assert answer.status_code == 400
    told = re.search(rf'<small class="error" id="{field}-error">(.*?)</small>', answer.text, re.S)
    assert told, text_of(answer)
    assert sentence in html.unescape(told[1])
    assert 'name="csr"' in answer.text
    assert await world.said("orders", "order_placed") == []


async def test_an_ov_order_tells_a_new_organization(world: World, acme: Company) -> None:
    told = {f"organization_{name}": value for name, value in ACME.items()}
    async with browser(acme) as client:
        missing = await preview(client, product="ssl_basic", organization="new", organization_name="Acme")
        shown = await preview(client, product="ssl_basic", organization="new", **told)
        done = await place(client, shown)

    assert "Give the address of the organization." in text_of(missing)
    assert "Acme Example Inc." in text_of(shown)
    assert done.status_code == 303, text_of(done)
    [placed] = await world.said("orders", "order_placed")
    assert placed["organization"]["name"] == "Acme Example Inc."


async def test_an_ov_order_is_for_an_organization_that_is_there(world: World, acme: Company) -> None:
    number = await added(acme)
    async with browser(acme) as client:
        form = await client.get("/orders/new?product=ssl_basic")
        none = await preview(client, product="ssl_basic")
        foreign = await preview(client, product="ssl_basic", organization="999999")
        done = await place(client, await preview(client, product="ssl_basic", organization=str(number)))

    assert f'<option value="{number}" selected>' in form.text
    assert "Choose the organization that the certificate is for" in text_of(none)
    assert "There is no organization 999999 in this account." in text_of(foreign)
    assert done.status_code == 303
    assert (await world.said("orders", "order_placed"))[0]["organization"]["id"] == number


async def test_a_renewal_has_what_the_order_was_and_adds_what_is_left(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    async with browser(acme) as client:
        form = await client.get(f"/orders/{order['id']}/renew")
        shown = await preview(client, renews=str(order["id"]), names="www.acme.example")
        done = await place(client, shown)
        again = await place(client, await preview(client, renews=str(order["id"]), names="acme.example"))
        page = text_of(await client.get(f"/orders/{order['id']}"))

    assert "www.acme.example\nacme.example</textarea>" in form.text
    assert "what is left of order" in text_of(shown)
    assert done.status_code == 303
    assert again.status_code == 400
    assert "is renewed already" in text_of(again)
    assert "takes its place." in page


@pytest.mark.parametrize(("role", "status"), [("limited_user", 200), ("finance_manager", 403), ("operator", 403)])
async def test_who_may_place_orders_has_the_form(acme: Company, role: str, status: int) -> None:
    async with browser(acme, role) as client:
        answer = await client.get("/orders/new?product=ssl_dv_geotrust")
        listed = await client.get("/orders")

    assert answer.status_code == status
    assert ("/orders/new" in listed.text) == (status == 200)


async def test_an_order_of_a_limited_user_says_that_it_needs_approval(acme: Company) -> None:
    async with browser(acme, "limited_user") as client:
        shown = await preview(client)
        done = await place(client, shown)
        page = text_of(await client.get(done.headers["location"]))

    assert "A manager or administrator of the account decides" in text_of(shown)
    assert "This order needs approval." in page


async def test_a_division_of_another_account_is_refused_at_its_field(acme: Company, globex: Company) -> None:
    other: Any = next(iter(globex.divisions.values()))
    async with browser(acme) as client:
        answer = await preview(client, division=str(other))

    assert answer.status_code == 404
    assert f"There is no division {other} in this account." in text_of(answer)


async def test_what_the_account_wants_to_be_told_stands_in_the_form(acme: Company) -> None:
    async with acme.client() as client:
        told = {"label": "Cost centre", "is_required": True}
        answer = await client.post("/services/v2/account/metadata", json=told)
    field = f"field_{answer.json()['id']}"

    async with browser(acme) as client:
        missing = await preview(client)
        shown = await preview(client, **{field: "4711"})
        done = await place(client, shown)

    assert "Every order of your account says this; give the Cost centre." in text_of(missing)
    assert "Cost centre 4711" in text_of(shown)
    assert done.status_code == 303
