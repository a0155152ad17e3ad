"""What a change of a contract may be: an optional field with a default, and a new fact. Everything else breaks
somebody: readers of today's records, or records of yesterday."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
WORDS = ("title", "description", "examples", "$defs")  # for people; a default is a meaning and is compared
OTHER = "other"  # an enum that has it may grow: its readers have said what they do with what they do not know


def breaks(old: Schema, new: Schema) -> list[str]:
    """A sentence for each change that is not allowed; empty when all are."""
    return list(_differences(_inlined(old), _inlined(new), ""))


def _inlined(schema: Schema) -> Schema:
    """References replaced by what they mean, so that moving or renaming a part's class is no change."""
    parts = schema.get("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            part = parts[node["$ref"].rsplit("/", 1)[1]]
            return walk({**part, **{name: value for name, value in node.items() if name != "$ref"}})
        return {name: walk(value) for name, value in node.items() if name != "$defs"}

    inlined: Schema = walk(schema)
    return inlined


def _differences(old: Schema, new: Schema, place: str) -> Iterator[str]:
    yield from _properties(old, new, place)
    yield from _enums(old, new, place)
    yield from _alternatives(old, new, place)
    if "items" in old and "items" in new:
        yield from _differences(old["items"], new["items"], f"{place}[]")
    apart = {"properties", "required", "enum", "anyOf", "items", *WORDS}
    for word in sorted((old.keys() | new.keys()) - apart):
        if old.get(word) != new.get(word):
            yield f"{place or 'the event'}: {word} was {old.get(word)!r} and is {new.get(word)!r}"
    if ("items" in old) != ("items" in new):
        yield f"{place}: it became another type"


def _properties(old: Schema, new: Schema, place: str) -> Iterator[str]:
    was, now = old.get("properties", {}), new.get("properties", {})
    required = set(new.get("required", ()))
    for name in was:
        here = f"{place}.{name}".lstrip(".")
        if name not in now:
            yield f"{here}: the field was removed or renamed"
            continue
        if (name in old.get("required", ())) != (name in required):
            yield f"{here}: the field became {'required' if name in required else 'optional'}"
        yield from _differences(was[name], now[name], here)
    for name in now.keys() - was.keys():
        if name in required:
            yield f"{place}.{name}".lstrip(".") + ": a new field must be optional, with a default"


def _enums(old: Schema, new: Schema, place: str) -> Iterator[str]:
    was, now = old.get("enum"), new.get("enum")
    if was is None and now is None:
        return
    if was is None or now is None:
        yield f"{place}: it became {'an enum' if was is None else 'free text'}"
        return
    if gone := [value for value in was if value not in now]:
        yield f"{place}: the values {gone} were removed"
    added = [value for value in now if value not in was]
    if added and OTHER not in was:
        yield f"{place}: the values {added} are new, and readers have no `{OTHER}` for them"


def _alternatives(old: Schema, new: Schema, place: str) -> Iterator[str]:
    was, now = old.get("anyOf", []), new.get("anyOf", [])
    if len(was) != len(now):
        yield f"{place}: it became another type"
        return
    for one, other in zip(was, now, strict=True):
        yield from _differences(one, other, place)
