"""Who may do what on Kafka, from what each service hears and says: nobody else may speak in a service's name."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.asyncapi import all_events, said_by
from shared.door import Door
from shared.events.base import Command, Event

HEAD = """#!/bin/sh
# Made by `python -m services ctl acls` from what the services hear and say.
# Repeating it changes nothing. What it no longer grants it does not take away: kafka-acls.sh --remove does.
# KAFKA: a broker, host:port. ADMIN: properties of somebody who may alter ACLs, as kafka-acls.sh --command-config wants.
set -eu
PATH=$PATH:/opt/kafka/bin
allow() { kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --add --allow-principal "$@" >/dev/null; }
"""
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
    yield Grant(("Read", "DescribeConfigs"), "topic", _topics(door.heard))
    yield Grant(("Read",), "group", (door.name,))


def of_setup() -> Iterator[Grant]:
    """Who runs `ctl topics`."""
    yield Grant(SETTING_UP, "topic", _topics(all_events()))


def of_system(name: str) -> Iterator[Grant]:
    """Another system asks by commands and hears facts, in groups that begin with its name. It writes no facts: whoever
    may write on a topic of facts can speak in that service's name."""
    commands = {event for event in all_events() if issubclass(event, Command)}
    facts = {event for event in all_events() if not event.topic.endswith("credentials.v1")} - commands
    yield Grant(("Write",), "topic", _topics(commands))
    yield Grant(("Read",), "topic", _topics(facts))
    yield Grant(("Read",), "group", (name,), prefixed=True)


def _topics(events: Iterable[type[Event]]) -> tuple[str, ...]:
    return tuple(sorted({event.topic for event in events}))


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
