"""certcentral-api 5: organizations and the duplicate check."""

from typing import Any

import pytest

from shared.db import utcnow
from tests.orders.conftest import Company
from tests.orders.organizations import ACME, ROUTE, added, second_operator, shown, validate


async def call(company: Company, method: str, path: str, role: str = "administrator", **sent: Any) -> Any:
    async with company.client(role) as client:
        return await client.request(method, f"{ROUTE}{path}", **sent)


def said(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["errors"][0]["code"], answer.json()["errors"][0]["message"]


async def test_an_added_organization_is_shown_in_the_shape_of_the_contract(acme: Company) -> None:
    contact = {"first_name": "Ann", "last_name": "Lee", "email": "ann@acme.example", "telephone": "801-555-0101"}
    number = await added(acme, assumed_name="Acme", validations=[{"type": "ov"}], organization_contact=contact)

    found = await shown(acme, number)
    [asked], [person] = found.pop("validations"), found.pop("contacts")
    found.pop("date_created")
    assert found == {
        **ACME, "id": number, "status": "active", "assumed_name": "Acme", "display_name": "Acme Example Inc. (Acme)",
        "is_active": True, "address2": "",
        "container": {"id": acme.divisions["Main"], "name": "Main", "is_active": True},
    }  # fmt: skip
    assert (asked["type"], asked["name"], asked["status"]) == ("ov", "OV", "pending")
    assert asked["description"] == "Normal Organization Validation"
    assert "validated_until" not in asked
    assert {name: person[name] for name in contact} == contact
    assert (person["contact_type"], person["status"]) == ("organization_contact", "active")


async def test_adding_one_is_told_to_others(acme: Company) -> None:
    number = await added(acme)

    [told] = await acme.world.said("orders", "organization_added")
    assert told["organization"]["id"] == number
    assert told["organization"]["address"] == {
        "line1": "1 Main Street", "line2": None, "postcode": "84043", "city": "Lehi", "region": "Utah", "country": "US",
    }  # fmt: skip
    assert told["division_id"] == acme.divisions["Main"]


# ── the duplicate check ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_details_again_answer_201_with_the_same_id(acme: Company) -> None:
    first = await added(acme)

    assert await added(acme, name="ACME  EXAMPLE INC.", country="US", telephone="other", address2="Floor 2") == first
    assert len(await acme.world.said("orders", "organization_added")) == 1


async def test_another_address_or_another_account_makes_another(acme: Company, globex: Company) -> None:
    first = await added(acme)

    assert await added(acme, zip="84044") != first
    assert await added(globex) != first


async def test_skip_duplicate_org_check_makes_a_new_one_and_later_matches_attach_to_the_oldest(acme: Company) -> None:
    first = await added(acme)
    forced = await added(acme, skip_duplicate_org_check=True)

    assert forced > first
    assert await added(acme) == first


async def test_later_matches_attach_to_the_validated_one_though_it_is_younger(acme: Company) -> None:
    first = await added(acme)
    forced = await added(acme, skip_duplicate_org_check=1)
    operator = acme.users["operator"]
    await validate(acme.world.orders.db, forced, "ov", (operator, operator), utcnow())

    assert await added(acme) == forced
    assert (await call(acme, "PUT", f"/{forced}/deactivate")).status_code == 204
    assert await added(acme) == first


async def test_an_inactive_one_never_matches(acme: Company) -> None:
    first = await added(acme)
    await call(acme, "PUT", f"/{first}/deactivate")

    second = await added(acme)
    assert second != first
    assert await added(acme) == second


async def test_a_repeated_request_with_an_idempotency_key_makes_one_though_the_check_is_skipped(acme: Company) -> None:
    sent = ACME | {"skip_duplicate_org_check": True}
    ids = [(await call(acme, "POST", "", json=sent, headers={"Idempotency-Key": "k-1"})).json()["id"] for _ in range(2)]

    assert ids[0] == ids[1]


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def listed(company: Company, query: str, role: str = "administrator") -> tuple[list[Any], int]:
    answer = await call(company, "GET", f"?{query}", role)
    assert answer.status_code == 200, answer.text
    return answer.json()["organizations"], answer.json()["page"]["total"]


async def test_the_list_is_filtered_paged_and_sorted(acme: Company) -> None:
    ids = [await added(acme, name=f"Acme {n}") for n in range(3)]
    await call(acme, "PUT", f"/{ids[1]}/deactivate")

    async def names(query: str) -> list[str]:
        return [each["name"] for each in (await listed(acme, query))[0]]

    assert await names("") == ["Acme 2", "Acme 1", "Acme 0"]
    assert await names("filters[status]=active&sort=name") == ["Acme 0", "Acme 2"]
    assert await names("filters[status]=inactive") == ["Acme 1"]
    assert await names("filters[search]=%252&sort=-name") == ["Acme 2"]
    assert await names(f"container_id={acme.divisions['Hosting']}") == []
    assert await names(f"filters[container_id]={acme.divisions['Main']}&limit=1&offset=1") == ["Acme 1"]
    assert (await listed(acme, "limit=1&offset=9"))[1] == 3


async def test_include_validation_adds_the_validations_to_the_list(acme: Company) -> None:
    await added(acme, validations=[{"type": "ov"}])

    [plain] = (await listed(acme, ""))[0]
    [full] = (await listed(acme, "include_validation=true"))[0]
    assert "validations" not in plain
    assert [each["status"] for each in full["validations"]] == ["pending"]


@pytest.mark.parametrize(
    "query",
    ["filters[status]=odd", "filters[colour]=red", "sort=colour", "filters[container_id]=x", "include_validation=odd"],
)
async def test_a_filter_that_is_none_is_refused(acme: Company, query: str) -> None:
    assert said(await call(acme, "GET", f"?{query}"))[:2] == (400, "bad_request_format")


# ── validation asked for ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_validation_is_asked_for_and_shown_until_when_it_holds(acme: Company) -> None:
    number = await added(acme)

    answer = await call(acme, "POST", f"/{number}/validation", json={"validations": [{"type": "OV"}, {"type": "ev"}]})
    assert (answer.status_code, answer.content) == (204, b"")
    persons = (acme.users["operator"], await second_operator(acme))
    await validate(acme.world.orders.db, number, "ev", persons, utcnow())

    found = (await call(acme, "GET", f"/{number}/validation")).json()["validations"]
    assert [(each["type"], each["status"]) for each in found] == [("ov", "active"), ("ev", "active")]
    assert all(each["validated_until"].endswith("T00:00:00+00:00") for each in found)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"validations": [{"type": "cs"}]}, 'The validation type "cs" is not offered; use ov or ev.'),
        ({"validations": []}, "Say which validation"),
        ({}, "Say which validation"),
    ],
)
async def test_a_validation_that_is_not_offered_is_refused(acme: Company, sent: Any, sentence: str) -> None:
    number = await added(acme)

    status, code, message = said(await call(acme, "POST", f"/{number}/validation", json=sent))
    assert (status, code) == (400, "bad_request_format")
    assert sentence in message


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_deactivating_and_activating_answer_204_also_a_second_time(acme: Company) -> None:
    number = await added(acme)

    for deed, status in (
        ("deactivate", "inactive"),
        ("deactivate", "inactive"),
        ("activate", "active"),
        ("activate", "active"),
    ):
        answer = await call(acme, "PUT", f"/{number}/{deed}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await shown(acme, number))["status"] == status
    audited = await acme.world.rows("orders", "SELECT what FROM audit_log ORDER BY id")
    assert [row.what for row in audited] == ["organization deactivated", "organization activated"]


async def test_an_inactive_one_cannot_be_validated(acme: Company) -> None:
    number = await added(acme)
    await call(acme, "PUT", f"/{number}/deactivate")

    answer = said(await call(acme, "POST", f"/{number}/validation", json={"validations": [{"type": "ov"}]}))
    assert answer[:2] == (400, "invalid_state")
    assert "activate it first" in answer[2]


# ── what cannot be ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": None}, "has no name"),
        ({"address": "", "city": None}, "has no address and no city"),
        ({"country": "usa"}, "is no country"),
        ({"name": "A" * 65}, "at most 64 characters"),
        ({"organization_contact": {"email": "A" * 256}}, "organization_contact.email: String should have at most 255"),
        ({"name": "A" * 40, "assumed_name": "B" * 30}, "together at most 61"),
        ({"name": "Acme\0"}, "NUL"),
        ({"contacts": [{"contact_type": "ev_approver"}]}, "neither user_id nor a name"),
        ({"contacts": [{"contact_type": "ev_approver", "user_id": 999999}]}, "whom this account has not"),
        ({"validations": [{"type": "smime"}]}, "is not offered"),
        ({"skip_duplicate_org_check": "perhaps"}, "skip_duplicate_org_check"),
    ],
)
async def test_details_that_cannot_be_are_refused(acme: Company, changes: dict[str, Any], sentence: str) -> None:
    status, code, message = said(await call(acme, "POST", "", json=ACME | changes))

    assert (status, code) == (400, "bad_request_format")
    assert sentence in message


