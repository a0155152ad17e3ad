"""The command open_account: another system opens accounts here."""

from typing import Any

import pytest

from shared.events import orders
from shared.events.base import Event
from tests.conftest import World
from tests.orders.conftest import Company

ADMINISTRATOR = {"email": "gil@globex.example", "first_name": "Gil", "last_name": "Baum"}


def command(**changes: Any) -> Event:
    facts = {"source": "crm", "account_id": 0, "name": "Globex", "currency": "EUR", "administrator": ADMINISTRATOR}
    return orders.OpenAccount.model_validate(facts | changes)


async def test_an_account_is_opened_once_and_the_answer_names_the_command(world: World) -> None:
    told = command(division="Head office", billing_emails=["ap@globex.example"])
    await world.deliver("orders", told)
    await world.deliver("orders", told)

    [opened] = await world.said("orders", "account_opened")
    [user] = await world.said("orders", "user_changed")
    assert (opened["causation_id"], opened["account"]["name"]) == (str(told.id), "Globex")
    assert (opened["division"]["name"], opened["account"]["billing_emails"]) == ("Head office", ["ap@globex.example"])
    assert (user["account_id"], user["user"]["name"], user["user"]["role"]) == (
        opened["account_id"],
        "Gil Baum",
        "administrator",
    )
    [row] = await world.rows("orders", "SELECT password_hash FROM app_user WHERE email = 'gil@globex.example'")
    assert row.password_hash is None


async def test_billing_has_its_funds_from_the_first_moment(world: World) -> None:
    await world.deliver("orders", command())
    await world.settle(steps=False)

    [opened] = await world.said("orders", "account_opened")
    rows = await world.rows("billing", "SELECT division_id FROM funds")
    assert [row.division_id for row in rows] == [opened["division"]["id"]]


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"administrator": {"email": "administrator@acme.example"}}, "user_exists", "another address"),
        ({"administrator": {"email": "a@b"}}, "bad_request_format", "no e-mail address"),
        ({"billing_emails": ["x@y"]}, "bad_request_format", "no e-mail address"),
        ({"name": "\t"}, "bad_request_format", "name of the account is missing"),
    ],
)
async def test_what_cannot_be_opened_is_answered_with_a_sentence(
    world: World, acme: Company, changes: dict[str, Any], code: str, says: str
) -> None:
    await world.deliver("orders", command(**changes))

    [refused] = await world.said("orders", "command_refused")
    assert (refused["code"], refused["command_type"]) == (code, "open_account")
    assert says in refused["message"]
    assert len(await world.said("orders", "account_opened")) == 1  # that of the fixture


async def test_two_for_one_address_in_one_batch_open_one_account_for_it(world: World) -> None:
    await world.deliver("orders", command(), command(name="Globex again"))

    assert len(await world.said("orders", "command_refused")) == 1
    assert len(await world.said("orders", "account_opened")) == 1
