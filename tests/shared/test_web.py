"""HTTP as every service has it, on a toy application with real commits."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Form, Query, Request
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import text
from starlette.responses import RedirectResponse, Response

from shared.access import hash_key, take_credential
from shared.audit import note
from shared.db import append, locked
from shared.errors import Conflict
from shared.ids import new_id
from shared.service import Service, make_service
from shared.settings import BaseSettings
from shared.web import Body, CsrfChecked, Once, PageUser, Tx, Who, start_session
from shared.web.caller import COOKIE, SESSION_SECONDS
from tests.bus import as_record, record
from tests.makers import NOW
from tests.shared.test_state import KEY, a_credential
from tests.toy import TOPIC, Applied, Thing, Toy, counted, make_door

API = "/services/v2/thing"
SECRET = "the-session-secret"
BROWSER = {"accept": "text/html,application/xhtml+xml"}


class ThingIn(Body):
    name: str | None = None
    refused: str | None = None


router = APIRouter()


@router.post(API)
async def create(body: ThingIn, tx: Tx, who: Who, once: Once) -> Response:
    async def make() -> dict[str, str]:
        if body.refused:
            raise Conflict(body.refused)
        event_id = new_id()
        append(tx, Applied, event_id=event_id, thing=1, version=1, name=body.name)
        return {"id": str(event_id)}

    return await once(tx, 201, make)


@router.get(API + "/{thing}")
async def show(thing: int, tx: Tx, who: Who, name: str = "") -> dict[str, int]:
    await tx.execute(text("SELECT CAST(:name AS text)"), {"name": name})
    return {"version": (await locked(tx, Thing, thing)).version}


@router.get("/crash")
async def crash(request: Request, code: Annotated[int, Query()] = 0) -> Response:
    raise ZeroDivisionError("a secret detail")


@router.post("/enter")
async def enter(request: Request) -> Response:
    answer = RedirectResponse("/form", 303)
    start_session(request, answer, 71)
    return answer


@router.get("/form")
async def form(request: Request, who: PageUser) -> Response:
    return Response(request.app.state.look.csrf(request))


@router.post("/form", dependencies=[CsrfChecked])
async def send(request: Request, who: PageUser, name: Annotated[str, Form()]) -> Response:
    return Response(name)


@pytest_asyncio.fixture
async def service(toy: Toy) -> AsyncIterator[Service]:
    settings = BaseSettings(database_url=toy.url, session_secret=SECRET, service_key="the-service-key")
    service = make_service("toy", settings, door=make_door(), routers=[router])
    service.door.commit_offset = None
    async with toy.db.transaction() as tx:
        await take_credential(tx, a_credential())
        await take_credential(tx, a_credential(credential_id="user-71", kind="user", key_hash=None))
    yield service
    await service.db.bind.dispose()  # type: ignore[union-attr]


@asynccontextmanager
async def client(service: Service, key: str | None = KEY, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    given = {**headers, **({"X-DC-DEVKEY": key} if key else {})}
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://toy.test", headers=given) as http:
        yield http


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    """The one body of every refusal, and the sentence in it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    [error] = answer.json()["errors"]
    assert list(answer.json()) == ["errors"]
    assert set(error) == {"code", "message"}
    assert error["code"] == code
    assert error["message"].endswith(".")
    return str(error["message"])


async def applied(toy: Toy) -> int:
    return int(await toy.value("SELECT count(*) FROM applied"))


# ── how a request is refused ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unknown_address_and_method_are_refused_in_the_one_way(service: Service) -> None:
    async with client(service) as http:
        refusal(await http.get("/services/v2/nothing"), 404, "not_found|route")
        refusal(await http.delete(API), 405, "not_found|route")
        refusal(await http.get(API + "/99"), 404, "not_found")


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


@pytest.mark.parametrize("path", [f"{API}/one", f"{API}/99999999999999999999", f"{API}/1?name=%00"])
async def test_a_malformed_address_is_no_fault_of_ours(service: Service, path: str) -> None:
    async with client(service) as http:
        refusal(await http.get(path), 400, "bad_request_format")


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


