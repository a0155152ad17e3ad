"""Every address with an id in it: one that no row can have is one that no row has, to programs and on pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.billing.makers import take_key
from tests.billing.test_pages import signed_in
from tests.conftest import World

STAFF = {"role": "operator", "account_id": 0, "email": "ops@ca.example"}


def addresses(routes: Any) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from addresses(route.original_router.routes)
        elif "GET" in (getattr(route, "methods", None) or ()) and "_id" in route.path:
            yield route.path.replace(":int", "")


@pytest.mark.parametrize("wrong", ["99999999999999", "9" * 30, "none"])
async def test_what_cannot_be_there_is_not_there(shop: World, wrong: str) -> None:
    await take_key(shop, "staff", user_id=8, **STAFF)
    asked = {path: path.split("{")[0] + wrong + path.split("}")[1] for path in addresses(shop.billing.app.routes)}

    async with signed_in(shop, **STAFF) as pages, shop.client("staff") as programs:
        got = {
            path: (await (programs if path.startswith("/services") else pages).get(url)).status_code
            for path, url in asked.items()
        }

    assert len(got) > 20
    assert {path: status for path, status in got.items() if status != 404} == {}
