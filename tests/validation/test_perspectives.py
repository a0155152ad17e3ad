"""Looks by a primary and remote perspectives that see different things, through worker and database."""

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.validation.actions import checks
from services.validation.clients.panel import Times
from services.validation.rules.jobs import job_for
from services.validation.rules.methods import DNS_TXT
from services.validation.rules.names import Name
from shared.db import utcnow
from tests.conftest import World
from tests.validation.conftest import make_due
from tests.validation.dns_server import SILENCE, txt
from tests.validation.makers import ACCOUNT, VALUE, a_test_policy, an_order
from tests.validation.views import REGIONS, Views, moved, renamed, views

RECORD = "_dnsauth.www.acme.example"
PROOF = txt(RECORD, VALUE)


@pytest_asyncio.fixture
async def town() -> AsyncIterator[Views]:
    async with views() as found:
        yield found


async def outcome(world: World) -> tuple[str, str | None]:
    rows = await world.rows("validation", "SELECT outcome, quorum FROM evidence ORDER BY id DESC LIMIT 1")
    return rows[0].outcome, rows[0].quorum


async def told(world: World) -> dict[str, Any]:
    rows = await world.rows("validation", "SELECT * FROM evidence_perspective")
    return {row.perspective: row for row in rows}


async def order(world: World) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE))


# Examples 52 to 55 of the reference: four remotes are configured, five where the number is said.
FOUR = {name: REGIONS[name] for name in ("fra", "nyc", "sin", "sao")}
ONE_REGION = dict.fromkeys(("fra", "ams", "mad"), "RIPE NCC") | {"nyc": "ARIN"}


@pytest.mark.parametrize(
    ("regions", "seeing", "expected"),
    [
        (FOUR, "fra nyc sin sao", ("PASS", "4/4")),  # 52
        (FOUR, "fra nyc sin", ("PASS", "3/4")),  # 53
        (FOUR, "fra nyc", ("QUORUM", "2/4")),  # 53
        (ONE_REGION, "fra ams mad", ("QUORUM", "3/4")),  # 54: all that agree are in one region
        (REGIONS, "fra nyc sin sao jnb", ("PASS", "5/5")),
        (REGIONS, "fra nyc sin sao", ("PASS", "4/5")),
        (REGIONS, "fra nyc sin", ("QUORUM", "3/5")),
        (REGIONS, "", ("QUORUM", "0/5")),
    ],
)
async def test_a_quorum_of_perspectives_has_to_see_the_proof(
    world: World, regions: dict[str, str], seeing: str, expected: tuple[str, str]
) -> None:
    await order(world)
    async with views(regions) as town:
        town.only_at(seeing, RECORD, PROOF)

        await town.look(world)

    assert await outcome(world) == expected
    assert len(await world.said("validation", "domain_validated")) == (expected[0] == "PASS")
    rows = await told(world)
    assert {name for name, row in rows.items() if row.corroborates} == set(seeing.split())
    assert {name: row.region for name, row in rows.items()} == regions


async def test_a_primary_that_fails_is_never_outvoted_and_the_others_are_not_asked(world: World, town: Views) -> None:
    await order(world)
    town.everywhere(RECORD, PROOF)
    del town.primary.scripts[RECORD]

    await town.look(world)

    assert await outcome(world) == ("NOTFOUND", None)  # example 55
    assert town.asked == []


async def test_who_disagrees_and_why_is_said_to_the_applicant_and_kept(world: World, town: Views) -> None:
    await order(world)
    town.only_at("fra nyc sin", RECORD, PROOF)
    town.remotes["sao"].scripts[RECORD] = txt(RECORD, "something else")
    town.remotes["jnb"].scripts[RECORD] = SILENCE

    await town.look(world)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], failed["final"]) == ("QUORUM", False)
    assert "3/5 remote perspectives corroborate it" in failed["message"]
    assert 'sao: The TXT record at _dnsauth.www.acme.example holds "something else"' in failed["message"]
    rows = await told(world)
    assert (rows["sao"].outcome, rows["jnb"].outcome, rows["fra"].outcome) == ("MISMATCH", "DNSERR", "PASS")
    assert rows["sao"].queries[0]["records"] == ["something else"]
    assert rows["fra"].started_at is not None
    assert rows["fra"].milliseconds >= 0


async def test_another_live_token_is_no_corroboration(world: World, town: Views) -> None:
    """MP2: not just "also passed"."""
    await order(world)
    own = (await world.rows("validation", "SELECT token FROM attempt"))[0].token
    town.only_at("fra nyc", RECORD, PROOF)
    for name in ("sin", "sao", "jnb"):
        town.remotes[name].scripts[RECORD] = txt(RECORD, own)

    await town.look(world)

    assert await outcome(world) == ("QUORUM", "2/5")


async def test_who_sees_both_tokens_in_any_order_corroborates_either(world: World, town: Views) -> None:
    await order(world)
    own = (await world.rows("validation", "SELECT token FROM attempt"))[0].token
    town.everywhere(RECORD, txt(RECORD, own, VALUE))
    town.primary.scripts[RECORD] = txt(RECORD, VALUE, own)

    await town.look(world)

    assert await outcome(world) == ("PASS", "5/5")


async def test_proof_of_another_domain_is_no_corroboration(world: World, town: Views) -> None:
    await order(world)
    town.only_at("fra nyc", "acme.example", txt("acme.example", VALUE))
    for name in ("sin", "sao", "jnb"):
        town.remotes[name].scripts[RECORD] = PROOF
    town.remotes["fra"].scripts[RECORD] = PROOF  # at both: what the primary saw is there too

    await town.look(world)

    assert await outcome(world) == ("QUORUM", "2/5")


