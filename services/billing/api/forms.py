"""In which form an answer is wanted: by `?format=`, else by `Accept`."""

from shared.errors import Rejected

TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def form_of(wanted: str, accept: str) -> str:
    """What is named in the address, else the first kind of `Accept` that we have, by its weight."""
    if wanted:
        if wanted.lower() not in TYPES:
            raise Rejected(f"A statement has no format {wanted[:20]!r}; use {', '.join(TYPES)}.")
        return wanted.lower()
    by_type = {kind: form for form, kind in TYPES.items()} | {"*/*": "json", "application/*": "json", "text/*": "csv"}
    for kind in _by_weight(accept):
        if kind in by_type:
            return by_type[kind]
    raise Rejected(f"A statement cannot be had as {accept[:60]}; accept {', '.join(TYPES.values())}.")


def wants_csv(wanted: str, accept: str) -> bool:
    """Of a list that is JSON unless something else is asked for."""
    if wanted.lower() not in ("", "json", "csv"):
        raise Rejected(f"This list has no format {wanted[:20]!r}; use json or csv.")
    known = [kind for kind in _by_weight(accept) if kind in (TYPES["csv"], TYPES["json"], "application/*", "*/*")]
    return wanted.lower() == "csv" or (not wanted and known[:1] == [TYPES["csv"]])


def _by_weight(accept: str) -> list[str]:
    weighed = []
    for part in (accept.strip() or "*/*").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [_weight(p[2:]) for p in parameters if p.startswith("q=")]
        weighed.append((weights[0] if weights else 1.0, kind))
    return [kind for weight, kind in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
