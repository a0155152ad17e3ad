"""What remote perspectives told, as rows (EV5)."""

from typing import Any

from services.validation.rules.corroboration import Report
from services.validation.rules.outcomes import Outcome


def as_row(one: Report, corroborates: bool, outcome: Outcome | None, reason: str, message: str) -> dict[str, Any]:
    """Of one that told nothing usable, its fault."""
    seen = one.observation if one.fault is None else None
    return {
        "perspective": one.perspective,
        "region": one.region,
        "corroborates": corroborates,
        "alarm": one.alarm,
        "outcome": outcome.value if seen and outcome else Outcome.QUORUM.value,
        "reason": reason if seen else "alarm" if one.alarm else "no_answer",
        "message": message if seen else one.fault or "",
        "started_at": seen.started_at if seen else None,
        "milliseconds": one.milliseconds,
        "queries": seen.as_evidence() if seen else [],
    }
