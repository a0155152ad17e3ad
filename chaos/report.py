"""What a run was, in figures: report.json for programs, report.md for people."""

import json
import platform
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.checks import again
from chaos.run import Outcome


def figures(outcome: Outcome) -> dict[str, Any]:
    wish = outcome.wish
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "control": wish.control,
        "passed": not outcome.faults,
        "faults": [one.__dict__ for one in outcome.faults],
        "seed": wish.seed,
        "settings": _settings(outcome),
        "planned": _planned(outcome),
        "found": _found(outcome),
        "mails": _mails(outcome),
        "kills": kills(outcome),
        "strikes": [strike._asdict() for strike in outcome.strikes],
        "longest_stall_s": outcome.longest_stall,
        "seconds": outcome.seconds,
        "events_per_s": round(wish.size.events / max(outcome.seconds.get("all", 0), 0.1), 1),
    }


def _settings(outcome: Outcome) -> dict[str, Any]:
    wish = outcome.wish
    return {
        "rate": wish.rate, "poll_interval_s": wish.poll_interval,
        "members": wish.services, "leases_cut_short": outcome.leases_cut,
    }  # fmt: skip


def _planned(outcome: Outcome) -> dict[str, Any]:
    plan, size = outcome.plan, outcome.plan.size
    return {
        "events": size.events, "accounts": size.accounts, "accounts_with_mail": size.mailed, "repeats": size.repeats,
        "poison": size.poison, "poison_by_kind": dict(plan.kinds), "behind_poison": plan.behind,
        "orders": {kind: plan.count(kind) for kind in ("charge", "credit", "wait", "release")},
    }  # fmt: skip


def _found(outcome: Outcome) -> dict[str, Any]:
    found = outcome.found
    return {
        "records_of_orders": outcome.records,
        "heard": {name: len(ids) for name, ids in found.heard.items()},
        "parked": {name: len(rows) for name, rows in found.parked.items()},
        "entries": found.entries,
        "postings_sum": found.postings_sum,
        "numbers": {f"{s} {y} of seller {e}": len(drawn) for (e, s, y), drawn in found.numbers.items()},
        "documents": len(found.documents),
        "wire": {topic: {"records": w.records, "said": _said(outcome, topic)} for topic, w in found.wire.items()},
    }


def _mails(outcome: Outcome) -> dict[str, int]:
    mails = outcome.found.mails
    ids = {mail.message_id for mail in mails}
    return {"arrived": len(mails), "message_ids": len(ids), "again_after_a_kill": len(again(mails))}


def _said(outcome: Outcome, topic: str) -> int:
    return sum(map(len, outcome.found.published[topic].values()))


def kills(outcome: Outcome) -> dict[str, Any]:
    """Frozen members are not killed; they are counted beside."""
    by_kind = Counter(strike.kind for strike in outcome.strikes)
    frozen = by_kind.pop("freeze", 0)
    targets = Counter(strike.target for strike in outcome.strikes if strike.kind != "freeze")
    expelled = sum(strike.expelled for strike in outcome.strikes)
    return {
        "killed": by_kind.total(), "by_kind": dict(by_kind), "by_target": dict(sorted(targets.items())),
        "frozen": frozen, "frozen_and_expelled": expelled,
    }  # fmt: skip


def text(told: dict[str, Any]) -> str:
    rows = [("result", "passed" if told["passed"] else "FAILED"), *_of_the_plan(told), *_of_the_end(told)]
    rows += [("longest stall", f"{told['longest_stall_s']} s"), ("seconds", _listed(told["seconds"]))]
    rows += [("order events a second", str(told["events_per_s"])), ("seed", str(told["seed"]))]
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["| chaos run | |", "|---|---|", *lines, *_faults(told)]) + "\n"


def _of_the_plan(told: dict[str, Any]) -> list[tuple[str, str]]:
    planned, killed = told["planned"], told["kills"]
    return [
        ("order events", f"{planned['events']:,} of {planned['accounts']} accounts, {planned['repeats']:,} said twice"),
        ("poison", f"{planned['poison']} records of {len(planned['poison_by_kind'])} kinds"),
        ("waiting behind it", str(planned["behind_poison"])),
        ("killed", f"{killed['killed']}: {_listed(killed['by_kind'])}"),
        ("… which", _listed(killed["by_target"])),
        ("frozen", f"{killed['frozen']}, given up by their group meanwhile: {killed['frozen_and_expelled']}"),
    ]


def _of_the_end(told: dict[str, Any]) -> list[tuple[str, str]]:
    found, mails = told["found"], told["mails"]
    wire = [f"{w['records']:,} records for {w['said']:,} facts on {topic}" for topic, w in found["wire"].items()]
    return [
        ("parked", _listed(found["parked"])),
        ("postings", f"{found['entries']:,} entries, sum {found['postings_sum']}"),
        ("documents", f"{found['documents']:,}, by series: {_listed(found['numbers'])}"),
        ("mails", f"{mails['message_ids']:,} Message-IDs of {told['planned']['accounts_with_mail']} accounts"),
        (
            "mails that came again",
            f"{mails['again_after_a_kill']}, right only after a kill of a mailer or of the database",
        ),
        ("on the wire", "; ".join(wire)),
    ]


def _listed(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items()) or "none"


def _faults(told: dict[str, Any]) -> list[str]:
    return [
        f"\n**{one['name']}**: {one['what']}: {one['count']}\n" + "\n".join(f"* {e}" for e in one["examples"])
        for one in told["faults"]
    ]


def write(outcome: Outcome, out: Path) -> str:
    told = figures(outcome)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(told, indent=1) + "\n")
    (out / "report.md").write_text(text(told))
    return text(told)
