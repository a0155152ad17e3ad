"""The evidence of an issued certificate, asked for by API and page, by those who may see it and those who may not."""

from typing import Any

from tests.flows.conftest import COSTS, Town

EVIDENCE = "/services/v2/domain/evidence"


async def issued(town: Town) -> tuple[int, str]:
    await town.pay(COSTS)
    order = await town.order()
    await town.settle()
    (told,) = await town.said("orders", "certificate_issued")
    return order, told["serial_number"]


async def get(town: Town, path: str, role: str = "administrator") -> Any:
    async with town.client(role) as http:
        return await http.get(path)


async def test_the_evidence_of_a_certificate_is_found_by_its_serial_number_and_its_order(town: Town) -> None:
    order, serial = await issued(town)

    by_serial = (await get(town, f"{EVIDENCE}/certificate/{serial}")).json()
    by_order = (await get(town, f"{EVIDENCE}/order/{order}")).json()

    assert by_serial["order"] == by_order["order"] == {"source": "issuary/orders", "id": order}
    (permission,) = by_serial["permissions"]
    assert permission["authorized"]
    assert {one["name"] for one in permission["relied_on"]} == set(permission["names"])
    assert {one["outcome"] for one in by_serial["evidence"] + by_serial["caa_checks"]} == {"PASS"}
    assert by_order["evidence"] == by_serial["evidence"]


async def test_who_has_nothing_to_do_with_it_is_told_that_it_is_not_there(town: Town) -> None:
    _order, serial = await issued(town)

    assert (await get(town, f"{EVIDENCE}/order/4711")).status_code == 404
    assert (await get(town, f"{EVIDENCE}/order/0")).status_code == 404
    assert (await get(town, f"{EVIDENCE}/certificate/{serial}", "operator")).status_code == 200
    async with town.world.client("nobody's key") as http:
        assert (await http.get(f"{EVIDENCE}/certificate/{serial}")).status_code in (401, 403)
