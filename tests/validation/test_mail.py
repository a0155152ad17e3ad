"""Validation by e-mail through worker and page: what is mailed to whom, and what a confirmation does (EM1–EM11)."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import dns.rcode
import httpx
import pytest
import pytest_asyncio

from services.validation.actions.confirming import Confirmer, Over, confirm
from services.validation.actions.mailing import TOO_MANY
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.worker import ByHand, Looker
from shared.events.validation import ResendDcvEmails
from tests.conftest import ENVIRONMENT, World
from tests.validation.conftest import a_looker, let_pass, look
from tests.validation.dns_server import DnsServer, Script, txt
from tests.validation.mailroom import Mailroom, a_mailroom, five
from tests.validation.makers import ACCOUNT, a_test_policy, an_order
from tests.validation.office import D, add, csrf_of, key_of, signed_in, words
from tests.validation.views import views

NAME = "www.acme.example"
# The token of a form for who is not signed in.
NOBODYS = hmac.new(f"csrf:{ENVIRONMENT['ISSUARY_SESSION_SECRET']}".encode(), b"", hashlib.sha256).hexdigest()
EMAIL = {"validations": [{"type": "ov"}], "dcv_method": "email"}


@pytest_asyncio.fixture
async def room(office: World, zone: DnsServer) -> AsyncIterator[Mailroom]:
    async with a_mailroom(office, zone) as opened:
        opened.takes_mail("acme.example", NAME)
        yield opened


async def submitted(room: Mailroom, name: str = "acme.example", **more: object) -> int:
    async with key_of(room.world) as http:
        added = await add(http, name, "email", keep_www=True, **more)
    await room.work()
    return int(added["id"])


async def press(world: World, value: str, **headers: str) -> httpx.Response:
    async with world.client(Accept="text/html", **headers) as http:
        return await http.post("/dcv/confirm", data={"value": value, "csrf": NOBODYS})


async def opened(world: World, value: str, method: str = "GET") -> httpx.Response:
    async with world.client(Accept="text/html") as http:
        return await http.request(method, f"/dcv/confirm/{value}")


async def types(world: World) -> list[str]:
    return [event["type"] for event in await world.said("validation")]


# ── to whom ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_example_37_mails_go_to_the_five_addresses_of_the_very_name_and_nowhere_else(room: Mailroom) -> None:
    await submitted(room, NAME)

    assert room.recipients() == five(NAME)


async def test_example_37_or_of_the_parent_that_was_chosen(room: Mailroom) -> None:
    await submitted(room, NAME, name_scope="acme.example")

    assert room.recipients() == five("acme.example")
    assert {row.adn for row in await room.rows()} == {"acme.example"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("scope", ["example", "globex.example", "a.www.acme.example", "www.acme.example.evil.example"])
async def test_ad3_no_other_domain_can_be_chosen(room: Mailroom, scope: str) -> None:
    async with key_of(room.world) as http:
        added = await add(http, NAME, None, keep_www=True)
        answer = await http.post(f"{D}/{added['id']}/validation", json=EMAIL | {"name_scope": scope})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_name_scope")


async def test_em2_em3_the_contacts_that_the_dns_names_get_a_mail_each_with_a_value_of_its_own(room: Mailroom) -> None:
    room.takes_mail("else.example")
    room.contact("acme.example", "pki@else.example", "no address")
    room.caa("acme.example", '0 contactemail "ca@else.example"', '0 issue "ca.example"')

    await submitted(room)

    rows = await room.rows()
    assert room.recipients() == sorted([*five("acme.example"), "pki@else.example", "ca@else.example"])
    assert len({row.sha256 for row in rows}) == 7  # type: ignore[attr-defined]
    found = {row.section: row.found_at is not None for row in rows}  # type: ignore[attr-defined]
    assert found == {"3.2.2.4.4": False, "3.2.2.4.13": True, "3.2.2.4.14": True}


async def test_email_array_narrows_to_addresses_of_the_domain_and_others_are_ignored(room: Mailroom) -> None:
    await submitted(room, email_array=["Admin@acme.example", "eve@globex.example"])

    assert room.recipients() == ["admin@acme.example"]


async def test_where_no_address_given_is_one_of_the_domain_all_get_it(room: Mailroom) -> None:
    await submitted(room, email_array=["eve@globex.example"])

    assert room.recipients() == five("acme.example")


async def test_contacts_that_cannot_be_looked_up_hold_up_no_other_mail_and_are_looked_up_again(room: Mailroom) -> None:
    name = "_validation-contactemail.acme.example"
    room.zone.by_kind[name, "TXT"] = Script(rcode=dns.rcode.SERVFAIL)
    await submitted(room)
    assert room.recipients() == five("acme.example")

    room.takes_mail("else.example")
    room.contact("acme.example", "pki@else.example")
    await room.world.rows("validation", "UPDATE mailing SET due_at = now() WHERE due_at IS NOT NULL RETURNING 1")
    await room.work()

    assert room.recipients() == sorted([*five("acme.example"), "pki@else.example"])
    assert (await room.world.rows("validation", "SELECT due_at, fault FROM mailing"))[0] == (None, None)


MANY = """
INSERT INTO dcv_mail SELECT (json_populate_record(mail, json_build_object(
  'id', gen_random_uuid(), 'token_id', gen_random_uuid(), 'sha256', n::text))).*
