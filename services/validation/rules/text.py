"""What others wrote, made fit for a sentence, a log line or a row of evidence (SG7)."""

MAX_SHOWN = 100


def cleaned(remote: str, limit: int = MAX_SHOWN) -> str:
    """At most `limit` characters, all of them printable. PostgreSQL's jsonb refuses NUL, terminals obey the rest."""
    printable = "".join(c for c in remote[: limit * 4] if c.isprintable())
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def quoted(remote: str) -> str:
    return f'"{cleaned(remote)}"'
