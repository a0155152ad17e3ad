import re
from collections import Counter

import pytest

from services.orders import queries
from services.orders.cli import USERS, DemoSecrets, holder, open_account, open_demo, told
from services.orders.rules.passwords import is_password
from shared.access import find_by_key
from shared.errors import Conflict, Rejected
from tests.conftest import World
from tests.makers import NOW

SECRETS = DemoSecrets(
    passwords={holder(details.email): f"password of {holder(details.email)}" for details in USERS},
    api_keys={name: f"demo-{name}-key" for name in ("administrator", "operator", "second_operator")},
)


async def test_the_demo_account_is_opened_with_divisions_users_and_keys(world: World) -> None:
    opened = await open_demo(world.orders.db, SECRETS)

    account = opened["account"]
    assert account["name"] == "Acme Example Inc."
    assert [division["name"] for division in account["divisions"]] == ["Main", "Hosting Europe", "Labs"]
    assert {sign_in["role"] for sign_in in opened["sign_ins"]} == {details.role for details in USERS}
    assert opened["api_keys"] == SECRETS.api_keys
    said = [event["type"] for event in await world.said("orders")]
    assert said[:3] == ["account_opened", "division_added", "division_added"]
    assert Counter(said[3:]) == {"credential_changed": 10, "user_changed": 7}


async def test_the_demo_has_two_of_the_staff_each_with_a_password_and_a_key_of_their_own(world: World) -> None:
    opened = await open_demo(world.orders.db, SECRETS)

    staff = [sign_in for sign_in in opened["sign_ins"] if sign_in["role"] == "operator"]
    assert [sign_in["email"] for sign_in in staff] == ["operator@issuary.example", "second_operator@issuary.example"]
    assert len({sign_in["password"] for sign_in in staff}) == 2
    async with world.orders.db.transaction() as tx:
        callers = [await find_by_key(tx, f"demo-{name}-key") for name in ("operator", "second_operator")]
    assert len({caller.user_id for caller in callers if caller and caller.is_operator}) == 2


async def test_opening_it_again_changes_nothing(world: World) -> None:
    first = await open_demo(world.orders.db, SECRETS)
    said = await world.said("orders")

    assert await open_demo(world.orders.db, SECRETS) == first
    assert await world.said("orders") == said


async def test_new_secrets_work_for_the_account_that_is_there(world: World) -> None:
    first = await open_demo(world.orders.db, SECRETS)
    renewed = DemoSecrets(SECRETS.passwords | {"manager": "another one"}, {"administrator": "another-key"})

    assert (await open_demo(world.orders.db, renewed))["account"] == first["account"]

    async with world.orders.db.transaction() as tx:
        caller = await find_by_key(tx, "another-key")
    assert caller is not None
    assert (caller.account_id, caller.role) == (first["account"]["id"], "administrator")


OPEN = ["Widget Shop", "--administrator", "ann@shop.example", "--currency", "EUR", "--billing-email", "ap@shop.example"]
ADDRESS = ["--line1", "1 Main Street", "--city", "Lehi", "--postcode", "84043", "--country", "US"]


async def test_an_opened_account_is_told_and_its_key_and_password_work(world: World) -> None:
    opened = await open_account(world.orders.db, told([*OPEN, *ADDRESS]), "olga", NOW)

    fact, *_ = await world.said("orders", "account_opened")
    assert (fact["account_id"], fact["division"]["name"]) == (opened["account_id"], "Widget Shop")
    assert fact["account"]["address"]["city"] == "Lehi"
    assert fact["account"]["billing_emails"] == ["ap@shop.example"]
    async with world.orders.db.transaction() as tx:
        caller = await find_by_key(tx, opened["api_key"])
        user = await queries.user_by_email(tx, "ANN@shop.example")
    assert caller is not None
    assert (caller.account_id, caller.role) == (opened["account_id"], "administrator")
    assert is_password(user.password_hash if user else None, opened["password"])


async def test_neither_key_nor_password_is_written_anywhere(world: World) -> None:
    opened = await open_account(world.orders.db, told(OPEN), "olga", NOW)

    [entry] = await world.rows("orders", "SELECT * FROM audit_log")
    assert (entry.who, entry.what, entry.subject) == ("olga", "account opened", f"account/{opened['account_id']}")
    written = str([entry, await world.said("orders"), await world.rows("orders", "SELECT * FROM app_user")])
    assert opened["api_key"] not in written
    assert opened["password"] not in written


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*OPEN, "--city", "Lehi"], "line1: Field required. Give it as --line1, or see --help."),
        ([*OPEN, *ADDRESS, "--country", "USA"], "country: String should match"),
        ([*OPEN, "--currency", "euro"], "currency: "),
    ],
)
async def test_details_that_no_invoice_could_bear_open_nothing(
    world: World, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(Rejected, match=f"^{re.escape(sentence)}"):
        await open_account(world.orders.db, told(arguments), "olga", NOW)

    assert await world.said("orders") == []


async def test_an_administrator_belongs_to_one_account(world: World) -> None:
    await open_account(world.orders.db, told(OPEN), "olga", NOW)
    said = await world.said("orders")

    with pytest.raises(Conflict, match=r"There is a user ann@shop\.example already"):
        await open_account(world.orders.db, told(OPEN), "olga", NOW)

    assert await world.said("orders") == said
