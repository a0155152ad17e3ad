"""The pages under /account, as somebody uses them."""

import re
from typing import Any

import httpx
import pytest

from tests.orders.conftest import PASSWORD, Company
from tests.orders.test_sessions import NEW, browser, csrf_of, is_in, sign_in

KEY = re.compile(r"<dt>Key</dt><dd>([0-9a-f]{64})")


async def send(client: httpx.AsyncClient, page: str, to: str = "", **form: Any) -> httpx.Response:
    """The form of a page, with its hidden fields."""
    shown = await client.get(page)
    assert shown.status_code == 200, shown.text
    once = re.search(r'name="once" value="([^"]+)"', shown.text)
    hidden = {"csrf": csrf_of(shown)} | ({"once": once[1]} if once else {})
    return await client.post(to or page, data=hidden | form)


def details(**changes: Any) -> dict[str, Any]:
    return {"email": "stan@acme.example", "first_name": "Stan", "last_name": "Novak", "role": "manager"} | changes


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_user_is_added_gets_a_link_and_signs_in_with_the_password_set_by_it(acme: Company) -> None:
    async with browser(acme, "administrator") as admin, browser(acme, None) as stan:
        added = await send(admin, "/account/users/new", **details(division=[acme.divisions["Labs"]]))
        where = added.headers["location"].partition("?")[0]
        made = await send(admin, where, f"{where}/link")
        link = re.search(r"/account/new-password\?token=[\w-]+", made.text)
        assert link
        token = link[0].partition("=")[2]
        done = await send(stan, link[0], "/account/new-password", token=token, password=NEW, again=NEW)

        assert "one-time link" in (await admin.get(added.headers["location"])).text
        assert made.headers["cache-control"] == "no-store"
        assert done.status_code == 303
        assert (await sign_in(stan, "stan@acme.example", NEW)).status_code == 303
        assert "Labs" in (await stan.get("/account/divisions")).text
        assert "Hosting" not in (await stan.get("/account/divisions")).text


async def test_a_refused_form_keeps_what_was_typed(acme: Company) -> None:
    async with browser(acme, "administrator") as admin:
        answer = await send(admin, "/account/users/new", **details(email="manager@acme.example"))

    assert answer.status_code == 409
    assert "There is a user manager@acme.example already" in answer.text
    assert 'value="Novak"' in answer.text


async def test_a_user_is_changed_disabled_and_enabled(acme: Company) -> None:
    where = f"/account/users/{acme.users['manager']}"
    async with browser(acme, "administrator") as admin, browser(acme) as manager:
        email = acme.emails["manager"]
        changed = await send(admin, where, **details(email=email, role="limited_user"))
        page = await admin.get(changed.headers["location"])
        await send(admin, where, f"{where}/disable")
        out = not await is_in(manager)
        await send(admin, where, f"{where}/enable")

        assert "The user is changed" in page.text
        assert re.search(r'value="limited_user" selected', page.text)
        assert out
        assert (await sign_in(manager, email)).status_code == 303


async def test_the_last_administrator_is_told_why_not(acme: Company) -> None:
    where = f"/account/users/{acme.users['administrator']}"
    async with browser(acme, "administrator") as admin:
        disabled = await send(admin, where, f"{where}/disable")
        demoted = await send(admin, where, **details(email=acme.emails["administrator"], role="manager"))

        assert (disabled.status_code, demoted.status_code) == (409, 409)
        assert "last administrator of the whole account" in disabled.text
        assert await is_in(admin)


async def test_an_administrator_sets_a_password_and_the_user_is_out(acme: Company) -> None:
    where = f"/account/users/{acme.users['manager']}"
    async with browser(acme, "administrator") as admin, browser(acme) as manager:
        short = await send(admin, where, f"{where}/password", password="short", again="short")
        done = await send(admin, where, f"{where}/password", password=NEW, again=NEW)

        assert (short.status_code, done.status_code) == (400, 303)
        assert not await is_in(manager)
        assert (await sign_in(manager, acme.emails["manager"], NEW)).status_code == 303


async def test_one_changes_ones_own_password_and_stays_in_while_other_sessions_end(acme: Company) -> None:
    async with browser(acme) as here, browser(acme) as there:
        wrong = await send(here, "/account/password", current="guessed", password=NEW, again=NEW)
        done = await send(here, "/account/password", current=PASSWORD, password=NEW, again=NEW)

        assert (wrong.status_code, done.status_code) == (400, 303)
        assert "current password is not right" in wrong.text
        assert await is_in(here)
        assert not await is_in(there)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_is_shown_once_and_loading_its_page_again_makes_no_second_one(acme: Company) -> None:
    where = f"/account/users/{acme.users['manager']}"
    async with browser(acme, "administrator") as admin:
        shown = await admin.get(where)
        once = re.search(r'name="once" value="([^"]+)"', shown.text)
        assert once
        form = {"csrf": csrf_of(shown), "once": once[1], "name": "deploy", "restriction": "102"}
        made = await admin.post(f"{where}/keys", data=form)
        again = await admin.post(f"{where}/keys", data=form)
        listed = await admin.get(where)

    key = KEY.search(made.text)
    assert key
    assert (again.status_code, again.headers["location"]) == (303, f"{where}?done=made")
    assert listed.text.count("deploy</td>") == 1
    assert key[1] not in listed.text
    async with acme.world.client(key[1]) as client:
        assert (await client.get("/services/v2/user/me")).status_code == 200


