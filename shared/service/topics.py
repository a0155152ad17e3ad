"""What the topics have to be like. A wrong one is refused, for it loses or reorders events without a word."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
    for_code,
)

from shared.settings import BaseSettings

DAY, HOUR = 86_400_000, 3_600_000
SOON_WORTHLESS = (".checks.v1", ".check-results.v1")  # a check is over after seconds
CTL = "python -m services ctl topics"
LATE_TRIES, LATE_SECONDS = 50, 0.1
# A broker that will never tell; whatever else keeps it from answering may pass.
KEPT_BACK = (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)


@dataclass(frozen=True)
class Wanted:
    name: str
    partitions: int
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """`settings` are those that the broker told; `kept` are those set on the topic itself; `replicas` are those of the
    partition that has the fewest."""

    name: str
    partitions: int
    settings: Mapping[str, str]
    kept: Mapping[str, str]
    replicas: int


@dataclass(frozen=True)
class Look:
    """`untold`: why a topic's settings were not told, where they were not."""

    found: Mapping[str, Found]
    untold: str | None = None


def wanted(name: str, settings: BaseSettings) -> Wanted:
    """Retention: longer than anybody is away, and shorter than the inbox remembers. Credentials are
    kept for good and never compacted: what came last may be an old version (docs/decisions/0021)."""
    given = {
        "cleanup.policy": "delete",
        "retention.ms": str(settings.kafka_retention_days * DAY),
        "retention.bytes": "-1",
        "min.insync.replicas": str(min(2, settings.kafka_replication)),
        "unclean.leader.election.enable": "false",
    }
    if name.endswith("credentials.v1"):
        given["retention.ms"] = "-1"
    if name.endswith(SOON_WORTHLESS):
        given["retention.ms"] = str(HOUR)
    return Wanted(name, settings.kafka_partitions, given)


async def look(admin: AIOKafkaAdminClient, names: Sequence[str]) -> Look:
    """Each question may go to another broker, and one that has not heard yet of a topic just made is asked again."""
    for _ in range(LATE_TRIES):
        try:
            return await _look(admin, names)
        except UnknownTopicOrPartitionError:
            await asyncio.sleep(LATE_SECONDS)
    return await _look(admin, names)


async def _look(admin: AIOKafkaAdminClient, names: Iterable[str]) -> Look:
    """Asks for all topics: asking for one by its name could make it."""
    present = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    ours = [name for name in names if name in present]
    told: dict[str, list[tuple[str, str, bool]]] = {}
    untold = None
    try:
        told = await _settings(admin, ours) if ours else {}
    except KEPT_BACK as error:
        untold = f"{type(error).__name__}"
    return Look({name: _found(name, present[name], told.get(name, [])) for name in ours}, untold)


def _found(name: str, partitions: Sequence[Any], told: Sequence[tuple[str, str, bool]]) -> Found:
    settings = {key: value for key, value, _ in told}
    replicas = min(len(one["replicas"]) for one in partitions)
    return Found(name, len(partitions), settings, {key: value for key, value, own in told if own}, replicas)


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, list[tuple[str, str, bool]]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    told = {}
    for answer in await admin.describe_configs(asked):
        for code, _, _, name, entries in answer.resources:
            if code:
                raise for_code(code)
            told[name] = [(entry[0], entry[1], entry[3] == OF_TOPIC) for entry in entries]
    return told


OF_TOPIC = 1  # DYNAMIC_TOPIC_CONFIG of Kafka's protocol


def faults(found: Found, want: Wanted, settings: BaseSettings) -> list[str]:
    """Sentences with the command that mends each. What the broker does not tell is not compared."""
    if found.partitions != want.partitions:
        return [_wrong_count(found, want)]
    if short := too_few(found, want):
        return [short]
    told = [(key, value) for key, value in want.settings.items() if key in found.settings]
    wrong = [key for key, value in told if not _fits(key, found, value, settings)]
    return [f"{_sentence(key, found, want, settings)}: {CTL} --mend" for key in wrong]


def too_few(found: Found, want: Wanted) -> str | None:
    """No setting of the topic mends it: with more of them in sync than there are, no record would be taken any more."""
    needed = int(want.settings["min.insync.replicas"])
    if found.replicas >= needed:
        return None
    return (
        f"{found.name} has {found.replicas} replica of a partition, and every record has to be on {needed}: set"
        " ISSUARY_KAFKA_REPLICATION to what the topics have, or add replicas (kafka-reassign-partitions.sh)"
    )


def _wrong_count(found: Found, want: Wanted) -> str:
    return (
        f"{found.name} has {found.partitions} partitions, ISSUARY_KAFKA_PARTITIONS says {want.partitions}, and all"
        f" topics need the same number for good. Set it to theirs; or make the topic again while it holds no record:"
        f" {CTL} --remake {found.name}"
    )


def _fits(key: str, found: Found, value: str, settings: BaseSettings) -> bool:
    told = found.settings[key]
    if key == "retention.ms" and int(value) >= DAY:
        return int(value) <= int(told) < settings.inbox_days * DAY
    if key == "min.insync.replicas":
        return int(told) >= int(value)
    return told == value


def _sentence(key: str, found: Found, want: Wanted, settings: BaseSettings) -> str:
    told, value = found.settings[key], want.settings[key]
    if key == "retention.ms" and int(value) >= DAY:
        rule = (
            f"at least {settings.kafka_retention_days} (ISSUARY_KAFKA_RETENTION_DAYS) and less than"
            f" {settings.inbox_days} (ISSUARY_INBOX_DAYS)"
        )
        return f"{found.name} keeps records for {_days(int(told))}, it has to be {rule}"
    least = "at least " if key == "min.insync.replicas" else ""
    return f"{found.name} has {key}={told}, it has to be {least}{value}"


def _days(milliseconds: int) -> str:
    return "ever" if milliseconds < 0 else f"{milliseconds / DAY:.3g} days"