def forged(secret: str = SECRET, user: int = 71, age: float = 0, salt: str = "session") -> str:
    class Then(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time() - age)

    made = URLSafeTimedSerializer(secret, salt=salt, signer=Then).dumps({"user": user})
    return made if isinstance(made, str) else made.decode()


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


# ── the audit log, and the operator's pages ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("change", ["UPDATE audit_log SET who = 'nobody'", "DELETE FROM audit_log"])
async def test_the_audit_log_takes_no_change(toy: Toy, change: str) -> None:
    async with toy.db.transaction() as tx:
        note(tx, "ops@ca.example", "did something", "thing/1", None, {"a": 1}, NOW)

    with pytest.raises(Exception, match="append-only"):
        await toy.rows(change)
    assert await toy.value("SELECT count(*) FROM audit_log") == 1


@pytest_asyncio.fixture
async def operator(service: Service, toy: Toy) -> AsyncIterator[httpx.AsyncClient]:
    async with toy.db.transaction() as tx:
        event = a_credential(2, credential_id="user-71", kind="user", key_hash=None, account_id=0, role="operator")
        await take_credential(tx, event)
    async with client(service, None, cookie=f"{COOKIE}={forged()}", **BROWSER) as http:
        yield http


async def test_only_operators_see_what_is_parked(service: Service) -> None:
    async with client(service, None, cookie=f"{COOKIE}={forged()}") as http:
        refusal(await http.get("/toy/operations"), 403, "access_denied|missing_permission")


async def test_an_operator_sees_every_parked_event_and_a_discard_lets_the_rest_follow(
    operator: httpx.AsyncClient, service: Service, toy: Toy
) -> None:
    alone = record(TOPIC, b"9", b'{"id": "\xff', [("na\0me", b"\xff"), ("x", None)], offset=9)
    events = [counted(1, 1, fails="bug"), counted(1, 1), counted(1, 2)]
    await service.door.handle([*(as_record(event, n) for n, event in enumerate(events)), alone])

    overview = await operator.get("/toy/operations")
    scope = await operator.get("/toy/operations/parked", params={"topic": TOPIC, "scope": "thing/1"})
    token = service.app.state.look.csrf
    assert overview.status_code == scope.status_code == 200
    assert "ZeroDivisionError" in overview.text
    assert "not JSON" in overview.text
    assert "a bug in a consumer" in scope.text

    first = (await toy.parked())[0]
    csrf = (await operator.get("/form")).text
    form = {"csrf": csrf, "seq": str(first.seq)}
    refused = await operator.post("/toy/operations/discard", data=form | {"reason": " "})
    assert refused.status_code == 400
    done = await operator.post("/toy/operations/discard", data=form | {"reason": "sent again under another id"})

    assert done.status_code == 303
    assert token is not None
    assert await toy.versions() == {1: 2}
    assert "sent again under another id" in (await operator.get("/toy/operations/audit")).text


async def test_a_retry_from_the_page_applies_in_order(operator: httpx.AsyncClient, service: Service, toy: Toy) -> None:
    await service.door.handle([as_record(counted(1, 1, fails="no"), 0), as_record(counted(1, 2), 1)])
    csrf = (await operator.get("/form")).text
    async with toy.engine.begin() as connection:
        await connection.execute(
            text("UPDATE parked_event SET corrected = :body WHERE error IS NOT NULL"),
            {"body": counted(1, 1).model_dump_json().encode()},
        )

    wrong = await operator.post("/toy/operations/retry", data={"topic": TOPIC, "scope": "thing/1", "csrf": "x"})
    done = await operator.post("/toy/operations/retry", data={"topic": TOPIC, "scope": "thing/1", "csrf": csrf})

    assert (wrong.status_code, done.status_code) == (403, 303)
    assert await toy.parked() == [] or (await toy.parked())[0].error
