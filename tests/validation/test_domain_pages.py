"""The pages of domains, as a signed-in person gets them."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.conftest import World
from tests.validation.conftest import let_pass, look
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import an_order
from tests.validation.office import D, add, csrf_of, key_of, signed_in, words


async def post(http: httpx.AsyncClient, path: str, **form: object) -> httpx.Response:
    page = await http.get("/domains/add")
    return await http.post(path, data={"csrf": csrf_of(page), **form})


async def one(world: World, name: str = "acme.example") -> int:
    [row] = await world.rows("validation", "SELECT id FROM domain WHERE name = :name", name=name)
    return int(row.id)


def publish(zone: DnsServer, page: httpx.Response, name: str = "acme.example") -> None:
    found = re.search(r"<dt>Value</dt><dd>(\w{32})</dd>", page.text)
    assert found is not None, page.text[:2000]
    zone.scripts[f"_dnsauth.{name}"] = txt(f"_dnsauth.{name}", found[1])


async def test_a_domain_is_added_published_checked_and_proven(office: World, zone: DnsServer) -> None:
    async with signed_in(office) as http:
        assert "No domains yet" in words(await http.get("/domains"))
        added = await post(http, "/domains/add", name="www.acme.example", method="dns-txt-token")
        page = await http.get(added.headers["location"])
        said = words(page)
        publish(zone, page)
        checked = await post(http, f"{added.headers['location']}/check")
        proven = words(await http.get(checked.headers["location"]))
        listed = words(await http.get("/domains"))

    assert (added.status_code, checked.status_code) == (303, 303)
    assert "Control is not proven yet. Publish this record in the DNS" in said
    assert "Name _dnsauth.acme.example Type TXT Value" in said
    assert "Usable until" in proven
    assert "Proven by DNS TXT record at _dnsauth.acme.example, for acme.example" in proven
    assert "acme.example DNS TXT record Main Proven" in listed


async def test_a_check_that_finds_something_else_says_what(office: World, zone: DnsServer) -> None:
    async with signed_in(office) as http:
        await post(http, "/domains/add", name="acme.example", method="dns-txt-token")
        here = f"/domains/{await one(office)}"
        zone.scripts["_dnsauth.acme.example"] = txt("_dnsauth.acme.example", "<b>evil</b>")
        await post(http, f"{here}/check")
        page = await http.get(here)
        soon = await post(http, f"{here}/check")

    assert "&lt;b&gt;evil&lt;/b&gt;" in page.text
    assert "<b>evil" not in page.text
    assert "So it was at" in words(page)
    assert soon.status_code == 429
    assert "try again in 10 seconds" in soon.text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "acme.internal", "method": "dns-txt-token"}, "public suffix"),
        ({"name": "", "method": "dns-txt-token"}, "empty label"),
        ({"name": "acme.example", "method": "pigeon"}, "There is no validation method"),
    ],
)
async def test_a_form_that_is_refused_is_shown_again_with_the_sentence(
    office: World, form: dict[str, str], says: str
) -> None:
    async with signed_in(office) as http:
        answer = await post(http, "/domains/add", **form)

    assert answer.status_code == 400
    assert says in answer.text
    assert f'value="{form["name"]}"' in answer.text
    assert await office.rows("validation", "SELECT 1 FROM domain") == []


async def test_a_new_value_kills_the_old_one_and_both_are_in_the_history(office: World) -> None:
    async with signed_in(office) as http:
        await post(http, "/domains/add", name="acme.example", method="dns-txt-token")
        here = f"/domains/{await one(office)}"
        before = await http.get(here)
        assert (await post(http, f"{here}/token")).status_code == 303
        after = await http.get(here)

    values = [re.findall(r"<dd>(\w{32})</dd>", page.text) for page in (before, after)]
    assert values[0] != values[1]
    assert "New value; the value before is dead" in words(after)


async def test_a_revalidation_is_submitted_and_cancelled_beside_the_current_one(office: World, zone: DnsServer) -> None:
    async with signed_in(office) as http:
        await post(http, "/domains/add", name="acme.example", method="dns-txt-token")
        here = f"/domains/{await one(office)}"
        publish(zone, await http.get(here))
        await look(office, zone)
        await post(http, f"{here}/submit", method="dns-txt-token")
        pending = words(await http.get(here))
        listed = words(await http.get("/domains"))
        await post(http, f"{here}/cancel")
        after = words(await http.get(here))

    assert "A new validation is pending." in pending
    assert "Orders are served by the current validation meanwhile." in pending
    assert "Proven being validated anew" in listed
    assert "A new validation is pending." not in after
    assert "Cancelled" in after


async def test_what_stops_something_is_asked_about_first(office: World) -> None:
    async with signed_in(office) as http:
        await post(http, "/domains/add", name="acme.example", method="dns-txt-token")
        here = f"/domains/{await one(office)}"
        asked = words(await http.get(f"{here}/deactivate"))
        await post(http, f"{here}/deactivate")
        off = words(await http.get(here))
        refused = await post(http, f"{here}/submit", method="dns-txt-token")
        await post(http, f"{here}/activate")
        on = words(await http.get(here))
        assert "Delete acme.example?" in words(await http.get(f"{here}/delete"))
        gone = await post(http, f"{here}/delete")
        assert (await http.get(here)).status_code == 404
        nowhere = await http.get(f"{here}/nonsense")

    assert "Nothing is issued for acme.example while it is deactivated" in asked
    assert "This domain is deactivated." in off
    assert refused.status_code == 409
    assert "This domain is deactivated." not in on
    assert gone.headers["location"] == "/domains"
    assert nowhere.status_code == 404


async def test_what_an_order_needs_can_be_neither_cancelled_nor_deleted_and_says_why(office: World) -> None:
    await office.deliver("validation", an_order("acme.example"))
    async with signed_in(office) as http:
        here = f"/domains/{await one(office)}"
        page = words(await http.get(here))
        answers = [await post(http, f"{here}/{deed}") for deed in ("cancel", "delete")]

    assert page.count("an open order needs it") == 2
    assert "Submitted, for an order needs it" in page
    assert [answer.status_code for answer in answers] == [409, 409]


async def test_ticked_domains_are_submitted_together_each_with_its_record(office: World) -> None:
    async with key_of(office) as http:
        ids = [(await add(http, f"n{n}.example", None))["id"] for n in range(3)]
        await http.put(f"{D}/{ids[2]}/deactivate")
    async with signed_in(office) as http:
        answer = await post(http, "/domains/submit", domain=ids, method="dns-txt-token")
        none = await post(http, "/domains/submit")

    said = words(answer)
    assert said.count("Waiting for proof") == 2
    assert "_dnsauth.n0.example" in said
    assert "n2.example Not submitted" in said
    assert none.status_code == 400
    assert "Tick 1 to 25" in none.text


async def test_pages_go_on_where_the_one_before_ended(office: World) -> None:
    await office.rows(
        "validation",
        """INSERT INTO domain (account_id, division_id, name, needs, created_at)
           SELECT 9001, 14, 'n' || n || '.example', 0, now() FROM generate_series(1, 120) AS n RETURNING 1""",
    )
    seen: list[str] = []
    async with signed_in(office) as http:
        path: str | None = "/domains"
        while path:
            page = await http.get(path)
            assert "of 120" in words(page)
            seen += re.findall(r'class="name" href="/domains/\d+">([^<]+)', page.text)
            found = re.search(r'<a href="([^"]+)" rel="next">', page.text)
            path = found[1].replace("&amp;", "&") if found else None
        searched = words(await http.get("/domains?search=n11"))
        nothing = words(await http.get("/domains?status=active"))

    assert len(seen) == len(set(seen)) == 120
    assert "11 of 11" in searched
    assert "No domain fits this filter" in nothing


async def test_the_wave_says_what_ends_when_by_day_and_division(office: World, zone: DnsServer) -> None:
    async with signed_in(office) as http:
        assert "Nothing is proven" in words(await http.get("/domains/expiring"))
        for name in ("acme.example", "beta.example"):
            await post(http, "/domains/add", name=name, method="dns-txt-token")
            publish(zone, await http.get(f"/domains/{await one(office, name)}"), name)
        await look(office, zone)
        await let_pass(office, 0)
        await post(http, f"/domains/{await one(office)}/submit", method="dns-txt-token")
        page = await http.get("/domains/expiring")
        table = await http.get("/services/v2/domain/expiring?format=csv")
        asked = (await http.get("/services/v2/domain/expiring")).json()

    [row] = asked["expiring"]
    assert (row["domains"], row["revalidation_pending"], row["container"]["name"]) == (2, 1, "Main")
    day = datetime.fromisoformat(row["date"]).date()
    assert datetime.now(UTC).date() < day <= datetime.now(UTC).date() + timedelta(days=200)
    assert f"{day} Main 2 1" in words(page)
    assert page.text.count("<rect") == 1
    lines = table.text.splitlines()
    assert len(lines) == 3
    assert f"{day}," in lines[1]


@pytest.mark.parametrize("who", ["lou", "fin"])
async def test_who_may_not_work_with_domains_is_told_so_on_a_page(office: World, who: str) -> None:
    async with signed_in(office, who) as http:
        for path in ("/domains", "/domains/add", "/domains/expiring", "/domains/1"):
            answer = await http.get(path)
            assert answer.status_code == 403, path
            assert "may not work with domains" in answer.text


async def test_a_form_without_its_token_changes_nothing(office: World) -> None:
    async with signed_in(office) as http:
        answer = await http.post("/domains/add", data={"name": "acme.example", "method": "dns-txt-token"})

    assert answer.status_code == 403
    assert await office.rows("validation", "SELECT 1 FROM domain") == []
