import html
import re
from typing import Any

import httpx
import pytest

from services.orders.rules.checklist import checklist
from shared.db import utcnow
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.organizations import ACME, RECORD, added, second_operator
from tests.orders.test_pages import browser, post

RECORD_FORM = {name: str(value) for name, value in vars(RECORD).items()}
CHECK = {"kind": "legal_existence", "source": "government", "evidence": "Register entry 5157550", "passed": "yes"}


def text_of(answer: httpx.Response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def check(**changes: str) -> dict[str, str]:
    return CHECK | {"checked_on": utcnow().date().isoformat()} | changes


async def test_an_organization_is_added_by_form_and_waits_in_the_queue(acme: Company) -> None:
    async with browser(acme) as client:
        answer = await post(client, "/organizations", **ACME, level="ov")
        where = answer.headers["location"]
        shown = text_of(await client.get(where))

    assert (answer.status_code, where[-11:]) == (303, "?done=added")
    assert "The organization is added; our staff look at it." in shown
    assert "Our staff are looking at it" in shown
    async with browser(acme, "operator") as client:
        queued = text_of(await client.get("/organizations/queue"))
    assert "Acme Example Inc. Lehi , US" in queued
    assert "The verified record" in queued


async def test_the_same_details_lead_to_the_one_that_is_there(acme: Company) -> None:
    number = await added(acme)
    async with browser(acme) as client:
        answer = await post(client, "/organizations", **ACME, level="")

    assert answer.headers["location"] == f"/organizations/{number}?done=known"


async def test_a_refusal_shows_the_form_again_with_what_was_typed(acme: Company) -> None:
    async with browser(acme) as client:
        answer = await post(client, "/organizations", **ACME | {"country": "Germany"})

    assert answer.status_code == 400
    assert "is no country; give its two letters" in text_of(answer)
    assert 'value="1 Main Street"' in answer.text


async def test_changing_a_validated_one_says_that_it_needs_validation_anew(acme: Company) -> None:
    number = await added(acme, validations=[{"type": "ov"}])
    await vet(acme, number, "operator")

    async with browser(acme) as client:
        form = text_of(await client.get(f"/organizations/{number}/edit"))
        answer = await post(client, f"/organizations/{number}/edit", **ACME | {"zip": "84044"})
        shown = text_of(await client.get(answer.headers["location"]))

    assert "What was validated no longer holds when something is changed" in form
    assert "Changed; what was validated no longer holds, our staff look at it anew" in shown
    assert "Being validated" in shown


async def vet(company: Company, number: int, role: str, level: Any = "ov") -> None:
    async with browser(company, role) as client:
        answer = await post(client, f"/organizations/{number}/record", **RECORD_FORM)
        assert answer.status_code == 303, answer.text
        for item in checklist(level, False):
            sent = check(kind=item.kind, source=item.sources[level][0])
            answer = await post(client, f"/organizations/{number}/checks", **sent)
            if not item.by_another:
                assert answer.headers["location"] == f"/organizations/{number}/vetting#{item.kind}"


async def test_staff_enter_the_record_and_each_check_and_the_customer_sees_what_is_done(acme: Company) -> None:
    number = await added(acme, validations=[{"type": "ov"}])

    await vet(acme, number, "operator")

    async with browser(acme, "operator") as client:
        work = text_of(await client.get(f"/organizations/{number}/vetting"))
    assert "Organization Validation is complete." in work
    assert "Register entry 5157550" in work
    async with browser(acme) as client:
        shown = text_of(await client.get(f"/organizations/{number}"))
    assert "Validated (OV)" in shown
    assert "Register entry 5157550" not in shown  # what the staff keep is theirs
    assert "Method of communication Good" in shown


async def test_evg_11_13_one_person_cannot_complete_ev_and_a_second_one_can(acme: Company) -> None:
    number = await added(acme, validations=[{"type": "ev"}])
    await vet(acme, number, "operator", "ev")
    async with browser(acme, "operator") as client:
        sent = check(kind="due_diligence", source="review")
        answer = await post(client, f"/organizations/{number}/checks", **sent)
    assert answer.status_code == 403
    assert "a second person reviews them" in text_of(answer)

    await second_operator(acme)
    first, acme.emails["operator"] = acme.emails["operator"], f"operator@{acme.id}-second.example"
    async with browser(acme, "operator") as client:
        assert (await post(client, f"/organizations/{number}/checks", **sent)).status_code == 303
    acme.emails["operator"] = first
    async with browser(acme) as client:
        assert "Validated (EV)" in text_of(await client.get(f"/organizations/{number}"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"checked_on": "yesterday"}, "Enter the day on which it was found out"),
        ({"passed": ""}, "Say whether what was found is good."),
        ({"evidence": " "}, "say in 1 to 4000 characters what was found"),
        ({"kind": "colour"}, 'There is no check "colour"'),
        ({"evidence": "\0"}, "NUL"),
    ],
)
async def test_a_check_that_cannot_be_is_refused_on_its_page(
    acme: Company, changes: dict[str, str], sentence: str
) -> None:
    number = await added(acme)
    async with browser(acme, "operator") as client:
        await post(client, f"/organizations/{number}/record", **RECORD_FORM)
        answer = await post(client, f"/organizations/{number}/checks", **check(**changes))

    assert answer.status_code == 400
    assert sentence in text_of(answer)


