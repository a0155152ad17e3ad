"""`make bench`: figures of one run on the embedded stack, as a table, a chart and .issuary/bench/results.json."""

import asyncio
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import chart, closing, looks, order_lists, processes, reads, throughput
from benchmarks.large_book import Size
from shared.migrate import ROOT

SIZE = Size(*map(int, os.environ.get("BENCH_BOOK", "1000000,10000000").split(",")))
ORDERS = int(os.environ.get("BENCH_ORDERS", "1000000"))
OUT = ROOT / ".issuary" / "bench"
TARGETS = (
    ("order events through billing", "order_events_per_s", "issuary", "{:,} /s", ""),
    ("… hand-written floor", "order_events_per_s", "floor", "{:,} /s", ""),
    ("… naive service", "order_events_per_s", "naive", "{:,} /s", ""),
    ("times naive", "times_naive", None, "{} ×", "≥ 20 ×"),
    ("share of the floor", "share_of_floor", None, "{}", "≥ 0.60"),
    ("record in to record out, p50", "latency_ms", "p50", "{} ms", ""),
    ("record in to record out, p99", "latency_ms", "p99", "{} ms", "≤ 50 ms"),
    ("monthly close, invoices", "close_invoices_per_s", None, "{:,} /s", "≥ 1,000 /s"),
    ("… with 1 M invoices there", "order_events_per_s_at_1m", "issuary", "{:,} /s", ""),
    ("View balance", "balance_views_per_s", "issuary", "{:,} /s", ""),
    ("… a bare route", "balance_views_per_s", "bare_route", "{:,} /s", ""),
    ("slowest view to a small book", "slowest_view", None, "{} ×", "flat"),
    ("slowest list of orders", "slowest_order_list", None, "{} ×", "flat"),
    ("DNS checks with evidence", "dns_checks_per_s", None, "{:,} /s", "≥ 300 /s"),
    ("File checks with evidence", "http_checks_per_s", None, "{:,} /s", "≥ 150 /s"),
    ("validations, 1 + 5 perspectives", "validations_per_s", None, "{:,} /s", "≥ 50 /s"),
    ("memory, orders", "memory_mb", "orders", "{} MB", "≤ 150 MB"),
    ("memory, billing", "memory_mb", "billing", "{} MB", "≤ 150 MB"),
    ("memory, validation", "memory_mb", "validation", "{} MB", "≤ 150 MB"),
    ("memory, notifications", "memory_mb", "notifications", "{} MB", "≤ 150 MB"),
)


async def measure() -> dict[str, Any]:
    turns = int(os.environ.get("BENCH_TURNS", "3"))
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "python": platform.python_version()}
    print("Throughput: three contenders take turns …", flush=True)
    found |= await throughput.measure(turns)
    print("Latency and memory: four processes, 200 orders a second …", flush=True)
    found |= await processes.measure()
    print("Monthly close …", flush=True)
    found |= await closing.measure()
    print(f"Views over a book of {SIZE.invoices:,} invoices and {SIZE.postings:,} postings …", flush=True)
    found |= await reads.measure(large=SIZE)
    found["slowest_view"] = max(found["view_ratios"].values())
    print(f"Lists of {ORDERS:,} orders …", flush=True)
    found |= await order_lists.measure(ORDERS)
    found["slowest_order_list"] = max(found["order_list_ratios"].values())
    print("DNS checks …", flush=True)
    return found | await looks.measure()


def table(found: dict[str, Any]) -> str:
    lines = []
    for text, key, part, form, target in (target for target in TARGETS if target[1] in found):
        value = found[key] if part is None else found[key][part]
        lines.append(f"  {text:<32} {form.format(value):>12}   {target}")
    return "\n".join([*lines, "", reads.table(found), order_lists.table(found)])


def main() -> None:
    found = asyncio.run(measure())
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (OUT / "chart.svg").write_text(chart.svg(found))
    print(f"\n{table(found)}\n\nAlso in {_near(OUT / 'results.json')} and {_near(OUT / 'chart.svg')}.")


def _near(path: Path) -> Path:
    return path.relative_to(ROOT)


if __name__ == "__main__":
    main()