async def test_a_service_user_is_added_and_its_key_revoked_after_a_question(acme: Company) -> None:
    async with browser(acme, "administrator") as admin:
        made = await send(admin, "/account/keys", name="CI", email="ci@acme.example", role="administrator",
                          restriction="100", division=[acme.divisions["Main"]])  # fmt: skip
        key = KEY.search(made.text)
        assert key
        revoke = re.findall(r"/account/users/\d+/keys/\d+/revoke", (await admin.get("/account/keys")).text)[-1]
        async with acme.world.client(key[1]) as client:
            before = (await client.get("/services/v2/order/certificate")).status_code
            asked = await admin.get(revoke)
            during = (await client.get("/services/v2/order/certificate")).status_code
            await send(admin, revoke)
            after = (await client.get("/services/v2/order/certificate")).status_code

    assert "cannot be brought back" in asked.text
    assert (before, during, after) == (200, 200, 403)


async def test_a_refused_service_user_leaves_its_form_good_for_another_try(acme: Company) -> None:
    async with browser(acme, "administrator") as admin:
        shown = await admin.get("/account/keys")
        once = re.search(r'name="once" value="([^"]+)"', shown.text)
        assert once
        form = {"csrf": csrf_of(shown), "once": once[1], "name": "CI", "email": "nobody", "role": "manager"}
        refused = await admin.post("/account/keys", data=form)
        made = await admin.post("/account/keys", data=form | {"email": "ci@acme.example"})

    assert (refused.status_code, made.status_code) == (400, 200)


# ── divisions, details, fields ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_division_is_added_renamed_limited_and_deactivated(acme: Company) -> None:
    async with browser(acme, "administrator") as admin:
        await send(admin, "/account/divisions", parent=acme.divisions["Labs"], name="Berlin")
        twice = await send(admin, "/account/divisions", parent=acme.divisions["Labs"], name="berlin")
        where = re.findall(r"/account/divisions/\d+", (await admin.get("/account/divisions")).text)[-1]
        await send(admin, where, name="Potsdam", description="Since 2026", product=["ssl_dv_geotrust"])
        page = (await admin.get(where)).text
        off = await send(admin, where, switch="off")
        top = await send(admin, f"/account/divisions/{acme.divisions['Main']}", switch="off")

        assert twice.status_code == 409
        assert "Potsdam" in page
        assert re.findall(r'value="(\w+)" checked', page) == ["ssl_dv_geotrust"]
        assert "Nothing new is ordered for it" in (await admin.get(off.headers["location"])).text
        assert "always stays active" in top.text


async def test_details_and_custom_fields_are_changed(acme: Company) -> None:
    async with browser(acme, "administrator") as admin:
        wrong = await send(admin, "/account/details", name="Acme AG", line1="Ring 1", city="Berlin", country="Germany")
        done = await send(admin, "/account/details", name="Acme AG", line1="Ring 1", city="Berlin", country="DE",
                          billing_emails="a@acme.example, b@acme.example")  # fmt: skip
        page = (await admin.get(done.headers["location"])).text
        await send(admin, "/account/fields", label="Cost centre", data_type="int", is_active="1")
        edit = re.findall(r"/account/fields\?edit=(\d+)", (await admin.get("/account/fields")).text)[-1]
        await send(admin, f"/account/fields?edit={edit}", f"/account/fields/{edit}", label="Centre", data_type="int")

        assert "address.country" in wrong.text
        assert "Ring 1,  Berlin, DE" in page
        assert "a@acme.example, b@acme.example" in page
        assert "No longer" in (await admin.get("/account/fields")).text


async def test_staff_see_every_account_open_one_and_manage_it(acme: Company, globex: Company) -> None:
    async with browser(acme, "operator") as olga:
        accounts = (await olga.get("/account")).text
        opened = await send(olga, "/account/open", name="Initech", currency="eur", email="bill@initech.example",
                            last_name="Lumbergh", line1="Main", city="Austin", country="US")  # fmt: skip
        refused = await send(olga, "/account/open", name="Initech", currency="EURO", email="b@initech.example",
                             last_name="Lumbergh")  # fmt: skip
        user = await olga.get(opened.headers["location"])
        added = await send(olga, f"/account/users/new?account_id={globex.id}", **details())
        everybody = (await olga.get("/account/users?search=stan")).text
        searched = (await olga.get("/account?search=glob")).text

    assert "Acme Inc." in accounts
    assert "Globex Inc." in accounts
    assert "Make a one-time link" in user.text
    assert (refused.status_code, "currency" in refused.text) == (400, True)
    assert added.status_code == 303
    assert "Globex Inc." in everybody
    assert "Acme Inc." not in searched


@pytest.mark.parametrize("role", ["finance_manager", "manager", "standard_user", "limited_user"])
async def test_others_see_their_account_and_divisions_and_change_their_own_password_only(
    acme: Company, role: str
) -> None:
    async with browser(acme, role) as client:
        seen = [(await client.get(f"/account{path}")).status_code for path in ("", "/divisions", "/password")]
        closed = [
            (await client.get(f"/account{path}")).status_code for path in ("/users", "/keys", "/fields", "/details")
        ]

    assert (seen, closed) == ([200] * 3, [403] * 4)
