"""The judgement at the moment of issuance."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.validation.actions import orders
from services.validation.actions.questions import answer_questions as record_answers
from services.validation.actions.questions import claim_questions
from services.validation.queries import lock_for_placed
from services.validation.rules.policy import Policy
from shared.db import utcnow
from shared.events.orders import OrderPlaced
from shared.events.validation import AuthorizeIssuance
from tests.conftest import World
from tests.validation.conftest import a_gate, answer_questions, let_pass, look
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import VALUE, a_cancellation, a_policy, a_question, a_test_policy, an_order


async def prove(world: World, zone: DnsServer, placed: OrderPlaced) -> None:
    """Publish the order's value for all its names and look."""
    await world.deliver("validation", placed)
    for name in placed.names:
        record = f"_dnsauth.{name.removeprefix('*.')}"
        zone.scripts[record] = txt(record, VALUE)
    await look(world, zone)


async def ask(world: World, zone: DnsServer, *questions: AuthorizeIssuance, policy: Policy | None = None) -> None:
    """Put questions through the door, and let the worker look at CAA and answer."""
    await world.deliver("validation", *questions)
    await answer_questions(world, zone, policy)


async def judge(world: World, zone: DnsServer, policy: Policy, question: AuthorizeIssuance, now: datetime) -> None:
    """At a moment of the test's choice: CAA is looked at now, and believed to be of then."""
    await world.deliver("validation", question)
    gate = a_gate(world, zone, policy)
    async with world.validation.db.transaction() as tx:
        [asked] = await claim_questions(tx, policy, utcnow(), 10)
    checked = await gate.check(asked)
    looks = [replace(look, primary=replace(look.primary, started_at=now)) for look in checked.looks]
    async with world.validation.db.transaction() as tx:
        await record_answers(tx, policy, [replace(checked, looks=looks)], now)


async def answers(world: World) -> list[dict[str, Any]]:
    return await world.said("validation", "issuance_authorized", "issuance_denied")


async def test_an_order_whose_names_are_proven_may_be_issued_for_seven_hours(world: World, zone: DnsServer) -> None:
    placed = an_order("www.acme.example", "*.acme.example", dcv_random_value=VALUE)
    await prove(world, zone, placed)
    question = a_question(*placed.names, placed=placed)

    await ask(world, zone, question)

    (answer,) = await answers(world)
    assert answer["type"] == "issuance_authorized"
    assert answer["order"] == {"source": "shop", "id": 1201}
    assert answer["names"] == ["www.acme.example", "*.acme.example"]
    assert (answer["causation_id"], answer["test_mode"]) == (question.told_id, True)
    issue_before, judged_at = (datetime.fromisoformat(answer[key]) for key in ("issue_before", "occurred_at"))
    assert timedelta(0) < judged_at + timedelta(hours=7) - issue_before < timedelta(seconds=5)  # since CAA was read
    proofs = [event["evidence_id"] for event in await world.said("validation", "domain_validated")]
    assert sorted(answer["evidence_ids"]) == sorted(proofs)


async def test_proof_of_the_parent_serves_names_and_wildcards_below_it(world: World, zone: DnsServer) -> None:
    placed = an_order("acme.example", dcv_random_value=VALUE)
    await prove(world, zone, placed)

    await ask(world, zone, a_question("x.y.acme.example", "*.acme.example", "acme.example"))

    (answer,) = await answers(world)
    assert (answer["type"], len(answer["evidence_ids"])) == ("issuance_authorized", 1)


async def test_an_authorisation_never_outlasts_the_proof(world: World, zone: DnsServer) -> None:
    placed = an_order(dcv_random_value=VALUE)
    await prove(world, zone, placed)
    (validated,) = await world.said("validation", "domain_validated")
    until = datetime.fromisoformat(validated["usable_until"])

    await judge(world, zone, a_test_policy(), a_question(*placed.names, placed=placed), until - timedelta(hours=1))

    (answer,) = await answers(world)
    assert datetime.fromisoformat(answer["issue_before"]) == until