async def test_a_division_of_another_account_is_not_found(acme: Company, globex: Company) -> None:
    sent = ACME | {"container": {"id": str(globex.divisions["Main"])}}

    assert said(await call(acme, "POST", "", json=sent))[:2] == (404, "not_found|container")


@pytest.mark.parametrize("path", ["/{}", "/{}/validation"])
async def test_one_of_another_account_is_not_found(acme: Company, globex: Company, path: str) -> None:
    number = await added(acme)

    assert said(await call(globex, "GET", path.format(number)))[:2] == (404, "not_found|organization")
    assert said(await call(acme, "GET", path.format("x")))[:2] == (404, "not_found|organization")
    assert (await listed(globex, ""))[1] == 0


async def test_one_of_another_division_is_not_found_by_who_is_restricted(acme: Company) -> None:
    number = await added(acme, container={"id": acme.divisions["Hosting"]})

    assert said(await call(acme, "GET", f"/{number}", "standard_user"))[:2] == (404, "not_found|organization")
    assert said(await call(acme, "PUT", f"/{number}/deactivate", "manager"))[:2] == (404, "not_found|organization")
    assert (await listed(acme, "", "standard_user"))[1] == 0


@pytest.mark.parametrize(
    ("role", "add", "ask", "close"),
    [
        ("manager", 201, 204, 204), ("standard_user", 201, 204, 403), ("limited_user", 403, 403, 403),
        ("finance_manager", 403, 403, 403), ("operator", 403, 403, 204),
    ],
)  # fmt: skip
async def test_each_role_may_do_what_is_its_own(acme: Company, role: str, add: int, ask: int, close: int) -> None:
    number = await added(acme)
    sent = {"validations": [{"type": "ov"}]}

    assert (await call(acme, "POST", "", role, json=ACME)).status_code == add
    assert (await call(acme, "POST", f"/{number}/validation", role, json=sent)).status_code == ask
    assert (await call(acme, "PUT", f"/{number}/deactivate", role)).status_code == close
    assert (await call(acme, "GET", f"/{number}", role)).status_code == 200


async def test_an_operator_sees_those_of_all_accounts_and_whose_they_are(acme: Company, globex: Company) -> None:
    await added(acme)
    await added(globex)

    found, total = await listed(acme, "sort=id", "operator")
    assert ([each["account_id"] for each in found], total) == ([acme.id, globex.id], 2)
    assert (await listed(acme, f"account_id={globex.id}", "operator"))[1] == 1


async def test_a_new_contact_of_a_type_replaces_the_former_and_approvers_add_up(acme: Company) -> None:
    number = await added(acme, contacts=[{"first_name": "Ann"}, {"contact_type": "ev_approver", "first_name": "Eve"}])
    await added(
        acme, contacts=[{"first_name": "Bob"}, {"contact_type": "ev_approver", "user_id": acme.users["manager"]}]
    )
    await added(acme, contacts=[{"first_name": "Bob"}])

    people = [(each["contact_type"], each["first_name"]) for each in (await shown(acme, number))["contacts"]]
    assert people == [("ev_approver", "Eve"), ("organization_contact", "Bob"), ("ev_approver", "Ann")]
