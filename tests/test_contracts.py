"""What others rely on does not change behind their backs: schemas, samples and AsyncAPI documents are committed."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.asyncapi import HEADERS, SPEAKERS
from shared.door.decode import Decoder, Entry
from shared.events.base import OURS, Event
from shared.events.orders import OrderPlaced
from tests.bus import Record, record
from tests.events.compare import breaks
from tests.events.contracts import ASYNCAPI, SCHEMAS, as_text, asyncapi, broken, classes, golden, schema_of
from tests.makers import NOW

CLASSES, GOLDEN = classes(), golden()
REWRITE = "run `make contracts` and look at the difference before you commit it"


def test_every_event_has_a_schema_and_a_golden_sample_and_nothing_else_has_a_schema() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(CLASSES), REWRITE
    assert set(CLASSES) <= set(GOLDEN)


def test_every_event_is_listed_by_its_speaker() -> None:
    ours = {kind for kind in subclasses(Event) if kind.__module__.startswith("shared.events.")}

    assert {kind for kind in ours if isinstance(kind.model_fields["type"].default, str)} == set(CLASSES.values())


def subclasses(kind: type[Event]) -> Iterator[type[Event]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_no_change_of_a_class_breaks_a_reader() -> None:
    assert broken() == []


@pytest.mark.parametrize("name", CLASSES)
def test_the_committed_schema_is_todays(name: str) -> None:
    assert (SCHEMAS / f"{name}.json").read_text() == as_text(schema_of(CLASSES[name])), REWRITE


@pytest.mark.parametrize("name", CLASSES)
def test_a_contract_has_no_floats_and_no_free_dates(name: str) -> None:
    kinds = [node for node in nodes(schema_of(CLASSES[name])) if isinstance(node, dict)]
    assert not [node for node in kinds if node.get("type") == "number"]
    assert schema_of(CLASSES[name])["properties"]["occurred_at"]["format"] == "date-time"


# ── golden samples ───────────────────────────────────────────────────────────────────────────────────────────────────


def class_of(name: str) -> type[Event]:
    speaker, kind = name.split(".")
    return CLASSES[name if speaker in SPEAKERS else f"orders.{kind}"]


def told(name: str, **changed: Any) -> Record:
    """As its relay sends it; a foreign one without headers."""
    event = class_of(name)
    body = GOLDEN[name] | changed
    key = body["credential_id"] if "credentials" in event.topic else str(body["account_id"])
    headers = [("ce_id", body["id"]), ("ce_type", body["type"]), ("ce_source", body["source"])]
    ours = body["source"].startswith(OURS)
    return record(event.topic, key.encode(), json.dumps(body).encode(), [(n, v.encode()) for n, v in headers if ours])


def decoded(one: Record) -> Entry:
    facts = {(event.topic, event.model_fields["type"].default): event for event in CLASSES.values()}
    entry = Decoder(facts, inbox_days=36_500).decode(one, NOW)
    assert entry is not None
    return entry


@pytest.mark.parametrize("name", GOLDEN)
def test_todays_class_reads_every_golden_sample_and_says_the_same(name: str) -> None:
    sample = GOLDEN[name]
    event = class_of(name).model_validate_json(
        json.dumps({**sample, "id": sample["id"] if len(sample["id"]) == 36 else NEW})
    )

    said = json.loads(event.model_dump_json())

    assert within(sample | {"id": said["id"]}, said) == []


NEW = "01a21509-aa00-7a11-8c42-5e2f9b7d2357"


def within(old: Any, new: Any, place: str = "") -> list[str]:
    """The places where something of the old is not in the new."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [found for name in old for found in within(old[name], new.get(name, ...), f"{place}.{name}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [found for n, one in enumerate(old) for found in within(one, new[n], f"{place}[{n}]")]
    return [] if old == new else [f"{place}: {old!r} became {new!r}"]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_door_understands_every_golden_sample(name: str) -> None:
    entry = decoded(told(name))

    assert entry.error is None
    assert isinstance(entry.event, class_of(name))
    assert entry.event.told_id == GOLDEN[name]["id"]
    assert entry.scope == entry.event.subject


