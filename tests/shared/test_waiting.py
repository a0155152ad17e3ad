"""What is said of something that is not there, and how often."""

import asyncio
import logging
import socket
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)
from sqlalchemy.exc import DBAPIError

from shared.db.outage import outage
from shared.log import Seldom
from shared.schema import compare
from shared.service.topics import DAY, OF_TOPIC, Found, Wanted, faults, look, wanted
from shared.settings import BaseSettings
from shared.waiting import Outage, Waiting, in_words
from tests.bus import as_record, record
from tests.toy import TOPIC, Toy, counted

URL = "postgresql+asyncpg://issuary_billing:secret@db.example:5433/billing"


def test_a_reason_is_said_when_it_comes_when_it_changes_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    waiting = Waiting("billing")

    for reason in ("refused", "refused", "no route", "refused", "no route"):
        waiting.because("Kafka", reason)
    waiting.over("Kafka")
    waiting.over("Kafka")
    waiting.because("Kafka", "refused")

    assert [line.getMessage() for line in caplog.records] == ["refused", "no route", "Kafka: there again", "refused"]
    assert waiting.reasons == {"Kafka": "refused"}


async def test_an_attempt_is_made_until_it_succeeds() -> None:
    waiting, attempts = Waiting("billing"), iter([Outage("refused"), Outage("refused"), None])

    async def attempt() -> str:
        failure = next(attempts)
        if failure:
            raise failure
        return "there"

    assert await asyncio.wait_for(waiting.until("Kafka", attempt), 5) == "there"
    assert waiting.reasons == {}


def wrapped(error: Exception) -> DBAPIError:
    error_of_the_dialect = Exception()
    error_of_the_dialect.__cause__ = error
    return DBAPIError("SELECT 1", None, error_of_the_dialect)


