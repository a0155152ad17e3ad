"""The list of orders with its filters, and what is done on the page of one."""

import csv
import io
import re

import httpx
import pytest

from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import csr, rsa_key, submitted
from tests.orders.playing import issued, let_days_pass, reissue, revoke_all
from tests.orders.test_pages import browser, post
from tests.orders.test_pages_order_form import hidden, text_of

NAMES = "www.acme.example\nacme.example"


async def ids(client: httpx.AsyncClient, query: str) -> list[int]:
    text = (await client.get(f"/orders?{query}")).text
    return [int(number) for number in re.findall(r'href="/orders/(\d+)"', text)]


async def days_ago(world: World, order_id: int, days: int) -> None:
    await world.rows(
        "orders",
        f"UPDATE certificate_order SET placed_at = placed_at - interval '{days} days' WHERE id = :id RETURNING 1",
        id=order_id,
    )


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_is_filtered_by_state_product_and_day(world: World, acme: Company) -> None:
    done = (await issued(world, acme))["id"]
    old, new = (await acme.place())["id"], (await acme.place())["id"]
    await days_ago(world, old, 40)
    [row] = await world.rows("orders", "SELECT placed_at::date AS day FROM certificate_order WHERE id = :id", id=new)

    async with browser(acme) as client:
        assert await ids(client, "status=issued") == [done]
        assert await ids(client, "status=pending") == [new, old]
        assert await ids(client, "product=ssl_basic") == []
        assert await ids(client, f"since={row.day}") == [new, done]
        assert await ids(client, f"until={row.day}&product=ssl_dv_geotrust") == [new, old, done]
        wrong = await client.get("/orders?since=yesterday")

    assert wrong.status_code == 400
    assert "is no day; write it like 2026-11-23." in text_of(wrong)


