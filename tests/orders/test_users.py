"""Users, service users and API keys: who may make and change them, and what the other services are told."""

from typing import Any

import httpx
import pytest

from shared.access import find_by_key, find_user
from tests.orders.conftest import Company

USER = "/services/v2/user"
STAN = {"email": "stan@acme.example", "first_name": "Stan", "last_name": "Novak", "access_roles": [{"id": 5}]}
CI = {"is_api_only": True, "email": "ci@acme.example", "api_name": "CI", "restricted_to_role_id": 100}


async def call(company: Company, method: str, path: str, role: str = "administrator", **sent: Any) -> httpx.Response:
    async with company.client(role) as client:
        return await client.request(method, USER + path, **sent)


async def added(company: Company, **changes: Any) -> int:
    answer = await call(company, "POST", "", json=STAN | changes)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["code"], error["message"]


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_added_user_is_shown_and_told(acme: Company) -> None:
    division = acme.divisions["Hosting"]

    user_id = await added(acme, container_id_assignments=[division], job_title="Requester", telephone="+49 30 1")

    shown = (await call(acme, "GET", f"/{user_id}")).json()
    assert shown == {
        "id": user_id,
        "username": "stan@acme.example",
        "account_id": acme.id,
        "first_name": "Stan",
        "last_name": "Novak",
        "email": "stan@acme.example",
        "job_title": "Requester",
        "telephone": "+49 30 1",
        "status": "active",
        "type": "standard",
        "is_api_only": False,
        "has_container_assignments": True,
        "container_id_assignments": [division],
        "access_roles": [{"id": 5, "name": "Standard user"}],
        "container": {"id": division, "name": "Hosting"},
    }
    *_, told = await acme.world.said("orders", "user_changed")
    assert told["user"] == {
        "id": user_id,
        "name": "Stan Novak",
        "email": "stan@acme.example",
        "role": "standard_user",
        "divisions": [division],
        "is_active": True,
    }


async def test_the_list_is_of_one_account_filtered_sorted_and_paged(acme: Company, globex: Company) -> None:
    await added(acme)

    everybody = (await call(acme, "GET", "")).json()
    named = (await call(acme, "GET", "?filters[search]=%25nov%25")).json()
    found = (await call(acme, "GET", "?filters[role_id]=5&sort=-email&limit=1")).json()
    at_main = (await call(acme, "GET", f"?container_id={acme.divisions['Main']}")).json()

    assert {user["account_id"] for user in everybody["users"]} == {acme.id}
    assert everybody["page"] == {"total": 6, "limit": 1000, "offset": 0}
    assert [user["last_name"] for user in named["users"]] == ["Novak"]
    assert [user["email"] for user in found["users"]] == ["standard_user@acme.example"]
    assert found["page"]["total"] == 2
    assert at_main["page"]["total"] == 3


async def test_operators_list_every_account_or_one(acme: Company, globex: Company) -> None:
    everybody = (await call(acme, "GET", "", "operator")).json()
    one = (await call(acme, "GET", f"?account_id={globex.id}", "operator")).json()

    assert {user["account_id"] for user in everybody["users"]} == {0, acme.id, globex.id}
    assert {user["account_id"] for user in one["users"]} == {globex.id}


async def test_a_change_of_role_and_divisions_reaches_every_credential(acme: Company) -> None:
    user_id = acme.users["standard_user"]

    answer = await call(
        acme, "PUT", f"/{user_id}",
        json={"access_roles": [{"id": 3}], "container_id_assignments": [acme.divisions["Labs"]], "last_name": "Moreau"},
    )  # fmt: skip

    assert (answer.status_code, answer.content) == (204, b"")
    async with acme.world.orders.db.transaction() as tx:
        by_key, by_session = await find_by_key(tx, acme.keys["standard_user"]), await find_user(tx, user_id)
    assert by_key is not None
    assert by_session is not None
    assert {(c.role, c.divisions, c.name) for c in (by_key, by_session)} == {
        ("finance_manager", (acme.divisions["Labs"],), "Ann Moreau")
    }
    told = [event for event in await acme.world.said("orders", "credential_changed") if event["user_id"] == user_id]
    assert [(event["version"], event["role"]) for event in told[-2:]] == [(2, "finance_manager")] * 2


