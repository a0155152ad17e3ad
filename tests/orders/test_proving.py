"""PUT …/check-dcv and …/dcv-method: what orders asks of validation, and what it answers meanwhile."""

from typing import Any

import pytest

from shared.events.validation import DomainSubmitted
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import submitted, validated
from tests.orders.playing import ask, issued, refusal, reissue


async def checked(acme: Company, order_id: int, sent: Any = None) -> dict[str, Any]:
    answer = await ask(acme, "PUT", f"/order/certificate/{order_id}/check-dcv", sent)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_check_is_asked_for_each_name_that_is_not_proven(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver("orders", validated(acme.id, "acme.example"))

    answer = await checked(acme, order_id)

    assert answer == {
        "order_status": "pending",
        "dcv_status": "pending",
        "dns_name_validations": [
            {"dns_name": "www.acme.example", "status": "pending"},
            {"dns_name": "acme.example", "status": "approved"},
        ],
    }
    [said] = await world.said("orders", "check_domain")
    assert (said["account_id"], said["name"], said["asked_by"]) == (acme.id, "www.acme.example", "Ann administrator")


async def test_a_check_is_for_the_names_given(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    answer = await checked(acme, order_id, {"dns_names_validations": ["ACME.example"]})

    assert [each["dns_name"] for each in answer["dns_name_validations"]] == ["acme.example"]
    assert [said["name"] for said in await world.said("orders", "check_domain")] == ["acme.example"]
    other = await ask(acme, "PUT", f"/order/certificate/{order_id}/check-dcv",
                      {"dns_names_validations": ["b.example"]})  # fmt: skip
    assert refusal(other)[2] == f"'b.example' is not on order {order_id}; give names of the order, or none for all."


async def test_an_issued_order_is_valid_and_nothing_is_looked_at(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await checked(acme, order["id"])

    assert (answer["order_status"], answer["dcv_status"]) == ("issued", "valid")
    assert answer["certificate_id"] == order["certificate"]["id"]
    assert await world.said("orders", "check_domain") == []


async def test_a_reissue_is_looked_at_while_it_waits(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    await reissue(acme, order["id"], certificate={"common_name": "shop.acme.example", "dns_names": ["acme.example"]})

    answer = await checked(acme, order["id"])

    assert (answer["order_status"], answer["dcv_status"]) == ("reissue_pending", "pending")
    assert "shop.acme.example" in [said["name"] for said in await world.said("orders", "check_domain")]


@pytest.mark.parametrize("method", ["dns-cname-token", "HTTP-Token"])
async def test_another_method_is_asked_for_every_name_that_is_not_proven(
    world: World, acme: Company, method: str
) -> None:
    placed = await acme.place()
    await world.deliver("orders", validated(acme.id, "acme.example"))

    answer = await ask(acme, "PUT", f"/order/certificate/{placed['id']}/dcv-method", {"dcv_method": method})

    assert (answer.status_code, answer.json()) == (200, {"dcv_random_value": placed["dcv_random_value"]})
    [said] = await world.said("orders", "change_dcv_method")
    assert (said["name"], said["dcv_method"]) == ("www.acme.example", method.lower())
    assert (await acme.order(placed["id"]))["dcv_method"] == method.lower()


async def test_a_method_that_is_none_and_an_order_without_need_are_refused(world: World, acme: Company) -> None:
    pending, done = (await acme.place())["id"], (await issued(world, acme))["id"]

    unknown = await ask(acme, "PUT", f"/order/certificate/{pending}/dcv-method", {"dcv_method": "pigeon"})
    late = await ask(acme, "PUT", f"/order/certificate/{done}/dcv-method", {"dcv_method": "http-token"})

    assert refusal(unknown)[:2] == (400, "invalid_dcv_method")
    assert refusal(late) == (400, "invalid_state", f"Order {done} is issued; there is nothing to be proven.")


async def test_another_accounts_order_is_not_found(acme: Company, globex: Company) -> None:
    order_id = (await acme.place())["id"]

    for path in ("check-dcv", "dcv-method"):
        answer = await ask(globex, "PUT", f"/order/certificate/{order_id}/{path}", {"dcv_method": "http-token"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found|order")


def mailed(acme: Company, order_id: int, name: str, **changes: Any) -> DomainSubmitted:
    told = {"method": "email", "record_type": "MAIL", "record_name": name, "record_value": f"admin@{name}"}
    return submitted(acme.id, order_id, name, **told, **changes)


async def again(acme: Company, order_id: int, sent: Any = None) -> Any:
    return await ask(acme, "PUT", f"/order/certificate/{order_id}/resend-emails", sent)


async def test_an_order_may_be_placed_to_be_proven_by_email(world: World, acme: Company) -> None:
    order_id = (await acme.place(dcv_method="email"))["id"]
    await world.deliver("orders", mailed(acme, order_id, "acme.example"))

    [placed] = await world.said("orders", "order_placed")
    assert placed["dcv_method"] == "email"
    [sentence] = await world.rows("orders", "SELECT sentence FROM timeline_entry WHERE sentence LIKE '%mails%'")
    assert sentence[0] == "acme.example: mails go to addresses of acme.example; one of them has to confirm"


async def test_mails_about_the_names_of_an_order_are_asked_for_again(world: World, acme: Company) -> None:
    order_id = (await acme.place(dcv_method="email"))["id"]
    names = ("acme.example", "www.acme.example")
    await world.deliver("orders", *(mailed(acme, order_id, name) for name in names))

    every, one = await again(acme, order_id), await again(acme, order_id, {"domain_approval_emails": [
        {"domain": "www.acme.example", "email": "admin@acme.example", "email_domain": "acme.example"},
        {"domain": "www.acme.example", "email": "webmaster@acme.example"},
    ], "locale": "en"})  # fmt: skip

    assert (every.status_code, one.status_code) == (204, 204)
    *both, last = await world.said("orders", "resend_dcv_emails")
    assert sorted(said["name"] for said in both) == sorted(names)
    assert (both[0]["emails"], both[0]["name_scope"], both[0]["asked_by"]) == ([], None, "Ann administrator")
    assert last["emails"] == ["admin@acme.example", "webmaster@acme.example"]
    assert (last["name"], last["name_scope"]) == ("www.acme.example", "acme.example")


async def test_where_nothing_waits_for_a_mail_none_is_asked_for(world: World, acme: Company) -> None:
    by_dns = (await acme.place())["id"]
    by_mail = (await acme.place(dcv_method="email"))["id"]
    await world.deliver("orders", submitted(acme.id, by_dns, "acme.example"), mailed(acme, by_mail, "acme.example"))

    other = {"domain_approval_emails": [{"domain": "www.acme.example", "email": "admin@acme.example"}]}
    for answer in (await again(acme, by_dns), await again(acme, by_mail, other)):
        assert refusal(answer)[:2] == (400, "invalid_dcv_method")
    assert await world.said("orders", "resend_dcv_emails") == []


async def test_an_order_gets_a_new_random_value_and_the_one_before_is_dead(world: World, acme: Company) -> None:
    placed = await acme.place()

    answer = await ask(acme, "PUT", f"/order/certificate/{placed['id']}/dcv-random-value")

    assert answer.status_code == 200
    value = answer.json()["dcv_random_value"]
    [said] = await world.said("orders", "replace_random_value")
    assert (said["dcv_random_value"], said["value_before"]) == (value, placed["dcv_random_value"])
    assert said["order"] == {"source": "issuary/orders", "id": placed["id"]}
    assert value != placed["dcv_random_value"]
    assert (await acme.order(placed["id"]))["dcv_random_value"] == value


async def test_without_use_for_one_there_is_no_new_random_value(world: World, acme: Company) -> None:
    by_mail = (await acme.place(dcv_method="email"))["id"]
    none = await ask(acme, "PUT", f"/order/certificate/{by_mail}/dcv-random-value")
    done = (await issued(world, acme))["id"]
    late = await ask(acme, "PUT", f"/order/certificate/{done}/dcv-random-value")

    assert refusal(none)[:2] == (400, "invalid_dcv_method")
    assert refusal(late)[:2] == (400, "invalid_state")
