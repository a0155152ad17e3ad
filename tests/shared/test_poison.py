"""Records that nobody can understand or apply, through the door: each is parked with a sentence, the rest flows on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.db import utcnow
from shared.ids import new_id
from shared.outbox import MAX_BYTES
from tests.bus import Record, as_record, record
from tests.toy import COMMANDS, OUT, TOPIC, Toy, counted

THING = 7
Headers = Sequence[tuple[str, bytes | None]]


def body(**changed: Any) -> dict[str, Any]:
    """A good foreign event of the thing the table is about."""
    good = {
        "id": "e-1", "type": "counted", "source": "shop", "occurred_at": "2026-11-23T10:00:00Z", "account_id": THING,
        "version": 1,
    }  # fmt: skip
    return {name: value for name, value in (good | changed).items() if value is not ...}


def raw(value: bytes | None, headers: Headers = (), key: bytes | None = b"7", topic: str = TOPIC) -> Record:
    return record(topic, key, value, headers, offset=99)


def plain(**changed: Any) -> Record:
    return raw(json.dumps(body(**changed)).encode())


def ours(event_id: object, **changed: Any) -> Record:
    headers = {"ce_id": str(event_id), "ce_type": "counted", "ce_source": "issuary/toy"}
    value = body(id=..., source=..., **changed)
    return raw(json.dumps(value).encode(), [(name, text.encode()) for name, text in headers.items()])


def long_ago() -> UUID:
    past = int((utcnow() - timedelta(days=36)).timestamp() * 1000)
    return UUID(int=(past << 80) | (new_id().int & ((1 << 80) - 1)))


def with_header(name: str, value: bytes | None) -> Record:
    return raw(json.dumps(body()).encode(), [(name, value)])


SCOPE = f"thing/shop:{THING}"
PARKED: dict[str, tuple[Callable[[], Record], str, str | None]] = {
    "not JSON": (lambda: raw(b"{counted"), "not JSON; send the event as a JSON object", None),
    "not UTF-8": (lambda: raw(b'{"id": "\xff"}'), "not JSON; send the event as a JSON object in UTF-8", None),
    "a list": (lambda: raw(b"[1]"), "JSON but not an object", None),
    "a number": (lambda: raw(b"1"), "JSON but not an object", None),
    "no value": (lambda: raw(None), "no value; send the event", None),
    "an empty value": (lambda: raw(b""), "no value; send the event", None),
    "deep nesting": (lambda: raw(b'{"a":' * 100_000), "not JSON", None),
    "deep nesting that can be read": (
        lambda: raw(json.dumps(body(version=None)).encode()[:-1] + b',"note":' + b'{"a":' * 900 + b"1" + b"}" * 901),
        "not the agreed shape",
        SCOPE,
    ),
    "a number of 5,000 digits": (lambda: raw(b'{"id": ' + b"9" * 5000 + b"}"), "not JSON", None),
    "no id": (lambda: plain(id=...), "no id: put `ce_id` into its headers or `id` into its body", None),
    "an id that is a number": (lambda: plain(id=5), "The id in the body is not a string", None),
    "no type": (lambda: plain(type=...), "no type: put `ce_type` into its headers or `type` into its body", None),
    "a type that is a list": (lambda: plain(type=["counted"]), "The type in the body is not a string", None),
    "a wrong shape": (lambda: plain(version="many"), "version: Input should be a valid integer", SCOPE),
    "a missing field": (lambda: plain(version=...), "version: Field required", SCOPE),
    "NaN for a number": (lambda: plain(version=float("nan")), "version: Input should be a finite number", SCOPE),
    "an infinite number": (lambda: raw(json.dumps(body()).encode().replace(b"1}", b"1e999}")), "version: ", SCOPE),
    "an account that cannot be": (
        lambda: plain(account_id=2**31),
        "account_id: Input should be less than",
        f"thing/shop:{2**31}",
    ),
    "a time without zone": (
        lambda: plain(occurred_at="2026-11-23T10:00:00"),
        "occurred_at: Input should have timezone",
        SCOPE,
    ),
    "a NUL in a text": (lambda: plain(name="a\0b"), "NUL character", None),
    "a NUL in the id": (lambda: plain(id="a\0b"), "NUL character", None),
    "a NUL in the source": (lambda: plain(source="sh\0p"), "NUL character", None),
    "a NUL in the name of a field": (lambda: plain(**{"a\0b": 1}), "NUL character", None),
    "half a character in the id": (lambda: raw(json.dumps(body(id="\ud800")).encode()), "half a character", None),
    "half a character in the source": (
        lambda: raw(json.dumps(body(source="\udfff")).encode()),
        "half a character",
        None,
    ),
    "a header that is not UTF-8": (lambda: with_header("ce_id", b"\xff\xfe"), "header ce_id is not UTF-8 text", None),
    "a header without a value": (lambda: with_header("ce_type", None), "header ce_type is not UTF-8 text", None),
    "a NUL in a header": (lambda: with_header("ce_source", b"sh\0p"), "NUL character", None),
    "a header against the body": (
        lambda: with_header("ce_id", b"e-2"),
        "in the header (e-2) is not the one in the body (e-1)",
        None,
    ),
    "a NUL where header and body differ": (
        lambda: raw(json.dumps(body(id="e\0")).encode(), [("ce_id", b"e-2")]),
        "NUL character",
        None,
    ),
    "no key": (lambda: raw(json.dumps(body()).encode(), key=None), "no Kafka key; its key must be 7", SCOPE),
    "another key": (lambda: raw(json.dumps(body()).encode(), key=b"8"), "The Kafka key is '8' but must be '7'", SCOPE),
    "a key that is not text": (lambda: raw(json.dumps(body()).encode(), key=b"\xff\0"), "The Kafka key is", SCOPE),
    "a stranger in our name": (
        lambda: plain(source="issuary/orders"),
        "reserved for Issuary; name your own system",
        None,
    ),
    "ours without a UUID": (lambda: ours("e-1"), "is no UUID, and events of issuary/toy carry UUIDs", None),
    "ours with a random UUID": (lambda: ours("5f2a9a3e-8a53-4c8f-9d4e-0a1b2c3d4e5f"), "no UUID of version 7", None),
    "ours, beyond the horizon": (lambda: ours(long_ago()), "older than the inbox keeps (35 days)", None),
    "ours with a NUL in a text": (lambda: as_record(counted(THING, 1, name="a\0b")), "NUL character", None),
    "ours, too large": (lambda: as_record(counted(THING, 1, note={"x": "y" * MAX_BYTES})), "larger than", None),
    "too large": (lambda: plain(filler="x" * MAX_BYTES), f"larger than {MAX_BYTES} bytes", None),
    "a source too long": (lambda: plain(source="s" * 300), "source: String should have at most 255", None),
    "an unknown command": (
        lambda: raw(json.dumps(body(type="explode")).encode(), topic=COMMANDS),
        "Nobody here knows the command 'explode'",
        None,
    ),
    "a bug in the consumer": (lambda: plain(fails="bug"), "ZeroDivisionError: a bug in a consumer", SCOPE),
    "a refusal": (lambda: plain(fails="the thing is shut; open it"), "the thing is shut; open it", SCOPE),
    "refused at COMMIT": (lambda: plain(name="refused at commit"), "this name is refused", SCOPE),
    "a version that is not the next": (lambda: plain(version=2**80), "OutOfOrder: thing 7 is at 0", SCOPE),
}


def good(*things: int) -> list[Record]:
    return [as_record(counted(thing, 1), offset) for offset, thing in enumerate(things)]


@pytest.mark.parametrize("name", PARKED)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
async def test_it_is_parked_alone_with_a_sentence_and_everything_around_it_takes_effect(
    toy: Toy, name: str, place: str
) -> None:
    make, sentence, scope = PARKED[name]
    batch = good(1, 2, 3, 4)
    batch.insert({"first": 0, "middle": 2, "last": 4}[place], make())
    door = toy.open_door()

    batch = [replace(one, offset=n) for n, one in enumerate(batch)]
    for _ in range(2):  # a redelivery is an ordinary duplicate
        for topic in (TOPIC, COMMANDS):
            if part := [one for one in batch if one.topic == topic]:
                await door.handle(part)

    assert await toy.versions() == {1: 1, 2: 1, 3: 1, 4: 1}
    [parked] = await toy.parked()
    assert sentence in parked.error
    assert parked.scope == scope
    assert bytes(parked.payload) == next(one.value or b"" for one in batch if one.offset == parked.offset)
    assert [bool(one.reason == parked.error) for one in await toy.rows("SELECT reason FROM parked_scope")] == (
        [True] if scope else []
    )


async def test_what_nobody_listens_to_is_skipped_without_a_trace(toy: Toy) -> None:
    foreign = plain(type="something_else")
    told_by_header = raw(b"\xff not even JSON", [("ce_type", b"something_else")])

    await toy.open_door().handle([foreign, *good(1), told_by_header])

    assert await toy.versions() == {1: 1}
    assert await toy.value("SELECT count(*) FROM inbox") == 1
    assert await toy.parked() == []


async def test_several_at_once_park_only_what_is_about_the_same_thing_and_in_order(toy: Toy) -> None:
    events = [
        counted(1, 1), counted(2, 1), counted(1, 2, fails="bug"), counted(2, 2), counted(1, 3),
        counted(3, 1, fails="no"), counted(2, 3), counted(1, 4), counted(3, 2), counted(4, 1),
    ]  # fmt: skip

    await toy.open_door().handle([as_record(event, n) for n, event in enumerate(events)])

    assert await toy.versions() == {1: 1, 2: 3, 4: 1}
    rows = sorted(await toy.parked(), key=lambda row: (row.scope, row.seq))
    assert [(row.scope, json.loads(bytes(row.payload))["version"], bool(row.error)) for row in rows] == [
        ("thing/1", 2, True), ("thing/1", 3, False), ("thing/1", 4, False), ("thing/3", 1, True), ("thing/3", 2, False),
    ]  # fmt: skip


async def test_a_poison_record_of_another_system_does_not_park_ours_of_the_same_number(toy: Toy) -> None:
    await toy.open_door().handle([plain(version=...), as_record(counted(THING, 1), offset=100)])

    assert await toy.versions() == {THING: 1}


async def test_an_id_twice_in_one_chunk_takes_effect_once(toy: Toy) -> None:
    event = counted(1, 1, lenient=True)
    door = toy.open_door()

    await door.handle([as_record(event, 0), as_record(event, 1), as_record(counted(2, 1), 2)])

    assert await toy.versions() == {1: 1, 2: 1}
    assert await toy.parked() == []
    assert (door.stats.applied, door.stats.duplicates) == (2, 1)


async def test_the_same_foreign_id_of_two_systems_is_two_events(toy: Toy) -> None:
    await toy.open_door().handle([plain(), plain(source="bank", version=2), plain(id="e-2", version=3), plain()])

    assert await toy.versions() == {THING: 3}
    assert await toy.value("SELECT count(*) FROM inbox_other") == 3


async def test_one_bad_event_among_200_costs_some_halvings_and_nothing_else(toy: Toy) -> None:
    events = [counted(1 + n % 50, 1 + n // 50) for n in range(200)]
    events[137] = counted(38, 3, fails="bug")
    door = toy.open_door()

    await door.handle([as_record(event, n) for n, event in enumerate(events)])

    [first, waits] = await toy.parked()
    assert (first.offset, first.scope, waits.offset) == (137, "thing/38", 187)
    assert sum((await toy.versions()).values()) == 198
    assert 7 <= door.stats.bisected <= 8  # log₂ 200


async def test_a_command_that_a_rule_refuses_is_answered_not_parked(toy: Toy) -> None:
    asked = {"id": "c-1", "type": "count", "source": "shop", "account_id": 5, "fails": "the thing is shut"}
    record_of = raw(json.dumps(asked).encode(), key=b"5", topic=COMMANDS)

    await toy.open_door().handle([record_of, record_of])

    assert await toy.parked() == []
    [row] = await toy.rows("SELECT headers, convert_from(payload, 'UTF8')::jsonb AS body FROM outbox")
    assert (row.body["command_id"], row.body["code"], row.body["message"]) == (
        "c-1",
        "invalid_state",
        "the thing is shut",
    )
    assert row.headers["ce_causationid"] == "c-1"


async def test_a_header_that_nobody_reads_may_be_anything(toy: Toy) -> None:
    strange = [("x-trace", b"\xff\xfe"), ("x-null", None), ("na\0me", b"1"), ("correlation_id", b"a\0b\xff")]

    await toy.open_door().handle([raw(json.dumps(body()).encode(), strange), plain(id="e-2", fails="bug")])
    await toy.open_door().handle([raw(json.dumps(body(id="e-3", version=2)).encode(), strange)])

    assert await toy.versions() == {THING: 1}
    [bug, waits] = await toy.parked()
    assert "bug" in bug.error
    assert [name for name, _ in waits.headers] == ["x-trace", "x-null", "na\ufffdme", "correlation_id"]
    assert await toy.value("SELECT count(*) FROM outbox WHERE topic = :topic", topic=OUT) == 1
