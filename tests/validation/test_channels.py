"""How perspectives are asked: over HTTPS with mutual TLS, and by records of Kafka (here without a broker)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import trustme
import uvicorn
from faststream.kafka import TestKafkaBroker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.validation.clients.answering import OBSERVATIONS, Answerer
from services.validation.clients.checks_https import HttpsChannel, Identity, application
from services.validation.clients.checks_kafka import KafkaChannel, KafkaListener
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.clients.panel import Panel, Times
from services.validation.clients.watch import ResolverWatch
from services.validation.rules import caa
from services.validation.rules.corroboration import Report
from services.validation.settings import Settings
from shared.db import utcnow
from shared.events.validation import CheckDone, CheckWanted
from shared.host import Server
from shared.ids import new_id
from tests.validation.dns_server import DnsServer
from tests.validation.makers import ACCOUNT

JOB = caa.job("www.acme.example")
SETTINGS = Settings(kafka_idempotence=False)


def an_answerer(zone: DnsServer, name: str = "fra", region: str = "RIPE NCC", **more: Any) -> Answerer:
    observer = Observer(DnsClient([Resolver(*zone.address)], 0.2), name, local=("example",))
    return Answerer(name, region, observer, **more)


async def ask(panel: Panel) -> list[Report]:
    return await panel.ask(JOB, ACCOUNT, lambda seen: True)


def a_panel(*channels: Any, **regions: str) -> Panel:
    return Panel(regions or {"fra": "RIPE NCC"}, channels, timedelta(days=1), Times(each=2.0, stragglers=0.1))


def a_check(**changes: Any) -> CheckWanted:
    now = utcnow()
    given = {"account_id": ACCOUNT, "occurred_at": now, "check_id": new_id(), "job": {}, **changes}
    return CheckWanted(**{"deadline": now + timedelta(seconds=5), **given})


# ── HTTPS ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def an_identity(ca: trustme.CA, believes: trustme.CA, *names: str) -> Identity:
    issued = ca.issue_cert(*names)
    chain = "".join(pem.bytes().decode() for pem in issued.cert_chain_pems)
    return Identity(chain, issued.private_key_pem.bytes().decode(), believes.cert_pem.bytes().decode())


@asynccontextmanager
async def served(app: Any, identity: Identity) -> AsyncIterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None, loop="none")
    config.load()
    config.ssl = identity.answering()
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.stop()
        await serving


@pytest.fixture(scope="module")
def ours() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def foreign() -> trustme.CA:
    return trustme.CA()


async def test_a_job_goes_out_and_what_was_seen_comes_back_over_mutual_tls(zone: DnsServer, ours: trustme.CA) -> None:
    async with served(application(an_answerer(zone)), an_identity(ours, ours, "127.0.0.1")) as url:
        channel = HttpsChannel({"fra": url}, an_identity(ours, ours, "primary").asking())

        (told,) = await ask(a_panel(channel))
        await channel.close()

    assert told.observation is not None
    assert (told.fault, told.observation.perspective) == (None, "fra")
    assert [answer.name for answer in told.observation.answers] == ["www.acme.example", "acme.example", "example"]


@pytest.mark.parametrize("whose", ["asking", "answering"])
async def test_nobody_is_believed_whose_certificate_is_of_another_ca(
    zone: DnsServer, ours: trustme.CA, foreign: trustme.CA, whose: str
) -> None:
    """MP8."""
    asking, answering = (foreign, ours) if whose == "asking" else (ours, foreign)
    async with served(application(an_answerer(zone)), an_identity(answering, ours, "127.0.0.1")) as url:
        channel = HttpsChannel({"fra": url}, an_identity(asking, ours, "primary").asking())

        (told,) = await ask(a_panel(channel))
        await channel.close()

    assert told.observation is None
    assert str(told.fault).startswith("not reached")
    assert zone.asked == []


@pytest.mark.parametrize(
    ("content", "status", "fault"),
    [
        (b"{}", 200, "its answer cannot be read"),
        (b"\x00" * 10, 200, "its answer cannot be read"),
        (b"", 500, "answered with status 500"),
        (b"", 302, "answered with status 302"),
        (b"x" * 1_100_000, 200, "its answer is longer than 1000000 bytes"),
    ],
)
async def test_an_answer_that_is_none_is_a_non_corroboration(
    ours: trustme.CA, content: bytes, status: int, fault: str
) -> None:
    async def answer(request: Request) -> Response:
        return Response(content, status, {"location": "https://127.0.0.1:1/"})

    app = Starlette(routes=[Route("/checks", answer, methods=["POST"])])
    async with served(app, an_identity(ours, ours, "127.0.0.1")) as url:
        channel = HttpsChannel({"fra": url}, an_identity(ours, ours, "primary").asking())

        (told,) = await ask(a_panel(channel))
        await channel.close()

    assert told.fault == fault


async def test_a_perspective_that_is_not_there_is_a_non_corroboration(ours: trustme.CA) -> None:
    channel = HttpsChannel({"fra": "https://127.0.0.1:1"}, an_identity(ours, ours, "primary").asking())

    (told,) = await ask(a_panel(channel))
    await channel.close()

    assert told.fault == "not reached: ConnectError"


# ── Kafka ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def wired(*answerers: Answerer, names: tuple[str, ...] = ("fra",)) -> AsyncIterator[KafkaChannel]:
    """Brokers in memory, between which FastStream carries records."""
    channel = KafkaChannel(SETTINGS, names)
    listeners = [KafkaListener(SETTINGS, answerer) for answerer in answerers]
    channel._is_open = True
    async with TestKafkaBroker(channel.broker, *(listener.broker for listener in listeners)):
        yield channel


async def test_one_record_asks_all_and_each_answers_with_one(zone: DnsServer) -> None:
    fra, nyc = an_answerer(zone), an_answerer(zone, "nyc", "ARIN")
    async with wired(fra, nyc, names=("fra", "nyc")) as channel:
        told = await ask(a_panel(channel, fra="RIPE NCC", nyc="ARIN"))

    assert [(one.perspective, one.fault) for one in told] == [("fra", None), ("nyc", None)]


Answer = Callable[[KafkaChannel, CheckWanted, CheckDone], Awaitable[None]]


async def heard_from(done: CheckDone, channel: KafkaChannel) -> None:
    await channel.hear(done.model_dump_json().encode())


async def test_an_answer_late_or_twice_changes_nothing(zone: DnsServer, caplog: pytest.LogCaptureFixture) -> None:
    check, answerer = a_check(job=_plain()), an_answerer(zone)
    first = await answerer.answer(check)
    assert first is not None
    second = first.model_copy(update={"fault": "changed its mind", "observation": None})
    async with wired() as channel:
        waiting = await channel.ask(check)
        await heard_from(first, channel)
        await heard_from(second, channel)
        assert await waiting["fra"] == first

        await heard_from(first.model_copy(update={"check_id": new_id()}), channel)  # nobody waits for it

    assert caplog.records == []


async def test_a_perspective_that_nobody_configured_is_ignored_and_said(
    zone: DnsServer, caplog: pytest.LogCaptureFixture
) -> None:
    check, stranger = a_check(job=_plain()), an_answerer(zone, "evil")
    done = await stranger.answer(check)
    assert done is not None
    async with wired() as channel:
        waiting = await channel.ask(check)
        with caplog.at_level(logging.ERROR):
            await heard_from(done, channel)
            await channel.hear(b"\x00 no record of ours")

        assert not any(isinstance(one, asyncio.Future) and one.done() for one in waiting.values())

    assert "not configured" in caplog.text


async def test_before_kafka_is_reached_nobody_corroborates() -> None:
    (told,) = await ask(a_panel(KafkaChannel(SETTINGS, ["fra"])))

    assert told.fault == "Kafka is not reached yet"


# ── a perspective's own end ──────────────────────────────────────────────────────────────────────────────────────────


def _plain() -> dict[str, Any]:
    return {
        "kind": JOB.kind,
        "name": JOB.name,
        "places": [{"name": p.name, "adn": {"domain": p.name}} for p in JOB.places],
    }


async def test_a_check_for_others_or_past_its_deadline_is_not_answered(zone: DnsServer) -> None:
    answerer, past = an_answerer(zone), utcnow() - timedelta(seconds=1)

    assert await answerer.answer(a_check(job=_plain(), perspectives=("nyc",))) is None
    assert await answerer.answer(a_check(job=_plain(), deadline=past)) is None
    assert zone.asked == []


async def test_a_perspective_whose_resolver_does_not_validate_looks_at_nothing_and_says_why(zone: DnsServer) -> None:
    """NT8."""
    watch = ResolverWatch(DnsClient([Resolver(*zone.address)], 0.1), "signed.test", "broken.test")
    await watch.step()
    zone.asked.clear()

    done = await an_answerer(zone, watch=watch).answer(a_check(job=_plain()))

    assert done is not None
    assert done.observation is None
    assert "does not validate DNSSEC" in str(done.fault)
    assert zone.asked == []


@pytest.mark.parametrize("job", [{}, {"kind": "caa"}, {"kind": "tls-alpn", "name": "x", "places": []}])
async def test_a_job_of_another_version_is_answered_with_a_fault(zone: DnsServer, job: dict[str, Any]) -> None:
    done = await an_answerer(zone).answer(a_check(job=job))

    assert done is not None
    assert done.fault is not None


async def test_what_was_seen_survives_the_way_back(zone: DnsServer) -> None:
    done = await an_answerer(zone).answer(a_check(job=_plain()))

    assert done is not None
    seen = OBSERVATIONS.validate_python(CheckDone.model_validate_json(done.model_dump_json()).observation)
    assert (seen.kind, seen.perspective, len(seen.answers)) == ("caa", "fra", 3)
