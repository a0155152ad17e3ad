"""Who signs: this process's own CA, a CA that is told and tells by events, or one that speaks ACME."""

from typing import Final, Literal

Issuer = Literal["built-in", "events", "acme"]

BUILT_IN: Final = "built-in"
EVENTS: Final = "events"
ACME: Final = "acme"
NAMED: dict[str, str] = {BUILT_IN: "Test CA", EVENTS: "Outside CA", ACME: "ACME CA"}


def named(issuer: str | None) -> str:
    return NAMED.get(issuer or "", "CA")