async def test_divisions_are_taken_away_by_a_word_because_an_empty_list_says_nothing(acme: Company) -> None:
    where = f"/{acme.users['manager']}"
    await call(acme, "PUT", where, json={"container_id_assignments": []})
    kept = (await call(acme, "GET", where)).json()
    await call(acme, "PUT", where, json={"has_container_assignments": False})

    assert kept["container_id_assignments"] == [acme.divisions["Main"]]
    assert (await call(acme, "GET", where)).json()["container_id_assignments"] == []


async def test_a_change_that_changes_nothing_is_not_told(acme: Company) -> None:
    before = await acme.world.said("orders")
    answer = await call(acme, "PUT", f"/{acme.users['manager']}", json={"first_name": "Ann"})

    assert answer.status_code == 204
    assert await acme.world.said("orders") == before


async def test_a_deactivated_user_is_out_and_its_keys_with_it_until_it_is_back(acme: Company) -> None:
    where = f"/{acme.users['manager']}"

    assert (await call(acme, "DELETE", where)).status_code == 204
    assert (await call(acme, "DELETE", where)).status_code == 204
    gone = await call(acme, "GET", "/me", "manager")
    status = (await call(acme, "GET", where)).json()["status"]
    await call(acme, "PUT", where, json={"status": "active"})

    assert (gone.status_code, status) == (403, "inactive")
    assert (await call(acme, "GET", "/me", "manager")).status_code == 200


async def test_a_revoked_key_stays_revoked_when_its_user_is_enabled_again(acme: Company) -> None:
    user_id = acme.users["manager"]
    [key] = (await call(acme, "GET", f"/{user_id}/api-key")).json()["api_keys"]
    await call(acme, "DELETE", f"/{user_id}/api-key/{key['id']}")
    await call(acme, "DELETE", f"/{user_id}")
    await call(acme, "PUT", f"/{user_id}", json={"status": "active"})

    assert (await call(acme, "GET", "/me", "manager")).status_code == 403