FROM dcv_mail mail, generate_series(1, 49) n WHERE mail.recipient = 'victim@else.example' RETURNING 1
"""


async def test_nobodys_mailbox_is_filled_by_one_account_and_the_others_are_not_held_back(room: Mailroom) -> None:
    room.takes_mail("else.example")
    for name in ("one.example", "two.example"):
        room.contact(name, "victim@else.example")
    await submitted(room, "one.example", email_array=["victim@else.example"])
    await room.world.rows("validation", MANY)

    await submitted(room, "two.example", email_array=["victim@else.example"])
    async with key_of(room.world, "eve") as http:
        await add(http, "two.example", "email", email_array=["victim@else.example"])
    await room.work()

    assert len(room.all("victim@else.example")) == 2
    (held,) = await room.rows(where="reason IS NOT NULL")
    assert (held.due_at, held.reason) == (None, TOO_MANY)  # type: ignore[attr-defined]


async def test_switched_off_nothing_is_looked_up_and_nothing_is_sent(room: Mailroom) -> None:
    async with key_of(room.world) as http:
        await add(http, "acme.example", "email")
    await room.work(email_methods=False)
    await room.work(lead=timedelta(days=500))

    assert (room.zone.asked, room.box.connections) == ([], [])


# ── what is mailed, and what nobody else is told ─────────────────────────────────────────────────────────────────────


async def test_a_mail_says_who_asks_for_which_domain_and_has_the_link(room: Mailroom) -> None:
    await submitted(room)

    mail = room.read("admin@acme.example")
    text = mail.get_content()
    assert mail["Subject"] == "Confirm control of acme.example"
    assert mail["From"] == "Domain validation <dcv@ca.example>"
    assert '"Acme"' in text
    assert room.value("admin@acme.example") != room.value("webmaster@acme.example")


async def test_the_value_of_a_mail_is_in_no_event_page_reply_or_evidence(room: Mailroom) -> None:
    domain_id = await submitted(room)
    values = [room.value(address) for address in five("acme.example")]
    told = []
    async with key_of(room.world) as http:
        for path in (f"{D}/{domain_id}?include_dcv=true", D + "?include_dcv=true", f"{D}/{domain_id}/validation"):
            told.append((await http.get(path)).text)
        told.append((await http.put(f"{D}/{domain_id}/dcv/validate-token")).text)
        again = await http.post(f"{D}/{domain_id}/validation", json=EMAIL)
        told.append(again.text)
    async with signed_in(room.world) as http:
        told.append((await http.get(f"/domains/{domain_id}")).text)

    await press(room.world, values[0])
    await look(room.world, room.zone)

    told += [str(event) for event in await room.world.said("validation")]
    told += [str(row) for row in await room.world.rows("validation", "SELECT * FROM evidence")]
    assert "admin@acme.example" in "".join(told)
    assert [value for value in values if value in "".join(told)] == []
    assert await room.rows(where="value IS NOT NULL OR text IS NOT NULL") == []  # TK7


async def test_what_is_asked_of_the_applicant_are_addresses(room: Mailroom) -> None:
    async with key_of(room.world) as http:
        added = await add(http, "acme.example", "email")

    assert added["validation_emails"]["name_scope"] == "acme.example"
    assert sorted(added["validation_emails"]["base_emails"]) == five("acme.example")
    assert added["validation_emails"]["whois_emails"] == []
    assert "dcv_token" not in added
    (event,) = await room.world.said("validation", "domain_submitted")
    assert (event["record_type"], event["record_name"]) == ("MAIL", "acme.example")
    assert event["record_value"].split(", ")[0] == "admin@acme.example"


async def test_no_polling_before_somebody_confirms(room: Mailroom, zone: DnsServer) -> None:
    await submitted(room)
    await look(room.world, zone)

    assert await room.world.rows("validation", "SELECT 1 FROM evidence") == []
    assert await types(room.world) == ["domain_submitted"]
    (row,) = await room.world.rows("validation", "SELECT due_at, expires_at FROM attempt")
    assert row.due_at == row.expires_at


# ── confirming ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_flow_a_mail_arrives_is_confirmed_and_the_domain_is_validated_with_its_evidence(room: Mailroom) -> None:
    await submitted(room)
    value = room.value("webmaster@acme.example")

    shown = words(await opened(room.world, value))
    answer = await press(room.world, value, **{"User-Agent": "Browser <b>1"})
    after = words(await opened(room.world, value))
    await look(room.world, room.zone)

    assert all(said in shown for said in ("acme.example", "Acme", "3.2.2.4.4", "Confirm"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/dcv/confirm/{value}")
    assert "was confirmed" in after
    (event,) = await room.world.said("validation", "domain_validated")
    (evidence,) = await room.world.rows("validation", "SELECT * FROM evidence")
    (mail,) = await room.rows(where="confirmed_at IS NOT NULL")
    assert (event["method"], event["authorization_domain"]) == ("email", "acme.example")
    assert event["evidence_id"] == str(evidence.id)
    assert (evidence.method, evidence.adn, evidence.outcome, evidence.quorum) == (
        "3.2.2.4.4", "acme.example", "PASS", None,
    )  # fmt: skip
    assert evidence.token_sha256 == mail.sha256  # type: ignore[attr-defined]
    assert evidence.observed_at == mail.sent_at  # type: ignore[attr-defined]  # EV10
    (kept,) = evidence.queries
    assert kept["recipient"] == "webmaster@acme.example"
    assert (kept["confirmed_from"], kept["user_agent"]) == ("127.0.0.1", "Browser <b>1")
    assert kept["message_id"] == room.read("webmaster@acme.example")["Message-ID"]
    assert (kept["source"], bool(kept["sent_at"]), bool(kept["confirmed_at"])) == (
        "constructed for acme.example", True, True,
    )  # fmt: skip


async def test_em7_a_mail_about_the_parent_proves_the_parent_and_serves_the_name_below(room: Mailroom) -> None:
    await submitted(room, NAME, name_scope="acme.example")
    await press(room.world, room.value("admin@acme.example"))
    await look(room.world, room.zone)

    (event,) = await room.world.said("validation", "domain_validated")
    assert (event["name"], event["authorization_domain"]) == (NAME, "acme.example")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
async def test_em6_a_scanner_that_opens_the_link_confirms_nothing(room: Mailroom, method: str) -> None:
    await submitted(room)
    value = room.value("admin@acme.example")
    for _ in range(3):
        await opened(room.world, value, method)
    await look(room.world, room.zone)

    assert await room.rows(where="confirmed_at IS NOT NULL") == []
    assert "domain_validated" not in await types(room.world)


async def test_em6_the_page_tells_no_other_site_its_address_and_loads_nothing(room: Mailroom) -> None:
    await submitted(room)
    page = await opened(room.world, room.value("admin@acme.example"))

    assert page.headers.get_list("referrer-policy") == ["no-referrer"]
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://www.w3.org", "")


async def test_em6_pressed_twice_it_is_confirmed_once_by_whoever_was_first(room: Mailroom) -> None:
    await submitted(room)
    value = room.value("admin@acme.example")
    first = await press(room.world, value, **{"User-Agent": "first"})
    second = await press(room.world, value, **{"User-Agent": "second"})
    await look(room.world, room.zone)
    late = await press(room.world, value)

    assert [answer.status_code for answer in (first, second, late)] == [303, 303, 303]
    assert (await types(room.world)).count("domain_validated") == 1
    (mail,) = await room.rows(where="confirmed_at IS NOT NULL")
    assert mail.confirmed_agent == "first"  # type: ignore[attr-defined]


async def test_em6_the_button_of_the_page_is_all_that_is_needed_and_another_sites_form_is_not_taken(
    room: Mailroom,
) -> None:
    await submitted(room)
    value = room.value("admin@acme.example")
    page = await opened(room.world, value)
    async with room.world.client(Accept="text/html") as http:
        form = {"value": value, "csrf": csrf_of(page)}
        elsewhere = await http.post("/dcv/confirm", data=form, headers={"Sec-Fetch-Site": "cross-site"})
        answer = await http.post("/dcv/confirm", data=form)

    assert f'name="value" value="{value}"' in page.text
    assert (elsewhere.status_code, answer.status_code) == (403, 303)


async def test_two_people_confirm_at_once_and_the_domain_is_validated_once(room: Mailroom) -> None:
    await submitted(room)
    one, other = room.value("admin@acme.example"), room.value("webmaster@acme.example")
    for value in (one, other):
        await press(room.world, value)
    await look(room.world, room.zone)

    assert (await types(room.world)).count("domain_validated") == 1
    assert len(await room.rows(where="confirmed_at IS NOT NULL")) == 2


async def test_a_confirmation_that_comes_while_a_look_is_under_way_is_seen_by_the_next(room: Mailroom) -> None:
    await submitted(room)
    await room.world.rows("validation", "UPDATE attempt SET due_at = now() RETURNING 1")
    looker = a_looker(room.world, room.zone)
    async with room.world.validation.db.transaction() as tx:
        from services.validation.actions.checks import claim_due  # noqa: PLC0415

        (claim,) = await claim_due(tx, datetime.now(UTC), 10)
    under_way = await looker.look(claim)
    await press(room.world, room.value("admin@acme.example"))
    await looker.record([under_way])
    await look(room.world, room.zone)

    assert (await types(room.world))[-1] == "domain_validated"


async def test_an_unknown_value_is_404_and_says_what_to_do(room: Mailroom) -> None:
    for answer in (await opened(room.world, "a" * 32), await press(room.world, "a" * 32), await press(room.world, "")):
        assert answer.status_code == 404
        assert "Copy it from the mail" in answer.text


async def test_em11_after_30_days_the_link_is_over_and_so_is_the_attempt(room: Mailroom, zone: DnsServer) -> None:
    await submitted(room)
    value = room.value("admin@acme.example")
    await let_pass(room.world, 31)
    moved = "created_at = created_at - interval '31 days'"
    await room.world.rows("validation", f"UPDATE dcv_mail SET {moved} RETURNING 1")

    answer = await press(room.world, value)
    await look(room.world, zone)

    assert answer.status_code == 410
    (event,) = await room.world.said("validation", "domain_validation_failed")
    assert (event["final"], "nobody confirmed" in event["message"]) == (True, True)


async def test_tk3_another_method_kills_the_mails_and_the_link_says_so(room: Mailroom, zone: DnsServer) -> None:
    domain_id = await submitted(room)
    value = room.value("admin@acme.example")
    async with key_of(room.world) as http:
        changed = await http.put(f"{D}/{domain_id}/dcv/method", json={"dcv_method": "dns-txt-token"})

    shown, answer = await opened(room.world, value), await press(room.world, value)
    await look(room.world, zone)

    assert "dcv_token" in changed.json()
    assert (shown.status_code, answer.status_code) == (410, 410)
    assert "confirms nothing any more" in answer.text
    assert "domain_validated" not in await types(room.world)
    assert await room.rows(where="value IS NOT NULL") == []


async def test_switched_off_or_after_the_end_of_the_methods_no_link_confirms(room: Mailroom) -> None:
    await submitted(room)
    value = room.value("admin@acme.example")
    for policy, now in (
        (a_test_policy(email_methods=False), datetime.now(UTC)),
        (a_test_policy(lead=timedelta(days=500)), datetime.now(UTC)),
    ):
        async with room.world.validation.db.transaction() as tx:
            with pytest.raises(Over) as refused:
                await confirm(tx, policy, value, Confirmer("", ""), now)
        assert refused.value.code == "method_not_allowed"


async def test_links_are_tried_a_limited_number_of_times_from_one_place(room: Mailroom) -> None:
    answers = [(await press(room.world, "b" * 32)).status_code for _ in range(31)]

    assert answers[0] == 404
    assert answers[-1] == 429


# ── contacts are looked at again, from everywhere ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("section", ["3.2.2.4.13", "3.2.2.4.14"])
async def test_em8_a_published_contact_has_to_be_published_still_and_dates_the_proof(
    room: Mailroom, section: str
) -> None:
    room.takes_mail("else.example")
    if section == "3.2.2.4.14":
        room.contact("acme.example", "pki@else.example")
    else:
        room.caa("acme.example", '128 contactemail "pki@else.example"')
    await submitted(room)
    await press(room.world, room.value("pki@else.example"))
    await look(room.world, room.zone)

    (event,) = await room.world.said("validation", "domain_validated")
    (evidence,) = await room.world.rows("validation", "SELECT * FROM evidence WHERE outcome = 'PASS'")
    (mail,) = await room.rows(where="confirmed_at IS NOT NULL")
    assert (event["method"], event["authorization_domain"]) == ("email", "acme.example")
    assert (evidence.method, evidence.observed_at) == (section, mail.found_at)  # type: ignore[attr-defined]
    assert [entry["type"] for entry in evidence.queries] == ["MAIL", "CAA" if section == "3.2.2.4.13" else "TXT"]


async def test_em8_a_contact_that_is_gone_proves_nothing_until_it_is_back_or_another_confirms(room: Mailroom) -> None:
    room.takes_mail("else.example")
    room.contact("acme.example", "pki@else.example")
    await submitted(room)
    room.contact("acme.example", "<script>alert(1)</script>@else.example")
    await press(room.world, room.value("pki@else.example"))
    await look(room.world, room.zone)
    (failed,) = await room.world.said("validation", "domain_validation_failed")

    await press(room.world, room.value("admin@acme.example"))
    await look(room.world, room.zone)

    assert (failed["outcome"], failed["final"]) == ("MISMATCH", False)
    (event,) = await room.world.said("validation", "domain_validated")
    (evidence,) = await room.world.rows("validation", "SELECT * FROM evidence WHERE outcome = 'PASS'")
    assert (event["method"], evidence.method) == ("email", "3.2.2.4.4")


@pytest.mark.parametrize(("seeing", "validated"), [("fra nyc sin", False), ("fra nyc sin sao", True)])
async def test_em8_other_perspectives_have_to_see_the_same_address(office: World, seeing: str, validated: bool) -> None:
    async with views() as town, a_mailroom(office, town.primary) as room:
        room.takes_mail("acme.example", "else.example")
        place = "_validation-contactemail.acme.example"
        town.everywhere(place, txt(place, "other@else.example"))
        town.only_at(seeing, place, txt(place, "pki@else.example"))
        await submitted(room, email_array=["pki@else.example"])
        await press(office, room.value("pki@else.example"))
        await town.look(office)

        assert ("domain_validated" in await types(office)) is validated
        (evidence,) = await office.rows("validation", "SELECT outcome, quorum FROM evidence")
        assert evidence.quorum == f"{len(seeing.split())}/5"


async def test_em8_a_constructed_address_asks_no_other_perspective(office: World) -> None:
    async with views() as town, a_mailroom(office, town.primary) as room:
        room.takes_mail("acme.example")
        await submitted(room)
        await press(office, room.value("admin@acme.example"))
        await town.look(office)

        assert town.asked == []
        assert (await types(office))[-1] == "domain_validated"


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def reasons(room: Mailroom) -> set[tuple[str, bool]]:
    """And whether it is tried again."""
    return {(row.reason, row.due_at is not None) for row in await room.rows()}  # type: ignore[attr-defined]


async def test_em10_a_domain_that_takes_no_mail_is_not_written_to(room: Mailroom) -> None:
    room.zone.by_kind["acme.example", "MX"] = Script(("acme.example. 60 IN MX 0 .",))
    await submitted(room)

    assert await reasons(room) == {
        ("acme.example takes no mail: its MX record says so (RFC 7505). Choose another method.", False)
    }
    assert room.box.connections == []


async def test_em10_without_an_mx_record_nothing_is_sent_though_the_name_has_an_address(room: Mailroom) -> None:
    del room.zone.by_kind["acme.example", "MX"]
    room.zone.by_kind["acme.example", "A"] = Script(("acme.example. 60 IN A 127.0.0.1",))
    await submitted(room)

    assert await reasons(room) == {
        ("acme.example has no MX record, so no mail goes there. Publish one, or choose another method.", False)
    }
    assert room.box.connections == []


@pytest.mark.parametrize("kind", ["MX", "A"])
async def test_em9_what_dnssec_does_not_vouch_for_is_not_written_to(room: Mailroom, kind: str) -> None:
    name = "acme.example" if kind == "MX" else "mx.acme.example"
    room.zone.by_kind[name, kind] = Script(rcode=dns.rcode.SERVFAIL, errors=((6, "bogus"),))
    await submitted(room)

    ((reason, again),) = await reasons(room)
    assert "DNSSEC validation" in reason
    assert again
    assert room.box.connections == []


async def test_sg3_a_mail_server_at_an_address_set_aside_is_never_connected_to(room: Mailroom) -> None:
    room.opened = ()
    await submitted(room)

    ((reason, again),) = await reasons(room)
    assert reason.startswith('The mail server "mx.acme.example" is not connected to: 127.0.0.1, it is set aside')
    assert not again
    assert room.box.connections == []


async def test_em10_a_refusal_for_now_is_tried_again_and_the_same_mail_arrives(room: Mailroom) -> None:
    room.box.answers["RCPT"] = "451 greylisted, \x1b[31mtry later"
    await submitted(room, email_array=["admin@acme.example"])
    (before,) = await room.rows(where="tries > 0")
    room.box.answers.clear()
    await room.world.rows("validation", "UPDATE dcv_mail SET due_at = now() WHERE due_at IS NOT NULL RETURNING 1")
    await room.work()

    assert before.reason == "The mail server refused this recipient: 451 greylisted, [31mtry later."  # type: ignore[attr-defined]
    (after,) = await room.rows(where="tries > 0")
    assert (after.sent, after.reason, after.due_at) == (1, None, None)  # type: ignore[attr-defined]
    assert len(room.all("admin@acme.example")) == 1


async def test_em10_a_final_refusal_is_shown_with_the_servers_words_cut_and_escaped(room: Mailroom) -> None:
    room.box.answers["RCPT"] = "550 <script>no such user</script>" + "x" * 300
    domain_id = await submitted(room)

    async with signed_in(room.world) as http:
        shown = (await http.get(f"/domains/{domain_id}")).text
    ((reason, again),) = await reasons(room)
    assert not again
    assert len(reason) < 160
    assert "&lt;script&gt;no such user" in shown
    assert "<script>no" not in shown
    assert "Not delivered" in shown


async def test_a_server_that_is_not_there_leaves_it_to_the_next_by_preference(room: Mailroom) -> None:
    room.zone.by_kind["acme.example", "MX"] = Script(
        ("acme.example. 60 IN MX 20 mx.acme.example.", "acme.example. 60 IN MX 10 dead.acme.example.")
    )
    room.zone.by_kind["dead.acme.example", "A"] = Script(("dead.acme.example. 60 IN A 127.0.0.9",))
    await submitted(room, email_array=["admin@acme.example"])

    assert room.recipients() == ["admin@acme.example"]
    (row,) = await room.rows(where="sent > 0")
    assert row.server == "mx.acme.example [127.0.0.1]"  # type: ignore[attr-defined]


async def test_a_server_that_hangs_up_is_tried_again(room: Mailroom) -> None:
    room.box.answers["DATA"] = "HANGUP"
    await submitted(room, email_array=["admin@acme.example"])

    (row,) = await room.rows(where="tries > 0")
    assert "broke off" in row.reason  # type: ignore[attr-defined]
    assert row.due_at is not None  # type: ignore[attr-defined]


async def test_em2_an_international_address_needs_a_server_that_takes_it(room: Mailroom) -> None:
    room.takes_mail("xn--bcher-kva.example")
    room.contact("acme.example", r"j\195\188rgen@else.example", r"pki@b\195\188cher.example")
    room.takes_mail("else.example")
    await submitted(room)

    assert "pki@xn--bcher-kva.example" in room.recipients()
    (row,) = await room.rows(where="recipient = 'jürgen@else.example'")
    assert row.reason == "The mail server takes no addresses with letters beyond ASCII (SMTPUTF8)."  # type: ignore[attr-defined]


async def test_a_server_that_keeps_us_waiting_delays_no_other_mail(room: Mailroom) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    room.zone.by_kind["slow.example", "MX"] = Script(("slow.example. 60 IN MX 0 mx.slow.example.",))
    room.zone.by_kind["mx.slow.example", "A"] = Script(("mx.slow.example. 60 IN A 127.0.0.8",))
    tarpit = await asyncio.start_server(silent, "127.0.0.8", room.box.port)
    async with key_of(room.world) as http:
        for name in ("slow.example", "acme.example"):
            await add(http, name, "email")
    mailer = room.mailer()
    while await mailer.find():
        pass
    async with asyncio.timeout(10):
        while len(room.box.mails) < 5 or await room.rows(where="adn = 'acme.example' AND sent = 0"):
            await mailer.send()
    tarpit.close()
    await mailer.stop()

    assert room.recipients() == five("acme.example")


# ── again ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_example_38_sent_again_it_is_the_same_mail_to_the_same_address(room: Mailroom) -> None:
    domain_id = await submitted(room)
    async with key_of(room.world) as http:
        answer = await http.put(f"{D}/{domain_id}/dcv/emails", json={"email_array": ["admin@acme.example"]})
    await room.world.rows("validation", "UPDATE account SET name = 'Another' RETURNING 1")
    await room.work()

    assert answer.status_code == 204
    first, second = room.all("admin@acme.example")
    assert first.as_bytes() == second.as_bytes()
    assert len(room.box.mails) == 6


async def test_example_38_who_became_a_contact_meanwhile_gets_a_mail_of_its_own(room: Mailroom) -> None:
    domain_id = await submitted(room)
    room.takes_mail("else.example")
    room.contact("acme.example", "pki@else.example")
    async with key_of(room.world) as http:
        await http.put(f"{D}/{domain_id}/dcv/emails")
    await room.work()

    assert len(room.box.mails) == 11
    assert room.value("pki@else.example") not in {room.value(address) for address in five("acme.example")}


async def test_example_38_another_domain_above_means_new_values_and_the_old_ones_are_dead(room: Mailroom) -> None:
    domain_id = await submitted(room, NAME)
    old = room.value(f"admin@{NAME}")
    async with key_of(room.world) as http:
        answer = await http.put(f"{D}/{domain_id}/dcv/emails", json={"name_scope": "acme.example"})
    await room.work()

    assert answer.status_code == 204
    assert room.recipients() == sorted(five(NAME) + five("acme.example"))
    assert (await press(room.world, old)).status_code == 410
    assert (await press(room.world, room.value("admin@acme.example"))).status_code == 303


async def test_mails_are_sent_again_a_limited_number_of_times(room: Mailroom) -> None:
    domain_id = await submitted(room)
    back = "UPDATE mailing SET asked_at = asked_at - interval '1 minute' RETURNING 1"
    async with key_of(room.world) as http:
        answers = [(await http.put(f"{D}/{domain_id}/dcv/emails")).status_code for _ in range(2)]
        for _ in range(20):
            await room.world.rows("validation", back)
            answers.append((await http.put(f"{D}/{domain_id}/dcv/emails")).status_code)

    assert answers == [204, 429, *[204] * 19, 429]


@pytest.mark.parametrize(
    ("method", "status", "code"), [(None, 409, "invalid_state"), ("dns-txt-token", 400, "invalid_dcv_method")]
)
async def test_what_is_not_being_validated_by_mail_has_none_to_send_again(
    room: Mailroom, method: str | None, status: int, code: str
) -> None:
    async with key_of(room.world) as http:
        added = await add(http, "acme.example", method)
        answer = await http.put(f"{D}/{added['id']}/dcv/emails", json={})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_lc4_a_change_to_email_sends_mails_and_email_chosen_again_sends_none(room: Mailroom) -> None:
    async with key_of(room.world) as http:
        added = await add(http, "acme.example")
        changed = await http.put(f"{D}/{added['id']}/dcv/method", json={"dcv_method": "email"})
        await room.work()
        again = await http.put(f"{D}/{added['id']}/dcv/method", json={"dcv_method": "email"})
        await room.work()

    assert "validation_emails" in changed.json()
    assert "validation_emails" in again.json()
    assert len(room.box.mails) == 5


async def test_lc4_told_not_to_it_sends_none_until_it_is_asked_to(room: Mailroom) -> None:
    async with key_of(room.world) as http:
        added = await add(http, "acme.example")
        told = {"dcv_method": "email", "send_dcv_email_flag": False}
        await http.put(f"{D}/{added['id']}/dcv/method", json=told)
        await room.work()
        before = len(room.box.mails)
        await http.put(f"{D}/{added['id']}/dcv/emails", json={})
        await room.work()

    assert (before, len(room.box.mails)) == (0, 5)


async def test_another_system_has_the_mails_sent_again_by_a_command(room: Mailroom) -> None:
    await submitted(room)
    again = ResendDcvEmails(source="shop", account_id=ACCOUNT, name="acme.example", emails=("admin@acme.example",))
    await room.world.deliver("validation", again)
    await room.work()

    assert len(room.all("admin@acme.example")) == 2
    assert len(room.box.mails) == 6


# ── pages and orders ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_page_shows_to_whom_mails_went_and_sends_them_again(room: Mailroom) -> None:
    room.box.refused["postmaster@acme.example"] = "550 no such user"
    domain_id = await submitted(room)
    async with signed_in(room.world) as http:
        page = await http.get(f"/domains/{domain_id}")
        shown = words(page)
        answer = await http.post(f"/domains/{domain_id}/emails", data={"csrf": csrf_of(page)})
    await room.work()

    assert shown.count("Delivered") == 4
    assert "refused this recipient: 550 no such user" in shown
    assert answer.status_code == 303
    assert len(room.all("admin@acme.example")) == 2


async def test_an_older_client_finds_the_invitations_in_the_domain(room: Mailroom) -> None:
    domain_id = await submitted(room)
    async with key_of(room.world) as http:
        dcv = (await http.get(f"{D}/{domain_id}?include_dcv=true")).json()["dcv"]

    assert (dcv["method"], dcv["name_scope"]) == ("email", "acme.example")
    assert sorted(one["email"] for one in dcv["dcv_invitations"]) == five("acme.example")
    assert {(one["source"], one["status"]) for one in dcv["dcv_invitations"]} == {("base", "sent")}


async def test_a_check_by_hand_says_that_nobody_confirmed_yet_and_shows_no_token(room: Mailroom) -> None:
    domain_id = await submitted(room)
    async with key_of(room.world) as http:
        answer = await http.put(f"{D}/{domain_id}/dcv/validate-token")

    assert answer.json()["status"] == "pending"
    assert "Nobody has confirmed" in answer.json()["message"]
    assert "token" not in answer.json()


async def test_lc18_an_orders_random_value_confirms_nothing_by_mail(room: Mailroom, zone: DnsServer) -> None:
    placed = an_order("acme.example", dcv_method="email", dcv_random_value="c8c1f0aa3d5b4c0f8a3e1d2b7f9e6a54")
    await room.world.deliver("validation", placed)
    await room.work()
    assert room.recipients() == five("acme.example")
    await room.world.rows("validation", "UPDATE attempt SET due_at = now() RETURNING 1")

    answer = await press(room.world, "c8c1f0aa3d5b4c0f8a3e1d2b7f9e6a54")
    await look(room.world, zone)
    early = await types(room.world)
    await press(room.world, room.value("admin@acme.example"))
    await look(room.world, zone)

    assert answer.status_code == 404
    assert "domain_validated" not in early
    assert (await types(room.world))[-1] == "domain_validated"


async def test_what_proves_a_domain_above_serves_an_attempt_that_waits_for_a_mail(
    room: Mailroom, zone: DnsServer
) -> None:
    await submitted(room, NAME)
    async with key_of(room.world) as http:
        added = await add(http, "acme.example")
    place = "_dnsauth.acme.example"
    zone.scripts[place] = txt(place, added["dcv_token"]["token"])
    await look(room.world, zone)

    names = [event["name"] for event in await room.world.said("validation", "domain_validated")]
    assert sorted(names) == ["acme.example", NAME]


async def test_a_look_by_hand_after_a_confirmation_proves_it_at_once(room: Mailroom, zone: DnsServer) -> None:
    domain_id = await submitted(room)
    await press(room.world, room.value("admin@acme.example"))
    room.world.validation.app.state.by_hand = ByHand(
        Looker(room.world.validation.db, Observer(DnsClient([Resolver(*zone.address)], 0.2)), a_test_policy(), 10)
    )
    async with key_of(room.world) as http:
        answer = await http.put(f"{D}/{domain_id}/dcv/validate-token")

    assert answer.json() == {"status": "active"}
