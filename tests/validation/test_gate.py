"""CAA as the gate of issuance and as advice at validation, by several perspectives, through worker and database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.rcode
import pytest
import pytest_asyncio

from services.validation.actions.questions import answer_questions as record_answers
from services.validation.actions.questions import claim_questions
from services.validation.rules.policy import Policy
from shared.db import utcnow
from shared.events.orders import OrderPlaced
from tests.conftest import World
from tests.validation.dns_server import SILENCE, DnsServer, Script, txt
from tests.validation.makers import VALUE, a_question, a_test_policy, an_order
from tests.validation.test_caa_climbing import a_set
from tests.validation.views import PATIENT, Views, moved, views

SERVFAIL = dns.rcode.SERVFAIL
DENY, PERMIT = '0 issue ";"', '0 issue "ca.example"'
NAME = "www.acme.example"
SEVEN = timedelta(hours=7)


@pytest_asyncio.fixture
async def town() -> AsyncIterator[Views]:
    async with views() as found:
        yield found


async def prove(world: World, town: Views, *names: str) -> OrderPlaced:
    placed = an_order(*names, dcv_random_value=VALUE)
    await world.deliver("validation", placed)
    for name in placed.names:
        record = f"_dnsauth.{name.removeprefix('*.')}"
        town.everywhere(record, txt(record, VALUE))
    await town.look(world)
    return placed


async def ask(world: World, town: Views, placed: OrderPlaced, **changes: Any) -> dict[str, Any]:
    await world.deliver("validation", a_question(*placed.names, placed=placed, **changes))
    await town.answer_questions(world)
    return (await world.said("validation", "issuance_authorized", "issuance_denied"))[-1]


async def checks(world: World) -> list[Any]:
    return await world.rows("validation", "SELECT * FROM caa_check ORDER BY checked_at, name")


def caa_asked(view: DnsServer) -> list[str]:
    return sorted(asked.name for asked in view.asked if asked.kind == "CAA")


def forget(town: Views) -> None:
    for view in (town.primary, *town.remotes.values()):
        view.asked.clear()


async def test_the_door_only_notes_the_question_and_the_worker_answers(world: World, town: Views) -> None:
    placed = await prove(world, town)
    question = a_question(*placed.names, placed=placed)

    await world.deliver("validation", question, question)
    assert await world.said("validation", "issuance_authorized", "issuance_denied") == []
    await town.answer_questions(world)

    (answer,) = await world.said("validation", "issuance_authorized", "issuance_denied")
    (row,) = await world.rows("validation", "SELECT * FROM issuance_question")
    assert (answer["type"], answer["causation_id"]) == ("issuance_authorized", question.told_id)
    assert (row.id, row.answered_at is None, row.refused) == (question.id, False, [])


async def test_many_names_are_judged_in_one_answer(world: World, town: Views) -> None:
    town.times = PATIENT  # a slow machine is no silent name server
    names = [f"n{n}.acme.example" for n in range(25)]
    placed = await prove(world, town, *names)

    answer = await ask(world, town, placed)

    assert (answer["type"], set(answer["names"])) == ("issuance_authorized", set(names))


async def test_every_name_of_the_san_is_looked_at_on_its_own(world: World, town: Views) -> None:
    """CA1 and example 49, whatever ADN proved them."""
    placed = await prove(world, town, "acme.example")
    forget(town)

    await ask(world, town, placed.model_copy(update={"names": ("acme.example", NAME, "*.acme.example")}))

    expected = ["acme.example"] * 3 + ["example"] * 3 + [NAME]
    assert caa_asked(town.primary) == caa_asked(town.remotes["fra"]) == expected
    assert {row.name for row in await checks(world)} == {"*.acme.example", "acme.example", NAME}


async def test_caa_that_forbids_stops_the_issuance_and_its_details_are_kept(world: World, town: Views) -> None:
    placed = await prove(world, town, NAME, "api.acme.example")
    town.everywhere(NAME, a_set(NAME, DENY))

    answer = await ask(world, town, placed)

    (refused,) = answer["refused"]
    assert (refused["name"], refused["code"]) == (NAME, "caa")
    assert f'{NAME}. CAA 0 issue "ca.example"' in refused["message"]
    stopped = next(row for row in await checks(world) if row.outcome == "CAA")  # CA13
    assert (stopped.name, stopped.decided_at, stopped.permits, stopped.quorum) == (NAME, NAME, [], None)
    assert stopped.queries[0]["records"] == ["0 issue ;"]
    (row,) = await world.rows("validation", "SELECT * FROM issuance_question")
    assert (row.refused, row.issue_before) == ([refused], None)
    assert stopped.question_id == row.id
    assert await world.rows("validation", "SELECT * FROM issuance_reliance") == []


async def test_a_stopped_issuance_opens_no_attempt_since_the_names_are_proven(world: World, town: Views) -> None:
    placed = await prove(world, town)
    town.everywhere(NAME, a_set(NAME, DENY))
    before = len(await world.said("validation", "domain_submitted"))

    await ask(world, town, placed)

    assert len(await world.said("validation", "domain_submitted")) == before


@pytest.mark.parametrize("failing", [SILENCE, Script(rcode=SERVFAIL), Script(rcode=SERVFAIL, errors=((6, "bogus"),))])
async def test_an_error_is_no_permission(world: World, town: Views, failing: Script) -> None:
    """CA6."""
    placed = await prove(world, town)
    town.primary.scripts[NAME] = failing

    answer = await ask(world, town, placed)

    assert "no permission" in answer["refused"][0]["message"]


async def test_a_denial_is_looked_at_again_at_the_next_question(world: World, town: Views) -> None:
    placed = await prove(world, town)
    town.everywhere(NAME, a_set(NAME, DENY))
    await ask(world, town, placed)
    town.everywhere(NAME, a_set(NAME, PERMIT))

    answer = await ask(world, town, placed)

    assert answer["type"] == "issuance_authorized"


@pytest.mark.parametrize(("denying", "expected"), [("fra", "issuance_authorized"), ("fra nyc", "issuance_denied")])
async def test_the_others_have_to_read_permission_too(world: World, town: Views, denying: str, expected: str) -> None:
    """CA10: by the same quorum; their records need not be the same."""
    placed = await prove(world, town)
    town.everywhere(NAME, a_set(NAME, PERMIT))
    town.remotes["sao"].scripts[NAME] = a_set(NAME, '0 issue "ca.example; x=y"', '0 iodef "mailto:a@b.example"')
    for name in denying.split():
        town.remotes[name].scripts[NAME] = a_set(NAME, DENY)

    answer = await ask(world, town, placed)

    assert answer["type"] == expected
    (row,) = await checks(world)
    told = await world.rows("validation", "SELECT * FROM caa_perspective")
    assert row.quorum == f"{5 - len(denying.split())}/5"
    assert {one.perspective for one in told if not one.corroborates} == set(denying.split())
    if expected == "issuance_denied":
        assert "nyc: The CAA record" in answer["refused"][0]["message"]


async def test_a_perspective_that_lies_is_no_permission(world: World, town: Views) -> None:
    placed = await prove(world, town)
    town.lies |= {"fra": moved(region="ARIN"), "nyc": moved(region="APNIC")}

    answer = await ask(world, town, placed)

    assert "3/5 remote perspectives" in answer["refused"][0]["message"]


async def test_a_primary_that_reads_a_denial_asks_nobody(world: World, town: Views) -> None:
    placed = await prove(world, town)
    town.primary.scripts[NAME] = a_set(NAME, DENY)
    town.asked.clear()

    await ask(world, town, placed)

    assert town.asked == []


# ── parameters (example 50) ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("validationmethods=ca-tbr-7", None),
        ("validationmethods=dns-01,ca-tbr-18", "not by the method that control was proven with"),
        ("validationmethods=bad_label", "its parameters exclude"),
        ("accounturi=acct:9001@ca.example", None),
        ("accounturi=acct:9002@ca.example", "the account is acct:9001@ca.example"),
    ],
)
async def test_parameters_of_caa_bind_method_and_account(
    world: World, town: Views, parameters: str, expected: str | None
) -> None:
    placed = await prove(world, town)
    town.everywhere(NAME, a_set(NAME, f'0 issue "ca.example\\; {parameters}"'))

    answer = await ask(world, town, placed)

    assert answer["type"] == ("issuance_denied" if expected else "issuance_authorized")
    if expected:
        assert expected in answer["refused"][0]["message"]


# ── how long a check serves (CA2, example 51) ────────────────────────────────────────────────────────────────────────


async def ask_at(world: World, town: Views, placed: OrderPlaced, later: timedelta, policy: Policy | None = None) -> Any:
    """With a clock that has gone on: what is looked at is believed to be of then."""
    policy, now = policy or a_test_policy(), utcnow() + later
    await world.deliver("validation", a_question(*placed.names, placed=placed))
    async with world.validation.db.transaction() as tx:
        [asked] = await claim_questions(tx, policy, now, 10)
    checked = await town.gate(world, policy).check(asked)
    looks = [replace(look, primary=replace(look.primary, started_at=now)) for look in checked.looks]
    async with world.validation.db.transaction() as tx:
        await record_answers(tx, policy, [replace(checked, looks=looks)], now)
    return (await world.said("validation", "issuance_authorized", "issuance_denied"))[-1]


async def test_a_check_serves_seven_hours_and_no_longer(world: World, town: Views) -> None:
    placed = await prove(world, town)
    first = await ask(world, town, placed)
    (check,) = await checks(world)
    assert datetime.fromisoformat(first["issue_before"]) == check.checked_at + SEVEN
    town.everywhere(NAME, a_set(NAME, DENY))

    nearly = await ask_at(world, town, placed, SEVEN - timedelta(minutes=1))
    later = await ask_at(world, town, placed, timedelta(hours=9))

    assert (nearly["type"], nearly["caa_ids"]) == ("issuance_authorized", [str(check.id)])
    assert nearly["issue_before"] == first["issue_before"]
    assert later["type"] == "issuance_denied"


async def test_a_denial_since_ends_the_permission_of_an_older_check(world: World, town: Views) -> None:
    placed = await prove(world, town)
    await ask(world, town, placed)
    await world.rows(
        "validation",
        "INSERT INTO caa_check SELECT gen_random_uuid(), account_id, name, question_id, clock_timestamp(), now(), '[]',"
        " 'CAA', 'x', 'x', NULL, 'primary', NULL, '[]', '', '', '', true FROM caa_check RETURNING 1",
    )
    town.everywhere(NAME, a_set(NAME, DENY))

    assert (await ask(world, town, placed))["type"] == "issuance_denied"


async def test_a_check_of_another_account_serves_nobody_else(world: World, town: Views) -> None:
    placed = await prove(world, town)
    await ask(world, town, placed)
    forget(town)

    await ask(world, town, placed, account_id=9002)

    assert caa_asked(town.primary) != []


async def test_what_a_permission_relied_on_is_kept_and_never_changed(world: World, town: Views) -> None:
    placed = await prove(world, town, NAME, "*.acme.example")
    answer = await ask(world, town, placed)

    rows = await world.rows("validation", "SELECT * FROM issuance_reliance ORDER BY name")
    assert [row.name for row in rows] == ["*.acme.example", NAME]
    assert {str(row.evidence_id) for row in rows} == set(answer["evidence_ids"])
    assert {str(row.caa_check_id) for row in rows} == set(answer["caa_ids"])
    assert {row.order_id for row in rows} == {placed.order_id}
    for table in ("issuance_reliance", "caa_check", "caa_perspective"):
        with pytest.raises(Exception, match="append-only"):
            await world.rows("validation", f"DELETE FROM {table} RETURNING 1")


async def test_fewer_perspectives_than_needed_are_a_denial_with_the_reason(world: World, town: Views) -> None:
    placed = await prove(world, town)
    async with views({"fra": "RIPE NCC"}) as few:
        answer = await ask(world, few, placed)

    (refused,) = answer["refused"]
    assert refused["code"] == "not_validating"
    assert "1 remote perspectives are configured" in refused["message"]


async def test_two_workers_answer_a_question_once(world: World, town: Views) -> None:
    placed = await prove(world, town)
    await world.deliver("validation", a_question(*placed.names, placed=placed))
    policy, now = a_test_policy(), utcnow()
    async with world.validation.db.transaction() as tx:
        [asked] = await claim_questions(tx, policy, now, 10)
    async with world.validation.db.transaction() as tx:
        assert await claim_questions(tx, policy, now, 10) == []
        [again] = await claim_questions(tx, policy, now + timedelta(seconds=61), 10)  # the lease ran out
    for one in (asked, again):
        checked = await town.gate(world).check(one)
        async with world.validation.db.transaction() as tx:
            await record_answers(tx, policy, [checked], datetime.now(UTC))

    assert len(await world.said("validation", "issuance_authorized")) == 1


# ── advice at validation (CA12) ──────────────────────────────────────────────────────────────────────────────────────


async def test_caa_is_told_as_advice_when_control_is_proven(world: World, town: Views) -> None:
    town.everywhere("acme.example", a_set("acme.example", DENY))

    await prove(world, town, "*.www.acme.example")

    (event,) = await world.said("validation", "domain_validated")
    (row,) = await world.rows("validation", "SELECT outcome, caa FROM evidence")
    assert event["caa_warning"].startswith("Issuance would be stopped: The CAA record")
    assert 'acme.example. CAA 0 issuewild "ca.example"' in event["caa_warning"]
    assert (row.outcome, row.caa["outcome"], row.caa["decided_at"]) == ("PASS", "CAA", "acme.example")


async def test_without_caa_there_is_no_warning(world: World, town: Views) -> None:
    await prove(world, town)

    (event,) = await world.said("validation", "domain_validated")
    (row,) = await world.rows("validation", "SELECT caa FROM evidence")
    assert event["caa_warning"] is None
    assert row.caa["reason"] == "no_records"
