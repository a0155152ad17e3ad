"""Each method through the worker: claimed, looked at by the real network on loopback, recorded."""

from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
import pytest_asyncio

from services.validation.actions import checks
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.http import HttpClient
from services.validation.clients.observing import Observer
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.guard import Guard
from services.validation.worker import Looker
from shared.db import utcnow
from tests.conftest import World
from tests.validation.conftest import a_looker
from tests.validation.dns_server import DnsServer, Script, txt
from tests.validation.http_server import FILE, HttpServer, answer, redirect
from tests.validation.makers import a_test_policy, an_order

NAME = "www.acme.example"
U = "acct:9001@ca.example"


@pytest_asyncio.fixture
async def web() -> AsyncIterator[HttpServer]:
    async with HttpServer() as server:
        yield server


async def opened(world: World, method: str, *names: str) -> str:
    """An order's attempt by another method; its value."""
    await world.deliver("validation", an_order(*names))
    await world.rows("validation", f"UPDATE attempt SET method = '{method}' RETURNING 1")
    value: str = (await world.said("validation", "domain_submitted"))[-1]["record_value"]
    return value


async def look(world: World, zone: DnsServer, web: HttpServer) -> None:
    dns = DnsClient([Resolver(*zone.address)], 0.2)
    guard = Guard(web.port, 1, opened=(ip_network("127.0.0.0/8"),))
    http = HttpClient(dns, shipped_suffixes(("example", "test")), guard)
    looker = Looker(world.validation.db, Observer(dns, http=http), a_test_policy(), 200)
    while await looker.step():
        pass
    await http.close()


async def test_a_cname_validates_the_domain(world: World, zone: DnsServer, web: HttpServer) -> None:
    value = await opened(world, "dns-cname-token")
    record = f"_dnsauth.{NAME}"
    zone.scripts[record] = Script((f"{record}. 60 IN CNAME {value}.dcv.ca.example.",))

    await look(world, zone, web)

    (event,) = await world.said("validation", "domain_validated")
    (evidence,) = await world.rows("validation", "SELECT * FROM evidence")
    assert (event["name"], event["authorization_domain"]) == (NAME, NAME)
    assert (evidence.method, evidence.reason, evidence.queries[0]["type"]) == ("3.2.2.4.7", "cname", "CNAME")


async def test_a_file_validates_the_very_name_and_every_request_is_kept(
    world: World, zone: DnsServer, web: HttpServer
) -> None:
    value = await opened(world, "http-token")
    zone.scripts[NAME] = Script((f"{NAME}. 60 IN A 127.0.0.1",))
    web.says(redirect(301, "/moved"))
    web.says(answer(200, value.encode()), "/moved")

    await look(world, zone, web)

    (evidence,) = await world.rows("validation", "SELECT * FROM evidence")
    (proof,) = await world.rows("validation", "SELECT * FROM validation")
    assert [event["name"] for event in await world.said("validation", "domain_validated")] == [NAME]
    assert (evidence.outcome, evidence.method, proof.method) == ("PASS", "3.2.2.4.18", "3.2.2.4.18")
    assert [hop["url"] for hop in evidence.queries] == [f"http://{NAME}{FILE}", f"http://{NAME}/moved"]
    assert (evidence.queries[0]["status"], evidence.queries[0]["redirect"]) == (301, ["/moved"])
    assert evidence.queries[1]["tries"] == [{"address": "127.0.0.1", "error": ""}]


async def test_example_10_a_file_at_the_parent_proves_nothing_for_the_name_below(
    world: World, zone: DnsServer, web: HttpServer
) -> None:
    value = await opened(world, "http-token")
    zone.scripts |= {name: Script((f"{name}. 60 IN A 127.0.0.1",)) for name in (NAME, "acme.example")}
    web.says(answer(200, value.encode()), f"acme.example {FILE}")

    await look(world, zone, web)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], [request.host for request in web.asked]) == ("NOTFOUND", [NAME])


async def test_a_persistent_record_validates_the_domain_without_a_token(
    world: World, zone: DnsServer, web: HttpServer
) -> None:
    await opened(world, "dns-persist")
    record = "_validation-persist.acme.example"
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U};policy=wildcard")

    await look(world, zone, web)

    (event,) = await world.said("validation", "domain_validated")
    (proof,) = await world.rows("validation", "SELECT * FROM validation")
    assert event["authorization_domain"] == "acme.example"
    assert (proof.method, proof.adn, proof.exact) == ("3.2.2.4.22", "acme.example", False)


