"""Rolling windows of requests (certcentral-api 2.5), counted in the database that all processes of a service share."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from shared import rates
from shared.errors import TooMany
from shared.rates import Windows, windows
from shared.service import Service
from tests.shared.web import API, client
from tests.toy import Toy

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
VENDOR = windows("100/5,1000/180")


@pytest.fixture(autouse=True)
async def forgotten(toy: Toy) -> None:
    async with toy.db.transaction() as tx:
        await tx.execute(text("DELETE FROM request_count"))


async def asked(toy: Toy, who: str, at: float, limits: Windows = VENDOR) -> int:
    """Seconds to wait; 0 when it was counted."""
    try:
        async with toy.db.transaction() as tx:
            await rates.count(tx, who, limits, "requests", NOW + timedelta(seconds=at))
    except TooMany as refused:
        return refused.retry_after
    return 0


async def test_a_hundred_at_once_pass_and_the_next_waits_for_the_window(toy: Toy) -> None:
    passed = [await asked(toy, "key/1", 0.0) for _ in range(100)]

    assert passed == [0] * 100
    assert await asked(toy, "key/1", 0.1) in (5, 6)
    assert await asked(toy, "key/2", 0.1) == 0
    assert await asked(toy, "key/1", 5.3) == 0


async def test_a_thousand_in_three_minutes_is_the_most_however_slowly(toy: Toy) -> None:
    pauses = [await asked(toy, "key/1", n * 0.06) for n in range(1010)]

    assert pauses[:1000] == [0] * 1000
    assert all(100 < pause <= 190 for pause in pauses[1000:])
    assert await asked(toy, "key/1", 190.0) == 0


async def test_what_was_refused_is_not_counted(toy: Toy) -> None:
    for _ in range(300):
        await asked(toy, "key/1", 0.0)
    assert await asked(toy, "key/1", 5.3) == 0


async def test_another_setting_begins_to_count_anew(toy: Toy) -> None:
    for _ in range(100):
        await asked(toy, "key/1", 0.0)
    assert await asked(toy, "key/1", 0.0, windows("2/10")) == 0
    assert await asked(toy, "key/1", 0.0, windows("2/10")) == 0
    assert await asked(toy, "key/1", 0.0, windows("2/10")) > 0


async def test_a_clock_that_is_a_little_behind_counts_all_the_same(toy: Toy) -> None:
    limits = windows("3/5")
    assert [await asked(toy, "key/1", at, limits) for at in (10.0, 9.2, 9.9)] == [0, 0, 0]
    assert await asked(toy, "key/1", 9.5, limits) > 0


async def test_at_once_on_many_connections_no_more_than_the_limit_pass(toy: Toy) -> None:
    pauses = await asyncio.gather(*(asked(toy, "key/1", 0.0, windows("10/5")) for _ in range(30)))
    assert pauses.count(0) == 10


@pytest.mark.parametrize("seed", range(20))
async def test_no_window_of_that_length_ever_has_more(toy: Toy, seed: int) -> None:
    """And whoever waits as long as told is let in."""
    chance = Random(seed)
    at, passed = 0.0, list[float]()
    for _ in range(40):
        at += chance.uniform(0, 2) * chance.random()
        pause = await asked(toy, "key/1", at, windows("5/3"))
        if pause:
            at += pause
            assert await asked(toy, "key/1", at, windows("5/3")) == 0
        passed.append(at)
    assert all(last - first >= 3 for first, last in zip(passed, passed[5:], strict=False))


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def limited(service: Service) -> Any:
    before, service.app.state.rates = service.app.state.rates, windows("3/60")
    yield service
    service.app.state.rates = before


async def test_one_too_many_is_429_with_the_body_of_every_refusal_and_says_when_to_come_again(limited: Service) -> None:
    async with client(limited) as http:
        answers = [await http.get(API + "/1") for _ in range(5)]
        page = await http.get(API + "/1", headers={"accept": "text/html"})

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    _check(answers[-1])
    _check(page)


def _check(answer: httpx.Response) -> None:
    [error] = answer.json()["errors"]
    assert answer.headers["content-type"] == "application/json"
    assert error["code"] == "request_limit_exceeded"
    assert error["message"].startswith("Service unavailable, please limit request volume")
    assert "3 in 60 seconds" in error["message"]
    assert 50 <= int(answer.headers["retry-after"]) <= 66


async def test_sessions_are_not_counted_nor_is_who_has_no_key(limited: Service, toy: Toy) -> None:
    async with client(limited, None) as http:
        unknown = {(await http.get(API + "/1")).status_code for _ in range(5)}
        await http.post("/enter")
        forms = {(await http.get("/form")).status_code for _ in range(5)}

    assert (unknown, forms) == ({403}, {200})
    async with toy.db.transaction() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM request_count")) == 0


async def test_without_limits_nothing_is_written(service: Service, toy: Toy) -> None:
    before, service.app.state.rates = service.app.state.rates, ()
    async with client(service) as http:
        assert (await http.get(API + "/1")).status_code == 200
    service.app.state.rates = before
    async with toy.db.transaction() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM request_count")) == 0
