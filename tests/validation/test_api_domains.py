"""Domains over the Services API: certcentral-api 6 and dcv-rules 16."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import World
from tests.validation.conftest import let_pass, look, make_due
from tests.validation.dns_server import SILENCE, DnsServer, Script, txt
from tests.validation.makers import an_order
from tests.validation.office import LABS, MAIN, OTHERS, D, add, key_of

OV = {"validations": [{"type": "ov"}]}
TXT = OV | {"dcv_method": "dns-txt-token"}


async def info(http: httpx.AsyncClient, domain_id: int, **flags: Any) -> dict[str, Any]:
    answer = await http.get(f"{D}/{domain_id}", params={"include_dcv": "true", "include_validation": "True", **flags})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def publish(zone: DnsServer, name: str, token: str) -> None:
    place = f"_dnsauth.{name}"
    zone.scripts[place] = txt(place, token)


async def prove(office: World, zone: DnsServer, http: httpx.AsyncClient, name: str, **more: Any) -> int:
    added = await add(http, name, **more)
    publish(zone, name, added["dcv_token"]["token"])
    await look(office, zone)
    return int(added["id"])


async def test_a_domain_is_added_with_what_to_publish(office: World) -> None:
    async with key_of(office) as http:
        added = await add(http, "Acme.Example.")
        shown = await info(http, added["id"])

    assert added["name"] == "acme.example"
    token = added["dcv_token"]
    assert len(token["token"]) == 32
    assert token["status"] == "pending"
    assert datetime.fromisoformat(token["expiration_date"]).tzinfo is not None
    assert "verification_value" not in token
    assert added["dcv_record"] == {"name": "_dnsauth.acme.example", "type": "TXT", "value": token["token"]}
    assert shown["dcv_token"] == token
    assert shown["status"] == "pending"
    assert shown["is_pending_validation"] is True
    assert shown["organization"] == {"id": 7}
    assert shown["container"] == {"id": MAIN, "name": "Main", "is_active": True}
    assert shown["validations"][0]["dcv_status"] == "pending"


async def test_without_a_method_a_domain_is_added_and_new(office: World) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example", None)
        shown = await info(http, added["id"])

    assert added == {"id": added["id"], "name": "acme.example"}
    assert shown["status"] == "new"
    assert "dcv_token" not in shown


@pytest.mark.parametrize(
    ("name", "more", "kept"),
    [
        ("www.acme.example", {}, "acme.example"),
        ("www.acme.example", {"keep_www": True}, "www.acme.example"),
        ("www.acme.example", {"keep_www": "1"}, "www.acme.example"),
        ("www.www.acme.example", {}, "www.acme.example"),
        ("www.example", {}, "www.example"),
        ("wwww.acme.example", {}, "wwww.acme.example"),
    ],
)
async def test_one_leading_www_is_taken_away_and_the_reply_shows_the_name_kept_lc11(
    office: World, name: str, more: dict[str, Any], kept: str
) -> None:
    async with key_of(office) as http:
        assert (await add(http, name, **more))["name"] == kept


async def test_a_domain_added_twice_is_one_and_keeps_its_token(office: World) -> None:
    async with key_of(office) as http:
        first, second = await add(http, "acme.example"), await add(http, "ACME.example")

    assert first == second


async def test_a_repeated_idempotency_key_gives_the_first_answer_again(office: World) -> None:
    async with key_of(office, **{"Idempotency-Key": "k1"}) as http:
        first = await add(http, "acme.example")
        await http.post(f"{D}/{first['id']}/dcv/token")
        assert await add(http, "acme.example") == first


async def test_submitted_without_a_method_204_and_the_one_before_applies_lc1_example_56(office: World) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        answer = await http.post(f"{D}/{added['id']}/validation", json=OV)
        shown = await info(http, added["id"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert shown["dcv_method"] == "dns-txt-token"
    assert shown["dcv_token"] == added["dcv_token"]


async def test_submitted_with_a_method_201_and_a_token_lc1_example_57(office: World) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example", None)
        answer = await http.post(f"{D}/{added['id']}/validation", json=TXT)

    assert answer.status_code == 201
    assert answer.json()["id"] == added["id"]
    assert answer.json()["dcv_token"]["status"] == "pending"


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (OV, "dcv_method_required", "dcv_method is one of dns-txt-token"),
        (OV | {"dcv_method": "carrier-pigeon"}, "invalid_dcv_method", '"carrier-pigeon"'),
        ({"dcv_method": "dns-txt-token"}, "bad_request_format", "validations"),
        ({"validations": [], "dcv_method": "dns-txt-token"}, "bad_request_format", "validations"),
        ({"validations": [{"type": "gold"}]}, "bad_request_format", "validations.0.type"),
    ],
)
async def test_a_submission_that_cannot_be_says_what_is_wrong_lc2(
    office: World, body: dict[str, Any], code: str, says: str
) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example", None)
        answer = await http.post(f"{D}/{added['id']}/validation", json=body)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == code
    assert says in error["message"]


@pytest.mark.parametrize(
    ("name", "says"), [("acme.internal", "public suffix"), ("a..b.example", "empty label"), ("8.8.8.8", "IP address")]
)
async def test_a_name_that_cannot_be_certified_is_not_added(office: World, name: str, says: str) -> None:
    async with key_of(office) as http:
        answer = await http.post(D, json=TXT | {"name": name})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "invalid_dns_name"
    assert says in answer.json()["errors"][0]["message"]
    assert await office.rows("validation", "SELECT 1 FROM domain") == []


async def test_a_refused_method_adds_no_domain(office: World) -> None:
    async with key_of(office) as http:
        answer = await http.post(D, json=OV | {"name": "acme.example", "dcv_method": "nothing"})

    assert answer.status_code == 400
    assert await office.rows("validation", "SELECT 1 FROM domain") == []


async def test_a_revalidation_leaves_the_current_one_serving_orders_example_58(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        domain_id = await prove(office, zone, http, "acme.example")
        before = await info(http, domain_id)
        again = await http.post(f"{D}/{domain_id}/validation", json=TXT)
        shown = await info(http, domain_id)
    await office.deliver("validation", an_order("www.acme.example"))

    assert again.status_code == 201
    assert (shown["status"], shown["revalidation_pending"], shown["is_pending_validation"]) == ("active", True, True)
    assert shown["validations"][0]["validated_until"] == before["validations"][0]["validated_until"]
    assert shown["validations"][0]["status"] == "active"
    [validated] = [e for e in await office.said("validation", "domain_validated") if e["name"] == "www.acme.example"]
    assert validated["authorization_domain"] == "acme.example"


async def test_the_new_proof_takes_the_place_of_the_old_one_at_once(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        domain_id = await prove(office, zone, http, "acme.example")
        await let_pass(office, 50)
        before = await info(http, domain_id)
        again = await http.post(f"{D}/{domain_id}/validation", json=TXT)
        publish(zone, "acme.example", again.json()["dcv_token"]["token"])
        await make_due(office)
        await look(office, zone)
        shown = await info(http, domain_id)

    approved = [datetime.fromisoformat(one["dcv_approval_datetime"]) for one in (before, shown)]
    assert approved[1] - approved[0] >= timedelta(days=50)
    assert shown["revalidation_pending"] is False
    assert len(await office.rows("validation", "SELECT 1 FROM validation")) == 1
    assert len(await office.rows("validation", "SELECT 1 FROM attempt WHERE ended = 'passed'")) == 2


async def test_a_new_token_kills_the_one_before_and_keeps_it_in_history_tk3(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        answer = await http.post(f"{D}/{added['id']}/dcv/token")
        publish(zone, "acme.example", added["dcv_token"]["token"])
        await look(office, zone)
        shown = await info(http, added["id"])

    assert answer.status_code == 200
    assert answer.json()["token"] != added["dcv_token"]["token"]
    assert set(answer.json()) == {"token", "expiration_date"}
    assert shown["status"] == "pending"
    [past] = await office.rows("validation", "SELECT * FROM past_token")
    assert (past.method, past.ended_by) == ("dns-txt-token", "ann@acme.example")
    first, second = await office.said("validation", "domain_submitted")
    assert first["record_value"] == added["dcv_token"]["token"]
    assert second["record_value"] == answer.json()["token"]


async def test_a_method_changed_to_itself_keeps_its_token(office: World) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        answer = await http.put(f"{D}/{added['id']}/dcv/method", json={"dcv_method": "dns-txt-token"})

    assert answer.status_code == 200
    assert answer.json()["dcv_token"] == added["dcv_token"]
    assert await office.said("validation", "dcv_method_changed") == []


async def test_a_check_by_hand_finds_the_record_at_once(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        token = added["dcv_token"]["token"]
        publish(zone, "acme.example", token)
        answer = await http.put(f"{D}/{added['id']}/dcv/validate-token")
        again = await http.put(f"{D}/{added['id']}/dcv/validate-token")
        shown = await info(http, added["id"])

    assert answer.json() == {"token": token, "status": "active"}
    assert again.json() == {"status": "active"}
    assert shown["status"] == "active"
    assert shown["validations"][0]["dcv_status"] == "complete"
    assert len(await office.said("validation", "domain_validated")) == 1


async def test_a_check_by_hand_says_what_it_saw_and_does_not_restart_polling_lc6(
    office: World, zone: DnsServer
) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        await let_pass(office, 3)
        publish(zone, "acme.example", "f" * 32)
        [before] = await office.rows("validation", "SELECT polls_from FROM attempt")
        answer = await http.put(f"{D}/{added['id']}/dcv/validate-token")
        soon = await http.put(f"{D}/{added['id']}/dcv/validate-token")

    assert answer.status_code == 200
    assert answer.json()["status"] == "pending"
    assert "f" * 32 in answer.json()["message"]
    assert soon.status_code == 429
    assert soon.json()["errors"][0]["code"] == "request_limit_exceeded"
    [after] = await office.rows("validation", "SELECT polls_from, checks, due_at FROM attempt")
    assert after.polls_from == before.polls_from
    assert after.checks == 1
    assert timedelta(0) < after.due_at - datetime.now(after.due_at.tzinfo) <= timedelta(hours=1)


async def test_a_lookup_that_fails_is_an_error(office: World, zone: DnsServer) -> None:
    zone.otherwise = SILENCE
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        answer = await http.put(f"{D}/{added['id']}/dcv/validate-token")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "dcv_lookup_failed"


async def test_a_check_beside_a_workers_look_waits_for_its_answer(office: World) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        await office.rows("validation", "UPDATE attempt SET leased_until = now() + interval '20 seconds' RETURNING id")
        answer = await http.put(f"{D}/{added['id']}/dcv/validate-token")

    assert answer.json()["status"] == "pending"
    assert "looked at this moment" in answer.json()["message"]


async def test_a_dry_run_says_what_would_be_and_proves_nothing_lc10(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        publish(zone, "acme.example", added["dcv_token"]["token"])
        answer = await http.post(f"{D}/{added['id']}/dcv/pre-check")
        shown = await info(http, added["id"])

    assert answer.status_code == 200
    assert (answer.json()["dry_run"], answer.json()["would_pass"]) == (True, True)
    assert shown["status"] == "pending"
    for table in ("evidence", "validation"):
        assert await office.rows("validation", f"SELECT 1 FROM {table}") == []


async def test_a_look_by_hand_that_ends_the_attempt_by_rule_is_told_with_its_reason(
    office: World, zone: DnsServer
) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example", "dns-persist")
        record = added["dcv_record"]
        zone.scripts[record["name"]] = txt(record["name"], f"{record['value']}; persistUntil=1")
        answer = await http.put(f"{D}/{added['id']}/dcv/validate-token")
        shown = await info(http, added["id"])

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "dcv_lookup_failed"
    assert "ended at its persistUntil" in answer.json()["errors"][0]["message"]
    assert shown["status"] == "new"


async def test_caa_is_told_of_a_name_and_its_wildcard_as_it_is_now(office: World, zone: DnsServer) -> None:
    records = ('0 issue "ca.example"', '0 issuewild ";"')
    zone.scripts["acme.example"] = Script(tuple(f"acme.example. 60 IN CAA {record}" for record in records))
    async with key_of(office) as http:
        one = f"{D}/{(await add(http, 'acme.example'))['id']}/caa"
        told, checked = (await http.get(one)).json(), await http.put(one)
        zone.scripts["acme.example"] = Script(('acme.example. 60 IN CAA 0 issue "other.example"',))
        refused = await http.put(one)
    async with key_of(office, "eve") as http:
        hidden = await http.get(one)

    name, wildcard = told["caa"]
    assert (name["name"], name["permitted"], name["decided_at"]) == ("acme.example", True, "acme.example")
    assert (wildcard["name"], wildcard["permitted"], wildcard["outcome"]) == ("*.acme.example", False, "CAA")
    assert wildcard["permitted_methods"] == []
    assert checked.status_code == 204
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert error["code"] == "caa_check_failed|acme.example"
    assert '0 issue "other.example" at acme.example does not permit us' in error["message"]
    assert hidden.status_code == 404
    assert await office.rows("validation", "SELECT 1 FROM caa_check") == []


async def test_a_pending_validation_is_cancelled_and_the_current_one_stays(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        domain_id = await prove(office, zone, http, "acme.example")
        await http.post(f"{D}/{domain_id}/validation", json=TXT)
        answer = await http.delete(f"{D}/{domain_id}/validation")
        again = await http.delete(f"{D}/{domain_id}/validation")
        shown = await info(http, domain_id)

    assert answer.status_code == 204
    assert again.status_code == 409
    assert (shown["status"], shown["revalidation_pending"]) == ("active", False)


async def test_what_an_open_order_needs_is_neither_cancelled_nor_deleted(office: World) -> None:
    await office.deliver("validation", an_order("acme.example"))
    async with key_of(office) as http:
        [row] = (await http.get(D)).json()["domains"]
        cancelled = await http.delete(f"{D}/{row['id']}/validation")
        deleted = await http.delete(f"{D}/{row['id']}")

    for answer in (cancelled, deleted):
        assert answer.status_code == 409
        assert "open order needs acme.example" in answer.json()["errors"][0]["message"]


async def test_a_deactivated_domain_serves_nothing_until_it_is_activated(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        domain_id = await prove(office, zone, http, "acme.example")
        assert (await http.put(f"{D}/{domain_id}/deactivate")).status_code == 204
        assert (await http.put(f"{D}/{domain_id}/deactivate")).status_code == 204
        off = await info(http, domain_id)
        refused = await http.post(f"{D}/{domain_id}/validation", json=TXT)
        await office.deliver(
            "validation", an_order("acme.example", order_id=1), an_order("www.acme.example", order_id=2)
        )
        assert (await http.put(f"{D}/{domain_id}/activate")).status_code == 204
        on = await info(http, domain_id)

    assert (off["is_active"], off["status"]) == (False, "expired")
    assert refused.status_code == 409
    assert "activate the domain" in refused.json()["errors"][0]["message"]
    [failed] = await office.said("validation", "domain_validation_failed")
    assert (failed["name"], failed["final"]) == ("acme.example", True)
    assert [e["name"] for e in await office.said("validation", "domain_submitted")][-1] == "www.acme.example"
    assert (on["is_active"], on["status"]) == (True, "active")


async def test_a_deleted_domain_begins_anew_when_it_is_added_again(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        domain_id = await prove(office, zone, http, "acme.example")
        await http.post(f"{D}/{domain_id}/validation", json=TXT)
        assert (await http.delete(f"{D}/{domain_id}")).status_code == 204
        gone = await http.get(f"{D}/{domain_id}")
        added = await add(http, "acme.example", None)
        shown = await info(http, added["id"])

    assert gone.status_code == 404
    assert gone.json()["errors"][0]["code"] == "not_found|domain"
    assert added["id"] != domain_id
    assert shown["status"] == "new"
    assert await office.rows("validation", "SELECT 1 FROM attempt WHERE closed_at IS NULL") == []
    assert len(await office.rows("validation", "SELECT 1 FROM evidence")) == 1
    [audit] = await office.rows("validation", "SELECT * FROM audit_log WHERE what = 'domain deleted'")
    assert audit.who == "ann@acme.example"


async def test_many_are_submitted_at_once_each_with_its_own_result_lc9(office: World) -> None:
    async with key_of(office) as http:
        ids = [(await add(http, f"n{n}.example", None))["id"] for n in range(3)]
        await http.put(f"{D}/{ids[1]}/deactivate")
        answer = await http.post(f"{D}/validation", json=TXT | {"domain_ids": [*map(str, ids), 999, ids[0]]})
        none = await http.post(f"{D}/validation", json=TXT | {"domain_ids": []})
        many = await http.post(f"{D}/validation", json=TXT | {"domain_ids": list(range(1, 27))})

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["status"] for one in results] == [201, 409, 201, 404]
    assert [one["id"] for one in results] == [*ids, 999]
    tokens = {one["dcv_token"]["token"] for one in (results[0], results[2])}
    assert len(tokens) == 2
    assert "activate" in results[1]["errors"][0]["message"]
    assert len(await office.said("validation", "domain_submitted")) == 2
    assert (none.status_code, many.status_code) == (400, 400)


async def test_the_list_is_filtered_sorted_and_paged(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        proven = await prove(office, zone, http, "acme.example")
        await add(http, "beta.example")
        await add(http, "gamma.example", None, container={"id": str(LABS)})

        async def names(**asked: Any) -> list[str]:
            answer = await http.get(D, params=asked)
            assert answer.status_code == 200, answer.text
            assert answer.json()["page"]["total"] == len(answer.json()["domains"]) or "limit" in asked
            return [one["name"] for one in answer.json()["domains"]]

        assert await names() == ["gamma.example", "beta.example", "acme.example"]
        assert await names(**{"filters[status]": "active"}) == ["acme.example"]
        assert await names(**{"filters[status]": "PENDING"}) == ["beta.example"]
        assert await names(**{"filters[status]": "new"}) == ["gamma.example"]
        assert await names(**{"filters[status]": "expired"}) == []
        assert await names(**{"filters[status][0]": "new", "filters[status][1]": "active"}) == [
            "gamma.example", "acme.example",
        ]  # fmt: skip
        assert await names(container_id=LABS) == ["gamma.example"]
        assert await names(**{"filters[container_id]": LABS}) == ["gamma.example"]
        assert await names(**{"filters[organization_id]": 7}) == ["gamma.example", "beta.example", "acme.example"]
        assert await names(search="beta") == ["beta.example"]
        assert await names(search="%a.example") == ["gamma.example", "beta.example"]
        assert await names(**{"filters[search]": "%amm%"}) == ["gamma.example"]
        assert await names(**{"filters[name]": "ACME.example"}) == ["acme.example"]
        assert await names(sort="name") == ["acme.example", "beta.example", "gamma.example"]
        assert await names(sort="-name", limit=1, offset=1) == ["beta.example"]
        assert await names(**{"filters[is_active]": "false"}) == []
        await http.put(f"{D}/{proven}/deactivate")
        assert await names(**{"filters[is_active]": "false"}) == ["acme.example"]
        assert await names(**{"filters[status]": "expired"}) == ["acme.example"]
        unknown = await http.get(D, params={"filters[colour]": "red"})
        wrong = await http.get(D, params={"filters[status]": "fine"})

    assert (unknown.status_code, wrong.status_code) == (400, 400)


async def test_the_list_tells_when_each_ends_and_streams_as_csv(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        await prove(office, zone, http, "acme.example")
        await add(http, "beta.example")
        listed = (await http.get(D, params={"include_dcv_expiration_time": "true"})).json()["domains"]
        table = await http.get(D, headers={"Accept": "text/csv"}, params={"filters[status]": "active"})

    assert "dcv_expiration" not in listed[0]
    assert listed[1]["dcv_expiration"]["ov"] == listed[1]["validations"][0]["validated_until"]
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    head, row = csv.reader(io.StringIO(table.text))
    assert (head[1], row[1], row[2], row[5]) == ("Name", "acme.example", "active", "Main")


async def test_what_may_be_chosen_is_listed(office: World) -> None:
    async with key_of(office) as http:
        types = (await http.get(f"{D}/validation-type")).json()["validation_types"]
        methods = (await http.get(f"{D}/dcv/method")).json()["methods"]
        shown = await http.get(f"{D}/{(await add(http, 'acme.example'))['id']}/validation")

    assert {"ov", "ev", "cs", "ev_cs", "ds", "smime"} <= {one["type"] for one in types}
    assert methods[0] == {"name": "dns-txt-token", "description": "DNS TXT record"}
    assert shown.json()["validations"][0]["dcv_status"] == "pending"


async def test_a_container_that_is_not_the_accounts_is_not_found(office: World) -> None:
    async with key_of(office) as http:
        answer = await http.post(D, json=TXT | {"name": "acme.example", "container": {"id": OTHERS}})

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found|container"


async def test_a_name_of_an_order_that_cannot_be_certified_is_in_no_list(office: World) -> None:
    await office.deliver("validation", an_order("acme.internal", "acme.example"))
    async with key_of(office) as http:
        listed = (await http.get(D)).json()

    assert [one["name"] for one in listed["domains"]] == ["acme.example"]


async def test_an_order_with_another_method_changes_it_only_where_nothing_serves_lc18(
    office: World, zone: DnsServer
) -> None:
    async with key_of(office) as http:
        proven = await prove(office, zone, http, "proven.example")
        await http.post(f"{D}/{proven}/validation", json=TXT)
        await add(http, "open.example")
    cname = {"dcv_method": "dns-cname-token"}
    await office.deliver(
        "validation", an_order("open.example", order_id=1, **cname), an_order("proven.example", order_id=2, **cname),
        an_order("open.example", order_id=3),
    )  # fmt: skip

    [changed] = await office.said("validation", "dcv_method_changed")
    assert (changed["name"], changed["method_before"], changed["method"]) == (
        "open.example", "dns-txt-token", "dns-cname-token",
    )  # fmt: skip
    methods = await office.rows("validation", "SELECT name, method FROM attempt WHERE closed_at IS NULL ORDER BY name")
    assert [tuple(row) for row in methods] == [
        ("open.example", "dns-cname-token"), ("proven.example", "dns-txt-token"),
    ]  # fmt: skip


PLACE = "_dnsauth.acme.example"
FILE = "http://acme.example/.well-known/pki-validation/fileauth.txt"


@pytest.mark.parametrize(
    ("method", "extra", "record"),
    [
        ("dns-txt-token", {}, (PLACE, "TXT", "{token}")),
        ("dns-cname-token", {"verification_value": "dcv.ca.example"}, (PLACE, "CNAME", "{token}.dcv.ca.example")),
        ("http-token", {"http_token_url": FILE}, None),
        ("dns-persist", None, ("_validation-persist.acme.example", "TXT",
                               "ca.example; accounturi=acct:9001@ca.example")),
    ],
)  # fmt: skip
async def test_each_method_tells_what_to_publish_in_words_of_its_own_lc1(
    office: World, method: str, extra: dict[str, str] | None, record: tuple[str, str, str] | None
) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example", method)
        changed = await http.put(f"{D}/{added['id']}/dcv/method", json={"dcv_method": method})
        renewed = await http.post(f"{D}/{added['id']}/dcv/token")

    token = added.get("dcv_token")
    if extra is None:
        assert token is None
        assert renewed.status_code == 400
        assert renewed.json()["errors"][0]["code"] == "invalid_dcv_method"
    else:
        assert token is not None
        assert {key: token[key] for key in token.keys() - {"token", "status", "expiration_date"}} == extra
        assert renewed.json()["token"] != token["token"]
    if record:
        value = record[2].format(token=token and token["token"])
        assert added["dcv_record"] == {"name": record[0], "type": record[1], "value": value}
    assert changed.json() == {key: value for key, value in added.items() if key not in ("id", "name")}
    assert (await office.said("validation", "domain_submitted"))[0]["method"] == method


async def test_a_changed_method_kills_the_old_value_and_says_so_lc3(office: World, zone: DnsServer) -> None:
    async with key_of(office) as http:
        added = await add(http, "acme.example")
        changed = await http.post(f"{D}/{added['id']}/validation", json=OV | {"dcv_method": "dns-cname-token"})
        publish(zone, "acme.example", added["dcv_token"]["token"])
        await look(office, zone)
        shown = await info(http, added["id"])

    assert changed.status_code == 201
    assert changed.json()["dcv_token"]["token"] != added["dcv_token"]["token"]
    assert (shown["status"], shown["dcv_method"]) == ("pending", "dns-cname-token")
    [told] = await office.said("validation", "dcv_method_changed")
    assert (told["method_before"], told["method"], told["record_type"]) == ("dns-txt-token", "dns-cname-token", "CNAME")
    [past] = await office.rows("validation", "SELECT method FROM past_token")
    assert past.method == "dns-txt-token"


async def test_a_file_proves_no_wildcard_lc2_example_11(office: World) -> None:
    await office.deliver("validation", an_order("*.acme.example"))
    async with key_of(office) as http:
        [row] = (await http.get(D)).json()["domains"]
        answer = await http.post(f"{D}/{row['id']}/validation", json=OV | {"dcv_method": "http-token"})
        added = await http.post(D, json=OV | {"name": "*.beta.example", "dcv_method": "http-token"})
        persist = await http.put(f"{D}/{row['id']}/dcv/method", json={"dcv_method": "dns-persist"})

    for refused in (answer, added):
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["code"] == "method_not_allowed"
    assert "*.acme.example is a wildcard" in answer.json()["errors"][0]["message"]
    assert persist.json()["dcv_record"]["value"].endswith("; policy=wildcard")


async def test_a_file_keeps_www_for_it_proves_that_name_alone_lc11(office: World) -> None:
    async with key_of(office) as http:
        assert (await add(http, "www.acme.example", "http-token"))["name"] == "www.acme.example"
