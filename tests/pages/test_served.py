import pytest

from tests.conftest import SERVICES, World


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_serves_the_stylesheet_that_its_pages_name(world: World, service: str) -> None:
    async with world.client() as client:
        answer = await client.get(f"/{service}/static/console.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("page", ["", "/audit"])
async def test_operator_pages_are_at_their_address_and_ask_to_sign_in(world: World, service: str, page: str) -> None:
    async with world.client() as client:
        answer = await client.get(f"/{service}/operations{page}", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")