@pytest.mark.parametrize(
    ("changes", "status", "code", "says"),
    [
        ({"email": "manager@ACME.example"}, 409, "user_exists", "another address"),
        ({"email": "nobody"}, 400, "bad_request_format", "no e-mail address"),
        ({"email": "two@@acme.example"}, 400, "bad_request_format", "no e-mail address"),
        ({"last_name": ""}, 400, "bad_request_format", "last name is missing"),
        ({"last_name": "x" * 101}, 400, "bad_request_format", "at most 100"),
        ({"access_roles": [{"id": 77}]}, 400, "bad_request_format", "no role 77"),
        ({"access_roles": []}, 400, "bad_request_format", "access_roles is missing"),
        ({"access_roles": [{"id": 9}]}, 403, "access_denied|missing_permission", "Only operators"),
        ({"access_roles": [{"id": 1}, {"id": 2}]}, 400, "bad_request_format", "one role"),
        ({"container_id_assignments": [999999]}, 404, "not_found|container", "no division 999999"),
        ({"account_id": 1}, 404, "not_found|account", "no account 1"),
    ],
)
async def test_what_cannot_be_a_user_is_refused(
    acme: Company, changes: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = await call(acme, "POST", "", json=STAN | changes)

    assert refusal(answer)[:2] == (status, code)
    assert says in refusal(answer)[2]


async def test_a_division_of_another_account_cannot_be_assigned(acme: Company, globex: Company) -> None:
    answer = await call(acme, "POST", "", json=STAN | {"container_id_assignments": [globex.divisions["Main"]]})
    assert refusal(answer)[:2] == (404, "not_found|container")


async def test_an_operator_adds_to_any_account_and_to_the_staff(acme: Company) -> None:
    to_account = await call(acme, "POST", "", "operator", json=STAN | {"account_id": acme.id})
    to_staff = await call(
        acme, "POST", "", "operator", json=STAN | {"email": "o@issuary.example", "access_roles": [{"id": 9}]}
    )
    both = STAN | {"email": "p@x.example", "account_id": acme.id, "access_roles": [{"id": 9}]}
    mixed = await call(acme, "POST", "", "operator", json=both)

    assert (to_account.status_code, to_staff.status_code) == (201, 201)
    staff = (await call(acme, "GET", f"/{to_staff.json()['id']}", "operator")).json()
    assert (staff["account_id"], staff["access_roles"]) == (0, [{"id": 9, "name": "Operator"}])
    assert refusal(mixed)[0] == 400


# ── the last administrator ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("change", [{"status": "inactive"}, {"access_roles": [{"id": 4}]}, {"container": 1}])
async def test_the_last_administrator_is_neither_disabled_nor_demoted_nor_limited(
    acme: Company, change: dict[str, Any]
) -> None:
    sent = {"container_id_assignments": [acme.divisions["Main"]]} if "container" in change else change
    answer = await call(acme, "PUT", f"/{acme.users['administrator']}", json=sent)

    assert refusal(answer)[:2] == (409, "invalid_state")
    assert "last administrator" in refusal(answer)[2]
    assert (await call(acme, "GET", "/me")).json()["status"] == "active"


async def test_a_service_user_and_a_limited_administrator_do_not_count_as_another(acme: Company) -> None:
    await call(acme, "POST", "", json=CI)
    await added(acme, access_roles=[{"id": 1}], container_id_assignments=[acme.divisions["Main"]])

    answer = await call(acme, "DELETE", f"/{acme.users['administrator']}")
    assert "last administrator" in refusal(answer)[2]


async def test_with_another_administrator_one_may_go(acme: Company) -> None:
    await added(acme, access_roles=[{"id": 1}])
    assert (await call(acme, "DELETE", f"/{acme.users['administrator']}")).status_code == 204


# ── service users and keys ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_service_user_gets_its_key_once_and_the_key_is_restricted(acme: Company) -> None:
    answer = await call(acme, "POST", "", json=CI | {"container_id_assignments": [acme.divisions["Main"]]})

    made = answer.json()
    assert answer.status_code == 201
    assert set(made) == {"id", "api_key"}
    async with acme.world.client(made["api_key"]) as client:
        me = (await client.get(f"{USER}/me")).json()
        users, invoices = await client.get(USER), await client.get("/services/v2/finance/invoice")
        orders = await client.get("/services/v2/order/certificate")
    assert (me["id"], me["is_api_only"], me["last_name"]) == (made["id"], True, "CI")
    assert (users.status_code, invoices.status_code, orders.status_code) == (403, 403, 200)
    rows = await acme.world.rows("orders", "SELECT key_hash FROM api_key WHERE user_id = :id", id=made["id"])
    assert made["api_key"] not in rows[0].key_hash


async def test_a_repeated_request_makes_no_second_user_and_does_not_show_the_key_again(acme: Company) -> None:
    async with acme.client(**{"Idempotency-Key": "k-1"}) as client:
        first, again = [(await client.post(USER, json=CI)).json() for _ in range(2)]

    assert again == {"id": first["id"]}
    kept = await acme.world.rows("orders", "SELECT body::text FROM idempotency_key")
    assert first["api_key"] not in kept[0].body


async def test_service_users_may_share_an_address_with_who_signs_in(acme: Company) -> None:
    first = await call(acme, "POST", "", json=CI | {"email": "administrator@acme.example"})
    second = await call(acme, "POST", "", json=CI | {"email": "administrator@acme.example"})

    assert (first.status_code, second.status_code) == (201, 201)


async def test_keys_are_made_listed_without_themselves_and_revoked(acme: Company) -> None:
    where = f"/{acme.users['manager']}/api-key"
    made = (await call(acme, "POST", where, json={"name": "deploy", "restricted_to_role_id": 102})).json()
    listed = (await call(acme, "GET", where)).json()["api_keys"]

    async with acme.world.client(made["api_key"]) as client:
        read = await client.get(f"{USER}/me")
        wrote = await client.put(f"{USER}/{acme.users['manager']}", json={})
    revoked = await call(acme, "DELETE", f"{where}/{made['id']}")
    async with acme.world.client(made["api_key"]) as client:
        afterwards = await client.get(f"{USER}/me")

    assert [(key["name"], key["restriction"], key["status"]) for key in listed] == [
        ("test", "No restriction", "active"),
        ("deploy", "View only", "active"),
    ]
    assert "api_key" not in listed[1]
    assert (read.status_code, wrote.status_code) == (200, 403)
    assert (revoked.status_code, afterwards.status_code) == (204, 403)
    assert (await call(acme, "DELETE", f"{where}/{made['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("sent", "says"),
    [({"name": "x", "restricted_to_role_id": 104}, "cannot be restricted to 104"), ({}, "name of the key is missing")],
)
async def test_what_cannot_be_a_key_is_refused(acme: Company, sent: dict[str, Any], says: str) -> None:
    answer = await call(acme, "POST", f"/{acme.users['manager']}/api-key", json=sent)
    assert answer.status_code == 400
    assert says in refusal(answer)[2]


async def test_a_key_of_somebody_else_is_not_found_under_this_user(acme: Company) -> None:
    [key] = (await call(acme, "GET", f"/{acme.users['standard_user']}/api-key")).json()["api_keys"]
    answer = await call(acme, "DELETE", f"/{acme.users['manager']}/api-key/{key['id']}")
    assert refusal(answer)[:2] == (404, "not_found|api_key")


async def test_a_key_for_user_management_hands_out_no_more_than_it_has(acme: Company) -> None:
    made = await call(acme, "POST", f"/{acme.users['administrator']}/api-key",
                      json={"name": "hr", "restricted_to_role_id": 103})  # fmt: skip
    admin, manager = f"{USER}/{acme.users['administrator']}", f"{USER}/{acme.users['manager']}"
    async with acme.world.client(made.json()["api_key"]) as client:
        fine = [
            await client.post(USER, json=STAN),
            await client.put(manager, json={"job_title": "Lead"}),
            await client.post(f"{manager}/api-key", json={"name": "hr", "restricted_to_role_id": 103}),
            await client.post(USER, json=CI | {"restricted_to_role_id": 103}),
        ]
        too_much = [
            await client.post(USER, json=STAN | {"email": "x@acme.example", "access_roles": [{"id": 1}]}),
            await client.put(manager, json={"access_roles": [{"id": 1}]}),
            await client.put(admin, json={"email": "mine@evil.example"}),
            await client.delete(admin),
            await client.post(f"{admin}/password-link"),
            await client.post(f"{manager}/api-key", json={"name": "all"}),
            await client.post(f"{admin}/api-key", json={"name": "all", "restricted_to_role_id": 103}),
            await client.post(USER, json=CI | {"restricted_to_role_id": 0}),
            await client.get("/services/v2/order/certificate"),
            await client.get("/services/v2/finance/balance"),
        ]
    assert [answer.status_code for answer in fine] == [201, 204, 201, 201]
    assert [answer.status_code for answer in too_much] == [403] * len(too_much)


async def test_an_administrator_limited_to_divisions_manages_nobody(acme: Company) -> None:
    made = await call(acme, "POST", "", json=CI | {"container_id_assignments": [acme.divisions["Main"]],
                                                   "restricted_to_role_id": 0})  # fmt: skip
    async with acme.world.client(made.json()["api_key"]) as client:
        answers = [
            await client.get(USER),
            await client.post(USER, json=STAN),
            await client.put(f"{USER}/{acme.users['manager']}", json={"access_roles": [{"id": 2}]}),
            await client.get(f"{USER}/{acme.users['manager']}"),
        ]
    assert [answer.status_code for answer in answers] == [403] * 4
