"""The pages of docs/operations do what they say: every command in them, page after page, on the composed stack."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from shared.migrate import ROOT
from tests.containers.compose import Compose
from tests.containers.guides import Step, first_missing, play, steps

PAGES = [
    ROOT / "docs" / "operations" / f"{name}.md"
    for name in ("running", "scaling", "upgrading", "parked-events", "replay", "backup")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are typed: as in the project's own, but backups are left elsewhere."""
    made = tmp_path_factory.mktemp("guides")
    (made / "deploy").symlink_to(ROOT / "deploy")
    return made


@pytest.fixture(scope="module")
def used(stack: Compose) -> Iterator[Compose]:
    ask_billing(stack, "DELETE FROM parked_event; DELETE FROM parked_scope")  # of other tests
    yield stack
    stack("up", "--detach", "--no-build", "--no-deps", "--force-recreate", "demo")  # it lives in validation's network


async def publish(stack: Compose, records: dict[str, list[bytes]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{stack.ports['KAFKA_PORT']}")
    await producer.start()
    try:
        for topic, values in records.items():
            for value in values:
                await producer.send_and_wait(topic, value, key=b"9001")
    finally:
        await producer.stop()


def documented(kind: str) -> bytes:
    blocks: list[str] = re.findall(
        r"^```json\n(.*?)^```$", (ROOT / "docs" / "events.md").read_text(), re.MULTILINE | re.DOTALL
    )
    return next(block.encode() for block in blocks if json.loads(block)["type"] == kind)


def cancelled(number: int) -> bytes:
    told: dict[str, Any] = {"id": f"c{number}", "type": "order_cancelled", "source": "shop", "order_id": 77}
    told |= {"account_id": 9001, "cancelled_by": "shop", "occurred_at": "2026-11-23T10:00:00Z"}
    return json.dumps(told).encode()


def ask_billing(stack: Compose, sql: str) -> list[str]:
    return stack.execute("postgres", "psql", "--username=postgres", "--dbname=billing", "-Atc", sql).stdout.split()


def wait_for(stack: Compose, table: str) -> None:
    ends = time.monotonic() + 60
    while ask_billing(stack, f"SELECT count(*) FROM {table}") == ["0"]:
        assert time.monotonic() < ends, f"nothing in {table}"
        time.sleep(1)


async def prepare(page: str, stack: Compose) -> None:
    """What a page takes for given: something parked, or an invoice. What was published before is skipped."""
    if page in ("running", "replay", "backup"):
        records = {"billing.commands.v1": ["deposit_funds"], "orders.events.v1": ["order_placed"]}
        await publish(stack, {topic: [documented(kind) for kind in kinds] for topic, kinds in records.items()})
        wait_for(stack, "invoice")
    if page == "parked-events":
        await publish(stack, {"orders.events.v1": [cancelled(1), cancelled(2), b"no JSON"]})
        wait_for(stack, "parked_event WHERE scope IS NULL")


def numbered(step: Step, numbers: Sequence[str]) -> Step:
    """A page parks from number 1; here others may have parked before, or an attempt to park was rolled back."""
    typed = re.sub(r"(?<=(discard|try-one) billing )\d+", lambda number: numbers[int(number[0]) - 1], step.typed)
    return replace(step, typed=typed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_every_command_of_a_page_works_and_prints_what_is_shown(page: Path, used: Compose, folder: Path) -> None:
    await prepare(page.stem, used)
    numbers = ask_billing(used, "SELECT seq FROM parked_event ORDER BY seq")

    for step in steps(page):
        play(numbered(step, numbers), used, folder)


def test_every_page_has_commands_that_are_run() -> None:
    assert [page.stem for page in PAGES if len([*steps(page)]) < 5] == []
    others = {page.stem for page in (ROOT / "docs" / "operations").glob("*.md")} - {page.stem for page in PAGES}
    assert others == {"README", "perspectives"}  # the one needs machines elsewhere, and has no commands to be typed


def test_a_page_s_numbers_of_what_is_parked_become_those_that_were_given_out() -> None:
    typed = [f"ctl parked {what}" for what in ("discard billing 1", "retry-one billing 3", "list billing")]
    steps = [numbered(Step("page", one, ()), ["11", "12", "14"]).typed for one in typed]

    assert steps == ["ctl parked discard billing 11", "ctl parked retry-one billing 14", "ctl parked list billing"]


def test_a_line_that_is_not_printed_is_missed() -> None:
    assert first_missing(("a … c", "…", "e"), "a  b c\nd\ne\n") is None
    assert first_missing(("e", "a … c"), "a b c\ne\n") == "a … c"
    assert first_missing(("a",), "a b\n") == "a"
