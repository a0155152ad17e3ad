"""The audit log, and the operator's pages that every service has."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from shared.access import take_credential
from shared.audit import note
from shared.service import Service
from shared.web.caller import COOKIE
from tests.bus import as_record, record
from tests.makers import NOW
from tests.shared.test_state import a_credential
from tests.shared.web import BROWSER, client, forged, refusal
from tests.toy import TOPIC, Toy, counted


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
