"""OV and EV orders: which organization they are for, and that they wait for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy.ext.asyncio import AsyncEngine

from services.orders import actions, worker
from services.orders.clients.test_ca import TestCa
from services.orders.models import Organization
from services.orders.rules.checklist import Level
from shared.db import locked, utcnow
from shared.events import orders as facts
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, body, ca_key, charged, csr, validated
from tests.orders.organizations import ACME, added, second_operator, validate
from tests.orders.test_pages import browser
from tests.test_guards import counting

ORDER = "/services/v2/order/certificate"
NAMES = ("www.acme.example", "acme.example")


async def place(company: Company, path: str = "ssl_basic", role: str = "administrator", **changes: Any) -> Any:
    async with company.client(role) as client:
        return await client.post(f"{ORDER}/{path}", json=body(**changes))


async def placed(company: Company, path: str = "ssl_basic", **changes: Any) -> int:
    answer = await place(company, path, **changes)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def vet(company: Company, organization: int, level: Level = "ov") -> None:
    persons = (company.users["operator"], await second_operator(company))
    await validate(company.world.orders.db, organization, level, persons, utcnow())


async def pay_and_prove(company: Company, order: int) -> None:
    world = company.world
    await world.deliver("orders", charged(company.id, order), *(validated(company.id, name) for name in NAMES))


async def work(world: World) -> None:
    """The worker's steps without the CA's."""
    steps = worker.steps(None, world.orders.db)
    while any([await step() for step in steps]):
        pass


# ── which one ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_names_its_organization_by_id_and_shows_it(acme: Company) -> None:
    number = await added(acme, organization_contact={"first_name": "Ann", "last_name": "Lee"})

    order = await acme.order(await placed(acme, organization={"id": str(number)}))

    assert order["organization"] == {
        "id": number, "name": "Acme Example Inc.", "display_name": "Acme Example Inc.", "is_active": True,
        "city": "Lehi", "state": "Utah", "country": "us",
    }  # fmt: skip
    assert order["certificate"]["organization"] == {"id": number}
    assert order["organization_contact"]["last_name"] == "Lee"
    assert order["product"]["validation_type"] == "ov"
    [told] = await acme.world.said("orders", "order_placed")
    assert (told["organization"]["id"], told["organization"]["name"]) == (number, "Acme Example Inc.")


async def test_details_in_an_order_make_one_and_the_same_details_attach_to_it(acme: Company) -> None:
    contacts = [{"contact_type": "technical_contact", "first_name": "Tom", "last_name": "Ray"}]
    first = await acme.order(await placed(acme, organization={**ACME, "contacts": contacts}))
    second = await acme.order(await placed(acme, organization={**ACME, "name": "acme example  INC."}))
    third = await acme.order(await placed(acme, organization={**ACME, "skip_duplicate_org_check": True}))

    assert second["organization"]["id"] == first["organization"]["id"] != third["organization"]["id"]
    assert second["technical_contact"]["first_name"] == "Tom"


async def test_an_order_without_one_uses_the_accounts_only_active_one(acme: Company) -> None:
    number = await added(acme)

    assert (await acme.order(await placed(acme)))["organization"]["id"] == number


@pytest.mark.parametrize("count", [0, 2])
async def test_an_order_without_one_is_refused_where_none_or_several_are_meant(acme: Company, count: int) -> None:
    for n in range(count):
        await added(acme, name=f"Acme {n}")

    answer = await place(acme, organization={"id": 0, "name": ""})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "bad_request_format")
    assert 'give "organization" with its id or its details' in answer.json()["errors"][0]["message"]
    assert await acme.world.said("orders", "order_placed") == []


async def test_an_inactive_one_or_one_out_of_sight_cannot_be_ordered_for(acme: Company, globex: Company) -> None:
    inactive, hidden = await added(acme), await added(acme, zip="1", container={"id": acme.divisions["Hosting"]})
    async with acme.client() as client:
        await client.put(f"/services/v2/organization/{inactive}/deactivate")

    def code(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["errors"][0]["code"]

    assert code(await place(acme, organization={"id": inactive})) == (400, "invalid_state")
    assert code(await place(globex, organization={"id": inactive})) == (404, "not_found|organization")
    assert code(await place(acme, role="standard_user", organization={"id": hidden})) == (404, "not_found|organization")
    assert code(await place(acme, organization={"id": 99})) == (404, "not_found|organization")


async def test_details_that_cannot_be_are_refused_and_nothing_is_placed(acme: Company) -> None:
    answer = await place(acme, organization={**ACME, "country": "Germany"})

    assert "is no country" in answer.json()["errors"][0]["message"]
    assert await acme.world.said("orders", "order_placed", "organization_added") == []


async def test_a_domain_validated_order_has_none_whatever_is_sent(acme: Company) -> None:
    order = await acme.order(await placed(acme, "ssl_dv_geotrust", organization=ACME))

    assert "organization" not in order
    assert await acme.world.said("orders", "organization_added") == []


async def test_a_command_places_an_order_for_an_organization_like_a_request(acme: Company) -> None:
    told: dict[str, Any] = {
        "source": "reseller", "account_id": acme.id, "csr": csr(), "product_name_id": "ssl_basic",
        "division": {"id": acme.divisions["Main"], "name": "Main"}, "term": {"years": 1},
    }  # fmt: skip
    address = {"line1": "1 Main Street", "city": "Lehi", "region": "Utah", "postcode": "84043", "country": "US"}
    commands = [
        facts.PlaceOrder.model_validate({**told, "names": [f"n{n}.acme.example"], "organization": organization})
        for n, organization in enumerate([{"name": "Acme Example Inc.", "address": address}] * 3 + [None, {"id": 99}])
    ]

    await acme.world.deliver("orders", *commands)

    placed = await acme.world.said("orders", "order_placed")
    assert len({event["organization"]["id"] for event in placed}) == 1
    assert len(placed) == 4
    [refused] = await acme.world.said("orders", "command_refused")
    assert refused["code"] == "not_found|organization"
    assert len(await acme.world.said("orders", "organization_added")) == 1


@pytest.mark.parametrize("details", [True, False])
async def test_a_chunk_of_commands_asks_as_little_for_many_organizations_as_for_few(
    acme: Company, engines: dict[str, AsyncEngine], details: bool
) -> None:
    def command(n: int) -> facts.PlaceOrder:
        address = {"line1": f"{n} Main Street", "city": "Lehi", "country": "US"}
        return facts.PlaceOrder.model_validate(
            {
                "source": "reseller", "account_id": acme.id, "csr": csr(), "product_name_id": "ssl_basic",
                "division": {"id": acme.divisions["Main"], "name": "Main"}, "term": {"years": 1},
                "names": [f"n{n}.acme.example"],
                "organization": {"name": "Acme Example Inc.", "address": address} if details else {"id": known[n % 9]},
            }
        )  # fmt: skip

    known = [] if details else [await added(acme, zip=str(n)) for n in range(9)]
    counts = []
    for first, count in ((0, 3), (100, 60)):
        with counting(engines["orders"]) as statements:
            await acme.world.deliver("orders", *(command(first + n) for n in range(count)))
        counts.append(len(statements))

    assert len(await acme.world.said("orders", "order_placed")) == 63
    assert counts[1] <= counts[0] + 2, statements


@pytest.mark.parametrize(
    ("hint", "names", "product"),
    [("private", NAMES, "private_ssl_plus"), ("private", ("*.acme.example",), "private_ssl_wildcard")],
)
async def test_the_generic_route_chooses_by_type_hint(
    acme: Company, hint: str, names: tuple[str, ...], product: str
) -> None:
    changes = {"certificate__common_name": names[0], "certificate__dns_names": names, "organization": ACME}

    order = await acme.order(await placed(acme, "ssl", product={"type_hint": hint}, **changes))
    assert order["product_name_id"] == product
    answer = await place(acme, "ssl", organization=ACME)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "ambiguous_product")


async def test_the_list_is_filtered_by_organization(acme: Company) -> None:
    first = await acme.order(await placed(acme, organization=ACME))
    await placed(acme, organization={**ACME, "zip": "1"})

    async with acme.client() as client:
        answer = await client.get(f"{ORDER}?filters[organization_id]={first['organization']['id']}")
    [row] = answer.json()["orders"]
    assert (row["id"], row["organization"]) == (first["id"], {"id": first["organization"]["id"], "name": ACME["name"]})


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_waits_for_its_organization_and_goes_on_by_itself_when_it_is_validated(acme: Company) -> None:
    order = await placed(acme, organization=ACME)
    organization = (await acme.order(order))["organization"]["id"]
    await pay_and_prove(acme, order)
    await work(acme.world)
    assert await acme.world.said("orders", "authorize_issuance") == []
    async with browser(acme) as client:
        page = (await client.get(f"/orders/{order}")).text
    assert "Waiting for the organization" in page
    assert "Acme Example Inc. is not validated yet." in page
    assert "Waits for the validation of Acme Example Inc.; our staff look at it" in page

    await vet(acme, organization)
    await work(acme.world)

    [asked] = await acme.world.said("orders", "authorize_issuance")
    assert asked["order"]["id"] == order
    assert (await acme.order(order))["facts"]["organization_validated_until"]


async def test_what_is_validated_for_ov_only_does_not_do_for_ev(acme: Company) -> None:
    order = await placed(acme, "ssl_ev_basic", organization=ACME)
    organization = (await acme.order(order))["organization"]["id"]
    await pay_and_prove(acme, order)

    await vet(acme, organization, "ov")
    await work(acme.world)
    assert await acme.world.said("orders", "authorize_issuance") == []


async def test_an_order_for_a_validated_one_asks_nothing_of_the_staff(acme: Company) -> None:
    organization = await added(acme, validations=[{"type": "ov"}])
    await vet(acme, organization)

    order = await placed(acme, organization={"id": organization})
    await pay_and_prove(acme, order)

    assert len(await acme.world.said("orders", "authorize_issuance")) == 1
    rows = await acme.world.rows("orders", "SELECT open_since FROM organization_validation")
    assert [row.open_since for row in rows] == [None]


async def test_a_permission_is_no_longer_than_the_organizations_validation(acme: Company) -> None:
    organization = await added(acme, validations=[{"type": "ov"}])
    checked = utcnow() - timedelta(days=396)  # one day is left, less what is over of this day
    operator = acme.users["operator"]
    await validate(acme.world.orders.db, organization, "ov", (operator, operator), checked)
    order = await placed(acme, organization={"id": organization})
    await pay_and_prove(acme, order)

    late = utcnow() + timedelta(days=2)
    await acme.world.deliver("orders", authorized(acme.id, order, NAMES, issue_before=late))

    [ready] = await acme.world.said("orders", "order_ready_to_issue")
    told = datetime.fromisoformat(ready["issue_before"])
    assert told == datetime.fromisoformat((await acme.order(order))["facts"]["organization_validated_until"])
    assert told < late


# ── the certificate ──────────────────────────────────────────────────────────────────────────────────────────────────


async def issued(company: Company, order: int) -> x509.Certificate:
    await pay_and_prove(company, order)
    await work(company.world)
    await company.world.deliver("orders", authorized(company.id, order, NAMES))
    assert await worker.issue_next(company.world.orders.db, TestCa(ca_key()))
    [told] = await company.world.said("orders", "certificate_issued")
    return x509.load_pem_x509_certificate(told["pem"].encode())


def subject(certificate: x509.Certificate) -> dict[str, str]:
    return {attribute.oid._name: str(attribute.value) for attribute in certificate.subject}


def policies(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    return [policy.policy_identifier.dotted_string for policy in found]


async def test_the_subject_is_the_verified_record_whatever_customer_and_csr_say(acme: Company) -> None:
    order = await placed(acme, organization={**ACME, "name": "acme example inc", "city": "Somewhere"})
    organization = (await acme.order(order))["organization"]["id"]
    await vet(acme, organization)

    certificate = await issued(acme, order)

    assert subject(certificate) == {
        "countryName": "US", "stateOrProvinceName": "Utah", "localityName": "Lehi",
        "organizationName": "Acme Example Inc.", "commonName": "www.acme.example",
    }  # fmt: skip
    assert policies(certificate) == ["2.23.140.1.2.2"]
    [ready] = await acme.world.said("orders", "order_ready_to_issue")
    assert ready["subject_to_certify"]["organization"] == "Acme Example Inc."


async def test_an_ev_certificate_says_category_jurisdiction_and_number(acme: Company) -> None:
    order = await placed(acme, "ssl_ev_basic", organization=ACME)
    organization = (await acme.order(order))["organization"]["id"]
    await vet(acme, organization, "ev")

    certificate = await issued(acme, order)

    said = subject(certificate)
    assert said["businessCategory"] == "Private Organization"
    assert (said["jurisdictionCountryName"], said["jurisdictionStateOrProvinceName"]) == ("US", "Delaware")
    assert said["serialNumber"] == "5157550"
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Acme Example Inc."
    assert policies(certificate) == ["2.23.140.1.1"]


async def test_private_tls_claims_no_policy_of_the_public_ones(acme: Company) -> None:
    order = await placed(acme, "private_ssl_plus", organization=ACME)
    await vet(acme, (await acme.order(order))["organization"]["id"])

    certificate = await issued(acme, order)

    assert subject(certificate)["organizationName"] == "Acme Example Inc."
    with pytest.raises(x509.ExtensionNotFound):
        policies(certificate)


async def test_nothing_is_signed_for_an_organization_deactivated_since(acme: Company) -> None:
    order = await placed(acme, organization=ACME)
    organization = (await acme.order(order))["organization"]["id"]
    await vet(acme, organization)
    await pay_and_prove(acme, order)
    await work(acme.world)
    await acme.world.deliver("orders", authorized(acme.id, order, NAMES))
    async with acme.client() as client:
        await client.put(f"/services/v2/organization/{organization}/deactivate")

    assert not await worker.issue_next(acme.world.orders.db, TestCa(ca_key()))

    assert await acme.world.said("orders", "certificate_issued") == []
    async with browser(acme) as client:
        page = (await client.get(f"/orders/{order}")).text
    assert "Acme Example Inc. is inactive." in page
    assert "the organization is not validated any more" in page


async def test_a_reissue_asks_the_staff_for_an_organization_whose_validation_is_over(acme: Company) -> None:
    order = await placed(acme, organization=ACME)
    organization = (await acme.order(order))["organization"]["id"]
    await vet(acme, organization)
    await issued(acme, order)
    async with acme.world.orders.db.transaction() as tx:
        row = await locked(tx, Organization, organization)
        changed = row.details.__class__(**{**vars(row.details), "zip": "84044"})
        await actions.change_organization(tx, row, changed, "Ann Lee", datetime.now(UTC))
    await acme.world.rows("orders", "UPDATE organization_validation SET open_since = NULL RETURNING 1")

    async with acme.client() as client:
        answer = await client.post(f"{ORDER}/{order}/reissue", json={"certificate": {}})

    assert answer.status_code == 201, answer.text
    rows = await acme.world.rows("orders", "SELECT 1 FROM organization_validation WHERE open_since IS NOT NULL")
    assert len(rows) == 1