async def test_an_order_whose_certificate_is_over_is_found_as_expired(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    await acme.place()
    async with browser(acme) as client:
        before = await ids(client, "status=expired")
        over = "UPDATE certificate_order SET certificate_valid_till = current_date - 3 WHERE id = :id RETURNING 1"
        await world.rows("orders", over, id=order["id"])

        assert before == []
        assert await ids(client, "status=expired") == [order["id"]]


async def test_what_the_filters_find_is_had_as_csv_and_no_cell_is_a_formula(world: World, acme: Company) -> None:
    await issued(world, acme)
    order_id = (await acme.place())["id"]
    await world.rows(
        "orders", "UPDATE certificate_order SET placed_by = '=1+1' WHERE id = :id RETURNING 1", id=order_id
    )

    async with browser(acme) as client:
        answer = await client.get("/orders/list.csv?status=pending")

    head, *rows = csv.reader(io.StringIO(answer.text))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert head[:3] == ["Order", "Common name", "Further names"]
    assert [row[:3] for row in rows] == [[str(order_id), "www.acme.example", "1"]]
    assert "'=1+1" in rows[0]


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_queue_has_the_longest_waiting_first_and_marks_those_over_twelve_hours(
    world: World, acme: Company
) -> None:
    old = (await acme.place("standard_user"))["requests"][0]["id"]
    new = (await acme.place("limited_user"))["requests"][0]["id"]
    await acme.place()
    ago = "UPDATE order_request SET requested_at = requested_at - interval '13 hours' WHERE id = :id RETURNING 1"
    await world.rows("orders", ago, id=old)

    async with browser(acme, "manager") as client:
        answer = await client.get("/orders/requests")
        other = text_of(await client.get("/orders/requests?type=revoke"))
    async with browser(acme, "standard_user") as client:
        refused = await client.get("/orders/requests")

    assert re.findall(r"/orders/requests/(\d+)/approve", answer.text) == [str(old), str(new)]
    assert text_of(answer).count("over 12 hours") == 1
    assert "No such request waits" in other
    assert refused.status_code == 403


async def test_a_request_is_approved_with_a_comment_that_the_order_shows(world: World, acme: Company) -> None:
    placed = await acme.place("standard_user")
    where = f"/orders/requests/{placed['requests'][0]['id']}"

    async with browser(acme, "manager") as client:
        question = text_of(await client.get(f"{where}/approve"))
        done = await post(client, f"{where}/approve", reason="For the new shop")
        page = text_of(await client.get(done.headers["location"]))
        again = await post(client, f"{where}/reject", reason="Too late")
        queue = text_of(await client.get("/orders/requests"))

    assert "asked for by Ann standard_user" in question
    assert done.headers["location"] == f"/orders/{placed['id']}?done=approved"
    assert "Ann manager" in page
    assert "For the new shop" in page
    assert again.status_code in (303, 400)
    assert "Nothing waits for you" in queue


async def test_a_rejection_needs_a_reason(world: World, acme: Company) -> None:
    placed = await acme.place("standard_user")
    where = f"/orders/requests/{placed['requests'][0]['id']}/reject"

    async with browser(acme, "manager") as client:
        without = await post(client, where, reason="")
        done = await post(client, where, reason="Not ours")
        page = text_of(await client.get(f"/orders/{placed['id']}"))

    assert without.status_code == 400
    assert "Say why the order is rejected" in text_of(without)
    assert done.status_code == 303
    assert "Not ours" in page


async def test_a_request_of_another_account_is_not_there(acme: Company, globex: Company) -> None:
    placed = await acme.place("standard_user")

    async with browser(globex) as client:
        answer = await post(client, f"/orders/requests/{placed['requests'][0]['id']}/approve")

    assert answer.status_code == 404


# ── further certificates ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reissue_says_what_is_free_and_what_is_charged_before_it_is_sent(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    where = f"/orders/{order['id']}/reissue"

    async with browser(acme) as client:
        form = await client.get(where)
        free = await post(client, where, names="www.acme.example\nshop.acme.example", csr=csr(rsa_key()))
        more = await post(client, where, names=f"{NAMES}\nshop.acme.example")
        done = await post(client, where, **hidden(more), step="place")
        page = text_of(await client.get(done.headers["location"]))
        again = await client.get(where)

    assert f"{NAMES}</textarea>" in form.text
    assert "Paid for: 2 names. Replacing names is free up to that" in text_of(form)
    assert "Free. The names stay within what was paid for." in text_of(free)
    assert "RSA 2048" in text_of(free)
    assert "1 name more than paid for." in text_of(more)
    assert done.headers["location"] == f"/orders/{order['id']}?done=reissue"
    assert "1 name more than paid for: shop.acme.example" in page
    assert "Cancel reissue" in page
    assert again.status_code == 200
    [added] = await world.said("orders", "order_names_added")
    assert added["added"] == ["shop.acme.example"]


@pytest.mark.parametrize(
    ("field", "changes", "sentence"),
    [
        ("names", {"names": ""}, "Give the names, one per line"),
        ("names", {"names": "*.acme.example"}, "takes no wildcard names"),
        ("csr", {"csr": "hello"}, "The CSR cannot be read"),
    ],
)
async def test_a_refusal_of_a_reissue_stands_at_its_field(
    world: World, acme: Company, field: str, changes: dict[str, str], sentence: str
) -> None:
    order = await issued(world, acme)
    async with browser(acme) as client:
        sent = {"names": NAMES, "comments": "For the shop"} | changes
        answer = await post(client, f"/orders/{order['id']}/reissue", **sent)

    assert answer.status_code == 400
    told = re.search(rf'<small class="error" id="{field}-error">(.*?)</small>', answer.text, re.S)
    assert told
    assert sentence in told[1]
    assert "For the shop" in answer.text


async def test_a_second_reissue_is_refused_with_its_sentence(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    where = f"/orders/{order['id']}/reissue"
    await reissue(acme, order["id"])

    async with browser(acme) as client:
        shown = await post(client, where, names=NAMES)
        answer = await post(client, where, **hidden(shown), step="place")

    assert answer.status_code == 400
    assert "is being reissued already" in text_of(answer)
    assert "acme.example</textarea>" in answer.text


async def test_a_duplicate_keeps_the_names_and_is_free(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    where = f"/orders/{order['id']}/duplicate"

    async with browser(acme) as client:
        shown = await post(client, where, csr=csr(rsa_key()))
        done = await post(client, where, **hidden(shown), step="place")
        page = text_of(await client.get(done.headers["location"]))

    assert "A duplicate costs nothing." in text_of(shown)
    assert "The duplicate is asked for." in page
    assert "Duplicate asked for" in page


async def test_an_order_that_is_not_issued_is_not_reissued(acme: Company) -> None:
    order_id = (await acme.place())["id"]

    async with browser(acme) as client:
        page = (await client.get(f"/orders/{order_id}")).text
        answer = await client.get(f"/orders/{order_id}/reissue")

    assert f"/orders/{order_id}/reissue" not in page
    assert answer.status_code == 400
    assert "only an issued order can be" in text_of(answer)


# ── revoking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_user_asks_for_a_revocation_and_an_approver_decides(world: World, acme: Company) -> None:
    order = await issued(world, acme, "standard_user")
    where = f"/orders/{order['id']}/revoke"

    async with browser(acme, "standard_user") as client:
        form = text_of(await client.get(where))
        asked = await post(client, where, reason="superseded", comments="The new one is in use", at_once="1")
        page = text_of(await client.get(asked.headers["location"]))
        twice = await post(client, where, reason="superseded")
    async with browser(acme, "manager") as client:
        found = re.findall(r"/orders/requests/(\d+)/approve", (await client.get("/orders/requests")).text)
        question = text_of(await client.get(f"/orders/requests/{found[0]}/approve"))
        await post(client, f"/orders/requests/{found[0]}/approve")
        await revoke_all(world)
        after = text_of(await client.get(f"/orders/{order['id']}"))

    assert "Without approval" not in form
    assert "The revocation is asked for." in page
    assert "it was replaced" in page
    assert "waits to be decided" in text_of(twice)
    assert "cannot be undone" in question
    assert "Revoked" in after
    assert len(await world.said("orders", "certificate_revoked")) == 1


async def test_one_certificate_is_revoked_by_an_administrator_at_once(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    number = str(order["certificate"]["id"])
    where = f"/orders/{order['id']}/revoke"

    async with browser(acme) as client:
        form = await client.get(f"{where}?certificate={number}")
        foreign = await post(client, where, certificate="999999", reason="superseded")
        wrong = await post(client, where, reason="boredom", comments="Typed")
        done = await post(client, where, certificate=number, reason="superseded", at_once="1")

    assert f'<option value="{number}" selected>' in form.text
    assert "There is no certificate 999999 on this order." in text_of(foreign)
    assert "There is no revocation reason" in text_of(wrong)
    assert ">Typed</textarea>" in wrong.text
    assert done.status_code == 303
    assert len(await world.said("orders", "certificate_revocation_requested")) == 1


# ── on the page ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_certificate_has_its_downloads(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    number = order["certificate"]["id"]

    async with browser(acme) as client:
        text = (await client.get(f"/orders/{order['id']}")).text
        links = re.findall(rf'href="(/services/v2/certificate/{number}/download/[a-z_0-9/]+)"', text)
        answers = [(await client.get(link)).status_code for link in links]

    assert len(links) == 11
    assert set(answers) == {200}


async def test_names_are_checked_now_or_by_another_method(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver("orders", submitted(acme.id, order_id, "www.acme.example"))

    async with browser(acme) as client:
        page = await client.get(f"/orders/{order_id}")
        checked = await post(client, f"/orders/{order_id}/check")
        changed = await post(client, f"/orders/{order_id}/method", dcv_method="dns-cname-token")
        wrong = await post(client, f"/orders/{order_id}/method", dcv_method="pigeon")
        after = text_of(await client.get(f"/orders/{order_id}"))

    assert "Check now" in page.text
    assert checked.headers["location"] == f"/orders/{order_id}?done=checked"
    assert changed.headers["location"] == f"/orders/{order_id}?done=method"
    assert wrong.status_code == 400
    assert "Nothing was changed." in wrong.text
    assert "What happened" in wrong.text  # on the page of the order itself
    assert "DNS CNAME" in after
    assert {each["name"] for each in await world.said("orders", "check_domain")} == set(NAMES.split())


async def test_notes_are_kept_and_deleted(acme: Company) -> None:
    order_id = (await acme.place())["id"]
    where = f"/orders/{order_id}"

    async with browser(acme) as client:
        await post(client, f"{where}/notes", text="Lives on <b>two</b> servers")
        page = (await client.get(where)).text
        empty = await post(client, f"{where}/notes", text=" ")
        found = re.search(r"/notes/(\d+)/delete", page)
        assert found
        await post(client, f"{where}/notes/{found[1]}/delete")
        after = (await client.get(where)).text
    async with browser(acme, "finance_manager") as client:
        refused = await post(client, f"{where}/notes", text="x")

    assert "Lives on &lt;b&gt;two&lt;/b&gt; servers" in page
    assert "The note is empty" in text_of(empty)
    assert "What happened" in text_of(empty)
    assert "Lives on" not in after
    assert refused.status_code == 403


async def test_what_cannot_be_done_any_more_is_said_on_the_orders_page_and_leaves_nothing_behind(
    world: World, acme: Company
) -> None:
    order_id = (await issued(world, acme))["id"]
    before = len(await world.said("orders", "check_domain"))

    async with browser(acme) as client:
        answers = [
            await post(client, f"/orders/{order_id}/{deed}", **form)
            for deed, form in (("check", {}), ("method", {"dcv_method": "pigeon"}), ("notes", {"text": "\t"}))
        ]

    for answer in answers[1:]:
        assert answer.status_code == 400
        assert "Nothing was changed." in answer.text
        assert f"<title>Order {order_id}" in answer.text
    assert len(await world.said("orders", "check_domain")) == before


async def test_a_long_history_is_shown_in_pages_the_newest_first(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    sql = f"""INSERT INTO timeline_entry (id, order_id, at, who, kind, sentence)
              SELECT ('ffffffff-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, {order_id},
                     now() + n * interval '1 second', 'Ann', 'plain', 'Step ' || n || '.'
              FROM generate_series(1, 150) AS n RETURNING 1"""
    await world.rows("orders", sql)

    async with browser(acme) as client:
        newest = (await client.get(f"/orders/{order_id}")).text
        link = re.search(rf'href="(/orders/{order_id}\?before=[0-9a-f-]+)"', newest)
        assert link
        older = (await client.get(link[1])).text

    def steps(page: str) -> list[int]:
        return [int(n) for n in re.findall(r"Step (\d+)\.", page)]

    assert steps(newest) == list(range(51, 151))
    assert steps(older) == list(range(1, 51))
    assert ("Older" in older, "Newest" in older, "Newest" in newest) == (False, True, False)


async def test_an_issued_order_is_told_to_reissue_itself(world: World, acme: Company) -> None:
    order_id = (await issued(world, acme))["id"]

    async with browser(acme) as client:
        await post(client, f"/orders/{order_id}/auto-reissue", on="1")
        on = text_of(await client.get(f"/orders/{order_id}"))
        await post(client, f"/orders/{order_id}/auto-reissue", on="")
        off = text_of(await client.get(f"/orders/{order_id}"))

    assert "yes, 30 days before the certificate ends Switch off" in on
    assert "no Switch on" in off


@pytest.mark.parametrize(("role", "deeds"), [("finance_manager", 0), ("operator", 1), ("standard_user", 4)])
async def test_buttons_are_only_where_they_may_be_used(world: World, acme: Company, role: str, deeds: int) -> None:
    order_id = (await issued(world, acme, "standard_user"))["id"]

    async with browser(acme, role) as client:
        text = (await client.get(f"/orders/{order_id}")).text

    found = [deed for deed in ("reissue", "duplicate", "renew", "revoke") if f'"/orders/{order_id}/{deed}"' in text]
    assert len(found) == deeds


async def test_an_order_whose_term_is_over_is_renewed_and_no_longer_reissued(world: World, acme: Company) -> None:
    order_id = (await issued(world, acme))["id"]
    await let_days_pass(world, 400)

    async with browser(acme) as client:
        text = (await client.get(f"/orders/{order_id}")).text

    assert f'"/orders/{order_id}/reissue"' not in text
    assert f'"/orders/{order_id}/renew"' in text
