"""Names of divisions and organizations that domains are shown with: copies of what orders announces."""

from typing import Any

from shared.events.orders import Division, DivisionChanged, Organization, OrganizationAdded, OrganizationValidated
from tests.conftest import World
from tests.validation.makers import ACCOUNT, NOW
from tests.validation.office import LABS, MAIN, OTHER_ACCOUNT, D, add, key_of, signed_in, words


def added(name: str, account_id: int = ACCOUNT, **more: Any) -> OrganizationAdded:
    told = Organization(id=7, name=name, **more)
    return OrganizationAdded(
        occurred_at=NOW, account_id=account_id, organization=told, division_id=MAIN, added_by="Ann Lee"
    )


async def shown(world: World) -> dict[str, Any]:
    async with key_of(world) as http:
        [row] = (await http.get(D)).json()["domains"]
        one: dict[str, Any] = (await http.get(f"{D}/{row['id']}")).json()
    assert row["organization"] == one["organization"]
    assert row["container"] == one["container"]
    return one


async def test_an_organization_is_shown_by_the_name_it_has_now(office: World) -> None:
    async with key_of(office) as http:
        domain = await add(http, "acme.example")
    assert (await shown(office))["organization"] == {"id": 7}

    await office.deliver("validation", added("Acme Example Inc.", assumed_name="Acme"), added("Acme Example Inc."))
    assert (await shown(office))["organization"]["display_name"] == "Acme Example Inc."

    renamed = Organization(id=7, name="Acme Group Inc.", assumed_name="Acme")
    await office.deliver("validation", OrganizationValidated(
        occurred_at=NOW, account_id=ACCOUNT, organization=renamed, level="ov", validated_until=NOW,
    ))  # fmt: skip
    assert (await shown(office))["organization"] == {
        "id": 7, "name": "Acme Group Inc.", "display_name": "Acme Group Inc. (Acme)",
    }  # fmt: skip
    async with signed_in(office) as http:
        assert "Acme Group Inc. (Acme)" in words(await http.get(f"/domains/{domain['id']}"))


async def test_the_name_of_another_accounts_organization_is_not_told(office: World) -> None:
    await office.deliver("validation", added("Globex Secret Ltd", OTHER_ACCOUNT))
    async with key_of(office) as http:
        domain = await add(http, "acme.example")

    assert (await shown(office))["organization"] == {"id": 7}
    async with signed_in(office) as http:
        assert "Globex" not in words(await http.get(f"/domains/{domain['id']}"))


async def test_a_division_is_shown_by_the_name_and_standing_it_has_now(office: World) -> None:
    async with key_of(office) as http:
        await add(http, "acme.example", container={"id": LABS})
    changed = Division(id=LABS, name="Research", parent_id=MAIN, is_active=False)
    await office.deliver("validation", DivisionChanged(occurred_at=NOW, account_id=ACCOUNT, division=changed))

    assert (await shown(office))["container"] == {"id": LABS, "name": "Research", "is_active": False}