@pytest.mark.parametrize(("policy", "outcome"), [("", None), (";policy=wildcard", "PASS")])
async def test_pt7_a_wildcard_by_a_persistent_record_needs_its_permission(
    world: World, zone: DnsServer, web: HttpServer, policy: str, outcome: str | None
) -> None:
    await opened(world, "dns-persist", f"*.{NAME}")
    record = f"_validation-persist.{NAME}"
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U}{policy}")

    await look(world, zone, web)

    assert len(await world.said("validation", "domain_validated")) == (1 if outcome else 0)


async def test_pt7_an_exact_proof_does_not_serve_a_name_below(world: World, zone: DnsServer, web: HttpServer) -> None:
    await opened(world, "dns-persist", "acme.example")
    record = "_validation-persist.acme.example"
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U}")
    await look(world, zone, web)

    await world.deliver("validation", an_order("acme.example", "www.acme.example", order_id=2))

    validated = [event["name"] for event in await world.said("validation", "domain_validated")]
    submitted = [event["name"] for event in await world.said("validation", "domain_submitted")]
    assert (validated, submitted) == (["acme.example"] * 2, ["acme.example", "www.acme.example"])


async def test_what_a_rule_forbids_ends_the_attempt_and_leaves_the_current_validation_alone(
    world: World, zone: DnsServer, web: HttpServer
) -> None:
    await opened(world, "dns-persist", "acme.example")
    record = "_validation-persist.acme.example"
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U}")
    await look(world, zone, web)
    before = await world.rows("validation", "SELECT * FROM validation")
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U};persistUntil=1")
    await world.deliver("validation", an_order("*.acme.example", order_id=2, dcv_method="dns-persist"))
    await look(world, zone, web)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], failed["final"], failed["next_check_at"]) == ("POLICY", True, None)
    assert "ended at its persistUntil" in failed["message"]
    (last,) = await world.rows("validation", "SELECT * FROM attempt ORDER BY opened_at DESC LIMIT 1")
    assert (last.ended, last.token, last.checks) == ("failed", None, 1)
    assert await world.rows("validation", "SELECT * FROM validation") == before
    assert await world.rows("validation", "SELECT 1 FROM domain WHERE pending_id IS NOT NULL") == []


async def prove_exactly(world: World, zone: DnsServer, web: HttpServer) -> str:
    await opened(world, "dns-persist", "acme.example")
    record = "_validation-persist.acme.example"
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U}")
    await look(world, zone, web)
    return record


@pytest.mark.parametrize("names", [("acme.example", "*.acme.example"), ("*.acme.example", "acme.example")])
async def test_a_name_and_its_wildcard_are_both_to_be_served_or_an_attempt_is_opened_pt7(
    world: World, zone: DnsServer, web: HttpServer, names: tuple[str, ...]
) -> None:
    record = await prove_exactly(world, zone, web)

    await world.deliver("validation", an_order(*names, order_id=2, dcv_method="dns-persist"))

    assert [event["order"]["id"] for event in await world.said("validation", "domain_submitted")] == [1201, 2]
    assert len(await world.said("validation", "domain_validated")) == 1
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U};policy=wildcard")
    await look(world, zone, web)
    assert len(await world.said("validation", "domain_validated")) == 2
    await world.deliver("validation", an_order(*names, order_id=3))
    assert len(await world.said("validation", "domain_validated")) == 3


async def test_an_exact_proof_seen_while_an_order_brings_the_wildcard_does_not_end_its_attempt_pt7(
    world: World, zone: DnsServer
) -> None:
    await opened(world, "dns-persist", "acme.example")
    record = "_validation-persist.acme.example"
    zone.scripts[record] = txt(record, f"ca.example;accounturi={U}")
    looker = a_looker(world, zone)
    async with world.validation.db.transaction() as tx:
        (claim,) = await checks.claim_due(tx, utcnow(), 1)
    seen = await looker.look(claim)
    await world.deliver("validation", an_order("*.acme.example", order_id=2))
    await looker.record([seen])

    assert await world.said("validation", "domain_validated") == []
    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], failed["final"]) == ("MISMATCH", False)
    assert "add policy=wildcard" in failed["message"]
    (proof,) = await world.rows("validation", "SELECT * FROM validation")
    assert proof.exact


@pytest.mark.parametrize("method", ["dns-cname-token", "http-token", "dns-persist"])
async def test_nothing_there_is_said_by_every_method(
    world: World, zone: DnsServer, web: HttpServer, method: str
) -> None:
    await opened(world, method)

    await look(world, zone, web)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], failed["final"], failed["method"]) == ("NOTFOUND", False, method)