@pytest.mark.parametrize("name", GOLDEN)
def test_a_field_of_tomorrow_is_ignored_by_todays_reader(name: str) -> None:
    entry = decoded(told(name, colour="blue", more={"a": [1, None]}))
    assert entry.error is None


def test_what_another_order_system_publishes_is_the_record_of_the_product_design() -> None:
    entry = decoded(told("shop.order_placed"))

    assert isinstance(entry.event, OrderPlaced)
    assert (entry.scope, entry.event.key, entry.event.told_id) == ("order/shop:1201", "9001", "…")
    assert GOLDEN["shop.order_placed"].keys() == {
        "id", "type", "source", "occurred_at", "account_id", "account", "division", "order_id", "product_name_id",
        "term", "names", "payment", "placed_by", "placed_at",
    }  # fmt: skip
    assert "price" not in json.dumps(GOLDEN["shop.order_placed"])


def test_ids_may_come_as_digits_in_a_string() -> None:
    entry = decoded(told("shop.order_placed", order_id="1201"))
    assert isinstance(entry.event, OrderPlaced)
    assert entry.event.order_id == 1201


# ── the comparison itself ────────────────────────────────────────────────────────────────────────────────────────────

Change = Callable[[dict[str, Any]], Any]
PLACED = schema_of(OrderPlaced)
WAITING = schema_of(CLASSES["billing.order_waiting"])
ALLOWED: dict[str, tuple[dict[str, Any], Change]] = {
    "an optional field": (PLACED, lambda s: s["properties"].update(note={"type": "string", "default": ""})),
    "an optional field deep inside": (
        PLACED,
        lambda s: s["$defs"]["Term"]["properties"].update(weeks={"default": None}),
    ),
    "words for people": (PLACED, lambda s: s.update(description="Otherwise said", title="Placed")),
    "a value where readers expect others": (WAITING, lambda s: s["properties"]["reason"]["enum"].append("stock")),
}
FORBIDDEN: dict[str, tuple[dict[str, Any], Change, str]] = {
    "removed": (PLACED, lambda s: s["properties"].pop("placed_by"), "placed_by: the field was removed"),
    "removed deep inside": (PLACED, lambda s: s["$defs"]["Address"]["properties"].pop("city"), "address.city"),
    "required and new": (
        PLACED,
        lambda s: (s["properties"].update(vat={"type": "string"}), s["required"].append("vat")),
        "must be optional",
    ),
    "made required": (PLACED, lambda s: s["required"].append("dcv_method"), "dcv_method: the field became required"),
    "made optional": (PLACED, lambda s: s["required"].remove("placed_by"), "placed_by: the field became optional"),
    "retyped": (PLACED, lambda s: s["properties"]["placed_by"].update(type="integer"), "placed_by: type was 'string'"),
    "narrowed": (PLACED, lambda s: s["properties"]["placed_by"].update(maxLength=50), "placed_by: maxLength was 255"),
    "another default": (PLACED, lambda s: s["properties"]["type"].update(default="x"), "type: default was"),
    "null no more": (
        PLACED,
        lambda s: s["properties"]["dcv_method"]["anyOf"].pop(),
        "dcv_method: it became another type",
    ),
    "a value removed": (WAITING, lambda s: s["properties"]["reason"]["enum"].remove("tax"), "['tax'] were removed"),
    "a value nobody expects": (
        PLACED,
        lambda s: s["$defs"]["Payment"]["properties"]["method"]["enum"].append("card"),
        "readers have no `other`",
    ),
    "items of another kind": (
        PLACED,
        lambda s: s["properties"]["names"]["items"].update(maxLength=63),
        "names[]: maxLength was 255",
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_an_addition_is_allowed(name: str) -> None:
    schema, change = ALLOWED[name]
    changed = copy.deepcopy(schema)
    change(changed)
    assert changed != schema
    assert breaks(schema, changed) == []


@pytest.mark.parametrize("name", FORBIDDEN)
def test_any_other_change_is_named(name: str) -> None:
    schema, change, sentence = FORBIDDEN[name]
    changed = copy.deepcopy(schema)
    change(changed)
    assert sentence in "; ".join(breaks(schema, changed))


def test_a_part_whose_class_is_renamed_is_the_same_contract() -> None:
    text = json.dumps(PLACED).replace("Term", "Duration")
    assert breaks(PLACED, json.loads(text)) == []


# ── AsyncAPI ─────────────────────────────────────────────────────────────────────────────────────────────────────────

DOCUMENTS = asyncapi()


def nodes(value: Any) -> Iterator[Any]:
    yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


@pytest.mark.parametrize("service", SPEAKERS)
def test_the_committed_document_is_todays(service: str) -> None:
    assert (ASYNCAPI / f"{service}.json").read_text() == as_text(DOCUMENTS[service]), REWRITE


@pytest.mark.parametrize("service", SPEAKERS)
def test_every_reference_of_the_document_leads_somewhere(service: str) -> None:
    for node in nodes(DOCUMENTS[service]):
        if isinstance(node, dict) and "$ref" in node:
            there: Any = DOCUMENTS[service]
            for step in node["$ref"].removeprefix("#/").split("/"):
                there = there[step]
            assert there


@pytest.mark.parametrize("service", SPEAKERS)
def test_each_message_shows_its_key_its_headers_and_one_payload(service: str) -> None:
    messages = DOCUMENTS[service]["components"]["messages"]
    for name, message in messages.items():
        assert message["bindings"]["kafka"]["key"]["description"]
        assert set(message["headers"]["properties"]) == set(HEADERS)
        assert (message["payload"]["type"], "oneOf" in message["payload"]) == ("object", False)
        assert message["payload"]["properties"]["type"]["const"] == message["name"]
        assert message["examples"][0]["payload"]["type"] == message["name"], name
    for operation in DOCUMENTS[service]["operations"].values():
        assert len(operation["messages"]) == 1
        assert operation["action"] == "send" or operation["bindings"]["kafka"]["groupId"]["enum"] == [service]


@pytest.mark.parametrize("service", SPEAKERS)
def test_a_payload_of_the_document_is_the_contract_of_its_class(service: str) -> None:
    """Parts of equal name are put together from all payloads; none may stand for another's."""
    document = DOCUMENTS[service]
    parts = json.loads(json.dumps(document["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    for name, message in document["components"]["messages"].items():
        payload = json.loads(json.dumps(message["payload"]).replace("#/components/schemas/", "#/$defs/"))
        assert breaks(schema_of(CLASSES[name.replace("_", ".", 1)]), {**payload, "$defs": parts}) == []


def test_who_says_something_others_hear_says_so_in_its_document() -> None:
    heard = {name for one in DOCUMENTS.values() for name in one["operations"] if name.startswith("hear_")}
    said = {name for one in DOCUMENTS.values() for name in one["operations"] if name.startswith("say_")}
    asked_from_outside = {f"hear_{CLASSES[name].topic.split('.')[0]}_{name.split('.')[1]}" for name in CLASSES
                          if "commands" in CLASSES[name].topic}  # fmt: skip
    assert {name.removeprefix("hear_") for name in heard - asked_from_outside} <= {n.removeprefix("say_") for n in said}


def test_an_order_that_names_two_accounts_is_parked_with_both() -> None:
    entry = decoded(told("shop.order_placed", account_id=9002))

    assert entry.error == "account_id is 9002 but account.id is 9001; they must be the same."
    assert entry.scope == "order/shop:1201"
