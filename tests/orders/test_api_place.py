"""POST /services/v2/order/certificate/{product}: what is taken, and what is refused with nothing written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.orders.rules.products import CATALOGUE
from tests.conftest import World
from tests.orders.conftest import Company, revoke
from tests.orders.makers import body, csr, rsa_key

URL = "/services/v2/order/certificate/ssl_dv_geotrust"


async def written(world: World) -> int:
    """Rows and announcements of orders; accounts of the fixtures are there before."""
    counted = await world.rows(
        "orders",
        "SELECT (SELECT count(*) FROM certificate_order) + (SELECT count(*) FROM timeline_entry)"
        " + (SELECT count(*) FROM idempotency_key) AS n",
    )
    return int(counted[0].n) + len(await world.said("orders", "order_placed", "order_approved"))


async def refused(acme: Company, sent: Any, url: str = URL, **headers: str) -> httpx.Response:
    async with acme.client(**headers) as client:
        answer = await client.post(url, json=sent)
    assert await written(acme.world) == 0
    assert answer.headers["content-type"] == "application/json"
    return answer


def error(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


async def test_an_administrators_order_is_approved_as_it_is_placed(world: World, acme: Company) -> None:
    placed = await acme.place(dcv_method="dns-txt-token", skip_approval=True)

    assert placed["requests"] == [{"id": placed["requests"][0]["id"], "status": "approved"}]
    assert len(placed["dcv_random_value"]) == 32
    said = await world.said("orders", "order_placed", "order_approved")
    assert [event["type"] for event in said] == ["order_placed", "order_approved"]
    assert said[1]["order_id"] == placed["id"]


async def test_the_announcement_is_fat_enough_for_billing_and_validation(world: World, acme: Company) -> None:
    placed = await acme.place()

    (said,) = await world.said("orders", "order_placed")

    assert said["account"]["id"] == acme.id
    assert said["account"]["address"]["city"] == "Lehi"
    assert said["account"]["currency"] == "EUR"
    assert said["division"] == {"id": acme.divisions["Main"], "name": "Main", "parent_id": None, "is_active": True}
    assert (said["order_id"], said["product_name_id"]) == (placed["id"], "ssl_dv_geotrust")
    assert said["term"] == {"years": 1, "days": None}
    assert said["names"] == ["www.acme.example", "acme.example"]
    assert said["payment"] == {"method": "balance", "purchase_order_number": None}
    assert (said["dcv_method"], said["dcv_random_value"]) == ("dns-txt-token", placed["dcv_random_value"])
    assert said["source"] == "issuary/orders"
    assert said["placed_by"] == "Ann administrator, by API key"


@pytest.mark.parametrize("role", ["standard_user", "limited_user"])
async def test_others_orders_wait_for_approval(world: World, acme: Company, role: str) -> None:
    placed = await acme.place(role)

    assert placed["requests"][0]["status"] == "pending"
    assert [event["type"] for event in await world.said("orders", "order_placed", "order_approved")] == ["order_placed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate__dns_names": None},
        {"certificate__dns_names": []},
        {"certificate__server_platform": {"id": 0}},
        {"certificate__server_platform": {"id": -1}},
        {"certificate__server_platform": {"id": "45"}},
        {"certificate__organization_units": [], "certificate__profile_option": ""},
        {"order_validity": None, "validity_years": "1"},
        {"order_validity": None, "validity_years": 1, "validity_days": 0},
        {"order_validity": {"years": 1, "days": 0, "custom_expiration_date": "0001-01-01T00:00:00Z"}},
        {"order_validity": {"years": "1"}, "validity_days": 7},
        {"payment_method": None},
        {"payment_method": "wire_transfer"},
        {"container": {"id": 0}},
        {"organization": {"id": 0}, "organization_id": "5", "org_name": "x", "common_name": "y.example", "id": 0},
        {"status": "", "auto_renew": 1, "skip_approval": "True", "X-DC-DEVKEY": "secret"},
        {"dcv_method": "DNS-TXT-Token"},
        {"dcv_emails": [{"dns_name": "acme.example", "email": "x@acme.example"}]},
    ],
)
async def test_what_clients_really_send_is_taken(world: World, acme: Company, changes: dict[str, Any]) -> None:
    await acme.place(**changes)

    (said,) = await world.said("orders", "order_placed")
    assert said["term"]["years"] == 1


async def test_a_division_is_named_by_number_or_digits(world: World, acme: Company) -> None:
    labs = acme.divisions["Labs"]
    await acme.place(container={"id": labs})
    await acme.place(container={"id": str(labs)})

    assert [event["division"]["id"] for event in await world.said("orders", "order_placed")] == [labs, labs]


async def test_a_term_in_days_or_to_a_last_day_is_told_in_days(world: World, acme: Company) -> None:
    last = (datetime.now(UTC) + timedelta(days=400)).date().isoformat()
    await acme.place(order_validity={"days": 90})
    await acme.place(order_validity={"custom_expiration_date": last, "years": 1})

    assert [event["term"]["days"] for event in await world.said("orders", "order_placed")] == [90, 400]


async def test_a_repeated_request_with_its_key_is_answered_again_and_placed_once(world: World, acme: Company) -> None:
    sent = body()
    async with acme.client(**{"Idempotency-Key": "a-1"}) as client:
        first, second = await client.post(URL, json=sent), await client.post(URL, json=sent)
        other = await client.post(URL, json=sent | {"comments": "another"})

    assert first.json() == second.json()
    assert (first.status_code, second.status_code) == (201, 201)
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "idempotency_key_reused")
    assert len(await world.said("orders", "order_placed")) == 1


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unknown_product_is_404(acme: Company) -> None:
    answer = await refused(acme, body(), "/services/v2/order/certificate/ssl_gold")

    assert answer.status_code == 404
    offered = ", ".join(each.name_id for each in CATALOGUE)
    assert answer.json() == error("not_found|product", f'There is no product "ssl_gold". Products to order: {offered}.')


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"certificate__csr": "not a csr"},
            "The CSR cannot be read; send PEM from -----BEGIN CERTIFICATE REQUEST----- to the END line, unchanged.",
        ),
        (
            {"certificate__csr": csr(rsa_key(1024))},
            "The CSR's RSA key has 1024 bits; use 2048 to 8192 bits, a multiple of 8.",
        ),
        (
            {"certificate__common_name": "my_host.acme.example"},
            '"my_host.acme.example" cannot be on a certificate: an underscore cannot stand in a certified name.',
        ),
        (
            {"certificate__dns_names": ["acme.example", "192.0.2.7"]},
            '"192.0.2.7" cannot be on a certificate: IP addresses are not certified, give a DNS name.',
        ),
        (
            {"certificate__dns_names": ["*.acme.example"]},
            "GeoTrust DV SSL takes no wildcard names; remove *.acme.example or order a wildcard product.",
        ),
        ({"order_validity": {"years": 4}}, "An order is for 1 to 3 years, not 4."),
        (
            {"order_validity": None},
            'The order has no validity: give "order_validity" with years (1 to 3), days or a last day.',
        ),
        (
            {"certificate__cert_validity": {"days": 300}},
            "cert_validity is 300 days, a certificate issued today has 1 to 199; "
            "leave it out to get the longest one allowed.",
        ),
        (
            {"certificate__signature_hash": "sha1"},
            'signature_hash "sha1" is not offered; use sha256, sha384, sha512.',
        ),
        ({"certificate": None}, "The request is not as expected: certificate: Field required."),
        ({"certificate__csr": None}, "The request is not as expected: certificate.csr: Field required."),
        ({"certificate__common_name": ""}, "The request is not as expected: certificate.common_name: Field required."),
        (
            {"order_validity": {"years": -1}},
            "The request is not as expected: order_validity.years: Input should be greater than or equal to 1.",
        ),
    ],
)
async def test_a_bad_order_is_400_with_a_sentence_that_helps(
    acme: Company, changes: dict[str, Any], message: str
) -> None:
    answer = await refused(acme, body(**changes))

    assert answer.status_code == 400
    assert answer.json() == error("bad_request_format", message)


@pytest.mark.parametrize("method", ["phone", "http-token-static", "pigeon"])
async def test_another_dcv_method_is_400(acme: Company, method: str) -> None:
    answer = await refused(acme, body(dcv_method=method))

    assert answer.status_code == 400
    assert answer.json() == error(
        "invalid_dcv_method",
        f'dcv_method "{method}" is not offered; leave it out or use one of dns-txt-token, dns-cname-token, http-token, '
        "email, dns-persist.",
    )


@pytest.mark.parametrize("method", ["card", "profile", "barter"])
async def test_another_payment_method_is_400(acme: Company, method: str) -> None:
    answer = await refused(acme, body(payment_method=method))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "payment_method_not_available"
    assert answer.json()["errors"][0]["message"].startswith(
        f'Payment method "{method}" is not available; use "balance"'
    )


async def test_a_missing_unknown_or_revoked_key_is_403(world: World, acme: Company) -> None:
    await revoke(acme, "standard_user")
    expected = error(
        "access_denied|missing_permission",
        "A valid API key is needed in the header X-DC-DEVKEY; this one is missing, unknown or revoked.",
    )

    for key in (None, "no such key", acme.keys["standard_user"]):
        async with world.client(key) as client:
            answer = await client.post(URL, json=body())
        assert (answer.status_code, answer.json()) == (403, expected)
    assert await written(world) == 0


async def test_a_division_of_another_account_is_not_found(acme: Company, globex: Company) -> None:
    answer = await refused(acme, body(container={"id": globex.divisions["Main"]}))

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found|container"


async def test_a_division_that_the_user_is_not_assigned_to_is_not_found(world: World, acme: Company) -> None:
    async with acme.client("standard_user") as client:
        answer = await client.post(URL, json=body(container={"id": acme.divisions["Labs"]}))

    assert answer.status_code == 404
    assert await written(world) == 0


@pytest.mark.parametrize("role", ["finance_manager", "operator"])
async def test_who_may_not_order_is_403(world: World, acme: Company, role: str) -> None:
    async with acme.client(role) as client:
        answer = await client.post(URL, json=body())

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "access_denied|missing_permission"
    assert await written(world) == 0


async def test_what_is_no_json_object_is_400(world: World, acme: Company) -> None:
    async with acme.client() as client:
        answers = [
            await client.post(URL, content=b"{", headers={"content-type": "application/json"}),
            await client.post(URL, content=b"a=b", headers={"content-type": "application/x-www-form-urlencoded"}),
            await client.post(URL, content=b"<order/>", headers={"content-type": "application/xml"}),
            await client.post(URL, content=b"\xff\xfe", headers={"content-type": "application/json"}),
            await client.post(URL, json=[1, 2]),
            await client.post(URL),
        ]

    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["code"] == "bad_request_format"
        assert answer.json()["errors"][0]["message"]
    assert await written(world) == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"certificate":{"common_name":"\\ud800.example","csr":"x"}}',
        '{"certificate":{"common_name":["a"],"csr":{"a":1}},"order_validity":{"years":1e400}}',
        '{"certificate":5,"order_validity":"1"}',
        "[" * 100_000,
    ],
)
async def test_odd_json_is_400_too(world: World, acme: Company, text: str) -> None:
    async with acme.client() as client:
        answer = await client.post(URL, content=text.encode(), headers={"content-type": "application/json"})

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["code"] == "bad_request_format"
    assert await written(world) == 0


async def test_a_body_too_large_is_413(acme: Company) -> None:
    answer = await refused(acme, body(comments="x" * 300_000))

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "request_too_large")


async def test_a_nul_character_is_400_as_no_text_can_keep_it(acme: Company) -> None:
    answer = await refused(acme, body(comments="a\0b"))

    assert answer.status_code == 400
    assert answer.json() == error(
        "bad_request_format",
        "The request is not as expected: comments: a NUL character cannot be kept; leave it out.",
    )
