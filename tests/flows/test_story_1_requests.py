"""What is wished of an order that is issued: another certificate in its place, one more, none any more."""

from typing import Any

from tests.flows.conftest import COSTS, Town
from tests.orders.makers import csr, rsa_key

ORDER = "/services/v2/order/certificate"


async def issued(town: Town) -> dict[str, Any]:
    await town.pay(COSTS)
    order = await town.order()
    await town.settle()
    shown = await town.shown(order)
    assert shown["status"] == "issued"
    return shown


async def ask(town: Town, method: str, path: str, sent: dict[str, Any], role: str = "administrator") -> Any:
    async with town.client(role) as http:
        answer = await http.request(method, f"/services/v2{path}", json=sent)
    assert answer.status_code in (201, 204), answer.text
    return answer.json() if answer.content else None


async def test_an_order_is_reissued_with_another_name_which_is_proven_first(town: Town) -> None:
    order = await issued(town)
    names = {"common_name": "www.acme.example", "dns_names": ["shop.acme.example"], "csr": csr(rsa_key())}

    await ask(town, "POST", f"/order/certificate/{order['id']}/reissue", {"certificate": names})
    await town.world.settle(steps=False)
    pending = await town.shown(order["id"])
    await town.settle()

    done = await town.shown(order["id"])
    assert pending["status"] == "reissue_pending"
    assert (done["status"], done["certificate"]["dns_names"]) == ("issued", ["www.acme.example", "shop.acme.example"])
    assert done["certificate"]["serial_number"] != order["certificate"]["serial_number"]
    assert await town.balance() == "0.00"
    rows = await town.world.rows("validation", "SELECT 1 FROM order_need WHERE ended_at IS NULL")
    assert rows == []
    await town.in_order()


async def test_a_duplicate_of_proven_names_is_issued_without_another_record(town: Town) -> None:
    order = await issued(town)
    submitted = len(await town.said("validation", "domain_submitted"))

    await ask(town, "POST", f"/order/certificate/{order['id']}/duplicate", {"certificate": {"csr": csr(rsa_key())}})
    await town.world.settle()

    done = await town.shown(order["id"])
    assert (done["duplicates_count"], done["certificate"]["id"]) == (1, order["certificate"]["id"])
    assert len(await town.said("validation", "domain_submitted")) == submitted
    await town.in_order()


async def test_a_users_reissue_waits_for_approval_and_is_then_issued(town: Town) -> None:
    order = await issued(town)

    asked = await ask(town, "POST", f"/order/certificate/{order['id']}/reissue", {}, "standard_user")
    await town.world.settle()
    assert (await town.shown(order["id"]))["status"] == "reissue_pending"
    await ask(town, "PUT", f"/request/{asked['requests'][0]['id']}/status", {"status": "approved"})
    await town.world.settle()

    assert (await town.shown(order["id"]))["reissues_count"] == 1
    await town.in_order()


async def test_a_canceled_reissue_leaves_nothing_open_anywhere(town: Town) -> None:
    order = await issued(town)
    names = {"common_name": "www.acme.example", "dns_names": ["shop.acme.example"]}
    await ask(town, "POST", f"/order/certificate/{order['id']}/reissue", {"certificate": names})
    await town.world.settle(steps=False)

    await ask(town, "PUT", f"/order/certificate/{order['id']}/status", {"status": "canceled", "note": "Not needed"})
    await town.settle()

    assert (await town.shown(order["id"]))["certificate"] == order["certificate"]
    assert await town.world.rows("validation", "SELECT 1 FROM attempt WHERE closed_at IS NULL") == []
    await town.in_order()


async def test_a_revoked_order_is_revoked_by_whoever_issued_it(town: Town) -> None:
    order = await issued(town)

    await ask(town, "PUT", f"/order/certificate/{order['id']}/revoke", {"reason": "superseded", "skip_approval": True})
    await town.world.settle()

    assert (await town.shown(order["id"]))["status"] == "revoked"
    [said] = await town.said("orders", "certificate_revoked")
    assert said["serial_number"] == order["certificate"]["serial_number"]
    await town.in_order()
