"""The export of all that a permission to issue relied on, by order and by certificate (EV9)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.validation.queries.dossiers import Dossier, may_see, of_certificate, of_order
from services.validation.queries.exporting import exported
from services.validation.rules.serials import as_stored
from shared.access import Caller
from shared.db import utcnow
from shared.errors import NotFound
from shared.events.base import OrderRef
from shared.events.orders import CertificateIssued, OrderPlaced
from tests.conftest import World
from tests.validation.dns_server import txt
from tests.validation.makers import ACCOUNT, VALUE, a_question, an_order
from tests.validation.test_caa_climbing import a_set
from tests.validation.views import PATIENT, Views, views

NAMES = ("www.acme.example", "*.acme.example")


@pytest_asyncio.fixture
async def town() -> AsyncIterator[Views]:
    async with views(times=PATIENT) as found:
        yield found


async def authorized(world: World, town: Views, *names: str, **changes: Any) -> OrderPlaced:
    placed = an_order(*names, dcv_random_value=VALUE, **changes)
    await world.deliver("validation", placed)
    for name in names:
        record = f"_dnsauth.{name.removeprefix('*.')}"
        town.everywhere(record, txt(record, VALUE))
    await town.look(world)
    await ask(world, town, placed)
    return placed


async def ask(world: World, town: Views, placed: OrderPlaced, **changes: Any) -> None:
    await world.deliver("validation", a_question(*placed.names, placed=placed, **changes))
    await town.answer_questions(world)


def issued(placed: OrderPlaced, serial: str = "0A1B2C", certificate_id: int = 7, **changes: Any) -> CertificateIssued:
    day = utcnow().date()
    return CertificateIssued(**{
        "source": placed.source, "occurred_at": utcnow(), "account_id": placed.account_id, "order_id": placed.order_id,
        "certificate_id": certificate_id, "common_name": placed.names[0], "names": placed.names,
        "serial_number": serial, "thumbprint": "00", "valid_from": day, "valid_till": day, "pem": "", **changes,
    })  # fmt: skip


async def read(world: World, order: OrderRef) -> dict[str, Any]:
    async with world.validation.db.transaction() as tx:
        return exported(await of_order(tx, order))


async def read_certificate(world: World, serial: str) -> dict[str, Any]:
    async with world.validation.db.transaction() as tx:
        return exported(await of_certificate(tx, "shop", as_stored(serial)))


async def test_the_export_of_a_certificate_has_all_that_it_relied_on(world: World, town: Views) -> None:
    town.everywhere("acme.example", a_set("acme.example", '0 issuewild "ca.example"', '0 issue "ca.example"'))
    placed = await authorized(world, town, *NAMES)
    await world.deliver("validation", issued(placed))

    told = await read_certificate(world, "0a:1b:2c")

    assert told["order"] == {"source": "shop", "id": placed.order_id}
    assert [one["serial_number"] for one in told["certificates"]] == ["a1b2c"]
    (permission,) = told["permissions"]
    assert (permission["authorized"], permission["names"], permission["refused"]) == (True, list(NAMES), [])
    assert sorted(one["name"] for one in permission["relied_on"]) == sorted(NAMES)
    proofs = {one["id"]: one for one in told["evidence"]}
    checks = {one["id"]: one for one in told["caa_checks"]}
    for one in permission["relied_on"]:
        proof, check = proofs[one["evidence_id"]], checks[one["caa_check_id"]]
        assert (proof["method"], proof["outcome"], proof["quorum"]) == ("3.2.2.4.7", "PASS", "5/5")
        assert check["name"] == one["name"]
        assert (check["decided_at"], check["quorum"]) == ("acme.example", "5/5")
        for row in (proof, check):
            assert [seen["perspective"] for seen in row["perspectives"]] == ["fra", "jnb", "nyc", "sao", "sin"]
            assert all(seen["queries"] for seen in row["perspectives"])
    query = proofs[permission["relied_on"][1]["evidence_id"]]["queries"][0]
    assert {"name", "type", "rcode", "ad", "ede", "chain", "records", "resolver", "tries", "transport"} <= set(query)


async def test_the_export_of_an_order_has_what_was_refused_too(world: World, town: Views) -> None:
    placed = an_order("www.acme.example", dcv_random_value=VALUE)
    town.everywhere("acme.example", a_set("acme.example", '0 issue ";"'))
    await authorized(world, town, *placed.names)
    town.everywhere("acme.example", a_set("acme.example", '0 issue "ca.example"'))
    await ask(world, town, placed)

    told = await read(world, placed.order)

    newest, oldest = told["permissions"]
    assert (newest["authorized"], oldest["authorized"]) == (True, False)
    assert oldest["refused"][0]["code"] == "caa"
    assert [check["outcome"] for check in told["caa_checks"]] == ["CAA", "PASS"]


async def test_a_reissue_relied_on_its_own_permission(world: World, town: Views) -> None:
    placed = await authorized(world, town, "www.acme.example")
    await world.deliver("validation", issued(placed, "01"))
    await ask(world, town, placed, request_id=2)
    await world.deliver("validation", issued(placed, "02", 8, request_id=2))

    first, second = await read_certificate(world, "1"), await read_certificate(world, "2")

    assert (first["permissions"][0]["request_id"], second["permissions"][0]["request_id"]) == (None, 2)
    assert len((await read(world, placed.order))["certificates"]) == 2


async def test_a_permission_given_after_a_certificate_is_not_what_it_relied_on(world: World, town: Views) -> None:
    placed = await authorized(world, town, "www.acme.example")
    before = issued(placed, occurred_at=utcnow() - timedelta(hours=1))
    await world.deliver("validation", before)

    assert (await read_certificate(world, "0A1B2C"))["permissions"] == []


async def test_the_same_certificate_told_twice_is_one(world: World, town: Views) -> None:
    placed = await authorized(world, town, "www.acme.example")
    await world.deliver("validation", issued(placed), issued(placed))

    assert len((await read(world, placed.order))["certificates"]) == 1
    assert await world.parked("validation") == []


async def test_what_is_not_there_is_said(world: World) -> None:
    with pytest.raises(NotFound, match="There is no order 4711"):
        await read(world, OrderRef(source="shop", id=4711))
    with pytest.raises(NotFound, match="no certificate with this serial number"):
        await read_certificate(world, "4711")


async def test_an_order_that_only_waits_has_an_empty_export(world: World) -> None:
    placed = an_order()
    await world.deliver("validation", placed)

    told = await read(world, placed.order)

    assert (told["permissions"], told["evidence"], told["certificates"]) == ([], [], [])


def a_caller(account_id: int = ACCOUNT, divisions: tuple[int, ...] = (), role: str = "administrator") -> Caller:
    return Caller("user/1", "user", account_id, "Acme", 1, "Ann", "", role, divisions=divisions)


@pytest.mark.parametrize(
    ("caller", "division", "visible"),
    [
        (a_caller(), 14, True),
        (a_caller(divisions=(14,)), 14, True),
        (a_caller(divisions=(15,)), 14, False),
        (a_caller(9002), 14, False),
        (a_caller(0, role="operator"), 14, True),
        (a_caller(), None, True),
        (a_caller(divisions=(14,)), None, False),
        (a_caller(9002), None, False),
        (a_caller(0, role="operator"), None, True),
        (a_caller(role="limited_user"), 14, True),
        (replace(a_caller(role="limited_user"), user_id=2), 14, False),
        (replace(a_caller(role="standard_user"), user_id=2), 14, True),
    ],
)
def test_only_who_may_see_the_order_sees_its_evidence(caller: Caller, division: int | None, visible: bool) -> None:
    dossier = Dossier(OrderRef(id=1), ACCOUNT, division, 1, [], [], {}, [], [], {})

    assert may_see(caller, dossier) is visible
