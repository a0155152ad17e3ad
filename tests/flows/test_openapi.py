"""Whatever a client sends to a documented route: an answer, never a crash, and every refusal says what and what to do.

`FUZZ_EXAMPLES=500` looks longer."""

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from tests.conftest import SERVICES
from tests.flows.conftest import COSTS, Town

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
HOSTLESS = {"host", "content-length", "transfer-encoding", "connection", "x-dc-devkey", "accept-encoding"}


@pytest.mark.parametrize("service", SERVICES)
async def test_no_documented_route_crashes_and_every_refusal_is_a_sentence(town: Town, service: str) -> None:
    schema = schemathesis.openapi.from_dict(town.world.services[service].app.openapi())
    loop, tried = asyncio.get_running_loop(), 0
    known = await _ids(town)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation, tried = found.ok(), tried + 1
        for role in ("administrator", "operator"):
            await asyncio.to_thread(_fuzz, town, loop, operation, role, known)

    assert tried or service in {"validation", "notifications"}
    for name in town.world.services:
        assert await town.world.parked(name) == []


async def _ids(town: Town) -> list[str]:
    """Of what there is, so that not every path leads nowhere."""
    await town.pay(3 * COSTS)
    await town.order()
    await town.settle()
    await town.order("standard_user")
    tables = {
        "orders": ("certificate_order", "order_request", "certificate", "division", "app_user", "api_key", "account"),
        "billing": ("invoice", "purchase_order", "payment"),
        "validation": ("domain",),
    }
    return [
        str(row.id)
        for service, names in tables.items()
        for name in names
        for row in await town.world.rows(service, f"SELECT id FROM {name} LIMIT 3")
    ]


def _fuzz(town: Town, loop: asyncio.AbstractEventLoop, operation: Any, role: str, known: list[str]) -> None:
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(cases, st.none() | st.sampled_from(known))
    def one(case: Case[Any], place: str | None) -> None:
        if place:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, place)
        answer = asyncio.run_coroutine_threadsafe(_send(town, case, role), loop).result()
        _check(case, answer)

    one()


async def _send(town: Town, case: Case[Any], role: str) -> httpx.Response:
    async with town.client(role) as http:
        answer: httpx.Response = await http.send(http.build_request(**_request(case)))
    return answer


def _request(case: Case[Any]) -> dict[str, Any]:
    """Of a generated case only what any HTTP client could put on the wire."""
    made = case.as_transport_kwargs(base_url="http://issuary.test")
    given = {name: value for name, value in made.items() if name in ("method", "url", "params")}
    body = made["json"] if "json" in made else made.get("data")
    content = json.dumps(body).encode() if "json" in made else body
    return {**given, "headers": dict(_headers(made)), "content": content if isinstance(content, bytes | str) else b""}


def _headers(made: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in (made.get("headers") or {}).items():
        if str(name).lower() not in HOSTLESS:
            yield str(name).encode("latin-1", "ignore"), str(value).encode("latin-1", "ignore")
    if "json" in made:
        yield b"content-type", b"application/json"


def _check(case: Case[Any], answer: httpx.Response) -> None:
    sent = f"{case.method} {answer.request.url} {answer.request.content[:2000]!r}"
    shown = f"{sent} → {answer.status_code} {answer.text[:500]}"
    assert answer.status_code < 500, shown
    if answer.status_code == 204:
        assert (answer.content, answer.headers.get("content-type")) == (b"", None), shown
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/json", shown
        [first, *_] = answer.json()["errors"]
        assert first["code"], shown
        assert first["message"].strip(), shown