@pytest.mark.parametrize("name", ["www.acme.example", "*.www.acme.example", "acme.example", "other.example"])
async def test_a_name_without_proof_is_denied_with_a_sentence(world: World, zone: DnsServer, name: str) -> None:
    placed = an_order("api.acme.example", dcv_random_value=VALUE)
    await prove(world, zone, placed)

    await ask(world, zone, a_question("api.acme.example", name, placed=placed))

    (answer,) = await answers(world)
    assert answer["type"] == "issuance_denied"
    (refused,) = answer["refused"]
    assert refused["name"] == name
    assert f"_dnsauth.{name.removeprefix('*.')}" in refused["message"]


async def test_a_name_that_cannot_be_certified_is_denied(world: World, zone: DnsServer) -> None:
    await ask(world, zone, a_question("acme.internal"))

    (answer,) = await answers(world)
    assert "public suffix" in answer["refused"][0]["message"]


async def test_proof_of_another_account_serves_nobody_else(world: World, zone: DnsServer) -> None:
    placed = an_order(dcv_random_value=VALUE)
    await prove(world, zone, placed)

    await ask(world, zone, a_question(*placed.names, account_id=9002))

    assert [answer["type"] for answer in await answers(world)] == ["issuance_denied"]


async def test_proof_that_ran_out_is_denied_and_asked_for_again(world: World, zone: DnsServer) -> None:
    placed = an_order(dcv_random_value=VALUE)
    await prove(world, zone, placed)
    await let_pass(world, 200)

    await ask(world, zone, a_question(*placed.names, placed=placed))

    denied, submitted = (await world.said("validation"))[-2:]
    assert (denied["type"], submitted["type"]) == ("issuance_denied", "domain_submitted")
    assert submitted["order"] == {"source": "shop", "id": 1201}
    assert submitted["record_value"] != VALUE


async def test_a_question_about_a_cancelled_order_opens_no_attempt(world: World, zone: DnsServer) -> None:
    placed = an_order()
    await world.deliver("validation", placed, a_cancellation(placed))

    await ask(world, zone, a_question(*placed.names, placed=placed))

    assert [event["type"] for event in await world.said("validation")] == ["domain_submitted", "issuance_denied"]


async def test_what_was_proven_in_test_mode_proves_nothing_outside_it(world: World, zone: DnsServer) -> None:
    placed = an_order("www.example.com", dcv_random_value=VALUE)
    await prove(world, zone, placed)

    await ask(world, zone, a_question(*placed.names, placed=placed), policy=a_policy())

    assert [answer["type"] for answer in await answers(world)] == ["issuance_denied"]


async def test_without_reuse_an_order_of_a_dv_product_needs_proof_of_its_own(world: World, zone: DnsServer) -> None:
    policy = a_test_policy(reuse_for_dv=False)
    await prove(world, zone, an_order(dcv_random_value=VALUE))
    dv = an_order(order_id=2, dcv_random_value=VALUE)
    ov = an_order(order_id=3, product_name_id="ssl_securesite_pro")
    async with world.validation.db.transaction() as tx:
        await lock_for_placed(tx, [dv, ov], policy)
        await orders.prove_names(tx, policy, dv, utcnow())
        await orders.prove_names(tx, policy, ov, utcnow())

    for placed in (dv, ov):
        await ask(world, zone, a_question(*placed.names, placed=placed), policy=policy)
    await look(world, zone, policy)
    await ask(world, zone, a_question(*dv.names, placed=dv), policy=policy)

    assert [(answer["order"]["id"], answer["type"]) for answer in await answers(world)] == [
        (2, "issuance_denied"),
        (3, "issuance_authorized"),
        (2, "issuance_authorized"),
    ]


async def test_two_hundred_questions_take_few_statements_and_are_all_answered(world: World, zone: DnsServer) -> None:
    placed = an_order("acme.example", dcv_random_value=VALUE)
    await prove(world, zone, placed)

    await ask(world, zone, *[a_question(f"n{n}.acme.example", placed=placed) for n in range(200)])

    assert [answer["type"] for answer in await answers(world)] == ["issuance_authorized"] * 200