async def test_a_retry_starts_from_zero(world: World, town: Views) -> None:
    """MP5: those that agreed before do not count."""
    await order(world)
    town.only_at("fra nyc sin", RECORD, PROOF)
    await town.look(world)
    for name in ("fra", "nyc", "sin"):
        del town.remotes[name].scripts[RECORD]
    for name in ("sao", "jnb"):
        town.remotes[name].scripts[RECORD] = PROOF
    await make_due(world)

    await town.look(world)

    assert await outcome(world) == ("QUORUM", "2/5")
    assert len({check.check_id for check in town.asked}) == 2


@pytest.mark.parametrize("lie", [renamed("nyc"), moved(region="ARIN"), moved(perspective="nyc")])
async def test_a_perspective_that_lies_about_its_name_or_place_corroborates_nothing_and_is_an_alarm(
    world: World, town: Views, lie: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await order(world)
    town.everywhere(RECORD, PROOF)
    town.lies["fra"] = lie

    with caplog.at_level(logging.ERROR):
        await town.look(world)

    assert await outcome(world) == ("PASS", "4/5")
    liar = (await told(world))["fra"]
    assert (liar.corroborates, liar.alarm, liar.reason) == (False, True, "alarm")
    assert "configured is fra in RIPE NCC" in liar.message
    assert "a perspective is not what it says" in caplog.text


async def test_two_that_lie_are_too_many(world: World, town: Views) -> None:
    await order(world)
    town.everywhere(RECORD, PROOF)
    town.lies |= {"fra": moved(region="ARIN"), "nyc": moved(region="APNIC")}

    await town.look(world)

    assert await outcome(world) == ("QUORUM", "3/5")


@pytest.mark.parametrize(
    "observation",
    [{}, {"kind": "caa"}, {"kind": DNS_TXT, "perspective": "fra", "answers": []}, {"a": ["\x00"] * 1000}],
)
async def test_an_answer_that_makes_no_sense_corroborates_nothing(
    world: World, town: Views, observation: dict[str, Any]
) -> None:
    await order(world)
    town.everywhere(RECORD, PROOF)
    town.lies["fra"] = lambda done: done.model_copy(
        update={"observation": {**(done.observation or {}), **observation} if observation.get("kind") else observation}
    )

    await town.look(world)

    assert await outcome(world) == ("PASS", "4/5")
    assert not (await told(world))["fra"].corroborates


async def test_a_fault_that_a_perspective_tells_is_kept(world: World, town: Views) -> None:
    await order(world)
    town.everywhere(RECORD, PROOF)
    town.lies["fra"] = moved(observation=None, fault="the resolver does not validate DNSSEC")

    await town.look(world)

    row = (await told(world))["fra"]
    assert (row.corroborates, row.message) == (False, "the resolver does not validate DNSSEC")


async def test_once_it_is_decided_stragglers_get_little_time(town: Views) -> None:
    """MP6."""
    town.everywhere(RECORD, PROOF)
    job = job_for(DNS_TXT, Name("www.acme.example"), a_test_policy())
    town.remotes["jnb"].otherwise = SILENCE
    town.remotes["jnb"].scripts.clear()
    begun = time.monotonic()

    reports = await town.panel(Times(each=5, stragglers=0.1)).ask(job, ACCOUNT, lambda seen: True)

    assert time.monotonic() - begun < 1
    assert [(one.perspective, one.fault) for one in reports if one.fault] == [("jnb", "no answer in time")]


async def test_who_does_not_answer_in_time_corroborates_nothing(town: Views) -> None:
    job = job_for(DNS_TXT, Name("www.acme.example"), a_test_policy())
    town.lies |= dict.fromkeys(("fra", "nyc"), lambda done: None)

    reports = await town.panel(Times(each=0.5, stragglers=0.1)).ask(job, ACCOUNT, lambda seen: True)

    assert [one.perspective for one in reports if one.fault] == ["fra", "nyc"]


async def test_a_token_replaced_while_the_others_are_asked_proves_nothing(world: World, town: Views) -> None:
    """TK3: judged again under the locks when it is recorded."""
    await order(world)
    own = (await world.rows("validation", "SELECT token FROM attempt"))[0].token
    town.everywhere(RECORD, txt(RECORD, own))
    looker = town.looker(world)
    async with world.validation.db.transaction() as tx:
        [claim] = await checks.claim_due(tx, utcnow(), 10)
    seen = await looker.look(claim)
    await world.rows("validation", "UPDATE attempt SET token_id = gen_random_uuid(), token = 'other' RETURNING 1")

    async with world.validation.db.transaction() as tx:
        await checks.record_looks(tx, a_test_policy(), [seen], utcnow())

    assert len(seen.reports or ()) == 5
    (evidence,) = await world.rows("validation", "SELECT * FROM evidence")
    assert evidence.superseded
    assert await world.said("validation", "domain_validated") == []


async def test_fewer_perspectives_than_needed_look_at_nothing_and_say_why(world: World) -> None:
    """MP4."""
    await order(world)
    async with views({"fra": "RIPE NCC", "nyc": "ARIN"}) as town:
        town.everywhere(RECORD, PROOF)

        await town.look(world)

        assert town.primary.asked == []
        assert "2 remote perspectives are configured" in str(town.panel().fault)
    assert await world.rows("validation", "SELECT * FROM evidence") == []


async def test_what_perspectives_told_is_never_changed(world: World, town: Views) -> None:
    await order(world)
    town.everywhere(RECORD, PROOF)
    await town.look(world)

    for statement in ("UPDATE evidence_perspective SET corroborates = false", "DELETE FROM evidence_perspective"):
        with pytest.raises(Exception, match="append-only"):
            await world.rows("validation", f"{statement} RETURNING 1")
