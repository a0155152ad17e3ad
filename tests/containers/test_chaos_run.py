"""The failure run in its short form, by its own command: `make chaos` is the long one."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from shared.migrate import ROOT

WITHIN = 1500.0


async def run(out: Path, *given: str) -> tuple[int, str, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chaos", "--out", str(out), *given, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(WITHIN):
        said, _ = await process.communicate()
    report = out / "report.json"
    assert report.exists(), said.decode()
    told: dict[str, Any] = json.loads(report.read_text())
    return process.returncode or 0, said.decode(), told


async def test_nothing_is_lost_doubled_or_swapped_while_everything_is_killed_in_turn(tmp_path: Path) -> None:
    status, said, told = await run(tmp_path, "--events", "3000", "--strikes", "9", "--cut-leases")

    assert status == 0, said
    assert told["faults"] == []
    assert told["kills"]["killed"] == 8
    assert set(told["kills"]["by_kind"]) == {"service", "broker", "database", "mailer"}
    assert told["kills"]["frozen_and_expelled"] == told["kills"]["frozen"] == 1
    assert told["found"]["records_of_orders"] > 3000 + told["planned"]["repeats"] + told["planned"]["poison"]
    assert told["mails"]["message_ids"] > 0
    assert told["mails"]["again_after_a_kill"] >= 1


async def test_offsets_before_transactions_lose_events_and_the_same_check_says_which(tmp_path: Path) -> None:
    status, said, told = await run(tmp_path, "--control", "--events", "2000", "--strikes", "5", "--rate", "2000")

    assert status == 1, said
    lost = [one for one in told["faults"] if one["name"] == "lost"]
    assert any(example.startswith("order_placed of order ") for one in lost for example in one["examples"]), said
