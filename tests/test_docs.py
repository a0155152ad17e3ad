"""The documents say what is so: links lead somewhere, tables agree with the code, examples are understood."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from pydantic import BaseModel

from services.billing.actions.catalogue import CatalogueFile
from services.orders.rules.checklist import ITEMS
from shared.asyncapi import all_events
from shared.door.decode import Decoder
from shared.events.orders import OrderPlaced, PlaceOrder
from shared.settings import BaseSettings

ROOT = Path(__file__).parent.parent
NAMES = ("orders", "billing", "validation", "notifications")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links_of(page: Path) -> list[str]:
    found = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return [target for pair in found for target in pair if target and not target.startswith(("http:", "https:"))]


def headings_of(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def rows_of(page: str) -> list[list[str]]:
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links_of(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page

        assert file.exists(), f"{name_of(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in headings_of(file), f"{name_of(page)} links to {target}, which has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_in_code_marks_exist(page: Path) -> None:
    told = re.findall(r"`((?:docs|services|shared|tests|demo|benchmarks)/[\w./-]+)`", page.read_text(encoding="utf-8"))

    assert [path for path in told if not (ROOT / path).exists()] == []


def test_pictures_are_small_enough_to_be_read_on_a_phone() -> None:
    assert [p.name for p in (ROOT / "docs" / "pictures").iterdir() if p.stat().st_size > 300_000] == []


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def settings_rows() -> Iterator[list[str]]:
    """Name and default of every setting, those of all services first."""
    for name, field in BaseSettings.model_fields.items():
        yield [f"`ISSUARY_{name.upper()}`", printed(field.get_default())]
    for service in NAMES:
        settings: type[BaseSettings] = import_module(f"services.{service}.settings").Settings
        for name, field in settings.model_fields.items():
            if name not in BaseSettings.model_fields:
                yield [f"`ISSUARY_{service.upper()}_{name.upper()}`", printed(field.get_default())]


def printed(default: Any) -> str:
    value = default.get_secret_value() if hasattr(default, "get_secret_value") else default
    text = ",".join(value) if isinstance(value, tuple) else str(value).lower() if value in (True, False) else str(value)
    return f"`{text}`" if text else "none"


def test_the_table_of_settings_has_every_setting_with_its_default() -> None:
    documented = [row[:2] for row in rows_of("settings.md") if row[0].startswith("`ISSUARY_")]

    assert documented == list(settings_rows())


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def event_rows() -> list[list[str]]:
    listeners: dict[type, list[str]] = {}
    for name in NAMES:
        settings = import_module(f"services.{name}.settings").Settings(
            database_url="postgresql+asyncpg://nobody@none/none"
        )
        door = import_module(f"services.{name}.app").build(settings).door.door
        for heard in (*door.listeners, *door.states):
            listeners.setdefault(heard, []).append(name)
    return [
        [f"`{event.topic}`", f"`{event.model_fields['type'].default}`", ", ".join(listeners.get(event, ["–"]))]
        for event in all_events()
    ]


async def test_the_event_map_has_every_event_and_who_hears_it() -> None:
    assert rows_of("architecture.md") == event_rows()


def record(value: bytes, topic: str) -> ConsumerRecord[Any, Any]:
    key = str(json.loads(value)["account_id"]).encode()
    return ConsumerRecord(topic, 0, 0, 0, 0, key, value, None, len(key), len(value), ())


def json_blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_documented_records_are_understood() -> None:
    blocks = json_blocks("events.md")
    facts = {event.model_fields["type"].default: event for event in all_events()}

    assert {json.loads(block)["type"] for block in blocks} >= {"order_placed", "place_order", "deposit_funds"}
    for block in blocks:
        fact = facts[json.loads(block)["type"]]
        decoder = Decoder({(fact.topic, fact.model_fields["type"].default): fact})
        entry = decoder.decode(record(block.encode(), fact.topic), datetime.now(UTC))
        assert entry is not None
        assert entry.error is None


@pytest.mark.parametrize("fact", [OrderPlaced, PlaceOrder])
def test_every_field_of_what_others_publish_is_explained(fact: type[BaseModel]) -> None:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")

    assert [name for name in fact.model_fields if name not in text] == []


# ── catalogue and decisions ──────────────────────────────────────────────────────────────────────────────────────────


def test_every_word_of_the_catalogue_file_is_explained() -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    schema = CatalogueFile.model_json_schema()

    words = [*CatalogueFile.model_fields, *(name for part in schema["$defs"].values() for name in part["properties"])]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_the_checklist_of_organizations_is_written_down() -> None:
    rows = {row[0]: row[1:3] for row in rows_of("organizations.md")}

    assert rows == {f"`{item.kind}`": [item.rules.get("ov", "–"), item.rules.get("ev", "–")] for item in ITEMS}


def test_decisions_are_numbered_without_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_fits_a_page_and_says_when_to_look_again(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 40
    for part in ("**Context.**", "\n> ", "**Consequences.**", "**Alternatives.**", "**Look again when**"):
        assert part in text, f"{page.name} has no {part.strip()}"
