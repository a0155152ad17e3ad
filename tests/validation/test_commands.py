"""What other systems ask of domains by events, with the same rules as over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events.validation import ChangeDcvMethod, CheckDomain, DomainCommand, SubmitDomain
from tests.conftest import World
from tests.validation.conftest import let_pass
from tests.validation.makers import ACCOUNT, an_order


def asked(kind: type[DomainCommand], name: str = "acme.example", **more: Any) -> DomainCommand:
    return kind(**{"source": "shop", "account_id": ACCOUNT, "name": name, **more})


async def test_a_domain_is_submitted_and_added_where_it_is_new(world: World) -> None:
    command = asked(SubmitDomain, "www.acme.example", dcv_method="dns-txt-token", validations=("ov",),
                    division={"id": 14, "name": "Main"})  # fmt: skip
    await world.deliver("validation", command)

    [told] = await world.said("validation", "domain_submitted")
    assert (told["name"], told["order"], told["causation_id"]) == ("acme.example", None, str(command.id))
    assert told["record_name"] == "_dnsauth.acme.example"
    [row] = await world.rows("validation", "SELECT * FROM domain")
    assert (row.name, row.division_id, row.types, row.method) == ("acme.example", 14, ["ov"], "dns-txt-token")


async def test_submitted_again_without_a_method_the_one_before_applies(world: World) -> None:
    await world.deliver("validation", asked(SubmitDomain, dcv_method="dns-txt-token"), asked(SubmitDomain))

    assert len(await world.said("validation", "domain_submitted")) == 1
    assert await world.said("validation", "command_refused") == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (asked(SubmitDomain), "dcv_method_required"),
        (asked(SubmitDomain, dcv_method="pigeon"), "invalid_dcv_method"),
        (asked(SubmitDomain, "acme.internal", dcv_method="dns-txt-token"), "invalid_dns_name"),
        (asked(ChangeDcvMethod, dcv_method="dns-txt-token"), "not_found|domain"),
        (asked(CheckDomain), "not_found|domain"),
        (asked(CheckDomain, "*"), "invalid_dns_name"),
    ],
)
async def test_what_a_rule_refuses_is_answered_and_not_parked(world: World, command: DomainCommand, code: str) -> None:
    await world.deliver("validation", command)

    [refused] = await world.said("validation", "command_refused")
    assert (refused["code"], refused["command_id"]) == (code, str(command.id))
    assert refused["message"]
    assert await world.parked("validation") == []
    assert await world.rows("validation", "SELECT 1 FROM domain") == []


async def test_a_check_asked_for_is_made_soon_and_polling_goes_on_as_it_was_lc6(world: World) -> None:
    await world.deliver("validation", an_order("acme.example"))
    await let_pass(world, 2)
    await world.rows("validation", "UPDATE attempt SET due_at = now() + interval '1 hour' RETURNING id")
    [before] = await world.rows("validation", "SELECT polls_from FROM attempt")

    await world.deliver("validation", asked(CheckDomain), asked(CheckDomain))

    [after] = await world.rows("validation", "SELECT polls_from, due_at FROM attempt")
    assert after.due_at <= datetime.now(UTC)
    assert after.polls_from == before.polls_from
    [refused] = await world.said("validation", "command_refused")
    assert refused["code"] == "request_limit_exceeded"


async def test_nothing_pending_is_nothing_to_check(world: World) -> None:
    await world.deliver("validation", an_order("acme.example"))
    await world.rows("validation", "UPDATE domain SET pending_id = NULL RETURNING id")

    await world.deliver("validation", asked(CheckDomain))

    [refused] = await world.said("validation", "command_refused")
    assert refused["code"] == "invalid_state"
