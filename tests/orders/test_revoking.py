"""From the wish to revoke to the published list."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509

from services.orders import actions, worker
from services.orders.clients.test_ca import TestCa
from services.orders.models import Certificate, CertificateOrder
from services.orders.rules.revocation import REASONS
from services.orders.worker import Publisher
from shared.db import locked, utcnow
from shared.errors import Rejected
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import ca_key
from tests.orders.outside import made, ready, tell, tell_revoked, types
from tests.orders.test_api_orders import issued

CA = TestCa(ca_key())
ISSUER = CA.issuers["sha256"].key_id


async def ask_for(world: World, certificate_id: int, reason: str = "superseded", now: datetime | None = None) -> None:
    async with world.orders.db.transaction() as tx:
        certificate = await tx.get_one(Certificate, certificate_id)
        order = await locked(tx, CertificateOrder, certificate.order_id)
        await actions.request_revocation(tx, order, certificate, reason, "Ann Lee", now or utcnow(), request_id=None)


async def publish(world: World) -> int:
    """How many lists were due."""
    publisher, done = Publisher(world.orders.db, CA), 0
    while await publisher.step():
        done += 1
    return done


async def get(world: World, name: str) -> httpx.Response:
    async with world.client() as client:
        return await client.get(f"/pki/{name}")


async def listed(world: World, key_id: str = ISSUER) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl((await get(world, f"{key_id}.crl")).content)


def number(found: x509.CertificateRevocationList) -> int:
    return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def serials(found: x509.CertificateRevocationList) -> set[str]:
    return {f"{each.serial_number:032X}" for each in found}


async def move_due(world: World, span: str) -> None:
    await world.rows("orders", f"UPDATE authority SET due_at = due_at - interval '{span}' RETURNING key_id")


# ── revoking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_revocation_is_asked_for_then_done_and_told_with_reason_and_time(world: World, acme: Company) -> None:
    certificate = (await issued(world, acme))["certificate"]

    await ask_for(world, certificate["id"])
    assert (await types(world))[1:] == ["certificate_revocation_requested"]
    await worker.revoke_next(world.orders.db)

    assert (await types(world))[1:] == ["certificate_revocation_requested", "certificate_revoked"]
    [told] = await world.said("orders", "certificate_revoked")
    assert (told["certificate_id"], told["serial_number"]) == (certificate["id"], certificate["serial_number"])
    assert told["reason"] == "superseded"
    assert not await worker.revoke_next(world.orders.db)


async def test_a_revocation_asked_for_twice_is_one(world: World, acme: Company) -> None:
    certificate = (await issued(world, acme))["certificate"]

    await ask_for(world, certificate["id"])
    await ask_for(world, certificate["id"], "keyCompromise")

    assert [event["reason"] for event in await world.said("orders", "certificate_revocation_requested")] == [
        "superseded"
    ]


async def test_an_unknown_reason_is_refused(world: World, acme: Company) -> None:
    certificate = (await issued(world, acme))["certificate"]

    with pytest.raises(Rejected, match='There is no revocation reason "bored"; use one of unspecified, keyCompromise'):
        await ask_for(world, certificate["id"], "bored")


async def test_an_outside_ca_is_told_and_revokes_by_itself(world: World, acme: Company) -> None:
    order = await ready(acme)
    await tell(acme, order, made())

    await ask_for(world, (await acme.order(order["id"]))["certificate"]["id"])

    assert not await worker.revoke_next(world.orders.db)
    [told] = await world.said("orders", "certificate_revocation_requested")
    assert told["issuer"] == "events"


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_at_start_there_is_a_list_of_every_authority_for_everybody(world: World) -> None:
    assert await publish(world) == 4

    for authority in CA.authorities:
        answer = await get(world, f"{authority.key_id}.crl")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pkix-crl")
        assert answer.headers["cache-control"] == "public, max-age=3600"
        found = x509.load_der_x509_crl(answer.content)
        assert found.is_signature_valid(authority.key.public_key())
        assert (number(found), len(found)) == (1, 0)


async def test_a_list_is_where_the_certificates_say(world: World, acme: Company) -> None:
    shown = await issued(world, acme)
    await publish(world)
    async with acme.client() as client:
        text = (await client.get(f"/services/v2/certificate/{shown['certificate']['id']}/download/format/crt")).text
    leaf = x509.load_pem_x509_certificate(text.encode())

    [point] = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    [access] = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    [place] = point.full_name or []
    name = str(place.value).rsplit("/", 1)[-1]
    authority = await get(world, access.access_location.value.rsplit("/", 1)[-1])

    assert (await get(world, name)).status_code == 200
    assert authority.headers["content-type"] == "application/pkix-cert"
    leaf.verify_directly_issued_by(x509.load_der_x509_certificate(authority.content))


async def test_a_revocation_makes_a_new_list_with_the_next_number_its_time_and_its_reason(
    world: World, acme: Company
) -> None:
    certificate = (await issued(world, acme))["certificate"]
    await publish(world)

    await ask_for(world, certificate["id"], "keyCompromise")
    await worker.revoke_next(world.orders.db)
    assert await publish(world) == 1

    found = await listed(world)
    [entry] = found
    [told] = await world.said("orders", "certificate_revoked")
    assert number(found) == 2
    assert serials(found) == {certificate["serial_number"]}
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert entry.revocation_date_utc == datetime.fromisoformat(told["revoked_at"]).replace(microsecond=0)
    assert number(await listed(world, CA.top.key_id)) == 1


async def test_a_revocation_by_the_outside_ca_is_on_no_list_of_ours(world: World, acme: Company) -> None:
    order = await ready(acme)
    await tell(acme, order, issued_elsewhere := made())
    await publish(world)

    await tell_revoked(acme, order["id"], serial_number=issued_elsewhere.serial_number)

    assert await publish(world) == 0
    assert len(await listed(world)) == 0


async def test_without_a_revocation_there_is_a_new_list_after_three_days_br_4_9_7(world: World) -> None:
    await publish(world)
    await move_due(world, "3 days -1 minutes")
    assert await publish(world) == 0

    await move_due(world, "2 minutes")
    assert await publish(world) == 3

    found = await listed(world)
    assert number(found) == 2
    assert found.next_update_utc is not None
    assert found.next_update_utc - found.last_update_utc == timedelta(days=7)
    assert number(await listed(world, CA.top.key_id)) == 1


async def test_the_list_of_intermediates_lives_half_a_year_and_is_made_anew_after_three_months(world: World) -> None:
    await publish(world)
    await move_due(world, "91 days")
    await publish(world)

    found = await listed(world, CA.top.key_id)
    assert number(found) == 2
    assert found.next_update_utc is not None
    assert found.next_update_utc - found.last_update_utc == timedelta(days=180)


async def test_an_expired_certificate_stays_on_the_list_until_one_after_its_expiry_had_it_rfc_5280_3_3(
    world: World, acme: Company
) -> None:
    certificate = (await issued(world, acme))["certificate"]
    await ask_for(world, certificate["id"])
    await worker.revoke_next(world.orders.db)

    async def expired(since: str) -> set[str]:
        await world.rows("orders", f"UPDATE revocation SET not_after = now() - interval '{since}' RETURNING reason")
        await move_due(world, "200 days")
        await publish(world)
        return serials(await listed(world))

    assert await expired("1 minute") == {certificate["serial_number"]}
    assert await expired("6 days") == {certificate["serial_number"]}
    assert await expired("8 days") == set()


async def test_a_revocation_while_a_list_is_signed_makes_another(world: World, acme: Company) -> None:
    certificate = (await issued(world, acme))["certificate"]
    await publish(world)
    await move_due(world, "4 days")
    async with world.orders.db.transaction() as tx:
        wanted = await actions.claim_list(tx, [ISSUER], utcnow())
    assert wanted is not None

    await ask_for(world, certificate["id"])
    await worker.revoke_next(world.orders.db)
    async with world.orders.db.transaction() as tx:
        await actions.record_list(tx, wanted, CA.sign_list(wanted), utcnow())
    await publish(world)

    found = await listed(world)
    assert (number(found), serials(found)) == (3, {certificate["serial_number"]})


async def test_a_list_published_late_does_not_go_before_a_newer_one(world: World) -> None:
    await publish(world)
    await move_due(world, "4 days")
    async with world.orders.db.transaction() as tx:
        slow = await actions.claim_list(tx, [ISSUER], utcnow())
    await move_due(world, "2 minutes")
    await publish(world)

    assert slow is not None
    async with world.orders.db.transaction() as tx:
        await actions.record_list(tx, slow, CA.sign_list(slow), utcnow())

    assert number(await listed(world)) == 3
    assert await publish(world) == 0


async def test_a_list_of_another_process_is_not_made_twice(world: World) -> None:
    await publish(world)
    await move_due(world, "4 days")
    async with world.orders.db.transaction() as tx:
        first = await actions.claim_list(tx, [ISSUER], utcnow())
        second = await actions.claim_list(tx, [ISSUER], utcnow())

    assert first is not None
    assert second is None


async def test_lists_that_are_out_of_date_are_not_kept(world: World) -> None:
    await publish(world)
    await world.rows("orders", "UPDATE revocation_list SET next_update = now() - interval '1 day' RETURNING number")
    await move_due(world, "4 days")
    await publish(world)

    kept = await world.rows("orders", "SELECT number FROM revocation_list WHERE authority = :key", key=ISSUER)
    assert [row.number for row in kept] == [2]


async def test_another_address_of_the_same_key_goes_on_with_its_numbers(world: World) -> None:
    await publish(world)
    moved = TestCa(ca_key(), "http://pki.acme.example/pki")
    await move_due(world, "4 days")
    publisher = Publisher(world.orders.db, moved)
    while await publisher.step():
        pass

    assert number(await listed(world)) == 2
    answer = await get(world, f"{ISSUER}.cer")
    assert x509.load_der_x509_certificate(answer.content) == moved.intermediate


@pytest.mark.parametrize("name", [f"{'0' * 40}.crl", f"{'0' * 40}.cer", "x.crl", "passwd"])
async def test_what_is_not_published_is_404_in_words(world: World, name: str) -> None:
    answer = await get(world, name)

    assert answer.status_code in (400, 404)
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("reason", REASONS)
async def test_every_reason_can_be_listed(world: World, acme: Company, reason: str) -> None:
    certificate: dict[str, Any] = (await issued(world, acme))["certificate"]
    await ask_for(world, certificate["id"], reason)
    await worker.revoke_next(world.orders.db)
    await publish(world)

    assert serials(await listed(world)) == {certificate["serial_number"]}
