"""From a Kafka record to an event or to the sentence that says why not. Nothing here raises for bad input."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared.events.base import OURS, Command, Event
from shared.inbox import foreign_id, said_at
from shared.outbox import MAX_BYTES
from shared.parking import Parked

READ_HEADERS = ("ce_id", "ce_type", "ce_source")


class Unreadable(Exception):
    """Why a record cannot be understood, and what to do: a sentence for an operator."""


@dataclass(frozen=True)
class Entry:
    """One record on its way through the door: an event, or the reason why there is none."""

    record: ConsumerRecord[Any, Any]
    event_id: UUID
    fact: type[Event] | None = None
    event: Event | None = None
    scope: str | None = None
    error: str | None = None

    @property
    def type(self) -> str:
        return self.event.type if self.event else "other"

    def parked(self, error: str | None) -> Parked:
        record = self.record
        headers = [
            [storable(name), None if value is None else base64.b64encode(value).decode()]
            for name, value in record.headers
        ]
        return Parked(
            record.topic, self.scope, self.event_id, record.partition, record.offset, record.key, headers,
            record.value or b"", storable(error) if error else error,
        )  # fmt: skip


@dataclass(frozen=True)
class Decoder:
    """`facts` by topic and type are what the service hears; on its own command topic an unknown type is an error."""

    facts: Mapping[tuple[str, str], type[Event]]
    inbox_days: int = 35

    def decode(self, record: ConsumerRecord[Any, Any], now: datetime) -> Entry | None:
        """None for what nobody here listens to."""
        event_id: UUID | None = None
        try:
            headers = _headers(record)
            if self._skipped(record.topic, headers.get("ce_type")):
                return None
            if event := self._ours(record, headers, now):
                return Entry(record, event.id, type(event), event, event.subject, _misfit(record, event))
            body = _body(record)
            kind = _agreed("type", headers.get("ce_type"), body.get("type"))
            if self._skipped(record.topic, kind):
                return None
            told = _agreed("id", headers.get("ce_id"), body.get("id"))
            if not told:
                raise Unreadable("The record has no id: put `ce_id` into its headers or `id` into its body.")
            source = _source(record.topic, headers, body)
            event_id = self._id(told, source, now)
            return self._event(record, {**body, "type": kind, "id": event_id, "source": source}, told)
        except Unreadable as error:
            return Entry(record, event_id or _id_of_place(record), error=str(error))

    def _ours(self, record: ConsumerRecord[Any, Any], headers: dict[str, str], now: datetime) -> Event | None:
        """The common case without a detour: what another of our services said. None for everything that is not plainly
        that; it is then taken apart piece by piece, for the sentence."""
        fact, value = self.facts.get((record.topic, headers.get("ce_type", ""))), record.value or b""
        if fact is None or not headers.get("ce_source", "").startswith(OURS):
            return None
        if b"\\u" in value or len(value) > MAX_BYTES:
            return None
        try:
            event = fact.model_validate_json(value)
        except ValidationError:
            return None
        told = (str(event.id), event.source) == (headers.get("ce_id"), headers["ce_source"])
        return event if told and self._id(str(event.id), event.source, now) else None

    def _skipped(self, topic: str, kind: str | None) -> bool:
        return bool(kind) and (topic, kind) not in self.facts and not topic.endswith(".commands.v1")

    def _event(self, record: ConsumerRecord[Any, Any], raw: dict[str, Any], told: str) -> Entry:
        kind = raw["type"]
        if not kind:
            raise Unreadable("The record has no type: put `ce_type` into its headers or `type` into its body.")
        fact = self.facts.get((record.topic, kind))
        if fact is None:
            raise Unreadable(f"Nobody here knows the command {kind!r}; check its spelling.")
        try:
            event = fact.model_validate(raw)
        except ValidationError as error:
            return Entry(record, raw["id"], scope=_scope_of(fact, raw), error=_sentence(kind, error))
        event.called(told)
        return Entry(record, event.id, fact, event, event.subject, _misfit(record, event))

    def _id(self, told: str, source: str, now: datetime) -> UUID:
        if not source.startswith(OURS):
            return foreign_id(source, told)
        try:
            event_id = UUID(told)
        except ValueError:
            raise Unreadable(f"The id {told!r} is no UUID, and events of {source} carry UUIDs (version 7).") from None
        if event_id.version != 7:
            raise Unreadable(f"The id {told} is no UUID of version 7, and events of {source} carry those.")
        if said_at(event_id) < now - timedelta(days=self.inbox_days):
            raise Unreadable(
                f"The event is older than the inbox keeps ({self.inbox_days} days), so it cannot be told whether it "
                "took effect already. Compare it with the state, then retry or discard it."
            )
        return event_id


def _id_of_place(record: ConsumerRecord[Any, Any]) -> UUID:
    """UUIDv8 for a record without a usable id: the same place on the same topic is the same record."""
    place = f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}"
    return foreign_id("place", hashlib.sha256(place.encode()).hexdigest())


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and UTF-8 knows no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _headers(record: ConsumerRecord[Any, Any]) -> dict[str, str]:
    found = {}
    for name, value in record.headers:
        if name in READ_HEADERS:
            try:
                found[name] = value.decode()
            except (UnicodeDecodeError, AttributeError):
                raise Unreadable(f"The header {name} is not UTF-8 text; send it as text or leave it out.") from None
            _check_text(found[name])
    return found


def _body(record: ConsumerRecord[Any, Any]) -> dict[str, Any]:
    if not record.value:
        raise Unreadable("The record has no value; send the event as a JSON object.")
    if len(record.value) > MAX_BYTES:
        raise Unreadable(f"The value is larger than {MAX_BYTES} bytes, the most that is taken; send less in one event.")
    try:
        body = json.loads(record.value.decode())
    except (ValueError, RecursionError):
        raise Unreadable("The value is not JSON; send the event as a JSON object in UTF-8.") from None
    if not isinstance(body, dict):
        raise Unreadable("The value is JSON but not an object; send the event as a JSON object.")
    if b"\\u" in record.value:
        _check_texts(body)
    return body


def _check_texts(body: Any) -> None:
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            _check_text(value)


def _check_text(text: str) -> None:
    """What `storable` would change could be neither kept nor compared, not even as the scope of a parked event."""
    if "\0" in text:
        raise Unreadable("A text contains the NUL character (\\u0000), which cannot be stored; leave it out.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Unreadable("A text contains half a character (a lone surrogate such as \\ud800); send proper Unicode.")


def _agreed(name: str, header: str | None, body: Any) -> str | None:
    if body is not None and not isinstance(body, str):
        raise Unreadable(f"The {name} in the body is not a string.")
    if header and body and header != body:
        raise Unreadable(f"The {name} in the header ({header[:100]}) is not the one in the body ({body[:100]}).")
    return header or body


def _source(topic: str, headers: dict[str, str], body: dict[str, Any]) -> str:
    source = _agreed("source", headers.get("ce_source"), body.get("source"))
    if source and source.startswith(OURS) and "ce_source" not in headers:
        raise Unreadable(f"The body names the source {source}, which is reserved for Issuary; name your own system.")
    return source or topic


def _misfit(record: ConsumerRecord[Any, Any], event: Event) -> str | None:
    key = (record.key or b"").decode(errors="replace")
    if not key:
        return f"The record has no Kafka key; its key must be {event.key}, so that its order is kept."
    if key != event.key:
        return (
            f"The Kafka key is {key[:100]!r} but must be {event.key!r}, so that an account's events keep their order."
        )
    return event.contradiction()


def _scope_of(fact: type[Event], raw: dict[str, Any]) -> str | None:
    """What a record of the wrong shape is about, if it says so plainly; without a scope it is parked alone."""
    try:
        scope = fact.model_construct(**raw).subject
    except Exception:
        return None
    return scope if len(scope) <= 200 and not issubclass(fact, Command) else None


def _sentence(kind: str, error: ValidationError) -> str:
    faults = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors(include_input=False)[:5]]
    return (
        f"The {kind} has not the agreed shape: {'; '.join(faults)}. Compare it with its JSON Schema, mend the producer."
    )