@pytest.mark.parametrize(
    ("error", "reason", "by_hand"),
    [
        (ConnectionRefusedError(), "waits for the database billing at db.example:5433: connection refused", False),
        (TimeoutError(), "waits for the database billing at db.example:5433: no answer in time", False),
        (socket.gaierror(-2, "x"), "waits for the database billing at db.example:5433: its name is not known", False),
        (
            wrapped(asyncpg.InvalidPasswordError("password authentication failed")),
            "PostgreSQL refuses the login issuary_billing at db.example:5433: check ISSUARY_BILLING_DATABASE_URL",
            True,
        ),
        (
            asyncpg.InsufficientPrivilegeError("permission denied for database"),
            "PostgreSQL denies the login issuary_billing the database billing at db.example:5433: check"
            " ISSUARY_BILLING_DATABASE_URL, and who owns the database",
            True,
        ),
        (
            wrapped(asyncpg.InvalidCatalogNameError("no such database")),
            'there is no database billing at db.example:5433: CREATE DATABASE "billing" OWNER "issuary_billing"; or'
            " check ISSUARY_BILLING_DATABASE_URL",
            True,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_absent_database_is_a_sentence_without_a_password(error: Exception, reason: str, by_hand: bool) -> None:
    said = outage(error, URL, "billing")

    assert (said.reason, said.by_hand) == (reason, by_hand)


def test_of_several_servers_each_is_named() -> None:
    url = "postgresql+asyncpg://issuary_billing:secret@/billing?host=db1:5432&host=db2:5433"

    said = outage(ConnectionRefusedError(), url, "billing")

    assert said.reason == "waits for the database billing at db1:5432, db2:5433: connection refused"


def test_other_errors_are_told_in_one_line() -> None:
    assert in_words(ValueError("two\nlines")) == "ValueError two lines"
    assert in_words(OSError(113, "x")) == "no route to host"


def test_a_client_that_repeats_itself_is_heard_once(caplog: pytest.LogCaptureFixture) -> None:
    seldom = Seldom()
    told = [("aiokafka.conn", "Heartbeat failed: %s"), ("aiokafka.conn", "Heartbeat failed: %s"), ("billing", "again"),
            ("billing", "again"), ("aiokafka", "Unable connect to node with id %s: %s")]  # fmt: skip

    heard = [seldom.filter(logging.makeLogRecord({"name": name, "msg": text})) for name, text in told]

    assert heard == [True, False, True, True, False]


# ── schema ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schema_fits_is_older_or_newer() -> None:
    fits, empty, newer = compare("billing", "0001"), compare("billing", None), compare("billing", "9999")

    assert (fits.fits, fits.is_older) == (True, False)
    assert (empty.fits, empty.is_older) == (False, True)
    assert (newer.fits, newer.is_older) == (False, False)
    assert empty.sentence == (
        "the database of billing is empty, this program needs 0001: run: python -m services ctl migrate billing"
    )
    assert newer.sentence == "the database of billing is at 9999, which is newer than this program's 0001; it goes on"


# ── topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SETTINGS = BaseSettings(kafka_replication=3)
EVENTS, CREDENTIALS = wanted("orders.events.v1", SETTINGS), wanted("orders.credentials.v1", SETTINGS)


def found_like(want: Wanted, /, **changed: str) -> Found:
    told = {**want.settings, **{key.replace("_", "."): value for key, value in changed.items()}}
    return Found(want.name, 12, told, {}, 3)


@pytest.mark.parametrize("want", [EVENTS, CREDENTIALS], ids=["events", "credentials"])
def test_topics_as_they_are_made_are_right(want: Wanted) -> None:
    assert faults(found_like(want), want, SETTINGS) == []


@pytest.mark.parametrize(
    ("want", "changed", "sentence"),
    [
        (EVENTS, {"retention_ms": str(DAY)}, "keeps records for 1 days, it has to be at least 14"),
        (EVENTS, {"retention_ms": "3600000"}, "keeps records for 0.0417 days"),
        (EVENTS, {"retention_ms": str(35 * DAY)}, "less than 35 (ISSUARY_INBOX_DAYS)"),
        (EVENTS, {"retention_ms": "-1"}, "keeps records for ever"),
        (EVENTS, {"retention_bytes": "1000"}, "has retention.bytes=1000, it has to be -1"),
        (EVENTS, {"cleanup_policy": "compact"}, "has cleanup.policy=compact, it has to be delete"),
        (EVENTS, {"min_insync_replicas": "1"}, "has min.insync.replicas=1, it has to be at least 2"),
        (CREDENTIALS, {"cleanup_policy": "compact"}, "has cleanup.policy=compact, it has to be delete"),
        (CREDENTIALS, {"retention_ms": str(DAY)}, "has retention.ms=86400000, it has to be -1"),
    ],
)  # fmt: skip
def test_a_wrong_topic_is_named_with_the_command_that_mends_it(
    want: Wanted, changed: dict[str, str], sentence: str
) -> None:
    [said] = faults(found_like(want, **changed), want, SETTINGS)

    assert said.startswith(want.name)
    assert sentence in said
    assert "python -m services ctl topics --mend" in said


@pytest.mark.parametrize("changed", [{"retention_ms": str(20 * DAY)}, {"min_insync_replicas": "3"}])
def test_a_topic_that_is_better_than_needed_is_right(changed: dict[str, str]) -> None:
    assert faults(found_like(EVENTS, **changed), EVENTS, SETTINGS) == []


def test_what_a_broker_does_not_tell_is_not_compared() -> None:
    assert faults(Found(EVENTS.name, 12, {}, {}, 3), EVENTS, SETTINGS) == []


def test_topics_with_fewer_replicas_than_have_to_be_in_sync_are_refused_with_the_setting_that_mends_it() -> None:
    [said] = faults(Found(EVENTS.name, 12, EVENTS.settings, {}, 1), EVENTS, SETTINGS)

    assert "has 1 replica" in said
    assert "ISSUARY_KAFKA_REPLICATION" in said
    assert "--mend" not in said


class Administration:
    """A broker that shows its topics, and answers the question for their settings with an error."""

    def __init__(self, error: KafkaError) -> None:
        self.error = error

    async def describe_topics(self) -> list[Any]:
        return [{"topic": EVENTS.name, "partitions": [{"replicas": [1, 2, 3]}] * 12}]

    async def describe_configs(self, asked: Any) -> list[Any]:
        raise self.error


async def looked(error: KafkaError) -> str | None:
    return (await look(cast("AIOKafkaAdminClient", Administration(error)), [EVENTS.name])).untold


async def test_settings_that_a_broker_keeps_back_are_untold() -> None:
    assert await looked(TopicAuthorizationFailedError()) == "TopicAuthorizationFailedError"
    assert await looked(UnsupportedVersionError()) == "UnsupportedVersionError"


@pytest.mark.parametrize("error", [KafkaConnectionError(), RequestTimedOutError(), NodeNotReadyError()])
async def test_settings_that_a_broker_cannot_tell_just_now_are_asked_for_again(error: KafkaError) -> None:
    with pytest.raises(type(error)):
        await looked(error)


class LateBroker(Administration):
    """Of three brokers, the one that hears last of a topic that was just made."""

    def __init__(self, times: int) -> None:
        super().__init__(UnknownTopicOrPartitionError())
        self.times = times

    async def describe_configs(self, asked: Any) -> list[Any]:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        told = [(key, value, False, OF_TOPIC) for key, value in EVENTS.settings.items()]
        return [Answer([(0, None, 2, EVENTS.name, told)])]


@dataclass
class Answer:
    resources: list[Any]


async def test_a_broker_that_has_not_heard_yet_of_a_topic_just_made_is_asked_again() -> None:
    seen = await look(cast("AIOKafkaAdminClient", LateBroker(times=3)), [EVENTS.name])

    assert faults(seen.found[EVENTS.name], EVENTS, SETTINGS) == []
    assert seen.found[EVENTS.name].settings == EVENTS.settings


# ── parking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_parked_record_writes_one_line_without_its_payload(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    bad = counted(1, 1, fails="It cannot be applied.", note={"secret": "of the customer"})
    await toy.open_door().handle([as_record(bad), record(TOPIC, b"2", b'{"secret": "of the customer"', offset=1)])

    lines = [vars(line) for line in caplog.records if line.getMessage() == "a record is parked"]
    assert [(line["topic"], line["scope"]) for line in lines] == [(TOPIC, "thing/1"), (TOPIC, None)]
    assert lines[0]["event_id"] == str(bad.id)
    assert lines[0]["reason"] == "It cannot be applied."
    assert "of the customer" not in str(lines)