async def test_a_record_that_cannot_be_is_refused_with_what_was_typed(acme: Company) -> None:
    number = await added(acme)
    async with browser(acme, "operator") as client:
        answer = await post(client, f"/organizations/{number}/record", **RECORD_FORM | {"country": "UK"})

    assert answer.status_code == 400
    assert 'value="UK"' in answer.text


@pytest.mark.parametrize("path", ["/organizations/queue", "/organizations/{}/vetting"])
async def test_what_is_for_staff_is_for_nobody_else(acme: Company, path: str) -> None:
    number = await added(acme)
    async with browser(acme) as client:
        assert (await client.get(path.format(number))).status_code == 403
        assert (await post(client, f"/organizations/{number}/record", **RECORD_FORM)).status_code == 403
        assert (await post(client, f"/organizations/{number}/checks", **check())).status_code == 403


@pytest.mark.parametrize("path", ["", "/edit", "/deactivate"])
async def test_one_of_another_account_is_not_found(acme: Company, globex: Company, path: str) -> None:
    number = await added(acme)
    async with browser(globex) as client:
        assert (await client.get(f"/organizations/{number}{path}")).status_code == 404
        for deed in ("edit", "deactivate", "activate", "validation", "contacts"):
            assert (await post(client, f"/organizations/{number}/{deed}")).status_code == 404


async def test_deactivating_is_asked_about_first(acme: Company) -> None:
    number = await added(acme)
    async with browser(acme) as client:
        assert "Keep it active" in (await client.get(f"/organizations/{number}/deactivate")).text
        assert (await post(client, f"/organizations/{number}/deactivate")).status_code == 303
        shown = text_of(await client.get(f"/organizations/{number}"))
        refused = await post(client, f"/organizations/{number}/validation", level="ov")

    assert "No certificate is issued for it" in shown
    assert refused.status_code == 400
    assert "activate it first" in text_of(refused)


async def test_a_contact_is_added_by_form(acme: Company) -> None:
    number = await added(acme)
    async with browser(acme) as client:
        sent = {"contact_type": "ev_approver", "last_name": "Lee", "email": "lee@acme.example"}
        assert (await post(client, f"/organizations/{number}/contacts", **sent)).status_code == 303
        assert "EV approver" in text_of(await client.get(f"/organizations/{number}"))
        assert (await post(client, f"/organizations/{number}/contacts", contact_type="king")).status_code == 400


async def test_the_lists_page_by_page_lose_none(acme: Company, world: World) -> None:
    for n in range(52):
        await added(acme, name=f"Acme {n:02}", validations=[{"type": "ov"}])
    for path in ("/organizations", "/organizations/queue"):
        found: list[str] = []
        async with browser(acme, "operator") as client:
            page: str | None = path
            while page:
                answer = await client.get(page)
                found += re.findall(r"<bdi>(Acme \d\d)</bdi></a>", answer.text)
                following = re.search(r'href="([^"]+)" rel="next"', answer.text)
                page = following[1].replace("&amp;", "&") if following else None
        assert sorted(found) == [f"Acme {n:02}" for n in range(52)], path
