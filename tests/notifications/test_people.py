"""Who is mailed about orders, domains and organizations, and how each switches that off."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.notifications.rules.people import AUDIENCES, KIND_OF, KINDS
from shared.events import orders, validation
from shared.events.base import Event
from shared.ids import new_id
from tests.conftest import World
from tests.events.contracts import golden
from tests.makers import NOW, an_account, an_opened_account, an_order
from tests.notifications.test_pages import FINANCE, OPERATOR, STANDARD, csrf_of, signed_in

GOLDEN = golden()
ANN, BOB, CAROL, DAVE, EVE = 1, 2, 3, 4, 5
PEOPLE: dict[int, tuple[str, tuple[int, ...]]] = {
    ANN: ("administrator", ()),
    BOB: ("manager", (14,)),
    CAROL: ("manager", (15,)),
    DAVE: ("standard_user", (14,)),
    EVE: ("limited_user", ()),
}
NAMES = {ANN: "ann", BOB: "bob", CAROL: "carol", DAVE: "dave", EVE: "eve"}
ORDER: dict[str, Any] = {"order_id": 1201, "account_id": 9001}


def a_user(number: int, **changed: Any) -> orders.UserChanged:
    role, divisions = PEOPLE[number]
    name = NAMES[number]
    given = {"id": number, "name": name.title(), "email": f"{name}@acme.example", "role": role, "divisions": divisions}
    occurred = changed.pop("occurred_at", NOW)
    return orders.UserChanged(occurred_at=occurred, account_id=9001, user=orders.User(**given | changed))


def told(sample: str, kind: type[Event], **changed: Any) -> Event:
    return kind.model_validate(GOLDEN[sample] | {"id": new_id()} | changed)


def issued(**changed: Any) -> Event:
    return told("orders.certificate_issued", orders.CertificateIssued, **ORDER | changed)


def expiring(**changed: Any) -> Event:
    return told("orders.certificate_expiring", orders.CertificateExpiring, **ORDER | changed)


def submitted(**changed: Any) -> Event:
    return told("orders.request_submitted", orders.RequestSubmitted, **ORDER | {"needs_approval": True} | changed)


def decided(**changed: Any) -> Event:
    return told("orders.request_decided", orders.RequestDecided, **ORDER | changed)


def domain_expiring(**changed: Any) -> Event:
    return told("validation.domain_validation_expiring", validation.DomainValidationExpiring, **changed)


@pytest.fixture
async def acme(world: World) -> World:
    """Five people, and an order in division 14 that Eve placed with an address for others."""
    placed = an_order(order_id=1201, placed_by_user=EVE, additional_emails=("it@acme.example",))
    await world.deliver("notifications", an_opened_account(), *map(a_user, PEOPLE), placed)
    return world


async def mailed(world: World) -> list[str]:
    rows = await world.rows("notifications", "SELECT recipient FROM message ORDER BY recipient")
    assert await world.parked("notifications") == []
    return [row.recipient.removesuffix("@acme.example") for row in rows]


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_certificate_is_told_to_whoever_asked_and_to_the_addresses_given_with_the_order(acme: World) -> None:
    await acme.deliver("notifications", issued())

    assert await mailed(acme) == ["eve", "it"]
    [row] = await acme.rows("notifications", "SELECT * FROM message WHERE recipient LIKE 'eve%'")
    assert (row.template, row.account_name, row.division_id) == ("certificate_issued", "Acme", 14)
    assert row.content["order"] == {"source": "issuary/orders", "id": 1201}
    assert row.content["why"] == "requester"


async def test_an_expiring_certificate_is_told_to_those_who_look_after_its_division_too(acme: World) -> None:
    await acme.deliver("notifications", expiring())

    assert await mailed(acme) == ["ann", "bob", "eve", "it"]


async def test_each_number_of_days_is_a_mail_and_a_repeat_is_none(acme: World) -> None:
    await acme.deliver("notifications", expiring(days=30), expiring(days=30), expiring(days=7))
    await acme.deliver("notifications", expiring(days=7))

    assert await mailed(acme) == ["ann", "ann", "bob", "bob", "eve", "eve", "it", "it"]


async def test_a_request_is_told_to_who_may_approve_it_and_not_to_its_own_author(acme: World) -> None:
    await acme.deliver("notifications", submitted(), submitted(request_id=77, requested_by_user=BOB))

    assert await mailed(acme) == ["ann", "ann", "bob"]


async def test_a_request_that_needs_nobody_is_told_to_nobody(acme: World) -> None:
    await acme.deliver("notifications", submitted(needs_approval=False))

    assert await mailed(acme) == []


async def test_a_decision_is_told_to_whoever_asked(acme: World) -> None:
    await acme.deliver("notifications", decided(request_type="reissue", requested_by_user=DAVE))
    await acme.deliver("notifications", decided(request_type="reissue", request_id=78))

    assert await mailed(acme) == ["dave", "eve"]


async def test_the_rejection_of_an_order_is_one_mail_though_two_facts_tell_it(acme: World) -> None:
    rejected = told("orders.order_rejected", orders.OrderRejected, **ORDER)

    await acme.deliver("notifications", decided(request_type="new_request", decision="rejected"), rejected)

    assert await mailed(acme) == ["eve"]
    [row] = await acme.rows("notifications", "SELECT template FROM message")
    assert row.template == "order_rejected"


async def test_a_domain_is_told_to_managers_of_its_division_or_of_the_whole_account(acme: World) -> None:
    await acme.deliver("notifications", domain_expiring(division_id=15))
    assert await mailed(acme) == ["ann", "carol"]

    expired = told("validation.domain_validation_expired", validation.DomainValidationExpired, division_id=None)
    await acme.deliver("notifications", expired)
    assert await mailed(acme) == ["ann", "ann", "carol"]


async def test_revocations_and_organizations_are_told_to_managers(acme: World) -> None:
    await acme.deliver("notifications", told("orders.certificate_revoked", orders.CertificateRevoked, **ORDER))
    assert await mailed(acme) == ["ann", "bob", "eve"]

    await acme.deliver("notifications", told("orders.organization_expiring", orders.OrganizationExpiring))
    assert await mailed(acme) == ["ann", "ann", "bob", "eve"]


async def test_who_left_or_belongs_to_another_account_is_not_told(acme: World) -> None:
    await acme.deliver("notifications", a_user(ANN, is_active=False), a_user(BOB, role="standard_user"))
    stranger = orders.UserChanged(
        occurred_at=NOW, account_id=9002,
        user=orders.User(id=9, name="Zoe", email="zoe@other.example", role="administrator"),
    )  # fmt: skip
    await acme.deliver("notifications", stranger)
    await acme.deliver("notifications", submitted(), decided(request_type="reissue", requested_by_user=9))

    assert await mailed(acme) == []


async def test_an_order_and_its_request_of_one_chunk_are_told_to_the_right_people(acme: World) -> None:
    placed = an_order(order_id=1300, division=orders.Division(id=15, name="Labs"), placed_by_user=DAVE)

    await acme.deliver("notifications", placed, submitted(order_id=1300))

    assert await mailed(acme) == ["ann", "carol"]


async def test_an_order_that_was_never_told_is_mailed_to_those_of_the_whole_account(acme: World) -> None:
    await acme.deliver("notifications", submitted(order_id=999), issued(order_id=999))

    assert await mailed(acme) == ["ann"]


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_told_of_a_person_earlier_changes_nothing(acme: World) -> None:
    await acme.deliver("notifications", a_user(ANN, email="old@acme.example", occurred_at=NOW - timedelta(hours=1)))

    [row] = await acme.rows("notifications", "SELECT email FROM person WHERE id = 1")
    assert row.email == "ann@acme.example"


async def test_an_account_is_called_as_orders_announced_it(acme: World) -> None:
    renamed = orders.AccountChanged(occurred_at=NOW, account_id=9001, account=an_account(name="Acme Two"))
    await acme.deliver("notifications", renamed, an_order(order_id=1301))
    await acme.deliver("notifications", an_order("shop", order_id=1, account=an_account(id=9100, name="Shop's")))

    rows = await acme.rows("notifications", "SELECT id, name FROM account ORDER BY id")
    assert [tuple(row) for row in rows] == [(9001, "Acme Two"), (9100, "Shop's")]


# ── preferences ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_mail_to_people_can_be_switched_off() -> None:
    assert set(KIND_OF) == set(AUDIENCES)


async def test_who_switches_a_kind_of_mail_off_gets_it_no_more_and_others_do(acme: World) -> None:
    async with signed_in(acme, FINANCE) as client:
        page = await client.get("/messages/preferences")
        assert page.text.count(" checked>") == len(KINDS)
        wanted = [kind.name for kind in KINDS if kind.name != "approvals"]
        form = {"csrf": csrf_of(page), "wanted": wanted}
        saved = await client.post("/messages/preferences", data=form)
        again = await client.get(saved.headers["location"])

    assert saved.status_code == 303
    assert "Saved." in again.text
    assert again.text.count(" checked>") == len(KINDS) - 1
    await acme.deliver("notifications", submitted(), expiring())
    assert await mailed(acme) == ["ann", "ann", "bob", "eve", "it"]  # FINANCE is Bob's number


async def test_everything_may_be_switched_off_and_on_again(acme: World) -> None:
    async with signed_in(acme, STANDARD) as client:
        csrf = csrf_of(await client.get("/messages/preferences"))
        await client.post("/messages/preferences", data={"csrf": csrf})
        assert " checked>" not in (await client.get("/messages/preferences")).text
        await client.post("/messages/preferences", data={"csrf": csrf, "wanted": [kind.name for kind in KINDS]})

    assert await acme.rows("notifications", "SELECT 1 FROM muted") == []


async def test_a_kind_that_is_none_is_refused_with_the_kinds_there_are(acme: World) -> None:
    async with signed_in(acme, STANDARD) as client:
        csrf = csrf_of(await client.get("/messages/preferences"))
        answer = await client.post("/messages/preferences", data={"csrf": csrf, "wanted": "gossip"})

    assert answer.status_code == 400
    assert "certificates" in answer.text


async def test_staff_have_nothing_to_choose_and_strangers_sign_in_first(acme: World) -> None:
    async with signed_in(acme, OPERATOR) as client:
        refused = await client.get("/messages/preferences")
    async with acme.client(Accept="text/html") as client:
        first = await client.get("/messages/preferences")

    assert refused.status_code == 403
    assert first.status_code in (302, 303)


async def test_a_form_without_its_token_changes_nothing(acme: World) -> None:
    async with signed_in(acme, STANDARD) as client:
        answer = await client.post("/messages/preferences", data={"wanted": "domains"})

    assert answer.status_code == 403
    assert await acme.rows("notifications", "SELECT 1 FROM muted") == []


async def test_managers_of_an_account_are_found_by_an_index(acme: World) -> None:
    async with acme.notifications.db.transaction() as tx:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await tx.execute(
            text("EXPLAIN SELECT * FROM person WHERE account_id = 9001 AND role = ANY ('{manager}') AND active")
        )
    assert "ix_person_account_id_role" in "\n".join(row[0] for row in plan)
