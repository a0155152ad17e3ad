from services.orders.cli import USERS, DemoSecrets, open_demo
from shared.access import find_by_key
from tests.conftest import World

SECRETS = DemoSecrets(
    passwords={details.role: f"password of {details.role}" for details in USERS},
    api_keys={"administrator": "demo-administrator-key", "operator": "demo-operator-key"},
)


async def test_the_demo_account_is_opened_with_divisions_users_and_keys(world: World) -> None:
    opened = await open_demo(world.orders.db, SECRETS)

    account = opened["account"]
    assert account["name"] == "Acme Example Inc."
    assert [division["name"] for division in account["divisions"]] == ["Main", "Hosting Europe", "Labs"]
    assert {sign_in["role"] for sign_in in opened["sign_ins"]} == {details.role for details in USERS}
    assert opened["api_keys"] == SECRETS.api_keys
    said = [event["type"] for event in await world.said("orders")]
    assert said == ["account_opened", "division_added", "division_added", *["credential_changed"] * 8]


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
