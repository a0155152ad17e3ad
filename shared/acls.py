"""Who may do what on Kafka, from what each service hears and says: nobody else may speak in a service's name."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest

from shared.asyncapi import ANSWERED, all_events, said_by
from shared.door import Door
from shared.errors import Rejected
from shared.events.base import Command, Event
from shared.events.validation import CheckDone, CheckWanted

HEAD = """#!/bin/sh
# Made by `python -m services ctl acls` from what the services hear and say.
# Repeating it changes nothing. What it no longer grants it does not take away: kafka-acls.sh --remove does.
# KAFKA: a broker, host:port. ADMIN: properties of somebody who may alter ACLs, as kafka-acls.sh --command-config wants.
set -eu
PATH=$PATH:/opt/kafka/bin
allow() { kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --add --allow-principal "$@" >/dev/null; }
"""
# Kafka's numbers (AclOperation, ResourceType, PatternType, AclPermissionType).
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Alter": 7, "Describe": 8, "DescribeConfigs": 10, "AlterConfigs": 11}
KINDS = {"topic": 2, "group": 3}
LITERAL, PREFIXED, ALLOW = 3, 4, 3
KEPT_INSIDE = ("credentials.v1", "checks.v1", "check-results.v1")
SETTING_UP = ("Create", "Alter", "AlterConfigs", "Describe", "DescribeConfigs")


@dataclass(frozen=True)
class Grant:
    operations: tuple[str, ...]
    kind: str
    names: tuple[str, ...]
    prefixed: bool = False


def of_service(name: str, door: Door) -> Iterator[Grant]:
    """`DescribeConfigs`: a service looks at its topics when it starts. An idempotent producer needs no more than to
    write, since Kafka 2.8."""
    yield Grant(("Write", "DescribeConfigs"), "topic", _topics(said_by(name)))
    yield Grant(("Read", "DescribeConfigs"), "topic", _topics({*door.heard, *ANSWERED.get(name, ())}))
    yield Grant(("Read",), "group", (door.name,))


def of_setup() -> Iterator[Grant]:
    """Who runs `ctl topics`."""
    yield Grant(SETTING_UP, "topic", _topics(all_events()))


def of_perspective() -> Iterator[Grant]:
    """A remote perspective of validation hears what to look at and says what it saw, and knows nothing else."""
    yield Grant(("Write", "DescribeConfigs"), "topic", (CheckDone.topic,))
    yield Grant(("Read", "DescribeConfigs"), "topic", (CheckWanted.topic,))
    yield Grant(("Read",), "group", ("perspective-",), prefixed=True)


def of_system(name: str) -> Iterator[Grant]:
    """Another system asks by commands and hears facts, in groups that begin with its name. It writes no facts: whoever
    may write on a topic of facts can speak in that service's name."""
    commands = {event for event in all_events() if issubclass(event, Command)}
    facts = {event for event in all_events() if not event.topic.endswith(KEPT_INSIDE)} - commands
    yield Grant(("Write",), "topic", _topics(commands))
    yield Grant(("Read",), "topic", _topics(facts))
    yield Grant(("Read",), "group", (name,), prefixed=True)


def _topics(events: Iterable[type[Event]]) -> tuple[str, ...]:
    return tuple(sorted({event.topic for event in events}))


async def apply(admin: AIOKafkaAdminClient, grants: Mapping[str, Iterable[Grant]]) -> int:
    """aiokafka knows the request but offers no method for it. What is granted already stays as it is."""
    asked = [one for principal, granted in grants.items() for grant in granted for one in _requests(principal, grant)]
    for request in asked:
        answer = await admin._send_to_controller(request)
        for code, message in answer.creation_responses:
            if code:
                raise Rejected(f"Kafka grants nothing: {message or for_code(code).__name__}")
    return len(asked)


def _requests(principal: str, grant: Grant) -> Iterator[CreateAclsRequest]:
    pattern = PREFIXED if grant.prefixed else LITERAL
    for name in grant.names:
        for operation in grant.operations:
            yield CreateAclsRequest(KINDS[grant.kind], name, pattern, principal, "*", OPERATIONS[operation], ALLOW)


def script(grants: Mapping[str, Iterable[Grant]]) -> str:
    """`grants` by principal."""
    lines = [line for principal, granted in grants.items() for line in ("", *_lines(principal, granted))]
    return HEAD + "\n".join(lines) + "\n"


def _lines(principal: str, grants: Iterable[Grant]) -> Iterator[str]:
    for grant in grants:
        words = [principal, *(word for name in grant.operations for word in ("--operation", name))]
        words += [word for name in grant.names for word in (f"--{grant.kind}", name)]
        words += ["--resource-pattern-type", "prefixed"] if grant.prefixed else []
        yield f"allow {shlex.join(words)}"
