"""Who is calling, and the same request again."""

import asyncio

import pytest

from shared.access import hash_key, take_credential
from shared.service import Service
from shared.web.caller import COOKIE, SESSION_SECONDS
from tests.makers import NOW
from tests.shared.test_state import KEY, a_credential
from tests.shared.web import API, applied, client, forged, refusal
from tests.toy import Toy

# ── the same request again ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_key_and_body_give_the_first_answer_again(service: Service, toy: Toy) -> None:
    async with client(service) as http:
        first = await http.post(API, json={"name": "a"}, headers={"Idempotency-Key": "k1"})
        again = await http.post(API, json={"name": "a"}, headers={"Idempotency-Key": "k1"})
        other = await http.post(API, json={"name": "a"}, headers={"Idempotency-Key": "k2"})

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert other.json() != first.json()
    assert await applied(toy) == 2


async def test_the_same_key_with_another_body_is_a_conflict(service: Service, toy: Toy) -> None:
    async with client(service) as http:
        await http.post(API, json={"name": "a"}, headers={"Idempotency-Key": "k1"})
        answer = await http.post(API, json={"name": "b"}, headers={"Idempotency-Key": "k1"})

    assert "take a new key" in refusal(answer, 409, "idempotency_key_reused")
    assert await applied(toy) == 1


async def test_two_at_once_with_one_key_have_one_effect_and_one_answer(service: Service, toy: Toy) -> None:
    async with client(service) as http:
        answers = await asyncio.gather(
            *(http.post(API, json={"name": "a"}, headers={"Idempotency-Key": "k1"}) for _ in range(5))
        )

    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.text for answer in answers}) == 1
    assert await applied(toy) == 1


async def test_a_key_is_not_spent_by_a_refusal_nor_by_a_failed_commit(service: Service, toy: Toy) -> None:
    key = {"Idempotency-Key": "k1"}
    async with client(service) as http:
        refusal(await http.post(API, json={"refused": "It is shut."}, headers=key), 409, "invalid_state")
        refusal(await http.post(API, json={"name": "refused at commit"}, headers=key), 500, "internal_error")
        assert (await http.post(API, json={"name": "fine"}, headers=key)).status_code == 201
    assert await applied(toy) == 1


async def test_another_callers_key_of_the_same_name_is_another_key(service: Service, toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        await take_credential(tx, a_credential(credential_id="key-2", key_hash=hash_key("another")))
    for key in (KEY, "another"):
        async with client(service, key) as http:
            await http.post(API, json={"name": key}, headers={"Idempotency-Key": "k1"})
    assert await applied(toy) == 2


async def test_a_key_of_300_characters_is_refused_with_a_sentence(service: Service) -> None:
    async with client(service) as http:
        answer = await http.post(API, json={"name": "a"}, headers={"Idempotency-Key": "k" * 300})
    assert "1 to 255" in refusal(answer, 400, "bad_request_format")


# ── who is calling ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", [None, "unknown", "", "the-service-keY"])
async def test_without_a_valid_key_nothing_is_told(service: Service, key: str | None) -> None:
    async with client(service, key) as http:
        refusal(await http.get(API + "/1"), 403, "access_denied|missing_permission")


async def test_a_revoked_key_stops_working(service: Service, toy: Toy) -> None:
    async with client(service) as http:
        assert (await http.get(API + "/1")).status_code == 200
        async with toy.db.transaction() as tx:
            await take_credential(tx, a_credential(2, revoked_at=NOW))
        refusal(await http.get(API + "/1"), 403, "access_denied|missing_permission")


async def test_a_view_only_key_reads_and_does_not_write(service: Service, toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        await take_credential(tx, a_credential(2, key_role=102))
    async with client(service) as http:
        assert (await http.get(API + "/1")).status_code == 200
        assert "may only read" in refusal(await http.post(API, json={}), 403, "access_denied|missing_permission")


async def test_a_session_is_what_its_signature_says(service: Service) -> None:
    cookies = {
        "fresh": (forged(), 200),
        "nearly old": (forged(age=SESSION_SECONDS - 60), 200),
        "expired": (forged(age=SESSION_SECONDS + 60), 303),
        "signed by another": (forged("guessed"), 303),
        "signed for another purpose": (forged(salt="csrf"), 303),
        "another user": (forged(user=72), 303),
        "cut": (forged()[:-1], 303),
        "nonsense": ("nonsense", 303),
    }
    for name, (cookie, status) in cookies.items():
        async with client(service, None, cookie=f"{COOKIE}={cookie}") as http:
            assert (await http.get("/form")).status_code == status, name


async def test_a_session_reads_the_api_but_changes_nothing_without_a_form(service: Service, toy: Toy) -> None:
    async with client(service, None, cookie=f"{COOKIE}={forged()}") as http:
        assert (await http.get(API + "/1")).status_code == 200
        refusal(await http.post(API, json={"name": "x"}), 403, "access_denied|missing_permission")
    assert await applied(toy) == 0


async def test_a_form_needs_the_token_of_its_own_session(service: Service) -> None:
    async with client(service, None) as http:
        entered = await http.post("/enter")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        token = (await http.get("/form")).text
        assert (await http.post("/form", data={"name": "x", "csrf": token})).text == "x"
        for wrong in ("", "0" * 64, token[:-1]):
            refusal(
                await http.post("/form", data={"name": "x", "csrf": wrong}), 403, "access_denied|missing_permission"
            )
    async with client(service, None, cookie=f"{COOKIE}={forged(age=5)}") as other:
        refusal(await other.post("/form", data={"name": "x", "csrf": token}), 403, "access_denied|missing_permission")
