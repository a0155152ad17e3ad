"""`make contracts`: writes JSON Schemas and AsyncAPI documents from the classes, if no change breaks anybody."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.asyncapi import SPEAKERS, all_events, document
from shared.events.base import Event
from tests.events.compare import breaks

HERE = Path(__file__).parent
SCHEMAS, GOLDEN = HERE / "schemas", HERE / "golden"
ASYNCAPI = HERE.parent.parent / "docs" / "asyncapi"


def name_of(event: type[Event]) -> str:
    return f"{event.topic.split('.')[0]}.{event.model_fields['type'].default}"


def classes() -> dict[str, type[Event]]:
    return {name_of(event): event for event in all_events()}


def schema_of(event: type[Event]) -> dict[str, Any]:
    return event.model_json_schema(mode="serialization")


def committed_schemas() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))}


def golden() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}


def broken() -> list[str]:
    """What today's classes break of the committed contracts."""
    today, found = classes(), []
    for name, schema in committed_schemas().items():
        if name not in today:
            found.append(f"{name}: the event was removed; say it under .v1 until nobody listens")
            continue
        found += [f"{name}: {sentence}" for sentence in breaks(schema, schema_of(today[name]))]
    return found


def heard_by(service: str) -> set[type[Event]]:
    settings = import_module(f"services.{service}.settings").Settings.from_environment(
        {"ISSUARY_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    )
    door = import_module(f"services.{service}.app").build(settings).door.door
    return {*door.listeners, *door.states}


def with_examples(documented: dict[str, Any]) -> dict[str, Any]:
    samples = golden()
    for name, message in documented["components"]["messages"].items():
        message["examples"] = [{"name": name, "payload": samples[name.replace("_", ".", 1)]}]
    return documented


def asyncapi() -> dict[str, dict[str, Any]]:
    return {service: with_examples(document(service, heard_by(service))) for service in SPEAKERS}


def as_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    for folder in (SCHEMAS, ASYNCAPI):
        folder.mkdir(parents=True, exist_ok=True)
    for name, event in classes().items():
        (SCHEMAS / f"{name}.json").write_text(as_text(schema_of(event)))
    for service, documented in asyncapi().items():
        (ASYNCAPI / f"{service}.json").write_text(as_text(documented))


def main(arguments: list[str]) -> int:
    """`--break` writes in spite of breaks: while nothing is released."""
    found = broken()
    if found and arguments != ["--break"]:
        sys.stderr.write(
            "These changes break somebody; make a new class on .v2 instead:\n  " + "\n  ".join(found) + "\n"
        )
        return 1
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
