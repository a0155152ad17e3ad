"""Why a customer may have a certificate revoked (contract 4.6, T8)."""

from dataclasses import dataclass

from shared.errors import Rejected

KEY_COMPROMISE = "keyCompromise"
REASONS = ("unspecified", KEY_COMPROMISE, "affiliationChanged", "superseded", "cessationOfOperation")
_SPELLINGS = {reason.lower(): reason for reason in REASONS}


@dataclass(frozen=True)
class RevocationWish:
    reason: str
    comments: str | None = None
    skip_approval: bool = False


def revocation_reason(text: str | None) -> str:
    """`keyCompromise`, `key_compromise` and any case; none is unspecified."""
    if text is None:
        return "unspecified"
    known = _SPELLINGS.get("".join(filter(str.isalpha, text)).lower())
    if known:
        return known
    raise Rejected(f'There is no revocation reason "{text[:40]}"; use one of {", ".join(REASONS)}.')
