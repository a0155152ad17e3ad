"""The ACME client against Pebble, with a name server that takes its updates; nothing between is made up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.rcode
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.orders import actions
from services.orders.actions import Signing
from services.orders.clients.acme_ca import Account, AcmeCa
from services.orders.clients.dns_update import Zone
from services.orders.clients.problems import AcmeOver, AcmeRefused
from services.orders.worker.acme import AcmeWorker
from shared.db import utcnow
from tests.conftest import World
from tests.orders import pebble
from tests.orders.conftest import Company
from tests.orders.dns_zone import KEY, KEY_NAME, ZoneServer
from tests.orders.makers import body, p256, pem_of
from tests.orders.outside import ready, types
from tests.orders.pebble import Pebble
from tests.orders.test_revoking import ask_for

NAMES = ("www.acme.example", "acme.example")
ZONE = "proofs.issuary.example"


def csr_for(*names: str) -> str:
    extension = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(extension, False)
    return builder.sign(p256(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest_asyncio.fixture(scope="module")
async def zone() -> AsyncIterator[ZoneServer]:
    async with ZoneServer() as server:
        for name in (*NAMES, "a.acme.example"):
            server.point(f"_acme-challenge.{name}", f"{name}.{ZONE}")
        yield server


@pytest_asyncio.fixture(scope="module")
async def ca(zone: ZoneServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pebble]:
    async with pebble.running(zone, tmp_path_factory.mktemp("pebble")) as running:
        yield running


def account(ca: Pebble, /, **changes: Any) -> Account:
    key = pem_of(ec.generate_private_key(ec.SECP256R1()))
    return replace(Account(ca.directory, key, ca.roots, ca.ca, "ops@issuary.example"), **changes)


def zone_at(server: ZoneServer, /, **changes: Any) -> Zone:
    return replace(Zone(f"127.0.0.1:{server.port}", ZONE, KEY_NAME, KEY, wait=0), **changes)


def client(ca: Pebble, server: ZoneServer | None, /, **changes: Any) -> AcmeCa:
    return AcmeCa(account(ca, **changes), zone_at(server) if server else None)


async def waiting(company: Company, names: tuple[str, ...] = NAMES, **changes: Any) -> dict[str, Any]:
    wish = {"certificate__common_name": names[0], "certificate__dns_names": names, "certificate__csr": csr_for(*names)}
    return await ready(company, "cloud_dv_geotrust", **{**wish, **changes})


async def kept(world: World) -> list[Any]:
    return await world.rows("orders", "SELECT url, finalized_at, due_at FROM acme_order")


async def again(world: World) -> None:
    """The lease, or the pause after a failure, is over."""
    await world.rows("orders", "UPDATE order_request SET signing_until = NULL RETURNING id")
    await world.rows("orders", "UPDATE acme_order SET due_at = now() WHERE due_at IS NOT NULL RETURNING url")
    await world.rows("orders", "UPDATE revocation SET due_at = now() WHERE due_at IS NOT NULL RETURNING reason")


async def failure(world: World) -> str:
    [row] = await world.rows("orders", "SELECT issue_failure FROM order_request")
    return str(row.issue_failure)


# ── issuing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_is_proven_by_dns_and_issued(world: World, acme: Company, ca: Pebble, zone: ZoneServer) -> None:
    order = await waiting(acme)

    assert await AcmeWorker(world.orders.db, client(ca, zone)).issue_next()

    shown = await acme.order(order["id"])
    assert (shown["status"], sorted(shown["certificate"]["dns_names"])) == ("issued", sorted(NAMES))
    async with acme.client() as http:
        url = f"/services/v2/certificate/{shown['certificate']['id']}/download/format/pem_all"
        leaf, intermediate, root = x509.load_pem_x509_certificates((await http.get(url)).content)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    assert leaf.public_key() == p256().public_key()
    assert await types(world) == ["certificate_issued"]


async def test_what_was_published_for_the_challenge_is_withdrawn(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    zone.updates.clear()
    await waiting(acme)

    await AcmeWorker(world.orders.db, client(ca, zone)).issue_next()

    places = [f"{name}.{ZONE}." for name in NAMES]
    assert sorted(zone.updates) == sorted(f"{sign} {place}" for place in places for sign in "+-")
    assert [zone.texts(place) for place in places] == [set(), set()]


async def test_a_name_and_its_wildcard_are_proven_at_one_place(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    names = ("acme.example", "*.acme.example")
    order = await waiting(acme, names)

    await AcmeWorker(world.orders.db, client(ca, zone)).issue_next()

    assert sorted((await acme.order(order["id"]))["certificate"]["dns_names"]) == sorted(names)


async def test_names_that_the_account_has_proven_before_need_no_zone(ca: Pebble, zone: ZoneServer) -> None:
    key = pem_of(ec.generate_private_key(ec.SECP256R1()))
    first, second = client(ca, zone, key=key), client(ca, None, key=key)
    await first.prove(await first.order(NAMES))

    for _ in range(20):  # Pebble takes up half of the proofs again, by chance
        url = await second.order(NAMES)
        try:
            await second.prove(url)
        except AcmeRefused:
            continue
        break

    pem, _ = await second.finalize(url, csr_for(*NAMES))
    assert x509.load_pem_x509_certificate(pem.encode()).public_key() == p256().public_key()


# ── a crash in between ───────────────────────────────────────────────────────────────────────────────────────────────


async def claimed(world: World, made: AcmeCa) -> tuple[Signing, str]:
    """As far as a worker came before it died."""
    url = await made.order(NAMES)
    async with world.orders.db.transaction() as tx:
        signing = await actions.claim_signing(tx, utcnow(), "acme")
        assert signing
        await actions.keep_acme_order(tx, signing, url, utcnow())
    return signing, url


async def finalized(world: World, made: AcmeCa) -> str:
    """Signed at the CA, and nobody fetched it."""
    signing, url = await claimed(world, made)
    await made.prove(url)
    async with world.orders.db.transaction() as tx:
        assert await actions.begin_finalizing(tx, signing, utcnow())
    await made.finalize(url, signing.wanted.csr)
    return url


async def test_an_order_at_the_ca_is_gone_on_with_after_a_crash(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme)
    _, url = await claimed(world, made := client(ca, zone))
    await again(world)

    await AcmeWorker(world.orders.db, made).issue_next()

    assert [row.url for row in await kept(world)] == [url]
    assert await types(world) == ["certificate_issued"]


async def test_a_certificate_that_was_signed_before_a_crash_is_fetched_and_not_made_twice(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme)
    await finalized(world, made := client(ca, zone))
    worker = AcmeWorker(world.orders.db, made)
    await again(world)

    assert await worker.issue_next()
    await again(world)
    assert not await worker.follow_next()

    assert await types(world) == ["certificate_issued"]
    assert [row.due_at for row in await kept(world)] == [None]


async def test_a_certificate_of_an_order_canceled_meanwhile_is_fetched_recorded_and_revoked(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    order = await waiting(acme)
    await finalized(world, made := client(ca, zone))
    worker = AcmeWorker(world.orders.db, made)
    async with acme.client() as http:
        wish = {"status": "canceled", "note": "Ordered twice"}
        assert (await http.put(f"/services/v2/order/certificate/{order['id']}/status", json=wish)).status_code == 204
    await again(world)

    assert await worker.follow_next()
    await again(world)
    assert await worker.revoke_next()

    assert await types(world) == [
        "order_cancelled", "certificate_revocation_requested", "certificate_revoked",
    ]  # fmt: skip
    assert not await worker.follow_next()


async def test_an_order_that_was_never_finalized_at_the_ca_is_forgotten_without_a_permission_lc17(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme)
    signing, _ = await claimed(world, made := client(ca, zone))
    async with world.orders.db.transaction() as tx:
        assert await actions.begin_finalizing(tx, signing, utcnow())
    await world.rows("orders", "UPDATE order_request SET issue_before = now() RETURNING id")
    await again(world)

    worker = AcmeWorker(world.orders.db, made)
    assert not await worker.issue_next()
    assert await worker.follow_next()

    assert await kept(world) == []
    assert await types(world) == []


async def test_the_ca_is_not_asked_to_sign_after_issue_before_lc17(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme)
    signing, _ = await claimed(world, client(ca, zone))
    await world.rows("orders", "UPDATE order_request SET issue_before = now() RETURNING id")

    async with world.orders.db.transaction() as tx:
        assert not await actions.begin_finalizing(tx, signing, utcnow())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_name_that_is_not_pointed_at_the_zone_says_which_record_to_publish(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme, ("new.acme.example",))
    worker = AcmeWorker(world.orders.db, client(ca, zone))

    await worker.issue_next()

    said = await failure(world)
    assert "the CA could not prove new.acme.example: " in said
    assert f"Publish the CNAME record _acme-challenge.new.acme.example with the value new.acme.example.{ZONE}" in said
    assert await kept(world) == []

    zone.point("_acme-challenge.new.acme.example", f"new.acme.example.{ZONE}")
    await again(world)
    await worker.issue_next()
    assert await types(world) == ["certificate_issued"]


async def test_a_csr_without_the_names_says_what_to_send_before_anything_is_asked_of_the_ca(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme)
    await world.rows("orders", "UPDATE order_request SET csr = :csr RETURNING id", csr=csr_for("www.acme.example"))

    await AcmeWorker(world.orders.db, client(ca, zone)).issue_next()

    assert "takes only a CSR that holds exactly the names of the request" in await failure(world)
    assert await kept(world) == []


async def test_a_csr_without_the_names_is_refused_before_it_is_paid(acme: Company) -> None:
    async with acme.client() as http:
        url = "/services/v2/order/certificate/cloud_dv_geotrust"
        refused = await http.post(url, json=body(certificate__csr=csr_for("www.acme.example")))
        taken = await http.post(url, json=body(certificate__csr=csr_for("ACME.example", "www.acme.example")))

    assert (refused.status_code, taken.status_code) == (400, 201)
    assert "takes only a CSR that holds exactly the names of the request" in refused.json()["errors"][0]["message"]


async def test_without_a_zone_the_settings_that_lack_are_named(world: World, acme: Company, ca: Pebble) -> None:
    await waiting(acme)

    await AcmeWorker(world.orders.db, client(ca, None)).issue_next()

    assert "set ISSUARY_ORDERS_ACME_DNS_SERVER" in await failure(world)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"key": "d3Jvbmctc2VjcmV0"}, "did not take an update of proofs.issuary.example"),
        ({"server": "127.0.0.1:1"}, "the name server 127.0.0.1:1 did not take an update"),
        ({}, "refused an update of proofs.issuary.example: REFUSED"),
    ],
)
async def test_a_name_server_that_takes_no_update_is_said(
    world: World, acme: Company, ca: Pebble, changes: dict[str, Any], sentence: str
) -> None:
    await waiting(acme)
    async with ZoneServer() as other:
        other.refuses = None if changes else dns.rcode.REFUSED
        made = AcmeCa(account(ca), zone_at(other, **changes))
        await AcmeWorker(world.orders.db, made).issue_next()

    assert sentence in await failure(world)


async def test_a_name_that_the_ca_blocks_is_said_in_its_words(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme, ("blocked.example",))

    await AcmeWorker(world.orders.db, client(ca, zone)).issue_next()

    assert "the CA said: " in await failure(world)
    assert "blocked.example" in await failure(world)


async def test_a_root_that_is_not_known_is_said_and_the_certificate_is_fetched_once_it_is(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    await waiting(acme)
    key = pem_of(ec.generate_private_key(ec.SECP256R1()))
    unknowing = AcmeWorker(world.orders.db, client(ca, zone, key=key, roots=ca.ca))
    await unknowing.issue_next()
    assert "leads over one intermediate to a root in ISSUARY_ORDERS_ACME_ROOTS; add it" in await failure(world)

    await again(world)
    await AcmeWorker(world.orders.db, client(ca, zone, key=key)).issue_next()

    assert await types(world) == ["certificate_issued"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"directory": "https://127.0.0.1:1/dir"}, "the CA cannot be reached or is not understood"),
        ({"ca": ""}, "the CA cannot be reached or is not understood"),
    ],
)
async def test_a_ca_that_is_not_there_or_not_trusted_is_said(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer, changes: dict[str, Any], sentence: str
) -> None:
    await waiting(acme)

    await AcmeWorker(world.orders.db, client(ca, zone, **changes)).issue_next()

    assert sentence in await failure(world)


async def test_a_ca_that_wants_an_external_account_gets_it(zone: ZoneServer, tmp_path: Path) -> None:
    secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    wants = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": secret}}
    async with pebble.running(zone, tmp_path, **wants) as other:
        with pytest.raises(AcmeRefused, match=r"(?i)external account|externalAccount"):
            await client(other, zone).order(NAMES)

        assert await client(other, zone, eab_id="kid-1", eab_key=secret).order(NAMES)


async def test_an_order_that_the_ca_does_not_know_is_over(ca: Pebble, zone: ZoneServer) -> None:
    made = client(ca, zone)
    url = await made.order(NAMES)

    with pytest.raises(AcmeOver):
        await made.prove(url[:-5] + "xxxxx")


async def test_a_restart_uses_the_account_of_the_key_again(ca: Pebble, zone: ZoneServer) -> None:
    key = pem_of(ec.generate_private_key(ec.SECP256R1()))
    url = await client(ca, zone, key=key).order(NAMES)

    await client(ca, zone, key=key).prove(url)


# ── revoking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_certificate_is_revoked_at_the_ca_and_then_here(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    order = await waiting(acme)
    worker = AcmeWorker(world.orders.db, made := client(ca, zone))
    await worker.issue_next()
    certificate = (await acme.order(order["id"]))["certificate"]

    await ask_for(world, certificate["id"], "keyCompromise")
    assert await worker.revoke_next()

    [told] = await world.said("orders", "certificate_revoked")
    assert (told["certificate_id"], told["reason"]) == (certificate["id"], "keyCompromise")
    [row] = await world.rows("orders", "SELECT pem FROM certificate")
    await made.revoke(row.pem, "keyCompromise")  # the CA says it is revoked already


async def test_a_revocation_that_the_ca_does_not_take_is_tried_again(
    world: World, acme: Company, ca: Pebble, zone: ZoneServer
) -> None:
    order = await waiting(acme)
    await AcmeWorker(world.orders.db, client(ca, zone)).issue_next()
    await ask_for(world, (await acme.order(order["id"]))["certificate"]["id"])

    assert await AcmeWorker(world.orders.db, client(ca, zone, directory="https://127.0.0.1:1/dir")).revoke_next()

    assert await world.said("orders", "certificate_revoked") == []
    [row] = await world.rows("orders", "SELECT failure, due_at FROM revocation")
    assert "the CA cannot be reached" in row.failure
    assert row.due_at > utcnow() + timedelta(minutes=4)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("www.acme.example", f"www.acme.example.{ZONE}"),
        ("*.Acme.example", f"acme.example.{ZONE}"),
        (f"shop.{ZONE}", f"_acme-challenge.shop.{ZONE}"),
        (ZONE, f"_acme-challenge.{ZONE}"),
    ],
)
def test_the_place_of_a_proof_follows_from_the_name_alone(name: str, place: str) -> None:
    found = Zone("127.0.0.1:53", ZONE, KEY_NAME, KEY).place(name)

    assert found == place


def test_the_place_of_a_name_too_long_for_the_zone_is_a_hash() -> None:
    zone = Zone("127.0.0.1:53", ZONE, KEY_NAME, KEY)
    long, other = (f"{letter * 60}.{'b' * 60}.{'c' * 60}.{'d' * 50}.example" for letter in "ae")

    assert len(zone.place(long)) == 32 + 1 + len(ZONE)
    assert zone.place(long) != zone.place(other)


async def test_two_orders_at_once_wait_for_each_other_at_one_client(ca: Pebble, zone: ZoneServer) -> None:
    made = client(ca, zone)

    first, second = await asyncio.gather(made.order(NAMES), made.order(NAMES[:1]))

    assert first != second
