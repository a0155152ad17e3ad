"""HTTP as every service has it, on a toy application with real commits."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from shared.db import make_engine
from shared.service import Service
from tests.shared.web import API, BROWSER, applied, client, refusal
from tests.toy import Toy

# ── how a request is refused ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unknown_address_and_method_are_refused_in_the_one_way(service: Service) -> None:
    async with client(service) as http:
        refusal(await http.get("/services/v2/nothing"), 404, "not_found|route")
        refusal(await http.delete(API), 405, "not_found|route")
        refusal(await http.get(API + "/99"), 404, "not_found")


async def test_a_database_that_refuses_the_login_meanwhile_is_a_503_that_says_when_to_come_again(
    service: Service, toy: Toy
) -> None:
    changed = make_engine(make_url(toy.url).set(password="changed").render_as_string(False), "web", 2)
    before = service.db.bind
    service.db.rebind(changed)
    try:
        async with client(service) as http:
            answer = await http.get(API + "/1")
    finally:
        service.db.rebind(before)
        await changed.dispose()
    refusal(answer, 503, "service_unavailable")
    assert answer.headers["retry-after"] == "5"


MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "not JSON": ({"content": b"{name", "headers": {"content-type": "application/json"}}, "not JSON"),
    "not UTF-8": ({"content": b'{"name": "\xff"}', "headers": {"content-type": "application/json"}}, "."),
    "a list": ({"json": [1]}, "send a JSON object"),
    "no body": ({"headers": {"content-type": "application/json"}}, "send a JSON object"),
    "another content type": ({"content": b"name=x", "headers": {"content-type": "text/plain"}}, "send a JSON object"),
    "a field of the wrong kind": ({"json": {"name": {"a": 1}}}, "name: Input should be a valid string"),
    "a NUL": ({"json": {"name": "a\0b"}}, "NUL"),
    "half a character": ({"content": b'{"name": "\\ud800"}', "headers": {"content-type": "application/json"}}, "half"),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_body_is_a_400_with_a_sentence_and_writes_nothing(
    service: Service, toy: Toy, name: str
) -> None:
    request, sentence = MALFORMED[name]
    async with client(service) as http:
        assert sentence in refusal(await http.post(API, **request), 400, "bad_request_format")
    assert await applied(toy) == 0


async def test_a_malformed_query_is_no_fault_of_ours(service: Service) -> None:
    async with client(service) as http:
        refusal(await http.get(f"{API}/1?name=%00"), 400, "bad_request_format")


@pytest.mark.parametrize("wrong", ["one", "1.5", "99999999999", "99999999999999999999", "9" * 5000])
async def test_an_id_that_no_thing_can_have_is_one_that_none_has(service: Service, wrong: str) -> None:
    async with client(service) as http:
        refusal(await http.get(f"{API}/{wrong}"), 404, "not_found")


async def test_a_number_too_large_elsewhere_is_told_whatever_the_address(service: Service) -> None:
    async with client(service) as http:
        refusal(await http.get(f"{API}/1", params={"number": 2**70}), 400, "bad_request_format")


async def test_unknown_fields_and_empty_ones_are_ignored(service: Service, toy: Toy) -> None:
    async with client(service) as http:
        answer = await http.post(API, json={"name": "", "refused": None, "colour": "blue", "more": {"a": [1]}})
    assert answer.status_code == 201
    assert await applied(toy) == 1


async def test_a_crash_says_nothing_of_itself(service: Service) -> None:
    async with client(service) as http:
        message = refusal(await http.get("/crash"), 500, "internal_error")
    assert "secret" not in message


async def test_a_browser_gets_pages_and_a_client_of_the_api_never_does(service: Service) -> None:
    async with client(service, **BROWSER) as http:
        for path, status in (("/nothing", 404), ("/crash", 500)):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
            assert "<h1" in answer.text
        refusal(await http.get("/services/v2/nothing"), 404, "not_found|route")


async def test_security_headers_are_on_every_answer(service: Service) -> None:
    async with client(service) as http:
        answers = [
            await http.get(API + "/1"), await http.get("/nothing"), await http.get("/crash"), await http.get("/form"),
            await http.post(API, content=b"x" * 300_000), await http.get("/toy/static/console.css"),
        ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 404, 500, 303, 413, 200]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"


# ── how much is taken ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_a_body_beyond_the_limit_is_refused_whatever_its_declared_length(
    service: Service, toy: Toy, chunked: bool
) -> None:
    taken = []

    async def parts() -> AsyncIterator[bytes]:
        for n in range(100):
            taken.append(n)
            yield b" " * 65_536

    async with client(service) as http:
        answer = await http.post(API, content=parts() if chunked else b" " * 300_000)

    assert "262144 bytes" in refusal(answer, 413, "request_too_large")
    assert await applied(toy) == 0


async def test_a_body_at_the_limit_is_taken_in_many_parts(service: Service, toy: Toy) -> None:
    body = b'{"name": "x"}'.ljust(262_144)

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    async with client(service) as http:
        answer = await http.post(API, content=parts(), headers={"content-type": "application/json"})
    assert answer.status_code == 201
    assert await applied(toy) == 1


# ── when it is answered ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_commit_that_fails_is_never_answered_with_201(service: Service, toy: Toy) -> None:
    async with client(service) as http:
        refusal(await http.post(API, json={"name": "refused at commit"}), 500, "internal_error")
        assert (await http.post(API, json={"name": "fine"})).status_code == 201
    assert await toy.rows("SELECT name FROM applied") == [("fine",)]
