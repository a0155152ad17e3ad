"""Orders of any source, through the door, on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import event as sqlalchemy_events
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.orders import CertificateIssued, OrderRejected
from tests.conftest import World
from tests.validation.conftest import let_pass, look
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import ACCOUNT, VALUE, a_cancellation, an_order


async def said(world: World, *types: str) -> list[dict[str, Any]]:
    return await world.said("validation", *types)


async def attempts(world: World) -> list[Any]:
    return await world.rows("validation", "SELECT * FROM attempt ORDER BY opened_at, id")


async def domains(world: World) -> list[Any]:
    return await world.rows("validation", "SELECT * FROM domain ORDER BY name")


async def test_an_order_of_another_system_opens_an_attempt_per_name(world: World) -> None:
    placed = an_order("www.acme.example", "*.acme.example", "acme.example")

    await world.deliver("validation", placed)

    submitted = await said(world)
    assert [(event["type"], event["name"]) for event in submitted] == [
        ("domain_submitted", "www.acme.example"),
        ("domain_submitted", "acme.example"),
    ]
    first = submitted[0]
    (domain,) = [row for row in await domains(world) if row.name == "www.acme.example"]
    (attempt,) = [row for row in await attempts(world) if row.name == "www.acme.example"]
    assert (first["account_id"], first["domain_id"]) == (ACCOUNT, domain.id)
    assert first["order"] == {"source": "shop", "id": 1201}
    assert (first["record_name"], first["record_type"]) == ("_dnsauth.www.acme.example", "TXT")
    assert (first["record_value"], len(first["record_value"])) == (attempt.token, 32)
    assert first["method"] == "dns-txt-token"
    assert datetime.fromisoformat(first["expires_at"]) == attempt.token_created_at + timedelta(days=30)
    assert first["causation_id"] == placed.told_id
    assert (domain.pending_id, domain.needs) == (attempt.id, 1)
    (parent,) = [row for row in await attempts(world) if row.name == "acme.example"]
    assert parent.requested == ["*.acme.example", "acme.example"]


async def test_the_same_order_again_changes_nothing(world: World) -> None:
    await world.deliver("validation", an_order(), an_order())
    await world.deliver("validation", an_order())

    assert len(await said(world)) == 1
    assert [row.needs for row in await domains(world)] == [1]


async def test_an_order_number_of_another_source_is_another_order(world: World) -> None:
    await world.deliver("validation", an_order(), an_order(source="kiosk"))

    assert [event["order"]["source"] for event in await said(world)] == ["shop", "kiosk"]
    assert [row.needs for row in await domains(world)] == [2]


async def test_a_second_order_joins_the_open_attempt_and_gets_the_same_value(world: World) -> None:
    await world.deliver("validation", an_order(order_id=1), an_order(order_id=2))
    await world.deliver("validation", an_order("*.www.acme.example", order_id=3))

    values = {event["record_value"] for event in await said(world, "domain_submitted")}
    assert len(values) == 1
    (attempt,) = await attempts(world)
    assert attempt.requested == ["www.acme.example", "*.www.acme.example"]


async def test_another_account_has_a_domain_and_a_value_of_its_own(world: World) -> None:
    await world.deliver("validation", an_order(), an_order(order_id=7, account_id=9002))

    values = {event["record_value"] for event in await said(world)}
    assert len(values) == 2
    assert len(await domains(world)) == 2


async def test_an_orders_random_value_is_the_record_to_publish(world: World) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE), an_order(order_id=2))

    with_value, without = await said(world, "domain_submitted")
    assert with_value["record_value"] == VALUE
    assert without["record_value"] != VALUE


@pytest.mark.parametrize("value", ["short", "0123456789" * 3, "with blanks " * 4])
async def test_a_weak_random_value_is_not_used_and_a_sentence_says_so(world: World, value: str) -> None:
    await world.deliver("validation", an_order(dcv_random_value=value))

    failed, submitted = await said(world)
    assert (failed["type"], failed["outcome"], failed["final"]) == ("domain_validation_failed", "POLICY", False)
    assert "random value is not used" in failed["message"]
    assert len(submitted["record_value"]) == 32


async def test_a_random_value_does_not_get_younger_by_being_brought_again(world: World) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE))
    await let_pass(world, 31)

    await world.deliver("validation", an_order(order_id=2, dcv_random_value=VALUE))

    (failed,) = await said(world, "domain_validation_failed")
    assert "older than 30 days" in failed["message"]
    assert (await said(world, "domain_submitted"))[-1]["record_value"] != VALUE


async def test_a_value_that_died_meanwhile_is_renewed_when_an_order_joins(world: World) -> None:
    await world.deliver("validation", an_order())
    await let_pass(world, 31)
    await world.deliver("validation", an_order(order_id=2))

    old, new = await said(world, "domain_submitted")
    assert old["record_value"] != new["record_value"]
    assert datetime.fromisoformat(new["expires_at"]) > datetime.now(UTC) + timedelta(days=29)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("acme.internal", "public suffix"),
        ("a..b.example", "empty label"),
        ("192.0.2.1", "IP address"),
    ],
)
async def test_an_unusable_name_is_refused_with_a_sentence_and_the_others_go_on(
    world: World, name: str, why: str
) -> None:
    await world.deliver("validation", an_order(name, "www.acme.example"))

    failed, submitted = await said(world)
    assert (failed["type"], failed["outcome"], failed["final"]) == ("domain_validation_failed", "POLICY", True)
    assert why in failed["message"]
    assert submitted["name"] == "www.acme.example"
    assert await world.parked("validation") == []


async def test_a_method_that_is_not_offered_is_refused_with_a_sentence(world: World) -> None:
    await world.deliver("validation", an_order(dcv_method="phone"))

    (failed,) = await said(world)
    assert (failed["outcome"], failed["final"], failed["method"]) == ("POLICY", True, "phone")
    assert "dns-txt-token" in failed["message"]
    assert await attempts(world) == []


async def test_the_offered_method_may_be_named(world: World) -> None:
    await world.deliver("validation", an_order(dcv_method="dns-txt-token"))

    assert [event["type"] for event in await said(world)] == ["domain_submitted"]


async def test_a_cancelled_order_closes_the_attempt_that_nobody_else_needs(world: World) -> None:
    first, second = an_order(order_id=1, dcv_random_value=VALUE), an_order(order_id=2)
    await world.deliver("validation", first, second)
    await world.deliver("validation", a_cancellation(first), a_cancellation(first))
    assert [row.closed_at for row in await attempts(world)] == [None]

    await world.deliver("validation", a_cancellation(second))

    (attempt,) = await attempts(world)
    (domain,) = await domains(world)
    assert (attempt.ended, attempt.token) == ("not_needed", None)
    assert (domain.needs, domain.pending_id) == (0, None)
    (value,) = await world.rows("validation", "SELECT value, sha256 FROM random_value")
    assert (value.value, len(value.sha256)) == (None, 64)


async def test_rejected_and_issued_orders_need_nothing_any_more(world: World) -> None:
    first, second = an_order("a.example", order_id=1), an_order("b.example", order_id=2)
    now = datetime.now(UTC)
    about = {"source": "shop", "occurred_at": now, "account_id": ACCOUNT}
    rejected = OrderRejected(**about, order_id=1, rejected_by="x", reason="no")
    issued = CertificateIssued(
        **about, order_id=2, certificate_id=5, common_name="b.example", names=("b.example",), serial_number="01",
        thumbprint="AB", valid_from=now.date(), valid_till=now.date(), pem="",
    )  # fmt: skip

    await world.deliver("validation", first, second, rejected, issued)

    assert {row.ended for row in await attempts(world)} == {"not_needed"}


async def test_an_order_placed_and_cancelled_in_one_batch_and_placed_anew_keeps_its_new_value(world: World) -> None:
    first, second = an_order(order_id=1, dcv_random_value=VALUE), an_order(order_id=2, dcv_random_value=VALUE)

    await world.deliver("validation", first, a_cancellation(first), second)

    (value,) = await world.rows("validation", "SELECT value FROM random_value")
    assert value.value == VALUE
    assert [row.ended for row in await attempts(world)].count(None) == 1


async def test_the_end_of_an_unknown_order_is_no_news(world: World) -> None:
    await world.deliver("validation", a_cancellation(an_order()))

    assert await said(world) == []
    assert await world.parked("validation") == []


async def test_a_proven_domain_serves_the_next_order_at_once(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order("acme.example", dcv_random_value=VALUE))
    zone.scripts["_dnsauth.acme.example"] = txt("_dnsauth.acme.example", VALUE)
    await look(world, zone)

    await world.deliver("validation", an_order("*.shop.acme.example", "acme.example", order_id=2))

    first, *again = await said(world, "domain_validated")
    assert [(event["name"], event["authorization_domain"]) for event in again] == [
        ("shop.acme.example", "acme.example"),
        ("acme.example", "acme.example"),
    ]
    assert {event["evidence_id"] for event in again} == {first["evidence_id"]}
    assert len(await said(world, "domain_submitted")) == 1


async def test_an_order_is_served_by_the_current_proof_while_a_new_attempt_is_open(
    world: World, zone: DnsServer
) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE))
    zone.scripts["_dnsauth.www.acme.example"] = txt("_dnsauth.www.acme.example", VALUE)
    await look(world, zone)
    await let_pass(world, 199)
    await world.deliver("validation", an_order(order_id=2))
    await world.rows("validation", "UPDATE validation SET observed_at = now() - interval '1 day' RETURNING 1")

    await world.deliver("validation", an_order(order_id=3))

    types = [event["type"] for event in await said(world) if event["type"] != "domain_validation_failed"]
    assert types == ["domain_submitted", "domain_validated", "domain_submitted", "domain_validated"]


async def test_proof_that_is_too_old_is_made_anew(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE))
    zone.scripts["_dnsauth.www.acme.example"] = txt("_dnsauth.www.acme.example", VALUE)
    await look(world, zone)
    await let_pass(world, 200)

    await world.deliver("validation", an_order(order_id=2))

    assert len(await said(world, "domain_submitted")) == 2


async def test_a_chunk_of_two_hundred_orders_takes_few_statements(world: World) -> None:
    orders = [
        an_order(f"n{n}.acme.example", "*.acme.example", order_id=n, dcv_random_value=f"{VALUE}{n}")
        for n in range(1, 201)
    ]
    statements: list[str] = []
    connection = cast(AsyncConnection, world.validation.db.bind).sync_connection
    sqlalchemy_events.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))

    await world.deliver("validation", *orders)
    placing = len(statements)
    await world.deliver("validation", *[a_cancellation(placed) for placed in orders])

    ending = len(statements) - placing
    assert len(await said(world, "domain_submitted")) == 400
    assert placing < 30
    assert ending < 30
