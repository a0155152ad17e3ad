"""What other systems ask of domains by events, with the same rules as over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events.validation import ChangeDcvMethod, CheckDomain, DomainCommand, ReplaceRandomValue, SubmitDomain
from tests.conftest import World
from tests.validation.conftest import let_pass, look, make_due
from tests.validation.dns_server import DnsServer, txt
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


async def published(world: World) -> str:
    value: str = (await world.said("validation", "domain_submitted"))[-1]["record_value"]
    return value


async def test_an_orders_random_value_is_replaced_and_the_one_before_is_dead_at_once_tk3(
    world: World, zone: DnsServer
) -> None:
    before, after = "c8c1f0aa3d5b4c0f8a3e1d2b7f9e6a54", "k3v9x0c7q2m8b4n6z1l5j7h9g2f4d6s8"
    placed = an_order("acme.example", dcv_random_value=before)
    replace = ReplaceRandomValue(
        source="shop", account_id=ACCOUNT, order=placed.order, dcv_random_value=after, value_before=before
    )
    await world.deliver("validation", placed, replace)
    assert await published(world) == after

    place = "_dnsauth.acme.example"
    zone.scripts[place] = txt(place, before)
    await look(world, zone)
    assert await world.said("validation", "domain_validated") == []

    zone.scripts[place] = txt(place, after)
    await make_due(world)
    await look(world, zone)
    assert len(await world.said("validation", "domain_validated")) == 1


@pytest.mark.parametrize(("value", "code"), [("short", "invalid_random_value"), ("k3v9x0c7q2m8b4n6" * 2, "not_found")])
async def test_an_unfit_value_or_an_order_that_waits_for_nothing_is_refused(
    world: World, value: str, code: str
) -> None:
    order = an_order(order_id=77).order
    await world.deliver(
        "validation", ReplaceRandomValue(source="shop", account_id=ACCOUNT, order=order, dcv_random_value=value)
    )

    [refused] = await world.said("validation", "command_refused")
    assert refused["code"] == code
