"""The AsyncAPI 3.0 document of a service: what it hears and says, with key, headers and one payload per message."""

from typing import Any

from shared.events import billing, notifications, orders, validation
from shared.events.base import Command, Event

SPEAKERS = {module.SOURCE.removeprefix("issuary/"): module for module in (orders, billing, validation, notifications)}
# Commands of one service to another.
ASKED: dict[str, set[type[Event]]] = {
    "orders": {
        validation.AuthorizeIssuance,
        validation.ChangeDcvMethod,
        validation.CheckDomain,
        validation.ReplaceRandomValue,
        validation.ResendDcvEmails,
    }
}
# Heard beside the door, by whoever waits for it; and said by processes of the service that stand elsewhere.
ANSWERED: dict[str, set[type[Event]]] = {"validation": {validation.CheckDone}}
HEADERS = {
    "ce_specversion": "CloudEvents version, 1.0",
    "ce_id": "UUIDv7 of the event; the same id takes effect once",
    "ce_type": "type of the event",
    "ce_source": "who says it",
    "ce_time": "RFC 3339, UTC",
    "ce_subject": "the thing it is about; the scope of parking",
    "ce_causationid": "id of the event or command that this answers",
    "correlation_id": "one for everything that follows from one request",
    "traceparent": "W3C trace context",
}


def facts_of(module: Any) -> list[type[Event]]:
    """The concrete facts and commands of a speaker's module in the order they are written, of a package in the order it
    lists them."""
    listed = [getattr(module, name) for name in getattr(module, "__all__", vars(module))]
    return [
        kind
        for kind in listed
        if isinstance(kind, type)
        and issubclass(kind, Event)
        and kind.__module__.startswith(module.__name__)
        and _is_concrete(kind)
    ]


def _is_concrete(kind: type[Event]) -> bool:
    return kind.model_fields["type"].default is not None and isinstance(kind.model_fields["type"].default, str)


def all_events() -> list[type[Event]]:
    return [fact for module in SPEAKERS.values() for fact in facts_of(module)]


def said_by(service: str) -> set[type[Event]]:
    facts = {fact for fact in facts_of(SPEAKERS[service]) if not issubclass(fact, Command)}
    return (facts | ASKED.get(service, set())) - ANSWERED.get(service, set())


def document(service: str, heard: set[type[Event]]) -> dict[str, Any]:
    answered = ANSWERED.get(service, set())
    said, heard = said_by(service) | answered, heard | answered
    channels = {fact.topic for fact in heard | said}
    messages = {_name(fact): message(fact) for fact in sorted(heard | said, key=_name)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Issuary {service}", "version": "1", "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, heard | said) for topic in sorted(channels)},
        "operations": {
            **{f"hear_{_name(fact)}": _hears(service, fact) for fact in sorted(heard, key=_name)},
            **{f"say_{_name(fact)}": _operation("send", fact) for fact in sorted(said, key=_name)},
        },
        "components": {"messages": messages, "schemas": _hoisted(messages)},
    }


def _hoisted(messages: dict[str, Any]) -> dict[str, Any]:
    """The parts that payloads refer to, out of each payload: a reference counts from the root of the document."""
    parts: dict[str, Any] = {}
    for one in messages.values():
        parts |= one["payload"].pop("$defs", {})
    return dict(sorted(parts.items()))


def _name(fact: type[Event]) -> str:
    return f"{fact.topic.split('.')[0]}_{fact.model_fields['type'].default}"


def _channel(topic: str, facts: set[type[Event]]) -> dict[str, Any]:
    here = sorted(_name(fact) for fact in facts if fact.topic == topic)
    return {
        "address": topic,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in here},
        "bindings": {"kafka": {"topic": topic}},
    }


def _operation(action: str, fact: type[Event]) -> dict[str, Any]:
    channel = f"#/channels/{fact.topic}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{_name(fact)}"}],
    }


def _hears(service: str, fact: type[Event]) -> dict[str, Any]:
    group = {"groupId": {"type": "string", "enum": [service]}}
    return {**_operation("receive", fact), "bindings": {"kafka": group}}


def message(fact: type[Event]) -> dict[str, Any]:
    keyed_by = "credential id" if fact.topic.endswith("credentials.v1") else "account id, in decimal"
    return {
        "name": fact.model_fields["type"].default,
        "title": fact.__name__,
        "summary": (fact.__doc__ or "").strip() if fact.__doc__ and "BaseModel" not in fact.__doc__ else "",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {name: {"type": "string", "description": text} for name, text in HEADERS.items()},
            "required": [name for name in HEADERS if name not in ("ce_causationid", "traceparent")],
        },
        "payload": fact.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}"),
        "bindings": {"kafka": {"key": {"type": "string", "description": keyed_by}}},
    }
